// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A renewal has two steps. First the generation not in use is emptied; from then on the data path
 * sets in it what it expects. A little later, when all that passed before has its socket or never will,
 * the kernel's list is read into it, and it comes into use.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/sockets.h"
#include "host/clock.h"
#include "text/report.h"
#include "synward.skel.h"

#define PERIOD_NS (5 * SW_NS_PER_S)
#define SETTLE_NS (250 * SW_NS_PER_MS) /* from the driver to a socket, backlogs included */

struct sw_sockets {
	const struct sw_tracker *tracker;
	struct bpf_link *list; /* NULL: not needed yet, or the kernel has none */
	__u32 in_use; /* as in sw_sockets_now */
	bool emptied;
};

static int write_in_use(struct sw_sockets *sockets, __u32 in_use)
{
	int err = sw_sockets_now_write(&sockets->tracker->maps, in_use);

	if (!err)
		sockets->in_use = in_use;
	return err;
}

int sw_sockets_open(struct sw_sockets **sockets, const struct sw_tracker *tracker)
{
	struct sw_sockets *new = calloc(1, sizeof(*new));

	*sockets = new;
	if (!new)
		return sw_fail(-ENOMEM, NULL, "set up the list of sockets");
	new->tracker = tracker;
	new->in_use = SW_SOCKETS_NOT_READY; /* so the tracker left it when it started */
	return 0;
}

void sw_sockets_close(struct sw_sockets *sockets)
{
	if (!sockets)
		return;
	bpf_link__destroy(sockets->list);
	free(sockets);
}

/* Which of the two is not in use. */
static __u32 other(const struct sw_sockets *sockets)
{
	return sockets->in_use == 1;
}

static int empty_other(struct sw_sockets *sockets)
{
	static const struct sw_socket_bits none;
	__u32 key = other(sockets);
	int fd = sw_maps_fd(&sockets->tracker->maps, "sw_sockets");

	return bpf_map_update_elem(fd, &key, &none, 0) ? -errno : 0;
}

/* Reading the list runs the program on every socket; it writes nothing. */
static int read_list(const struct sw_sockets *sockets)
{
	int fd = bpf_iter_create(bpf_link__fd(sockets->list)), err;
	char nothing[64];

	if (fd < 0)
		return -errno;
	while ((err = (int)read(fd, nothing, sizeof(nothing))) > 0 || (err < 0 && errno == EAGAIN))
		;
	err = err < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* Guard, and with it the program, may have come after the start. */
static bool has_list(struct sw_sockets *sockets)
{
	const struct bpf_program *program =
		sw_tracker_programs(sockets->tracker)->progs.synward_sockets;

	if (!sockets->list && bpf_program__autoload(program))
		sockets->list = bpf_program__attach_iter(program, NULL);
	return sockets->list;
}

/* The next step, and the time until the one after it. */
static int renew(struct sw_sockets *sockets, __u64 *pause_ns)
{
	int err;

	*pause_ns = PERIOD_NS;
	if (!sw_maps_guarded(&sockets->tracker->maps) || !has_list(sockets))
		return sockets->in_use ? write_in_use(sockets, SW_SOCKETS_NOT_READY) : 0;
	if (!sockets->emptied) {
		err = empty_other(sockets);
		*pause_ns = SETTLE_NS;
	} else {
		err = read_list(sockets) ?: write_in_use(sockets, other(sockets) + 1);
	}
	sockets->emptied = !err && !sockets->emptied;
	return err;
}

static int work(void *context, struct sw_next *next)
{
	__u64 now = sw_monotonic_ns(), pause_ns;
	int err = renew(context, &pause_ns);

	next->from_ns = next->by_ns = now + pause_ns;
	return err;
}

struct sw_duty sw_sockets_duty(struct sw_sockets *sockets)
{
	return (struct sw_duty){
		.what = "list the sockets",
		.fd = -1,
		.work = work,
		.context = sockets,
	};
}
