/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Compressed captures, unpacked while they are read: gzip by zlib, Zstandard by libzstd. What other
 * programs pack is known by name, and refused.
 */
#ifndef SYNWARD_REPLAY_UNPACK_H
#define SYNWARD_REPLAY_UNPACK_H

#include <stdio.h>

/*
 * The file behind `fd` as it was before it was compressed, or as it is. It can be rewound, and owns
 * the descriptor. NULL: it can't be read, and that has been reported with its name. *by is what
 * compressed it, NULL if nothing did: a file that it can't unpack fails while it is read.
 */
FILE *sw_unpack(int fd, const char *name, const char **by);

#endif
