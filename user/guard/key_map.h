/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which keys are in force: written into the map sw_keys.
 */
#ifndef SYNWARD_USER_KEY_MAP_H
#define SYNWARD_USER_KEY_MAP_H

/*
 * With a key file, those of the file, as far as cookies on their way allow (sw_keys_merge()); without
 * (NULL), those that are there, and where there are none, new ones. 0 or -errno, reported; the keys in
 * force then stay.
 */
int sw_keys_put(int keys_fd, const char *key_file);

#endif
