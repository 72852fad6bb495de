/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A capture file, read frame by frame: pcap in all its flavours by libpcap, pcapng by
 * replay_pcapng.c. Every frame comes out as Ethernet, whatever its link layer was.
 */
#ifndef SYNWARD_REPLAY_CAPTURE_H
#define SYNWARD_REPLAY_CAPTURE_H

#include "replay/link.h"
#include "replay/pcapng.h"

/* Where the capture is, in a form that can be opened again: a pipe has been copied to a file. */
struct sw_capture_source {
	const char *name; /* for people */
	char path[4096];
	int copy; /* file descriptor of an unnamed temporary file, or -1 */
};

/* "-" is standard input. 0 or -errno, reported. */
int sw_capture_locate(struct sw_capture_source *source, const char *path);
void sw_capture_forget(struct sw_capture_source *source);

struct sw_frame {
	__u64 number; /* in the capture, from 1 */
	__u64 time_ns; /* since the epoch */
	const __u8 *bytes; /* from its Ethernet header on; until the next frame */
	__u32 captured; /* bytes in hand; 0: its link layer is not known */
	__u32 length; /* bytes on the wire, `captured` at least */
};

#define SW_FRAME_MAX         262144
#define SW_CAPTURE_ERROR_MAX 256

struct pcap; /* libpcap's header and <linux/bpf.h> don't go together */

struct sw_capture {
	const struct sw_capture_source *source;
	FILE *file;
	__u64 size; /* of the file */
	struct pcap *pcap; /* a pcap, or ... */
	struct sw_pcapng ng; /* ... a pcapng */
	__u64 number; /* of the last frame */
	char error[SW_CAPTURE_ERROR_MAX]; /* why sw_capture_next() failed */
	__u8 rebuilt[SW_FRAME_MAX]; /* a frame that was not Ethernet */
};

/* 0 or -errno, reported. */
int sw_capture_open(struct sw_capture *capture, const struct sw_capture_source *source);

/* 1 a frame, 0 the end, -EIO: what follows can't be read, and capture->error says why. */
int sw_capture_next(struct sw_capture *capture, struct sw_frame *frame);

/* How much of it has been read, in percent. */
unsigned int sw_capture_percent(const struct sw_capture *capture);

void sw_capture_close(struct sw_capture *capture);

#endif
