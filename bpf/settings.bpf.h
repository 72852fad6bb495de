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

/* Where nothing is guarded, guard is left out: loading takes half as long. See sw_object_only_track(). */
const volatile bool guardable = true;

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
