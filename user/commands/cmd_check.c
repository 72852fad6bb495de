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
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <synward/pressure.h>

#include "commands/check_host.h"
#include "commands/cmd.h"
#include "commands/command_line.h"
#include "commands/findings.h"
#include "commands/run_options.h"
#include "guard/key_file.h"
#include "guard/port_list.h"
#include "guard/profile.h"
#include "guard/settings.h"
#include "guard/trial.h"
#include "host/hindrance.h"
#include "host/iface.h"
#include "host/load.h"
#include "host/kernel.h"
#include "host/nic.h"
#include "host/veth.h"
#include "text/admission.h"
#include "synward.skel.h"

/* --- The kernel ----------------------------------------------------------------------------- */

static void check_kernel(struct sw_findings *findings)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;
	bool enough;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	enough = major > 5 || (major == 5 && minor >= 18);
	sw_find(findings, "kernel", enough ? SW_GOOD : SW_BAD,
		"Linux 5.18 or later has what is needed", "Linux %.60s", name.release);
}

static void check_jit(struct sw_findings *findings)
{
	int enabled = sw_sysctl_read("net/core/bpf_jit_enable");
	int harden = sw_sysctl_read("net/core/bpf_jit_harden");

	sw_find(findings, "BPF JIT", enabled == 0 ? SW_NOTE : SW_GOOD,
		"sysctl net.core.bpf_jit_enable=1: interpreted programs are several times slower",
		enabled == 0 ? "off" : "on");
	if (harden > 1)
		sw_find(findings, "JIT hardening", SW_NOTE,
			"sysctl net.core.bpf_jit_harden=1 "
			"leaves programs of root as fast as they are",
			"for all programs");
}

static void check_programs(struct sw_findings *findings)
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

		sw_find(findings, types[i].name, there ? SW_GOOD : SW_BAD,
			"The kernel has no such programs, or this process may not load them",
			there ? "available" : "missing");
	}
}

static void check_helpers(struct sw_findings *findings)
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
	sw_find(findings, "BPF helpers", missing ? SW_BAD : SW_GOOD,
		"Linux 5.18 or later has all of them", "%s%s", missing ?: "available",
		missing ? " is missing" : "");
}

static void check_load(struct sw_findings *findings, const char *subject, bool guards)
{
	static const struct sw_maps none;
	const struct sw_sizes small = { .flows = 1024, .halfopen = 1024 };
	enum sw_grade failed = guards ? SW_NOTE : SW_BAD;
	struct synward *object = NULL;
	int err = sw_object_open(&object, guards) ?: sw_object_try(object, &small, &none);

	sw_find(findings, subject, err ? failed : SW_GOOD,
		"--verbose shows what the kernel's verifier says", "%s",
		err ? strerror(-err) : "loaded");
	synward__destroy(object);
}

static void check_btf(struct sw_findings *findings)
{
	struct btf *btf = btf__load_vmlinux_btf();

	sw_find(findings, "kernel BTF", btf ? SW_GOOD : SW_NOTE,
		"It takes CONFIG_DEBUG_INFO_BTF, and /sys; tracking does without, guard does not",
		btf ? "available" : "missing");
	btf__free(btf);
}

/* --- Guard ---------------------------------------------------------------------------------- */

static void check_admission(struct sw_findings *findings)
{
	if (sw_kernel_assigns_requests())
		sw_find(findings, "guard, admission", SW_GOOD, NULL,
			"by bpf_sk_assign_tcp_reqsk(): cookies keep all TCP options");
	else
		sw_find(findings, "guard, admission", SW_NOTE,
			"Linux 6.9 keeps all TCP options; here sysctl net.ipv4.tcp_syncookies=2",
			"by the kernel's own cookies, which keep the MSS alone");
}

static const char *cookie_sysctl_advice(int cookies)
{
	if (!sw_kernel_assigns_requests())
		return "sysctl -w net.ipv4.tcp_syncookies=2: else it takes its own only at times";
	if (cookies < 1)
		return "sysctl -w net.ipv4.tcp_syncookies=1: with 0 the kernel takes no cookie";
	return "--cookies always, or without NAT sysctl -w net.ipv4.tcp_syncookies=1: with 2 auto "
	       "never begins";
}

static void check_cookie_sysctl(struct sw_findings *findings)
{
	int cookies = sw_sysctl_read("net/ipv4/tcp_syncookies");
	int wanted = sw_kernel_assigns_requests() ? 1 : 2;

	sw_find(findings, "guard, syncookies", cookies == wanted ? SW_GOOD : SW_NOTE,
		cookie_sysctl_advice(cookies), "net.ipv4.tcp_syncookies = %d", cookies);
}

#define BY_PROXY "Guard goes by proxy there: its cookies still keep all TCP options"

static void check_hindrance(struct sw_findings *findings, int family, __u8 hindrance)
{
	const char *name = sw_family_name(family);

	if (hindrance & HINDRANCE_NAT)
		sw_find(findings, "guard, NAT", SW_NOTE, BY_PROXY,
			"%s: NAT is in this network namespace", name);
	if (hindrance & HINDRANCE_BRIDGE)
		sw_find(findings, "guard, bridge", SW_NOTE, BY_PROXY "; or guard the bridge itself",
			"%s: bridge-nf-call-iptables, and a port of a bridge", name);
	if (hindrance & HINDRANCE_NEW_ACK)
		sw_find(findings, "guard, firewall", SW_NOTE, BY_PROXY,
			"%s: new connections must begin with a SYN", name);
}

/* By which admission a listener of this host's would have its connections. */
static void check_family(struct sw_findings *findings, int family, __u8 hindrance)
{
	const struct sw_guard guard = {
		.admission = sw_kernel_assigns_requests() ? ADMISSION_BPF : ADMISSION_KERNEL,
		.kernel_cookies = sw_syncookies_read(),
		.hindrance = { hindrance, hindrance },
		.chosen = true,
		.proxy = true,
	};

	sw_find(findings, family ? "guard by IPv6" : "guard by IPv4", SW_GOOD, NULL, "%s",
		sw_admission_text(hindrance, sw_admission_in(&guard, family)));
}

/* What else is in the namespace. */
static void check_hindrances(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	__u8 hindrance[2];
	int err = sw_hindrance_read(iface, iface->ifindex ? 1 : 0, hindrance);

	if (err)
		sw_find(findings, "guard, NAT", SW_NOTE, "Guard does not start then",
			"not known: %s", strerror(-err));
	else if (!hindrance[0] && !hindrance[1])
		sw_find(findings, "guard, NAT", SW_GOOD, NULL,
			"none in this network namespace, and no rule against guard");
	for (int family = 0; !err && family < 2; family++) {
		check_hindrance(findings, family, hindrance[family]);
		check_family(findings, family, hindrance[family]);
	}
}

static void check_socket_list(struct sw_findings *findings)
{
	sw_find(findings, "guard, sockets", sw_kernel_lists_sockets() ? SW_GOOD : SW_NOTE,
		"Guard asks the kernel for every SYN's socket then, which is slower", "iter/tcp %s",
		sw_kernel_lists_sockets() ? "available" : "missing");
}

/* A tag that the card takes off is not on the reply. */
static void check_vlan_offload(struct sw_findings *findings, const char *ifname)
{
	if (sw_nic_strips_vlan(ifname))
		sw_find(findings, "guard, VLAN", SW_NOTE,
			"ethtool -K IFACE rxvlan off, where clients come through VLANs",
			"the card takes tags off before XDP: replies would go out without");
}

static void check_trial(struct sw_findings *findings, __u16 port)
{
	struct sw_trial trial;

	sw_trial_run(port, &trial);
	findings->tried = true;
	if (!trial.failed)
		sw_find(findings, "guard, tried", SW_GOOD, NULL, "port %u: a client was served, %s",
			port,
			trial.own ? "by a cookie with all options" : "by the kernel's cookie");
	else
		sw_find(findings, "guard, tried", SW_UNGUARDED,
			"Without --guard tracking works; `synward check` names what is missing",
			"couldn't %s%s%s", trial.failed, trial.err ? ": " : "",
			trial.err ? strerror(-trial.err) : "");
}

/* --- Sharing the hook ----------------------------------------------------------------------- */

static void check_sharing(struct sw_findings *findings)
{
	bool freplace = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, NULL) == 1;
	struct statfs fs;
	bool bpffs = !statfs("/sys/fs/bpf", &fs) && fs.f_type == BPF_FS_MAGIC;

	sw_find(findings, "bpffs", bpffs ? SW_GOOD : SW_NOTE,
		"mount -t bpf bpf /sys/fs/bpf, if other XDP programs are to share the interface",
		bpffs ? "mounted" : "not mounted: XDP is attached as a single program");
	sw_find(findings, "libxdp dispatcher", freplace ? SW_GOOD : SW_NOTE,
		"Other XDP programs can't share the interface; tracking does without",
		freplace ? "available" : "refused by this kernel (no freplace)");
}

/* --- The interface -------------------------------------------------------------------------- */

/* For those who answer in its name. */
static void check_profile(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	struct sw_profile profile = sw_guard_offers(iface->mtu);
	char text[SW_PROFILE_TEXT];

	sw_find(findings, "guard, profile", SW_GOOD, NULL, "listeners here offer %s",
		sw_profile_text(&profile, text));
}

static void check_native(struct sw_findings *findings, const struct sw_iface_state *iface)
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

	sw_find(findings, "native XDP", native == SW_NATIVE_FRAGS ? SW_GOOD : SW_NOTE,
		advice[native], "%s", texts[native]);
}

static void check_link(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	switch (sw_iface_link(iface)) {
	case SW_LINK_ETHERNET:
		break;
	case SW_LINK_IP:
		sw_find(findings, "link", SW_NOTE, "Guard the interfaces with Ethernet",
			"IP without Ethernet: tracked, in generic mode, and not guarded");
		break;
	default:
		sw_find(findings, "link", SW_BAD,
			"Run synward where the tunnel's packets come in, or behind it",
			"neither Ethernet nor bare IP (link type %u): not tracked", iface->type);
	}
}

static void check_iface(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	char driver[SW_DRIVER_TEXT];

	sw_nic_driver(iface->name, driver);
	sw_find(findings, "interface", SW_GOOD, NULL, "%s, driver %s", iface->name,
		*driver ? driver : "not known");
	check_link(findings, iface);
	check_native(findings, iface);
	check_vlan_offload(findings, iface->name);
	check_profile(findings, iface);
	sw_check_place(findings, iface);
	if (!strcmp(driver, "veth"))
		sw_find(findings, "veth", SW_NOTE,
			"--mode generic costs a sixth of TSO throughput, native more",
			"native XDP copies every super-packet of TSO");
	if (sw_veth_loses_replies(iface->ifindex))
		sw_find(findings, "guard, veth", SW_NOTE,
			"Guard goes generic there; for native `ip link set dev IFACE xdp ...` "
			"at its other end",
			"the other end has no XDP program: native loses replies");
	if (sw_iface_carries(iface))
		sw_find(findings, "at the hook", SW_GOOD, NULL, "synward, %s",
			sw_xdp_mode_name(iface->xdp_mode));
	else if (iface->xdp_id)
		sw_find(findings, "at the hook", SW_NOTE,
			"Only a libxdp dispatcher shares the interface",
			"another XDP program, id %u", iface->xdp_id);
}

/* --- The configuration ---------------------------------------------------------------------- */

struct sw_check_args {
	const char *config_file;
	struct sw_port_list ports; /* on the first of which guard is tried */
};

struct sw_check_args sw_check_args;

static int take_ports(const struct sw_option *option, const char *value, void *args)
{
	(void)option;
	return sw_port_list_take(&((struct sw_check_args *)args)->ports, value, false);
}

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
const struct sw_option sw_options_check[] = {
	{ .name = "config", .kind = SW_OPTION_FILE, SW_INTO(struct sw_check_args, config_file),
	  .help = "read this configuration as `run` would, and name all that it would not take" },
	{ .name = "guard", .kind = SW_OPTION_TEXT, .take = take_ports, .value = "PORTS",
	  .min = 1, .max = 65535,
	  .help = "try guard once, with a client and a listener in network namespaces of their own" },
	{},
};

const char sw_options_check_more[] =
	"Exit status 0: tracking works, guard did if it was tried, and the configuration is taken if one\n"
	"was read; else 1. A note is no failure: it names what costs speed, or on this host guard's\n"
	"clients, and what mends it. The trial proves what the kernel can, and leaves nothing behind.\n";
/* clang-format on */

static void check_named_ifaces(struct sw_findings *findings, char *const *names)
{
	for (; *names; names++)
		if (!if_nametoindex(*names))
			sw_find(findings, "interface", SW_REFUSED, "`ip link` lists what there is",
				"%s is not there", *names);
}

static void check_key_file(struct sw_findings *findings, const char *path)
{
	struct sw_key_file file;
	bool taken = path && !sw_key_file_read(path, &file);

	explicit_bzero(&file, sizeof(file));
	if (path)
		sw_find(findings, "key file", taken ? SW_GOOD : SW_REFUSED,
			"The error above says why", "%.60s", path);
}

/* What is wrong with it has been reported, line by line. */
static void check_config(struct sw_findings *findings, char *path, char *iface)
{
	char *argv[] = { "run", "--config", path, iface, NULL };
	struct sw_command_line line;
	struct sw_run_args *run = &sw_run_args;
	int err = sw_command_line_parse(sw_command_find("run"), iface ? 4 : 3, argv, &line)
			  ?: sw_run_args_settle(run);

	findings->config_file = path;
	sw_find(findings, "configuration", err ? SW_REFUSED : SW_GOOD,
		"The errors above name what is not taken, and what would be",
		err ? "%.60s is not taken" : "%.40s: guarded ports %u, prefixes of clients %zu",
		path, run->tracker.guard.ports.count, run->tracker.guard.clients.count);
	if (!err) {
		check_named_ifaces(findings, line.operands);
		check_key_file(findings, run->tracker.guard.key_file);
	}
	sw_run_args_free(run);
}

enum sw_exit sw_cmd_check(char *const *operands, void *args)
{
	static struct sw_iface_state iface;
	struct sw_findings findings = {};
	struct sw_check_args *check = args;
	enum sw_grade worst;

	if (check->config_file)
		check_config(&findings, (char *)check->config_file, operands[0]);
	if (operands[0] && sw_iface_open(operands[0], &iface))
		return SW_EXIT_FAILED;
	check_kernel(&findings);
	check_jit(&findings);
	check_programs(&findings);
	check_helpers(&findings);
	check_load(&findings, "synward's programs", false);
	check_load(&findings, "guard's programs", true);
	check_btf(&findings);
	check_admission(&findings);
	check_cookie_sysctl(&findings);
	check_hindrances(&findings, &iface);
	sw_check_host(&findings);
	check_socket_list(&findings);
	check_sharing(&findings);
	if (operands[0])
		check_iface(&findings, &iface);
	if (check->ports.count)
		check_trial(&findings, check->ports.wish[0].key.port);
	if (!findings.err)
		sw_findings_print(&findings);
	worst = sw_findings_worst(&findings);
	sw_findings_free(&findings);
	sw_iface_close(&iface);
	return findings.err || worst > SW_NOTE ? SW_EXIT_FAILED : SW_EXIT_DONE;
}
