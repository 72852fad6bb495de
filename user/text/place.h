/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where what is being read stands: the command line, or a line of a file. Who refuses it says so, by the
 * same words in both.
 */
#ifndef SYNWARD_PLACE_H
#define SYNWARD_PLACE_H

#define SW_PLACE_TEXT 300

/* From here on that line of the file is read; NULL: the command line again. */
void sw_place_set(const char *file, unsigned int line);

/* "synward.conf:12: "; "" on the command line. */
const char *sw_place(char text[SW_PLACE_TEXT]);

/* What stands before an option's name there: "--", or "" in a file. */
const char *sw_place_dashes(void);

#endif
