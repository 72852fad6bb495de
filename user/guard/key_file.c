// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is checked of a key file is checked on the opened one, so that it can't be exchanged in
 * between. Buffers that held a key are cleared.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/key_file.h"
#include "text/report.h"

/* --- Reading -------------------------------------------------------------------------------- */

static int check_access(int fd, const char *path)
{
	struct stat info;

	if (fstat(fd, &info))
		return sw_fail(-errno, NULL, "read the key file %s", path);
	if (!S_ISREG(info.st_mode))
		return sw_fail(0, NULL, "read the key file %s: it is not a regular file", path);
	if (info.st_uid && info.st_uid != geteuid())
		return sw_fail(0, NULL,
			       "read the key file %s: it belongs to user %u, who is neither root "
			       "nor runs this; `chown %u %s`",
			       path, info.st_uid, geteuid(), path);
	if (info.st_mode & 077)
		return sw_fail(0, NULL,
			       "read the key file %s: others have access to it, its mode is %04o; "
			       "`chmod 600 %s`",
			       path, info.st_mode & 07777, path);
	return 0;
}

/* Up to `size` bytes. How many, or -errno. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t got = 0;
	ssize_t more = 1;

	while (more && got < size) {
		more = read(fd, text + got, size - got);
		if (more < 0 && errno != EINTR)
			return -errno;
		if (more > 0)
			got += (size_t)more;
	}
	return (ssize_t)got;
}

static int parse(const char *path, const char *text, size_t size, struct sw_key_file *file)
{
	struct sw_key_error error;

	if (size > SW_KEY_TEXT_MAX)
		return sw_fail(0, NULL, "read the key file %s: it is larger than %d bytes", path,
			       SW_KEY_TEXT_MAX);
	if (!sw_key_text_parse(text, size, file, &error))
		return 0;
	if (error.line)
		return sw_fail(0, NULL, "read the key file %s: line %u: %s", path, error.line,
			       error.reason);
	return sw_fail(0, NULL, "read the key file %s: %s", path, error.reason);
}

int sw_key_file_read(const char *path, struct sw_key_file *file)
{
	char text[SW_KEY_TEXT_MAX + 1];
	/* without O_NONBLOCK a FIFO would keep us waiting for its writer */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	ssize_t size = 0;

	if (fd < 0) {
		err = sw_fail(-errno, NULL, "read the key file %s", path);
		goto out;
	}
	err = check_access(fd, path);
	if (err)
		goto out;
	size = read_all(fd, text, sizeof(text));
	if (size < 0)
		err = sw_fail((int)size, NULL, "read the key file %s", path);
	else
		err = parse(path, text, (size_t)size, file);
out:
	if (fd >= 0)
		close(fd);
	if (err)
		explicit_bzero(file, sizeof(*file));
	explicit_bzero(text, sizeof(text));
	return err;
}

/* --- Writing -------------------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t done = write(fd, text, size);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			text += done;
			size -= (size_t)done;
		}
	}
	return 0;
}

/* Fills the new, empty file and closes it. The mode it was opened with has lost the umask's bits. */
static int fill(int fd, const struct sw_key_file *file)
{
	char text[SW_KEY_TEXT_MAX];
	size_t size = sw_key_text_format(file, text);
	int err = fchmod(fd, 0600) ? -errno : write_all(fd, text, size);

	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	explicit_bzero(text, sizeof(text));
	return err;
}

/* The name lasts once its folder is on disk. Some file systems can't say so: no failure. */
static void sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int sw_key_file_write_new(const char *path, const struct sw_key_file *file)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return sw_fail(-errno, NULL, "make the key file %s", path);
	err = fill(fd, file);
	if (err) {
		unlink(path);
		return sw_fail(err, NULL, "write the key file %s", path);
	}
	sync_folder(path);
	return 0;
}

/* `real` is no link: so what a link points to is replaced, and not the link. */
static int replace(const char *real, const struct sw_key_file *file)
{
	char beside[PATH_MAX + 8];
	int fd, err;

	snprintf(beside, sizeof(beside), "%s.XXXXXX", real);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fill(fd, file);
	if (!err && rename(beside, real))
		err = -errno;
	if (err)
		unlink(beside);
	else
		sync_folder(real);
	return err;
}

int sw_key_file_replace(const char *path, const struct sw_key_file *file)
{
	char real[PATH_MAX];
	int err = realpath(path, real) ? replace(real, file) : -errno;

	return err ? sw_fail(err, NULL, "replace the key file %s", path) : 0;
}
