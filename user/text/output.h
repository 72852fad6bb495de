/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * stdout has the data, and data that can't be written is an error.
 */
#ifndef SYNWARD_OUTPUT_H
#define SYNWARD_OUTPUT_H

/*
 * /dev/null where one of descriptors 0 to 2 is closed: else a map or a lock file would get its number,
 * and what is printed. Reading from it and printing to it fails, talk gets lost. 0 or -errno.
 */
int sw_output_open(void);

/* Writes what has been printed. 0 or the first -errno that there was, not reported. */
int sw_output_flush(void);

#endif
