// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Asks the kernel's BTF for a function, its verifier for a helper, and /proc/sys for numbers.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <stdio.h>

#include "host/kernel.h"

static bool ask_btf(const char *function)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool there = btf && btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return there;
}

bool sw_kernel_assigns_requests(void)
{
	static int known = -1;

	if (known < 0)
		known = ask_btf("bpf_sk_assign_tcp_reqsk");
	return known;
}

bool sw_kernel_lists_sockets(void)
{
	static int known = -1;

	if (known < 0)
		known = ask_btf("bpf_iter_tcp");
	return known;
}

int sw_sysctl_read(const char *name)
{
	char path[PATH_MAX];
	int value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}
