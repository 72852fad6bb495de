/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How XDP tells synward_admit, at tc, which frames may have to open their connection: by metadata
 * before the frame. Where the driver has none for XDP, sw_blind makes it look for itself.
 */
#ifndef SYNWARD_HINT_BPF_H
#define SYNWARD_HINT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "sockets.bpf.h"
#include "work.bpf.h"

#define SW_HINT 0x64726177 /* that metadata: "ward" */

/* At XDP: this frame may have to open its connection. */
static __always_inline void sw_hint(struct xdp_md *ctx, const struct sw_work *w)
{
	__u32 *hint, zero = 0, one = 1;

	sw_expect_socket(&w->seg.key);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*hint))) {
		bpf_map_update_elem(&sw_blind, &zero, &one, 0);
		return;
	}
	hint = (__u32 *)(long)ctx->data_meta;
	if (hint + 1 <= (__u32 *)(long)ctx->data)
		*hint = SW_HINT;
}

/* --- At tc ------------------------------------------------------------------------------------ */

static __always_inline bool sw_hinted(struct __sk_buff *skb)
{
	const __u32 *hint = (const __u32 *)(long)skb->data_meta;

	return hint + 1 <= (const __u32 *)(long)skb->data && *hint == SW_HINT;
}

static __always_inline bool sw_is_blind(void)
{
	__u32 zero = 0, *blind = bpf_map_lookup_elem(&sw_blind, &zero);

	return blind && *blind;
}

/*
 * All other frames leave here. Where the Ethernet header is missing, see skb_parse_bare(), the hint
 * can't be read (what lies before `data` is the end of that header), but that there is metadata can
 * be seen.
 */
static __always_inline bool sw_to_admit(struct __sk_buff *skb)
{
	return skb->data_meta + sizeof(__u32) <= skb->data || sw_is_blind();
}

#endif
