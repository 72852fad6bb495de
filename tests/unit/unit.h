/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The groups of unit tests. Each returns how many of its tests failed.
 */
#ifndef SYNWARD_TESTS_UNIT_H
#define SYNWARD_TESTS_UNIT_H

int test_client_list(void);
int test_command_line(void);
int test_options(void);
int test_findings(void);
int test_due_wheel(void);
int test_flow_table(void);
int test_flow_maps(void);
int test_key_file(void);
int test_keys(void);
int test_listener(void);
int test_local(void);
int test_cookie(void);
int test_guard(void);
int test_pressure(void);
int test_model(void);
int test_names(void);
int test_nft(void);
int test_nft_rule(void);
int test_numbers(void);
int test_holes(void);
int test_keys_in_force(void);
int test_loop(void);
int test_martian(void);
int test_parse(void);
int test_port_list(void);
int test_prediction(void);
int test_proof_blind(void);
int test_proof_forged(void);
int test_proof_loss(void);
int test_proof_mirror(void);
int test_proof_unseen(void);
int test_reply(void);
int test_retreat(void);
int test_run_config(void);
int test_service(void);
int test_time_wait(void);
int test_siphash(void);
int test_translate(void);
int test_values(void);
int test_vectors(void);

#endif
