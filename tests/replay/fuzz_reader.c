// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A fuzzer of replay's reader: captures are mutated in memory and read as replay reads them, frame
 * by frame, link layer, headers and checksum. Every frame is copied to memory of its own size, so
 * that a sanitizer sees a read beyond it. Takes seconds, a seed and captures to begin with; ends
 * with a line that says what was done. A fault is the sanitizers' to report.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "replay/capture.h"
#include "replay/checksum.h"
#include "replay/kinds.h"
#include "replay/senders.h"
#include "text/report.h"

#define FILE_MAX 65536

static __u64 state;

static __u32 any(__u32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (__u32)((state >> 16) % below) : 0;
}

/* The reader's errors are expected here, and silent. */
int sw_fail(int err, const char *hint, const char *what, ...)
{
	(void)hint;
	(void)what;
	return err ?: -EINVAL;
}

int sw_misuse(const char *why, ...)
{
	(void)why;
	return -EINVAL;
}

void sw_say(const char *what, ...)
{
	(void)what;
}

struct bytes {
	size_t length;
	__u8 at[FILE_MAX];
};

static int load(struct bytes *bytes, const char *path)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		return -errno;
	bytes->length = fread(bytes->at, 1, FILE_MAX, file);
	fclose(file);
	return 0;
}

/* A word that is likely to be a length, in either byte order. */
static void put_word(struct bytes *bytes)
{
	static const __u32 words[] = { 0,  1,  4,    8,      12,         13,
				       14, 20, 0xff, 0xffff, 0x7fffffff, 0xffffffff };
	__u32 word = words[any(sizeof(words) / sizeof(words[0]))];

	if (any(2))
		word = __builtin_bswap32(word);
	if (bytes->length >= sizeof(word))
		memcpy(bytes->at + any((__u32)(bytes->length - sizeof(word) + 1)), &word,
		       sizeof(word));
}

/* Takes a piece out, or puts it in once more behind itself. */
static void move_piece(struct bytes *bytes)
{
	__u32 from = any((__u32)bytes->length + 1);
	__u32 size = any((__u32)(bytes->length - from) + 1);

	if (any(2) && bytes->length + size <= FILE_MAX) {
		memmove(bytes->at + from + size, bytes->at + from, bytes->length - from);
		bytes->length += size;
	} else {
		memmove(bytes->at + from, bytes->at + from + size, bytes->length - from - size);
		bytes->length -= size;
	}
}

static void mutate(struct bytes *bytes)
{
	for (__u32 left = 1 + any(8); left && bytes->length; left--) {
		switch (any(8)) {
		case 0:
			move_piece(bytes);
			break;
		case 1:
			bytes->length = any((__u32)bytes->length + 1);
			break;
		case 2:
		case 3:
			put_word(bytes);
			break;
		default:
			bytes->at[any((__u32)bytes->length)] ^= (__u8)(1U << any(8));
		}
	}
}

static void read_frame(const struct sw_frame *frame)
{
	__u8 *copy = malloc(frame->captured ? frame->captured : 1);
	struct sw_frame alone = *frame;
	struct sw_cursor cursor = { .base = copy,
				    .end = copy + frame->captured,
				    .wire_length = frame->length };
	static struct sw_kinds kinds;
	struct sw_segment segment = {};
	struct sw_packet packet = {};

	if (!copy)
		abort();
	memcpy(copy, frame->bytes, frame->captured);
	alone.bytes = copy;
	if (!sw_parse_network(&cursor, &packet) &&
	    !sw_parse_transport(&cursor, &packet, &segment)) {
		sw_checksum_of(&alone, &packet);
		sw_decode_options(&segment);
	}
	sw_kinds_note(&kinds, &alone);
	free(copy);
}

static __u64 read_capture(const struct sw_capture_source *source)
{
	static struct sw_senders senders;
	static struct sw_capture capture;
	struct sw_frame frame;
	__u64 frames = 0;

	memset(&capture, 0, sizeof(capture));
	if (sw_capture_open(&capture, source))
		return 0;
	for (; sw_capture_next(&capture, &frame) > 0; frames++)
		read_frame(&frame);
	sw_capture_percent(&capture);
	sw_capture_close(&capture);
	if (any(16) == 0)
		sw_senders_survey(&senders, source);
	sw_senders_free(&senders);
	return frames;
}

int main(int argc, char **argv)
{
	static struct bytes bytes;
	struct sw_capture_source source = { .name = "fuzz", .copy = memfd_create("fuzz", 0) };
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 0);
	__u64 captures = 0, frames = 0;

	if (argc < 4)
		return 2;
	state = strtoull(argv[2], NULL, 10) * 2654435761U + 1;
	snprintf(source.path, sizeof(source.path), "/proc/self/fd/%d", source.copy);
	for (; time(NULL) < end; captures++) {
		if (load(&bytes, argv[3 + any((__u32)argc - 3)]))
			return 1;
		mutate(&bytes);
		if (ftruncate(source.copy, 0) ||
		    pwrite(source.copy, bytes.at, bytes.length, 0) != (ssize_t)bytes.length)
			return 1;
		frames += read_capture(&source);
	}
	printf("%llu captures, %llu frames\n", captures, frames);
	return 0;
}
