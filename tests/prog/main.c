// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Program tests: the real object in the kernel, as root. With CMOCKA_MESSAGE_OUTPUT=TAP the output
 * is TAP.
 */
#include "harness.h"
#include "net.h"
#include "prog.h"

int main(void)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (net_enter() || harness_open(0, 0))
		return 1;
	failed += test_frames();
	failed += test_model();
	failed += test_maps();
	failed += test_sweep();
	failed += test_load();
	failed += test_races();
	failed += test_guard_syn();
	failed += test_guard_ack();
	failed += test_guard_auto();
	failed += test_guard_clients();
	failed += test_guard_bounds();
	failed += test_guard_sockets();
	failed += test_guard_shortcut();
	failed += test_guard_admit();
	failed += test_guard_unread();
	harness_close();
	return failed ? 1 : 0;
}
