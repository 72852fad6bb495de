/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The settings in force.
 */
#ifndef SYNWARD_SETTINGS_BPF_H
#define SYNWARD_SETTINGS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/config.h>

#include "maps.bpf.h"

/*
 * In force while nobody has written sw_config, as after `ip link set dev IF xdp obj`. Nothing writes it; but
 * were it const, it could not be an argument of a global function, see sw_apply().
 */
static volatile struct sw_config sw_unconfigured = SW_CONFIG_DEFAULT;

/*
 * Where nothing is guarded, the object that only tracks is loaded: the same sources with SW_TRACK_ONLY, and without
 * guard. So no helper is left that may change a packet, nor anything for which libbpf would read the kernel's BTF. A
 * function of guard that the verifier is to check by itself is global there where guard is, see README.md.
 */
#ifdef SW_TRACK_ONLY
enum {
	guardable = false
};
#define SW_GUARD_FUNCTION static __attribute__((unused))
#else
enum {
	guardable = true
};
#define SW_GUARD_FUNCTION __noinline
#endif

static __always_inline const struct sw_config *sw_settings(void)
{
	__u32 zero = 0;
	const struct sw_config *cfg = bpf_map_lookup_elem(&sw_config, &zero);

	return cfg && cfg->configured ? cfg : (const struct sw_config *)&sw_unconfigured;
}

static __always_inline bool sw_guarding(void)
{
	return guardable && sw_settings()->guard.ports;
}

#endif
