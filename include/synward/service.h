/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Services that are not this host's: what their SYN+ACKs tell of them, and how many of their connections
 * are half-open, of which no listener here can be asked.
 */
#ifndef SYNWARD_SERVICE_H
#define SYNWARD_SERVICE_H

#include <synward/guard.h>
#include <synward/segment.h>
#include <synward/wire.h>

/* An option that is there is one that it has. One that is not may not have been offered, unless `asked` says so. */
SW_INLINE void sw_learn_option(__u8 *has, bool there, bool asked)
{
	if (there)
		*has = true;
	else if (asked)
		*has = false;
}

/* Another SYN+ACK of it has been seen; `asked`: what is known to have been in the SYN. */
SW_INLINE void sw_service_learn(struct sw_service *service, const struct sw_segment *syn_ack,
				const struct sw_offer *asked)
{
	bool ecn = (syn_ack->flags & SW_TCP_ECE) && !(syn_ack->flags & SW_TCP_CWR);

	service->mss = syn_ack->mss ? syn_ack->mss : SW_MSS_DEFAULT_IPV4;
	if (syn_ack->has_wscale)
		service->wscale = syn_ack->wscale;
	sw_learn_option(&service->scales, syn_ack->has_wscale, asked->wscale_ok);
	sw_learn_option(&service->sack, syn_ack->sack_ok, asked->sack_ok);
	sw_learn_option(&service->timestamps, syn_ack->has_tsval, asked->tstamp_ok);
	sw_learn_option(&service->ecn, ecn, asked->ecn_ok);
}

/* A service of which no more is known than its profile. */
SW_INLINE struct sw_service sw_service_by_profile(const struct sw_profile *profile, bool ipv4)
{
	__u16 mss = profile->mss;

	return (struct sw_service){
		.mss = ipv4 || !mss ? mss : mss - (SW_IPV6_HEADER - SW_IPV4_HEADER),
		.wscale = profile->wscale,
		.scales = profile->scales,
		.sack = profile->sack,
		.timestamps = profile->timestamps,
		.ecn = profile->ecn,
	};
}

/*
 * So often one SYN passes although cookies are sent: what the service has come to offer since, no SYN tells
 * that was made of a cookie.
 */
#define SW_SERVICE_ASK_S 60

SW_INLINE bool sw_service_is_due(__u32 asked_s, __u64 now)
{
	return (__u32)(now / SW_NS_PER_S) - asked_s >= SW_SERVICE_ASK_S;
}

/*
 * A SYN+ACK that nobody answers is sent for a minute, and its connection half-open for as long: of `count`
 * so many are left after this time, at a steady rate.
 */
#define SW_HALF_OPEN_S 64

SW_INLINE __u32 sw_half_open_left(__u32 count, __u64 elapsed_ns)
{
	__u64 seconds = elapsed_ns / SW_NS_PER_S, gone;

	if (seconds >= SW_HALF_OPEN_S)
		return 0;
	gone = (count * seconds + SW_HALF_OPEN_S - 1) / SW_HALF_OPEN_S;
	return gone < count ? count - (__u32)gone : 0;
}

#endif
