// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Asks the kernel's BTF for a function, and /proc/sys for numbers.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/kernel.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

/* As many bytes of the file as it gives, into memory of its own; MAP_FAILED if there is none. */
static void *read_all(int fd, size_t size)
{
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t more = 1;

	for (size_t at = 0; bytes != MAP_FAILED && at < size && more > 0; at += more)
		more = read(fd, bytes + at, size - at);
	return bytes;
}

/* The whole file, NULL if there is none; munmap it. Reading it, a page at a time, takes thirty times as long. */
static char *map_btf(size_t *size)
{
	int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
	void *bytes = MAP_FAILED;
	struct stat about = {};

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &about) && about.st_size > 0) {
		*size = about.st_size;
		bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED) /* before Linux 6.16 */
			bytes = read_all(fd, *size);
	}
	close(fd);
	return bytes == MAP_FAILED ? NULL : bytes;
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
	bytes = map_btf(&size);
	known.assigns_requests = has_name(bytes, size, "bpf_sk_assign_tcp_reqsk");
	known.lists_sockets = has_name(bytes, size, "bpf_iter_tcp");
	asked = true;
	if (bytes)
		munmap(bytes, size);
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

enum sw_syncookies sw_syncookies_read(void)
{
	int value = sw_sysctl_read("net/ipv4/tcp_syncookies");

	if (value == SYNCOOKIES_ALWAYS)
		return SYNCOOKIES_ALWAYS;
	return value > 0 ? SYNCOOKIES_WHEN_FULL : SYNCOOKIES_NEVER;
}
