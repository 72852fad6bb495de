// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Unit tests: no root, no kernel. With CMOCKA_MESSAGE_OUTPUT=TAP the output is TAP. With BLIND, see
 * test_proof_blind.c, in the environment these alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

int main(void)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getenv("BLIND"))
		return test_proof_blind() ? 1 : 0;
	failed += test_command_line();
	failed += test_options();
	failed += test_port_list();
	failed += test_client_list();
	failed += test_run_config();
	failed += test_findings();
	failed += test_due_wheel();
	failed += test_flow_table();
	failed += test_flow_maps();
	failed += test_names();
	failed += test_values();
	failed += test_key_file();
	failed += test_keys();
	failed += test_model();
	failed += test_numbers();
	failed += test_holes();
	failed += test_proof_unseen();
	failed += test_proof_loss();
	failed += test_proof_forged();
	failed += test_proof_blind();
	failed += test_proof_mirror();
	failed += test_parse();
	failed += test_prediction();
	failed += test_service();
	failed += test_time_wait();
	failed += test_siphash();
	failed += test_translate();
	failed += test_cookie();
	failed += test_reply();
	failed += test_listener();
	failed += test_local();
	failed += test_martian();
	failed += test_guard();
	failed += test_pressure();
	failed += test_retreat();
	failed += test_keys_in_force();
	failed += test_loop();
	failed += test_nft();
	failed += test_nft_rule();
	failed += test_vectors();
	return failed ? 1 : 0;
}
