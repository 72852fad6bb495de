/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What synward says on stderr, and how it says that something went wrong: one line each, with --json
 * one object each. Who finds an error reports it, once; everybody above passes the number on in
 * silence.
 */
#ifndef SYNWARD_REPORT_H
#define SYNWARD_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes over what libbpf and libxdp say; `aloud`: it goes to stderr, too. Call it before their first
 * use.
 */
void sw_report_libraries(bool aloud);

/*
 * The last warning of a library, or NULL; for hints. sw_library_forget() before the calls it is
 * about.
 */
const char *sw_library_said(void);
void sw_library_forget(void);

/*
 * Says "Couldn't <what>: <why>. <hint>" in one line; why is strerror(-err), left out if err is 0;
 * hint may be NULL. As JSON {"error":...,"hint":...}. Returns err, or -EINVAL if that is 0.
 */
int sw_fail(int err, const char *hint, const char *what, ...) __attribute__((format(printf, 3, 4)));

/* Says why the command line can't be taken. Returns -EINVAL. */
int sw_misuse(const char *why, ...) __attribute__((format(printf, 1, 2)));

/*
 * Errors and talk go into this text, the last stays, until it is NULL again: for who has the terminal for
 * something else.
 */
void sw_report_into(char *text, size_t size);

/* One line of talk; as JSON {"message":...}. */
void sw_say(const char *what, ...) __attribute__((format(printf, 1, 2)));

#endif
