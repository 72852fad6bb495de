// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a listener's SYN+ACK says of itself. That it is what Linux says, net/test_guard_listener.py shows.
 */
#include <synward/listener.h>

#include "check.h"
#include "unit.h"

static void scale_is_the_least_that_holds_the_window(void **state)
{
	static const struct {
		__u32 bytes;
		__u8 scale;
	} cases[] = { { 0, 0 },      { 65535, 0 },   { 65536, 1 },       { 131071, 1 },
		      { 131072, 2 }, { 6 << 20, 7 }, { 0x3fffffff, 14 }, { ~0U, 14 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(sw_scale_for(cases[i].bytes), cases[i].scale);
}

/* tcp_select_initial_window(): of the largest buffer there may be, and no more than is let grow. */
static void scale_is_the_host_s_unless_the_buffer_is_fixed(void **state)
{
	(void)state;
	assert_int_equal(sw_listener_wscale(7, 65536, 0), 7);
	assert_int_equal(sw_listener_wscale(7, 100 << 20, 0), 11);
	assert_int_equal(sw_listener_wscale(7, 65536, 65536), 1);
	assert_int_equal(sw_listener_wscale(7, 1 << 20, 1 << 20), 5);
	assert_int_equal(sw_listener_wscale(7, 65536, 1 << 30), 7);
	assert_int_equal(sw_listener_wscale(0, 1000, 1000), 0);
}

static void mss_is_the_listener_s_where_it_is_less(void **state)
{
	(void)state;
	assert_int_equal(sw_listener_mss(&(struct sw_manner){ .most_mss = 0 }, 1460), 1460);
	assert_int_equal(sw_listener_mss(&(struct sw_manner){ .most_mss = 1400 }, 1460), 1400);
	assert_int_equal(sw_listener_mss(&(struct sw_manner){ .most_mss = 1400 }, 1300), 1300);
}

static void window_is_of_whole_segments(void **state)
{
	static const struct {
		__u32 space;
		__u16 mss;
		bool timestamps;
		__u16 window;
	} cases[] = {
		{ 65536, 1460, true, 45 * 1448 }, { 65536, 1460, false, 44 * 1460 },
		{ 65536, 536, false, 122 * 536 }, { 1000, 1460, false, 1000 },
		{ 1460, 1460, false, 1460 },      { 1461, 1460, false, 1460 },
		{ 100000, 1460, false, 65535 },   { 0, 1460, true, 0 },
		{ 65536, 65483, true, 65471 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sw_manner manner = { .space = cases[i].space };

		assert_int_equal(sw_listener_window(&manner, cases[i].mss, cases[i].timestamps),
				 cases[i].window);
	}
}

int test_listener(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(scale_is_the_least_that_holds_the_window),
		cmocka_unit_test(scale_is_the_host_s_unless_the_buffer_is_fixed),
		cmocka_unit_test(mss_is_the_listener_s_where_it_is_less),
		cmocka_unit_test(window_is_of_whole_segments),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
