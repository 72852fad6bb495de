/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a SYN offers, and what of it this host takes up: its sysctls say.
 */
#ifndef SYNWARD_OFFER_H
#define SYNWARD_OFFER_H

#include <synward/cookie.h>
#include <synward/guard.h>
#include <synward/listener.h>
#include <synward/segment.h>
#include <synward/wire.h>

/* Without timestamps a cookie keeps ECN with some other options alone; what is not kept is not agreed to. */
SW_INLINE void sw_keep_ecn(struct sw_offer *offer)
{
	struct sw_offer kept = *offer;

	sw_read_code(&kept, sw_cookie_code(offer));
	offer->ecn_ok = kept.ecn_ok;
}

/* What every host takes. */
SW_INLINE __u16 sw_least_mss(const struct sw_packet *packet)
{
	return packet->ipv4 ? SW_MSS_DEFAULT_IPV4 : SW_MSS_DEFAULT_IPV6;
}

/*
 * The offer that a cookie will keep, of a SYN to such a service. False if it can't: an MSS below what can be
 * admitted. Without an MSS option it is the default (RFC 9293, 3.7.1).
 */
SW_INLINE bool sw_offer_to(const struct sw_service *service, const struct sw_packet *packet,
			   const struct sw_segment *syn, struct sw_offer *offer)
{
	offer->mss = syn->mss ? syn->mss : sw_least_mss(packet);
	offer->wscale_ok = syn->has_wscale && service->scales;
	offer->wscale = syn->wscale;
	offer->own_wscale = service->wscale;
	offer->sack_ok = syn->sack_ok && service->sack;
	offer->tstamp_ok = syn->has_tsval && service->timestamps;
	offer->ecn_ok = service->ecn && sw_asks_for_ecn(syn->flags);
	if (offer->ecn_ok && !offer->tstamp_ok)
		sw_keep_ecn(offer);
	return offer->mss >= sw_least_mss(packet);
}

/* Of a SYN to a listener of this host's with these ways. */
SW_INLINE bool sw_offer_of(const struct sw_guard *guard, const struct sw_packet *packet,
			   const struct sw_segment *syn, const struct sw_manner *manner,
			   struct sw_offer *offer)
{
	const struct sw_service own = {
		.wscale = manner->wscale,
		.scales = guard->window_scaling,
		.sack = guard->sack,
		.timestamps = guard->timestamps,
		.ecn = guard->ecn,
	};

	if (!sw_offer_to(&own, packet, syn, offer))
		return false;
	offer->mss = sw_listener_mss(manner, offer->mss);
	return offer->mss >= sw_least_mss(packet);
}

/* What the kernel's cookie keeps without timestamps, whose offset is the kernel's secret: the MSS. */
SW_INLINE void sw_offer_mss_only(struct sw_offer *offer)
{
	offer->wscale_ok = offer->sack_ok = offer->tstamp_ok = offer->ecn_ok = false;
}

#endif
