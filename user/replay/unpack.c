// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A stream of stdio whose read function unpacks. Nothing is kept but the library's window, so that a
 * file that unpacks to a terabyte costs time, and neither memory nor disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "replay/unpack.h"
#include "text/report.h"

/* --- gzip ----------------------------------------------------------------------------------- */

static ssize_t gzip_read(void *cookie, char *to, size_t size)
{
	int got = gzread(cookie, to, size < 1 << 20 ? (unsigned int)size : 1 << 20), why = Z_OK;

	if (got > 0)
		return got;
	gzerror(cookie, &why);
	if (why == Z_OK || why == Z_STREAM_END)
		return 0;
	errno = why == Z_ERRNO ? errno : EBADMSG; /* a file that ends too early, too */
	return -1;
}

static int gzip_seek(void *cookie, off64_t *at, int whence)
{
	return *at == 0 && whence == SEEK_SET ? gzrewind(cookie) : -1;
}

static int gzip_close(void *cookie)
{
	return gzclose_r(cookie) == Z_OK ? 0 : EOF;
}

static FILE *gzip_open(int fd)
{
	static const cookie_io_functions_t functions = {
		.read = gzip_read,
		.seek = gzip_seek,
		.close = gzip_close,
	};
	gzFile file = gzdopen(fd, "rb");

	return file ? fopencookie(file, "r", functions) : NULL;
}

/* --- Zstandard ------------------------------------------------------------------------------ */

#define ZSTD_INPUT      (1 << 17)
#define ZSTD_WINDOW_LOG 27 /* 128 MiB, what the zstd program takes unasked */

struct zstd {
	int fd;
	ZSTD_DStream *stream;
	ZSTD_inBuffer in;
	size_t missing; /* 0: between frames */
	char bytes[ZSTD_INPUT];
};

/* More input. 0 at the end of the file, which may not lie within a frame; -1 and errno. */
static ssize_t zstd_fill(struct zstd *zstd)
{
	ssize_t got;

	do
		got = read(zstd->fd, zstd->bytes, sizeof(zstd->bytes));
	while (got < 0 && errno == EINTR);
	if (got == 0 && zstd->missing) {
		errno = EBADMSG;
		return -1;
	}
	zstd->in = (ZSTD_inBuffer){ zstd->bytes, got > 0 ? (size_t)got : 0, 0 };
	return got;
}

static ssize_t zstd_read(void *cookie, char *to, size_t size)
{
	ZSTD_outBuffer out = { to, size, 0 };
	struct zstd *zstd = cookie;

	while (out.pos == 0) {
		size_t before = zstd->in.pos;

		if (zstd->in.pos == zstd->in.size) {
			ssize_t got = zstd_fill(zstd);

			if (got <= 0)
				return got;
		}
		zstd->missing = ZSTD_decompressStream(zstd->stream, &out, &zstd->in);
		if (ZSTD_isError(zstd->missing) || (zstd->in.pos == before && !out.pos)) {
			errno = EBADMSG;
			return -1;
		}
	}
	return (ssize_t)out.pos;
}

static int zstd_seek(void *cookie, off64_t *at, int whence)
{
	struct zstd *zstd = cookie;

	if (*at || whence != SEEK_SET || lseek(zstd->fd, 0, SEEK_SET))
		return -1;
	ZSTD_DCtx_reset(zstd->stream, ZSTD_reset_session_only);
	zstd->in = (ZSTD_inBuffer){};
	zstd->missing = 0;
	return 0;
}

static int zstd_close(void *cookie)
{
	struct zstd *zstd = cookie;

	close(zstd->fd);
	ZSTD_freeDStream(zstd->stream);
	free(zstd);
	return 0;
}

static FILE *zstd_open(int fd)
{
	static const cookie_io_functions_t functions = {
		.read = zstd_read,
		.seek = zstd_seek,
		.close = zstd_close,
	};
	struct zstd *zstd = calloc(1, sizeof(*zstd));

	if (!zstd)
		return NULL;
	zstd->fd = fd;
	zstd->stream = ZSTD_createDStream();
	if (zstd->stream)
		ZSTD_DCtx_setParameter(zstd->stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	return zstd->stream ? fopencookie(zstd, "r", functions) : NULL;
}

/* --- Which ---------------------------------------------------------------------------------- */

static FILE *plain_open(int fd)
{
	return fdopen(fd, "r");
}

static const struct packer {
	const char *magic, *name;
	size_t bytes;
	FILE *(*open)(int fd); /* NULL: it is only known */
} packers[] = {
	{ "\x1f\x8b", "gzip", 2, gzip_open },
	{ "\x28\xb5\x2f\xfd", "zstd", 4, zstd_open },
	{ "\xfd"
	  "7zXZ",
	  "xz", 5, NULL },
	{ "BZh", "bzip2", 3, NULL },
	{ "\x04\x22\x4d\x18", "lz4", 4, NULL },
	{ "PK\x03\x04", "zip", 4, NULL },
	{ "7z\xbc\xaf", "7z", 4, NULL },
};

static const struct packer *packer_of(int fd)
{
	char magic[8] = {};
	ssize_t got = pread(fd, magic, sizeof(magic), 0);

	for (size_t i = 0; got > 0 && i < sizeof(packers) / sizeof(packers[0]); i++)
		if (!memcmp(magic, packers[i].magic, packers[i].bytes))
			return &packers[i];
	return NULL;
}

FILE *sw_unpack(int fd, const char *name, const char **by)
{
	const struct packer *packer = packer_of(fd);
	FILE *file;

	*by = packer ? packer->name : NULL;
	if (packer && !packer->open) {
		sw_fail(0, "Unpack it, and give what comes out as `synward replay -`",
			"read %s: it is compressed by %s", name, packer->name);
		close(fd);
		return NULL;
	}
	file = packer ? packer->open(fd) : plain_open(fd);
	if (!file) {
		sw_fail(-ENOMEM, NULL, "unpack %s", name);
		close(fd);
	}
	return file;
}
