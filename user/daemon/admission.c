// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * nf_tables may tell of thousands of changes in a row: one list is read for all that has been told, and
 * then the duty rests for a multiple of the time that took.
 */
#include <errno.h>
#include <unistd.h>

#include <synward/pressure.h>

#include "daemon/admission.h"
#include "guard/admission.h"
#include "host/clock.h"
#include "host/nft.h"
#include "host/tell.h"
#include "text/report.h"

#define PERIOD_NS SW_NS_PER_S

/* Of a processor it takes one part in so many. */
#define SHARE 20

int sw_admission_watch_open(struct sw_admission_watch *watch, struct sw_tracker *tracker)
{
	watch->tracker = tracker;
	watch->renew_ns = 0;
	watch->nft_fd = sw_nft_watch();
	if (watch->nft_fd == -EOPNOTSUPP)
		watch->nft_fd = -1;
	return watch->nft_fd < -1 ? sw_fail(watch->nft_fd, NULL, "watch nf_tables") : 0;
}

void sw_admission_watch_close(struct sw_admission_watch *watch)
{
	if (watch->nft_fd >= 0)
		close(watch->nft_fd);
}

static int tell(const struct sw_tracker *tracker, const struct sw_guard *guard, int family)
{
	return sw_tell(tracker, (struct sw_event){ .cause = SW_EVENT_ADMISSION,
						   .sender = (__u8)family,
						   .seq = guard->hindrance[family],
						   .ack = sw_admission_in(guard, family) });
}

static int renew(const struct sw_admission_watch *watch)
{
	struct sw_guard before, now;
	int err = sw_admission_renew(watch->tracker, &before, &now);

	for (int family = 0; !err && family < 2; family++)
		if (sw_admission_differs(&before, &now, family)) {
			sw_admission_say(&now, family);
			err = tell(watch->tracker, &now, family);
		}
	return err;
}

static int work(void *context, struct sw_next *next)
{
	struct sw_admission_watch *watch = context;
	bool told = watch->nft_fd >= 0 && sw_nft_changed(watch->nft_fd);
	bool had_proxy = watch->tracker->proxy;
	__u64 began = sw_monotonic_ns();
	int err = 0;

	if (told || began >= watch->renew_ns) {
		err = renew(watch);
		if (had_proxy || !watch->tracker->proxy) /* loading it happens once */
			next->from_ns = began + SHARE * (sw_monotonic_ns() - began);
		watch->renew_ns = began + PERIOD_NS;
	}
	next->by_ns = watch->renew_ns;
	return err;
}

struct sw_duty sw_admission_duty(struct sw_admission_watch *watch)
{
	return (struct sw_duty){
		.what = "follow what hinders guard",
		.fd = watch->nft_fd,
		.work = work,
		.context = watch,
	};
}
