// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Short enough for a line of `synward status`.
 */
#include "text/retreat.h"

const char *sw_stand_name(enum sw_stand stand)
{
	switch (stand) {
	case STAND_GUARD:
		return "guard";
	case STAND_KERNEL:
		return "kernel";
	case STAND_PROXY:
		return "proxy";
	default:
		return "off";
	}
}

const char *sw_stand_text(enum sw_stand stand)
{
	switch (stand) {
	case STAND_GUARD:
		return "connections are served again, guard is back";
	case STAND_PROXY:
		return "connections were lost, and are served by proxy";
	case STAND_KERNEL:
		return "connections are lost, back to the kernel's cookies";
	default:
		return "connections are lost, all is left to the kernel";
	}
}

/* What is over counts as now. */
static json_t *seconds_json(__u64 from_ns, __u64 to_ns)
{
	__u64 ns = to_ns > from_ns ? to_ns - from_ns : 0;

	return json_real((double)(ns / SW_NS_PER_MS) / 1e3);
}

json_t *sw_retreat_json(const struct sw_retreat *retreat, enum sw_stand stand, __u64 now_ns)
{
	bool back = stand == STAND_GUARD, waits = !back && stand != STAND_PROXY;

	return json_pack("{s:s, s:o, s:o, s:I, s:I}", "stand", sw_stand_name(stand), "since",
			 back ? json_null() : seconds_json(retreat->since_ns, now_ns), "again",
			 waits ? seconds_json(now_ns, retreat->again_ns) : json_null(), "admitted",
			 (json_int_t)retreat->admitted, "lost", (json_int_t)retreat->lost);
}
