/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How deep programs call. A kernel adds up the stacks of functions that call each other, and grants 512 bytes; Linux 6.1
 * rounds each up to 32 bytes before. What loads here need not load there.
 */
#ifndef SYNWARD_TESTS_STACK_H
#define SYNWARD_TESTS_STACK_H

struct bpf_object;

/* Before it is loaded: the verifier is to tell the depths. */
void stack_watch(const struct bpf_object *object);

/* When it is: no chain of calls needs more than Linux 6.1 grants. */
void stack_expect_granted(const struct bpf_object *object);

#endif
