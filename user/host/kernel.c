// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Asks the kernel's BTF for a function, and /proc/sys for numbers.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/kernel.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

/* The whole file, NULL if there is none; free it. */
static char *read_btf(size_t *size)
{
	struct stat about = {};
	FILE *file = fopen(BTF_PATH, "re");
	char *bytes = NULL;

	if (file && !fstat(fileno(file), &about))
		bytes = malloc(about.st_size);
	if (bytes)
		*size = fread(bytes, 1, about.st_size, file);
	if (file)
		fclose(file);
	return bytes;
}

/*
 * Whether the kernel's BTF has the name: a string of its own, with the NULs around it. libbpf's parser
 * takes ten times as long, and every start of synward would wait for it.
 */
static bool has_name(const char *bytes, size_t size, const char *name)
{
	char string[64];
	int length = snprintf(string, sizeof(string), "%c%s", '\0', name) + 1;

	return bytes && memmem(bytes, size, string, length);
}

static const struct abilities {
	bool assigns_requests, lists_sockets;
} * ask(void)
{
	static struct abilities known;
	static bool asked;
	size_t size = 0;
	char *bytes;

	if (asked)
		return &known;
	bytes = read_btf(&size);
	known.assigns_requests = has_name(bytes, size, "bpf_sk_assign_tcp_reqsk");
	known.lists_sockets = has_name(bytes, size, "bpf_iter_tcp");
	asked = true;
	free(bytes);
	return &known;
}

bool sw_kernel_assigns_requests(void)
{
	return ask()->assigns_requests;
}

bool sw_kernel_lists_sockets(void)
{
	return ask()->lists_sockets;
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
