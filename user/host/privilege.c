// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * CAP_NET_ADMIN attaches; CAP_SYS_ADMIN opens programs and maps by id, which is how synward finds
 * itself without pins. Asked first, so that the answer is one line and not the first failing call.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/privilege.h"
#include "text/report.h"

static bool has(const struct __user_cap_data_struct *data, int capability)
{
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

bool sw_has_privilege(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return !syscall(SYS_capget, &header, data) && has(data, CAP_SYS_ADMIN) &&
	       has(data, CAP_NET_ADMIN);
}

int sw_need_privilege(void)
{
	if (sw_has_privilege())
		return 0;
	return sw_fail(-EPERM, "Run it as root", "use BPF without CAP_SYS_ADMIN and CAP_NET_ADMIN");
}
