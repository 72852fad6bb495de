// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Short enough for a line of `synward status`.
 */
#include "text/admission.h"
#include "text/names.h"

const char *sw_family_name(int family)
{
	return family ? "IPv6" : "IPv4";
}

static const char *by_proxy_text(__u8 hindrance)
{
	if (hindrance & HINDRANCE_NEW_ACK)
		return "a firewall wants new connections to begin with a SYN: "
		       "guard's own cookies, by proxy";
	if (hindrance & HINDRANCE_NAT)
		return "NAT is in this namespace: guard's own cookies, by proxy";
	if (hindrance & HINDRANCE_BRIDGE)
		return "a bridge port under bridge-nf-call-iptables: guard's own cookies, by proxy";
	if (hindrance & HINDRANCE_SYNCOOKIES)
		return "net.ipv4.tcp_syncookies is 0: guard's own cookies, by proxy";
	return "guard's own cookies, by proxy";
}

const char *sw_admission_text(__u8 hindrance, enum sw_admission admission)
{
	if (admission == ADMISSION_PROXY)
		return by_proxy_text(hindrance);
	if (hindrance & HINDRANCE_NEW_ACK)
		return "a firewall wants new connections to begin with a SYN: "
		       "all is left to the kernel";
	if (hindrance & HINDRANCE_NAT)
		return admission == ADMISSION_KERNEL
			       ? "NAT is in this namespace: the kernel's cookies, which keep the "
				 "MSS alone"
			       : "NAT is in this namespace: no cookies of guard's, "
				 "all is left to the kernel";
	if (hindrance & HINDRANCE_BRIDGE)
		return admission == ADMISSION_KERNEL
			       ? "a bridge port under bridge-nf-call-iptables: the kernel's cookies"
			       : "a bridge port under bridge-nf-call-iptables: "
				 "all is left to the kernel";
	if (hindrance & HINDRANCE_SYNCOOKIES)
		return "net.ipv4.tcp_syncookies is 0, and the kernel takes no cookie: all is left "
		       "to it";
	switch (admission) {
	case ADMISSION_BPF:
		return "guard's own cookies";
	case ADMISSION_KERNEL:
		return "the kernel's cookies, which keep the MSS alone";
	default:
		return "no cookies of guard's, all is left to the kernel";
	}
}

json_t *sw_admission_json(__u8 hindrance, enum sw_admission admission)
{
	json_t *list = json_array();

	if (hindrance & HINDRANCE_NAT)
		json_array_append_new(list, json_string("nat"));
	if (hindrance & HINDRANCE_BRIDGE)
		json_array_append_new(list, json_string("bridge"));
	if (hindrance & HINDRANCE_NEW_ACK)
		json_array_append_new(list, json_string("new_ack"));
	if (hindrance & HINDRANCE_SYNCOOKIES)
		json_array_append_new(list, json_string("syncookies"));
	return json_pack("{s:o, s:s}", "hindrances", list, "admission",
			 sw_admission_name(admission));
}
