/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Key files: the keys that the hosts of a fleet share, on disk. A file that others could read is not
 * taken, and none is ever made.
 */
#ifndef SYNWARD_USER_KEY_FILE_H
#define SYNWARD_USER_KEY_FILE_H

#include "guard/key_text.h"

/*
 * A regular file, through symbolic links or not, of root's or of who runs this, that nobody else has
 * access to. 0 or -errno, reported with the line and the reason; *file is then all zeros.
 */
int sw_key_file_read(const char *path, struct sw_key_file *file);

/* Makes the file, mode 0600; one that is there stays as it is. 0 or -errno, reported. */
int sw_key_file_write_new(const char *path, const struct sw_key_file *file);

/* Who opens the file meanwhile sees the old keys or the new ones. 0 or -errno, reported. */
int sw_key_file_replace(const char *path, const struct sw_key_file *file);

#endif
