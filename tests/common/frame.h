/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Frames: read with the parser under test, or built from a segment without it.
 */
#ifndef SYNWARD_TESTS_FRAME_H
#define SYNWARD_TESTS_FRAME_H

#include <synward/parse.h>

/* A frame, and what must be read from it; written by make_golden. */
struct golden {
	const char *name;
	const __u8 *bytes;
	size_t size;
	enum sw_counter stop; /* SW_NONE: it holds the segment below */
	__u8 from[16], to[16];
	__u16 from_port, to_port;
	__u32 seq, ack, length;
	__u16 window;
	__u8 flags, wscale;
	bool has_wscale, has_tsval, sack_ok;
	bool whole; /* the IP header gives no length: the frame's counts */
	bool late; /* neither SYN nor FIN: its options are read only when asked for */
	__u32 tsval, tsecr;
	__u16 mss;
};

/*
 * Parses the frame as the programs do. `size` bytes are in hand, of `wire` on the wire. They are
 * copied to memory of exactly that size, so that a sanitizer sees a read beyond.
 */
enum sw_counter frame_parse(const __u8 *bytes, size_t size, size_t wire,
			    struct sw_segment *segment);

/* The same, and the options of any segment. */
enum sw_counter frame_parse_options(const __u8 *bytes, size_t size, size_t wire,
				    struct sw_segment *segment);

/* NULL, or which field differs from what the frame holds; the options of a late one if they were asked for. */
const char *golden_differs(const struct golden *golden, const struct sw_segment *segment);
const char *golden_options_differ(const struct golden *golden, const struct sw_segment *segment);

#define FRAME_MAX 16384

/*
 * A whole valid frame that holds the segment, checksums and all. The payload is a pattern. MSS,
 * SACK, window scale and timestamp become options. Returns its size.
 */
size_t frame_build(const struct sw_segment *segment, __u8 *frame);

/* Its checksums, after something has changed in it. No IP options, no extension headers; padding is none of it. */
void frame_mend(__u8 *frame, size_t size);

#endif
