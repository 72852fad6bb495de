/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A capture file, read frame by frame: pcap in all its flavours by libpcap, pcapng by pcapng.c,
 * either of them compressed or not. Every frame comes out as unwrap.c leaves it.
 */
#ifndef SYNWARD_REPLAY_CAPTURE_H
#define SYNWARD_REPLAY_CAPTURE_H

#include "replay/pcapng.h"
#include "replay/unwrap.h"

/* Where the capture is, in a form that can be opened again: a pipe has been copied to a file. */
struct sw_capture_source {
	const char *name; /* for people */
	char path[4096];
	int copy; /* file descriptor of an unnamed temporary file, or -1 */
};

/* "-" is standard input. 0 or -errno, reported. */
int sw_capture_locate(struct sw_capture_source *source, const char *path);
void sw_capture_forget(struct sw_capture_source *source);

/* No more TCP segments than this are in it, by its size; `most` where that says nothing: it is compressed. */
__u32 sw_capture_segments_at_most(const struct sw_capture_source *source, __u32 most);

#define SW_CAPTURE_ERROR_MAX 256

struct pcap; /* libpcap's header and <linux/bpf.h> don't go together */

struct sw_capture {
	const struct sw_capture_source *source;
	FILE *file; /* unpacked, if it was compressed ... */
	const char *packer; /* ... by this program, else NULL */
	int fd; /* of what is on the disk */
	__u64 size; /* of that */
	struct pcap *pcap; /* a pcap, or ... */
	struct sw_pcapng ng; /* ... a pcapng */
	__u64 number; /* of the last frame */
	char error[SW_CAPTURE_ERROR_MAX]; /* why sw_capture_next() failed */
	struct sw_unwrapper unwrapper;
};

/* 0 or -errno, reported. */
int sw_capture_open(struct sw_capture *capture, const struct sw_capture_source *source);

/* 1 a frame, 0 the end, -EIO: what follows can't be read, and capture->error says why. */
int sw_capture_next(struct sw_capture *capture, struct sw_frame *frame);

/* How much of it has been read, in percent. */
unsigned int sw_capture_percent(const struct sw_capture *capture);

void sw_capture_close(struct sw_capture *capture);

#endif
