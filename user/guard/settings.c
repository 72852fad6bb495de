// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Guard's settings: gathered from options, sysctls and the kernel, then written to sw_ports and
 * sw_keys. The caller writes sw_config, last, so that the data path finds all of it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "host/clock.h"
#include "guard/settings.h"
#include "host/kernel.h"
#include "guard/key_file.h"
#include "guard/keys.h"
#include "model/status.h"
#include "text/report.h"

/* --- What there is -------------------------------------------------------------------------- */

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

	while (wscale < 14 && space >> wscale > 0xffff)
		wscale++;
	return wscale;
}

static void read_sysctls(struct sw_guard *guard)
{
	guard->timestamps = sw_sysctl_read("net/ipv4/tcp_timestamps") > 0;
	guard->sack = sw_sysctl_read("net/ipv4/tcp_sack") > 0;
	guard->window_scaling = sw_sysctl_read("net/ipv4/tcp_window_scaling") > 0;
	guard->ecn = sw_sysctl_read("net/ipv4/tcp_ecn") > 0;
	guard->wscale = choose_wscale();
	guard->kernel_cookies = sw_sysctl_read("net/ipv4/tcp_syncookies") == 2;
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

static int check_kernel_admission(void)
{
	if (sw_sysctl_read("net/ipv4/tcp_syncookies") != 2)
		return sw_fail(0, "sysctl -w net.ipv4.tcp_syncookies=2",
			       "guard: the kernel takes its cookies at any time only with "
			       "tcp_syncookies=2");
	return 0;
}

static int choose_admission(const struct sw_guard_options *options, struct sw_guard *guard)
{
	guard->admission = options->admission;
	if (!guard->admission)
		guard->admission = sw_kernel_assigns_requests() ? ADMISSION_BPF : ADMISSION_KERNEL;
	return guard->admission == ADMISSION_BPF ? check_bpf_admission() : check_kernel_admission();
}

static __u16 mss_for(__u32 mtu, __u32 headers)
{
	__u32 mss = mtu > headers ? mtu - headers : 0;

	return mss > 0xffff ? 0xffff : mss < 536 ? 536 : (__u16)mss;
}

int sw_guard_prepare(const struct sw_guard_options *options, const struct sw_guard_link *link,
		     struct sw_guard *guard)
{
	*guard = (struct sw_guard){};
	if (!options->count)
		return 0;
	if (getrandom(guard->secret, sizeof(guard->secret), 0) != sizeof(guard->secret))
		return sw_fail(-errno, NULL, "get random numbers");
	guard->wall_offset_ns = sw_wall_offset_ns();
	guard->reply_budget = options->reply_budget;
	guard->high = options->high;
	guard->low = options->low;
	guard->quiet_ms = options->quiet_ms;
	guard->mss[0] = mss_for(link->mtu, 40);
	guard->mss[1] = mss_for(link->mtu, 60);
	guard->dry_run = options->dry_run;
	guard->shared_keys = options->key_file != NULL;
	read_sysctls(guard);
	return choose_admission(options, guard);
}

/* --- Ports ---------------------------------------------------------------------------------- */

static bool asked_for(const struct sw_guard_options *options, __u32 number)
{
	for (__u32 i = 0; i < options->count; i++)
		if (options->ports[i] == number)
			return true;
	return false;
}

static int set_mode(int fd, __u32 number, struct sw_port *port, enum sw_cookie_mode mode)
{
	if (port->mode == mode)
		return 0;
	port->mode = mode;
	port->on = 0;
	port->switched_ns = sw_monotonic_ns();
	return bpf_map_update_elem(fd, &number, port, BPF_EXIST) ? -errno : 0;
}

/* Ports that are there already: those of now, and those of an earlier run. */
static int settle_ports(int fd, const struct sw_guard_options *options, struct sw_guarded *guarded,
			int count, bool taken[SW_PORTS_MAX + 1])
{
	__u64 now = sw_monotonic_ns();
	int err = 0;

	for (int i = 0; !err && i < count; i++) {
		struct sw_port *port = &guarded[i].port;

		if (asked_for(options, guarded[i].number))
			err = set_mode(fd, guarded[i].number, port, options->mode);
		else if (port->cookie_ns && now - port->cookie_ns < SW_COOKIE_LIFE_NS)
			err = set_mode(fd, guarded[i].number, port, COOKIES_NEVER);
		else
			err = bpf_map_delete_elem(fd, &guarded[i].number) ? -errno : 0;
		taken[port->slot] = true;
	}
	return err;
}

static int add_port(int fd, __u32 number, enum sw_cookie_mode mode, bool taken[SW_PORTS_MAX + 1])
{
	struct sw_port port = { .mode = mode, .slot = 1, .switched_ns = sw_monotonic_ns() };

	while (port.slot <= SW_PORTS_MAX && taken[port.slot])
		port.slot++;
	if (port.slot > SW_PORTS_MAX)
		return -E2BIG;
	if (!bpf_map_update_elem(fd, &number, &port, BPF_NOEXIST))
		taken[port.slot] = true;
	else if (errno != EEXIST)
		return -errno;
	return 0;
}

static int write_ports(const struct sw_maps *maps, const struct sw_guard_options *options)
{
	static struct sw_guarded guarded[SW_PORTS_MAX];
	int fd = sw_maps_fd(maps, "sw_ports"), count = sw_guarded_read(fd, guarded), err;
	bool taken[SW_PORTS_MAX + 1] = {};

	err = settle_ports(fd, options, guarded, count, taken);
	for (__u32 i = 0; !err && i < options->count; i++)
		err = add_port(fd, options->ports[i], options->mode, taken);
	return err;
}

/* --- Keys ----------------------------------------------------------------------------------- */

static bool keys_set(const struct sw_keys *keys)
{
	return keys->isn[0] || keys->isn[1];
}

static void say_merge(enum sw_key_merge merge)
{
	if (merge == SW_KEYS_NEW_ISN)
		sw_say("another ISN key is in force: handshakes under way begin anew");
	else if (merge == SW_KEYS_MERGE_LATER)
		sw_say("the key file names more keys than can serve at once: read it again "
		       "(SIGHUP) "
		       "in two minutes");
}

static int choose_keys(const struct sw_guard_options *options, struct sw_keys *keys, __u64 epoch)
{
	struct sw_keys wanted;
	int err;

	if (!options->key_file)
		return keys_set(keys) ? 0 : sw_keys_random(keys);
	err = sw_key_file_read(options->key_file, &wanted);
	if (err)
		return err;
	if (keys_set(keys))
		say_merge(sw_keys_merge(keys, &wanted, epoch));
	else
		*keys = wanted;
	explicit_bzero(&wanted, sizeof(wanted));
	return 0;
}

static int write_keys(const struct sw_maps *maps, const struct sw_guard_options *options)
{
	__u64 epoch = sw_cookie_epoch(sw_clock_ns(CLOCK_REALTIME));
	int fd = sw_maps_fd(maps, "sw_keys"), err;
	struct sw_keys keys = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &keys))
		return sw_fail(-errno, NULL, "read the keys in force");
	err = choose_keys(options, &keys, epoch);
	if (!err && bpf_map_update_elem(fd, &zero, &keys, BPF_ANY))
		err = sw_fail(-errno, NULL, "write the keys");
	explicit_bzero(&keys, sizeof(keys));
	return err;
}

int sw_guard_write(const struct sw_maps *maps, const struct sw_guard_options *options,
		   struct sw_guard *guard)
{
	static struct sw_guarded guarded[SW_PORTS_MAX];
	int err;

	err = options->count ? write_keys(maps, options) : 0;
	if (err)
		return err;
	err = write_ports(maps, options);
	if (err)
		return sw_fail(err, NULL, "write the guarded ports");
	guard->ports = (__u32)sw_guarded_read(sw_maps_fd(maps, "sw_ports"), guarded);
	return 0;
}
