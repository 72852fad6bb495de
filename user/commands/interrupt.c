// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The signals wake who sleeps or polls (no SA_RESTART).
 */
#include <signal.h>
#include <time.h>

#include <synward/types.h>

#include "commands/interrupt.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void sw_interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = on_signal }, hangup;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action,
		  NULL); /* a service that is restarted sends it to its readers, too */
	sigaction(SIGTERM, &action, NULL);
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN) /* nohup */
		sigaction(SIGHUP, &action, NULL);
}

bool sw_interrupted(void)
{
	return interrupted;
}

bool sw_interrupt_sleep(__u64 until_ns)
{
	struct timespec until = { .tv_sec = (time_t)(until_ns / SW_NS_PER_S),
				  .tv_nsec = (long)(until_ns % SW_NS_PER_S) };

	while (!interrupted && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
	return interrupted;
}
