// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward check: what this kernel, the driver and the sysctls allow, and what to change. Every
 * finding is one line with its advice; what track mode can't do without decides the exit code. The
 * proof is that the programs are loaded, over small tables; nothing is attached.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "commands/cmd.h"
#include "host/iface.h"
#include "host/load.h"
#include "host/kernel.h"
#include "host/nic.h"
#include "text/json.h"
#include "text/report.h"
#include "synward.skel.h"

enum grade {
	GOOD,
	NOTE, /* works, but could be better, or a later feature will miss it */
	BAD, /* track mode does not work */
};

static const char *const grade_names[] = { "ok", "note", "fail" };

struct finding {
	const char *subject;
	enum grade grade;
	char text[80];
	const char *advice; /* or NULL */
};

struct report {
	struct finding finding[24];
	size_t count;
};

static void find(struct report *report, const char *subject, enum grade grade, const char *advice,
		 const char *text, ...) __attribute__((format(printf, 5, 6)));

static void find(struct report *report, const char *subject, enum grade grade, const char *advice,
		 const char *text, ...)
{
	struct finding *finding = &report->finding[report->count++];
	va_list args;

	finding->subject = subject;
	finding->grade = grade;
	finding->advice = grade == GOOD ? NULL : advice;
	va_start(args, text);
	vsnprintf(finding->text, sizeof(finding->text), text, args);
	va_end(args);
}

/* --- The kernel ----------------------------------------------------------------------------- */

static void check_kernel(struct report *report)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;
	bool enough;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	enough = major > 5 || (major == 5 && minor >= 18);
	find(report, "kernel", enough ? GOOD : BAD, "Linux 5.18 or later has what is needed",
	     "Linux %.60s", name.release);
}

static void check_jit(struct report *report)
{
	int enabled = sw_sysctl_read("net/core/bpf_jit_enable");
	int harden = sw_sysctl_read("net/core/bpf_jit_harden");

	find(report, "BPF JIT", enabled == 0 ? NOTE : GOOD,
	     "sysctl net.core.bpf_jit_enable=1: interpreted programs are several times slower",
	     enabled == 0 ? "off" : "on");
	if (harden > 1)
		find(report, "JIT hardening", NOTE,
		     "sysctl net.core.bpf_jit_harden=1 leaves programs of root as fast as they are",
		     "for all programs");
}

static void check_programs(struct report *report)
{
	static const struct {
		enum bpf_prog_type type;
		const char *name;
	} types[] = {
		{ BPF_PROG_TYPE_XDP, "XDP programs" },
		{ BPF_PROG_TYPE_SCHED_CLS, "tc programs" },
		{ BPF_PROG_TYPE_SYSCALL, "syscall programs" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bool there = libbpf_probe_bpf_prog_type(types[i].type, NULL) == 1;

		find(report, types[i].name, there ? GOOD : BAD,
		     "The kernel has no such programs, or this process may not load them",
		     there ? "available" : "missing");
	}
}

static void check_helpers(struct report *report)
{
	static const struct {
		enum bpf_prog_type type;
		enum bpf_func_id id;
		const char *name;
	} helpers[] = {
		{ BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, "bpf_xdp_load_bytes" },
		{ BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_boot_ns, "bpf_ktime_get_boot_ns" },
		{ BPF_PROG_TYPE_XDP, BPF_FUNC_ringbuf_output, "bpf_ringbuf_output" },
		{ BPF_PROG_TYPE_SYSCALL, BPF_FUNC_for_each_map_elem, "bpf_for_each_map_elem" },
	};
	const char *missing = NULL;

	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if (libbpf_probe_bpf_helper(helpers[i].type, helpers[i].id, NULL) != 1)
			missing = helpers[i].name;
	find(report, "BPF helpers", missing ? BAD : GOOD, "Linux 5.18 or later has all of them",
	     "%s%s", missing ?: "available", missing ? " is missing" : "");
}

static void check_load(struct report *report)
{
	static const struct sw_maps none;
	const struct sw_sizes small = { .flows = 1024, .halfopen = 1024 };
	struct synward *object = NULL;
	int err = sw_object_open(&object) ?: sw_object_try(object, &small, &none);

	find(report, "synward's programs", err ? BAD : GOOD,
	     "--verbose shows what the kernel's verifier says", "%s",
	     err ? strerror(-err) : "loaded");
	synward__destroy(object);
}

static void check_btf(struct report *report)
{
	struct btf *btf = btf__load_vmlinux_btf();

	find(report, "kernel BTF", btf ? GOOD : NOTE,
	     "Build the kernel with CONFIG_DEBUG_INFO_BTF; tracking does without, guard does not",
	     btf ? "available" : "missing");
	btf__free(btf);
}

/* --- Guard ---------------------------------------------------------------------------------- */

static void check_admission(struct report *report)
{
	if (sw_kernel_assigns_requests())
		find(report, "guard, admission", GOOD, NULL,
		     "by bpf_sk_assign_tcp_reqsk(): cookies keep all TCP options");
	else
		find(report, "guard, admission", NOTE,
		     "Linux 6.9 keeps all TCP options; here sysctl net.ipv4.tcp_syncookies=2",
		     "by the kernel's own cookies, which keep the MSS alone");
}

static void check_cookie_sysctl(struct report *report)
{
	int cookies = sw_sysctl_read("net/ipv4/tcp_syncookies");
	int wanted = sw_kernel_assigns_requests() ? 1 : 2;

	find(report, "guard, syncookies", cookies >= wanted ? GOOD : NOTE,
	     wanted == 1
		     ? "sysctl -w net.ipv4.tcp_syncookies=1: with 0 the kernel takes no cookie"
		     : "sysctl -w net.ipv4.tcp_syncookies=2: else it takes its own only at times",
	     "net.ipv4.tcp_syncookies = %d", cookies);
}

static void check_socket_list(struct report *report)
{
	find(report, "guard, sockets", sw_kernel_lists_sockets() ? GOOD : NOTE,
	     "Guard asks the kernel for every SYN's socket then, which is slower", "iter/tcp %s",
	     sw_kernel_lists_sockets() ? "available" : "missing");
}

/* A tag that the card takes off is not on the reply. */
static void check_vlan_offload(struct report *report, const char *ifname)
{
	if (sw_nic_strips_vlan(ifname))
		find(report, "guard, VLAN", NOTE,
		     "ethtool -K IFACE rxvlan off, where clients come through VLANs",
		     "the card takes tags off before XDP: replies would go out without");
}

/* --- Sharing the hook ----------------------------------------------------------------------- */

static void check_sharing(struct report *report)
{
	bool freplace = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, NULL) == 1;
	struct statfs fs;
	bool bpffs = !statfs("/sys/fs/bpf", &fs) && fs.f_type == BPF_FS_MAGIC;

	find(report, "bpffs", bpffs ? GOOD : NOTE,
	     "mount -t bpf bpf /sys/fs/bpf, if other XDP programs are to share the interface",
	     bpffs ? "mounted" : "not mounted: XDP is attached as a single program");
	find(report, "libxdp dispatcher", freplace ? GOOD : NOTE,
	     "Other XDP programs can't share the interface; tracking does without",
	     freplace ? "available" : "refused by this kernel (no freplace)");
}

/* --- The interface -------------------------------------------------------------------------- */

static void check_native(struct report *report, const struct sw_iface_state *iface)
{
	enum sw_native_xdp native = sw_nic_native_xdp(iface->ifindex);
	static const char *const texts[] = {
		[SW_NATIVE_NONE] = "none: generic will be used",
		[SW_NATIVE_BASIC] = "available, not for jumbo frames",
		[SW_NATIVE_FRAGS] = "available, with frames of several buffers",
		[SW_NATIVE_UNKNOWN] = "unknown: this kernel keeps no list",
	};
	static const char *const advice[] = {
		[SW_NATIVE_NONE] = "Generic XDP works everywhere, at some cost",
		[SW_NATIVE_BASIC] = "With a large MTU use --mode generic",
		[SW_NATIVE_FRAGS] = NULL,
		[SW_NATIVE_UNKNOWN] = "run tries native first, then generic",
	};

	find(report, "native XDP", native == SW_NATIVE_FRAGS ? GOOD : NOTE, advice[native], "%s",
	     texts[native]);
}

static void check_iface(struct report *report, const struct sw_iface_state *iface)
{
	char driver[SW_DRIVER_TEXT];

	sw_nic_driver(iface->name, driver);
	find(report, "interface", GOOD, NULL, "%s, driver %s", iface->name,
	     *driver ? driver : "not known");
	check_native(report, iface);
	check_vlan_offload(report, iface->name);
	if (!strcmp(driver, "veth"))
		find(report, "veth", NOTE,
		     "--mode generic costs a sixth of TSO throughput, native more",
		     "native XDP copies every super-packet of TSO");
	if (sw_iface_carries(iface))
		find(report, "at the hook", GOOD, NULL, "synward, %s",
		     sw_xdp_mode_name(iface->xdp_mode));
	else if (iface->xdp_id)
		find(report, "at the hook", NOTE, "Only a libxdp dispatcher shares the interface",
		     "another XDP program, id %u", iface->xdp_id);
}

/* --- The report ----------------------------------------------------------------------------- */

static enum grade worst(const struct report *report)
{
	enum grade grade = GOOD;

	for (size_t i = 0; i < report->count; i++)
		if (report->finding[i].grade > grade)
			grade = report->finding[i].grade;
	return grade;
}

static void print_text(const struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *finding = &report->finding[i];

		printf("%-4s  %-19s %s\n", grade_names[finding->grade], finding->subject,
		       finding->text);
		if (finding->advice)
			printf("      -> %s\n", finding->advice);
	}
	printf("\nTracking %s here.\n", worst(report) == BAD ? "does not work" : "works");
}

static void print_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const struct finding *finding = &report->finding[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "subject",
						      finding->subject, "grade",
						      grade_names[finding->grade], "found",
						      finding->text, "advice", finding->advice));
	}
	sw_json_print(json_pack("{s:b, s:o}", "track", worst(report) != BAD, "findings", list));
}

enum sw_exit sw_cmd_check(char *const *operands, void *args)
{
	static struct sw_iface_state iface;
	struct report report = {};

	(void)args;
	if (operands[0] && sw_iface_open(operands[0], &iface))
		return SW_EXIT_FAILED;
	check_kernel(&report);
	check_jit(&report);
	check_programs(&report);
	check_helpers(&report);
	check_load(&report);
	check_btf(&report);
	check_admission(&report);
	check_cookie_sysctl(&report);
	check_socket_list(&report);
	check_sharing(&report);
	if (operands[0])
		check_iface(&report, &iface);
	if (sw_json)
		print_json(&report);
	else
		print_text(&report);
	sw_iface_close(&iface);
	return worst(&report) == BAD ? SW_EXIT_FAILED : SW_EXIT_DONE;
}
