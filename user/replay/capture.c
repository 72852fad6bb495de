// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Opening and reading captures. One that can't be read twice (a pipe) is first copied to a
 * temporary file without a name, since checksums and ladders may take a second look.
 */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <synward/wire.h>

#include "replay/capture.h"
#include "replay/link.h"
#include "replay/unpack.h"
#include "text/report.h"

#define READ_AHEAD (1 << 18)

/* A frame whose length on the wire is beyond this has a wrong one. */
#define LENGTH_MAX (1U << 30)

_Static_assert(SW_CAPTURE_ERROR_MAX >= PCAP_ERRBUF_SIZE, "libpcap's messages fit");

static const char file_hint[] = "A pcap or pcapng file is wanted, such as tcpdump -w writes";

/* --- Where it is ---------------------------------------------------------------------------- */

static int open_temporary(void)
{
	const char *folder = getenv("TMPDIR") ?: "/tmp";
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? sw_fail(-errno, NULL, "make a temporary file in %s", folder) : fd;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			bytes += done;
			length -= done;
		}
	}
	return 0;
}

static int copy_all(int from, int to)
{
	static char buffer[1 << 16];
	ssize_t got = 1;
	int err = 0;

	while (!err && got) {
		got = read(from, buffer, sizeof(buffer));
		if (got > 0)
			err = write_all(to, buffer, got);
		else if (got < 0 && errno != EINTR)
			err = -errno;
	}
	return err;
}

static int copy_pipe(struct sw_capture_source *source, int pipe)
{
	int err;

	source->copy = open_temporary();
	if (source->copy < 0)
		return source->copy;
	err = copy_all(pipe, source->copy);
	if (err)
		return sw_fail(err, NULL, "copy %s to a temporary file", source->name);
	snprintf(source->path, sizeof(source->path), "/proc/self/fd/%d", source->copy);
	return 0;
}

int sw_capture_locate(struct sw_capture_source *source, const char *path)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat status;

	source->copy = -1;
	source->name = standard ? "standard input" : path;
	if (fd < 0 || fstat(fd, &status))
		err = sw_fail(-errno, NULL, "open %s", source->name);
	else if (S_ISDIR(status.st_mode))
		err = sw_fail(-EISDIR, file_hint, "read %s", source->name);
	else if (standard || !S_ISREG(status.st_mode))
		err = copy_pipe(source, fd);
	else
		snprintf(source->path, sizeof(source->path), "%s", path);
	if (!standard && fd >= 0)
		close(fd);
	return err;
}

void sw_capture_forget(struct sw_capture_source *source)
{
	if (source->copy >= 0)
		close(source->copy);
}

/* --- Reading -------------------------------------------------------------------------------- */

/* A compressed file that can't be read on is damaged; says so in place of what the reader found. */
static void blame_packer(struct sw_capture *capture)
{
	if (capture->packer && ferror(capture->file))
		snprintf(capture->error, sizeof(capture->error),
			 "it is compressed by %s, and damaged or cut", capture->packer);
}

static int open_pcap(struct sw_capture *capture)
{
	int link;

	capture->pcap = pcap_fopen_offline_with_tstamp_precision(
		capture->file, PCAP_TSTAMP_PRECISION_NANO, capture->error);
	blame_packer(capture);
	if (!capture->pcap)
		return sw_fail(0, file_hint, "read %s: %s", capture->source->name, capture->error);
	link = pcap_datalink(capture->pcap);
	if (!sw_link_known(link))
		return sw_fail(0, NULL, "read %s: its link type %d (%s) is not %s",
			       capture->source->name, link,
			       pcap_datalink_val_to_name(link) ?: "unknown", sw_link_names);
	return 0;
}

static int open_by_magic(struct sw_capture *capture)
{
	__u32 magic = 0;
	size_t got = fread(&magic, 1, sizeof(magic), capture->file);

	blame_packer(capture);
	if (*capture->error)
		return sw_fail(0, NULL, "read %s: %s", capture->source->name, capture->error);
	if (ferror(capture->file))
		return sw_fail(-EIO, NULL, "read %s", capture->source->name);
	if (got == 0)
		return sw_fail(0, file_hint, "read %s: it is empty", capture->source->name);
	rewind(capture->file);
	if (magic != SW_PCAPNG_MAGIC)
		return open_pcap(capture);
	capture->ng.file = capture->file;
	return 0;
}

#define SEGMENT_BYTES_MIN \
	(16 + SW_IPV4_HEADER + SW_TCP_HEADER) /* the record's header, and no link layer */

__u32 sw_capture_segments_at_most(const struct sw_capture_source *source, __u32 most)
{
	static const __u32 plain[] = { 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a };
	int fd = open(source->path, O_RDONLY | O_CLOEXEC);
	struct stat status = {};
	__u32 magic = 0, segments = most;

	if (fd >= 0 && !fstat(fd, &status) && pread(fd, &magic, 4, 0) == 4)
		for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
			if (magic == plain[i] && status.st_size / SEGMENT_BYTES_MIN < most)
				segments = (__u32)(status.st_size / SEGMENT_BYTES_MIN) + 1;
	if (fd >= 0)
		close(fd);
	return segments;
}

int sw_capture_open(struct sw_capture *capture, const struct sw_capture_source *source)
{
	struct stat status;
	int err;

	capture->source = source;
	capture->fd = open(source->path, O_RDONLY | O_CLOEXEC);
	if (capture->fd < 0 || fstat(capture->fd, &status)) {
		err = sw_fail(-errno, NULL, "open %s", source->name);
		if (capture->fd >= 0)
			close(capture->fd);
		return err;
	}
	capture->size = status.st_size;
	capture->file = sw_unpack(capture->fd, source->name, &capture->packer);
	if (!capture->file)
		return -EINVAL;
	setvbuf(capture->file, NULL, _IOFBF, READ_AHEAD);
	err = open_by_magic(capture);
	if (err)
		sw_capture_close(capture);
	return err;
}

void sw_capture_close(struct sw_capture *capture)
{
	sw_pcapng_free(&capture->ng);
	sw_unwrapper_free(&capture->unwrapper);
	if (capture->pcap)
		pcap_close(capture->pcap); /* and the file */
	else if (capture->file)
		fclose(capture->file);
	capture->pcap = NULL;
	capture->file = NULL;
}

unsigned int sw_capture_percent(const struct sw_capture *capture)
{
	off_t at = lseek(capture->fd, 0, SEEK_CUR);

	return capture->size && at >= 0 ? (unsigned int)((__u64)at * 100 / capture->size) : 100;
}

/* A packet of a pcap file, in the terms of a pcapng. Times are in nanoseconds. */
static int next_of_pcap(struct sw_capture *capture, struct sw_pcapng_packet *packet)
{
	struct pcap_pkthdr *header;
	int got = pcap_next_ex(capture->pcap, &header, &packet->bytes);

	if (got == PCAP_ERROR_BREAK)
		return 0;
	if (got != 1) {
		snprintf(capture->error, sizeof(capture->error), "%s", pcap_geterr(capture->pcap));
		return -EIO;
	}
	packet->captured = header->caplen;
	packet->length = header->len;
	/* The file's seconds are unsigned, libpcap's are not. */
	packet->time_ns = (__s64)(__u32)header->ts.tv_sec * 1000000000LL + header->ts.tv_usec;
	packet->link = pcap_datalink(capture->pcap);
	return 1;
}

static int next_of_pcapng(struct sw_capture *capture, struct sw_pcapng_packet *packet)
{
	int got = sw_pcapng_next(&capture->ng, packet);

	if (got < 0)
		snprintf(capture->error, sizeof(capture->error), "%s", capture->ng.error);
	return got;
}

int sw_capture_next(struct sw_capture *capture, struct sw_frame *frame)
{
	struct sw_pcapng_packet packet = {};
	int got = capture->pcap ? next_of_pcap(capture, &packet) : next_of_pcapng(capture, &packet);

	if (got < 0)
		blame_packer(capture);
	if (got <= 0)
		return got;
	*frame = (struct sw_frame){
		.number = ++capture->number,
		.time_ns = packet.time_ns,
		.bytes = packet.bytes,
		.captured = packet.captured,
		.length = packet.length,
		.link = packet.link,
	};
	if (frame->length < frame->captured || frame->length > LENGTH_MAX)
		frame->length = frame->captured;
	sw_unwrap(&capture->unwrapper, frame);
	return 1;
}
