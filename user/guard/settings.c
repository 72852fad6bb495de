// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Guard's settings, gathered from options, sysctls and the kernel. What this host would announce by
 * itself, guard announces for it.
 */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <synward/wire.h>

#include "guard/admission.h"
#include "guard/key_file.h"
#include "guard/profile.h"
#include "guard/settings.h"
#include "host/clock.h"
#include "host/kernel.h"
#include "text/report.h"

/* The largest receive buffer a socket may grow to, in bytes: net/ipv4/tcp_output.c asks the same. */
static __u32 receive_space(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_rmem", "re");
	int most = sw_sysctl_read("net/core/rmem_max");
	unsigned int tcp = 0;

	if (file) {
		if (fscanf(file, "%*u %*u %u", &tcp) != 1)
			tcp = 0;
		fclose(file);
	}
	return most > 0 && (__u32)most > tcp ? (__u32)most : tcp;
}

/* The shift count that a window as large as the receive buffer takes (tcp_select_initial_window). */
static __u8 choose_wscale(void)
{
	__u32 space = receive_space();
	__u8 wscale = 0;

	while (wscale < TCP_MAX_WINSHIFT && space >> wscale > TCP_MAXWIN)
		wscale++;
	return wscale;
}

/* Values of net.ipv6.auto_flowlabels and flowlabel_reflect (Documentation/networking/ip-sysctl.rst). */
enum {
	LABELS_UNLESS_OPTED_OUT = 1,
	LABELS_FORCED = 3,
	REFLECT_ESTABLISHED = 1
};

static __u8 sysctl_or(int value, __u8 otherwise)
{
	return value > 0 && value <= UINT8_MAX ? (__u8)value : otherwise;
}

static void read_sysctls(struct sw_guard *guard)
{
	guard->timestamps = sw_sysctl_read("net/ipv4/tcp_timestamps") > 0;
	guard->sack = sw_sysctl_read("net/ipv4/tcp_sack") > 0;
	guard->window_scaling = sw_sysctl_read("net/ipv4/tcp_window_scaling") > 0;
	guard->ecn = sw_sysctl_read("net/ipv4/tcp_ecn") > 0;
	guard->wscale = choose_wscale();
}

/* Of the SYN+ACK's IP header, where the listener has no way of its own. `iface`: whose hop limit is IPv6's. */
static void read_ip_sysctls(struct sw_guard *guard, const char *iface)
{
	char hop_limit[64];
	int reflects = sw_sysctl_read("net/ipv6/flowlabel_reflect");
	int labels = sw_sysctl_read("net/ipv6/auto_flowlabels");

	snprintf(hop_limit, sizeof(hop_limit), "net/ipv6/conf/%s/hop_limit", iface);
	guard->hop_limit[0] = sysctl_or(sw_sysctl_read("net/ipv4/ip_default_ttl"), IPDEFTTL);
	guard->hop_limit[1] = sysctl_or(sw_sysctl_read(hop_limit), IPDEFTTL);
	guard->reflect_tos = sw_sysctl_read("net/ipv4/tcp_reflect_tos") > 0;
	if (labels == LABELS_UNLESS_OPTED_OUT || labels == LABELS_FORCED)
		guard->flow_label = FLOW_LABEL_RANDOM;
	if (reflects > 0 && (reflects & REFLECT_ESTABLISHED))
		guard->flow_label = FLOW_LABEL_REFLECTED;
}

/* What is left of the MTU; never less than what every host takes (RFC 9293, 3.7.1). */
static __u16 mss_for(__u32 mtu, __u32 headers)
{
	__u32 mss = mtu > headers ? mtu - headers : 0;

	if (mss < TCP_MSS_DEFAULT)
		return TCP_MSS_DEFAULT;
	return mss > UINT16_MAX ? UINT16_MAX : (__u16)mss;
}

void sw_guard_read_host(const struct sw_tracker *tracker, struct sw_guard *guard)
{
	__u32 mtu = sw_tracker_mtu(tracker);

	guard->mss[0] = mss_for(mtu, SW_IPV4_HEADER + SW_TCP_HEADER);
	guard->mss[1] = mss_for(mtu, SW_IPV6_HEADER + SW_TCP_HEADER);
	read_sysctls(guard);
	read_ip_sysctls(guard, tracker->iface[0].name);
}

static int check_bpf_admission(void)
{
	if (!sw_kernel_assigns_requests())
		return sw_fail(0, "Linux 6.9 has it; --admission kernel does without",
			       "guard: this kernel has no bpf_sk_assign_tcp_reqsk()");
	if (sw_sysctl_read("net/ipv4/tcp_syncookies") <= 0)
		return sw_fail(0, "sysctl -w net.ipv4.tcp_syncookies=1",
			       "guard: with tcp_syncookies=0 the kernel takes no cookie");
	return 0;
}

static int check_kernel_admission(const struct sw_guard *guard)
{
	if (guard->kernel_cookies != SYNCOOKIES_ALWAYS)
		return sw_fail(0, "sysctl -w net.ipv4.tcp_syncookies=2",
			       "guard: the kernel takes its cookies at any time only with "
			       "tcp_syncookies=2");
	return 0;
}

static int choose_admission(const struct sw_guard_options *options,
			    const struct sw_tracker *tracker, struct sw_guard *guard)
{
	int err = sw_admission_read(tracker, guard);

	if (err)
		return sw_fail(err, NULL, "find out what is in this namespace beside guard");
	guard->admission = options->admission;
	guard->chosen = !options->admission;
	if (!sw_port_list_has(&options->ports, false)) /* there is no listener here */
		guard->admission = options->stateless ? ADMISSION_NONE : ADMISSION_PROXY;
	else if (guard->chosen)
		guard->admission = sw_kernel_assigns_requests() ? ADMISSION_BPF : ADMISSION_KERNEL;
	switch (guard->admission) {
	case ADMISSION_BPF:
		return check_bpf_admission();
	case ADMISSION_KERNEL:
		return check_kernel_admission(guard);
	default:
		return 0;
	}
}

int sw_guard_prepare(const struct sw_guard_options *options, const struct sw_tracker *tracker,
		     struct sw_guard *guard)
{
	*guard = (struct sw_guard){};
	if (!options->ports.count)
		return 0;
	if (options->stateless && !options->key_file)
		return sw_fail(0, "`synward key new FILE` makes one, which the servers get, too",
			       "answer for servers without their keys: --stateless takes "
			       "--key-file");
	if (getrandom(guard->secret, sizeof(guard->secret), 0) != sizeof(guard->secret))
		return sw_fail(-errno, NULL, "get random numbers");
	guard->wall_offset_ns = sw_wall_offset_ns();
	guard->reply_budget = options->reply_budget;
	guard->dry_run = options->dry_run;
	guard->rules = sw_client_list_rules(&options->clients);
	guard->shared_keys = options->key_file != NULL;
	sw_guard_read_host(tracker, guard);
	return choose_admission(options, tracker, guard);
}

/* --- Profiles ------------------------------------------------------------------------------- */

static struct sw_profile own_profile(const struct sw_guard *guard)
{
	return (struct sw_profile){
		.mss = guard->mss[0],
		.wscale = guard->window_scaling ? guard->wscale : 0,
		.scales = guard->window_scaling,
		.sack = guard->sack,
		.timestamps = guard->timestamps,
		.ecn = guard->ecn,
	};
}

struct sw_profile sw_guard_offers(__u32 mtu)
{
	struct sw_guard guard = { .mss = { mss_for(mtu, SW_IPV4_HEADER + SW_TCP_HEADER) } };

	read_sysctls(&guard);
	return own_profile(&guard);
}

static void compare(const struct sw_profile *fleets, const struct sw_profile *own)
{
	char text[2][SW_PROFILE_TEXT];

	if (memcmp(fleets, own, sizeof(*own)))
		sw_say("the key file's profile is %s, and this host offers %s: gateways promise "
		       "the former",
		       sw_profile_text(fleets, text[0]), sw_profile_text(own, text[1]));
}

int sw_guard_profile(const struct sw_guard_options *options, const struct sw_guard *guard,
		     struct sw_profile *profile)
{
	struct sw_key_file file = {};
	int err = 0;

	*profile = own_profile(guard);
	if (options->ports.count && options->key_file)
		err = sw_key_file_read(options->key_file, &file);
	if (!err && file.profile.mss && options->stateless)
		*profile = file.profile;
	else if (!err && file.profile.mss)
		compare(&file.profile, profile);
	explicit_bzero(&file, sizeof(file));
	return err;
}
