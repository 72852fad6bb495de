// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What --guard takes (guard/port_list.h), and the masks of its prefixes (<synward/prefix.h>).
 */
#include <arpa/inet.h>
#include <errno.h>

#include <synward/prefix.h>

#include "check.h"
#include "guard/port_list.h"
#include "said.h"
#include "unit.h"

static struct sw_port_list list;

static int take(const char *text)
{
	list = (struct sw_port_list){};
	return sw_port_list_take(&list, text, false);
}

static void list_is_read_as_it_is_printed(void **state)
{
	static const struct {
		const char *text, *printed; /* of all entries, with spaces between */
	} cases[] = {
		{ "80", "80" },
		{ "1,65535", "1 65535" },
		{ "80,443,80,443", "80 443" },
		{ "8000-8003", "8000 8001 8002 8003" },
		{ "65535-65535", "65535" },
		{ "8001-8003,8000-8002", "8001 8002 8003 8000" },
		{ "192.0.2.1:80", "192.0.2.1:80" },
		{ "192.0.2.1/32:80", "192.0.2.1:80" },
		{ "10.0.0.0/8:80", "10.0.0.0/8:80" },
		{ "0.0.0.0/0:80", "0.0.0.0/0:80" },
		{ "10.1.2.128/25:80-81", "10.1.2.128/25:80 10.1.2.128/25:81" },
		{ "[2001:db8::1]:443", "[2001:db8::1]:443" },
		{ "[2001:db8::1/128]:443", "[2001:db8::1]:443" },
		{ "[2001:db8::/32]:443", "[2001:db8::/32]:443" },
		{ "[2000::/3]:443", "[2000::/3]:443" },
		{ "[2001:db8:8000::/33]:443-444",
		  "[2001:db8:8000::/33]:443 [2001:db8:8000::/33]:444" },
		{ "[::ffff:192.0.2.1]:80,192.0.2.1:80", "192.0.2.1:80" },
		{ "[::ffff:10.0.0.0/104]:80", "10.0.0.0/8:80" },
		{ "80,192.0.2.1:80,[2001:db8::1]:80", "80 192.0.2.1:80 [2001:db8::1]:80" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char printed[400] = "", text[SW_PORT_KEY_TEXT];

		must(!take(cases[i].text), "%s: %s", cases[i].text, said());
		for (__u32 n = 0; n < list.count; n++) {
			strcat(printed, n ? " " : "");
			strcat(printed, sw_port_key_text(&list.wish[n].key, text));
		}
		must(!strcmp(printed, cases[i].printed), "%s: %s", cases[i].text, printed);
	}
}

static const struct {
	const char *text, *said;
} no_list[] = {
	{ "", "--guard is 1 to 65535, not \"\"" },
	{ "80,", "--guard is 1 to 65535, not \"\"" },
	{ "http", "--guard is 1 to 65535, not \"http\"" },
	{ "0", "--guard is 1 to 65535, not \"0\"" },
	{ "65536", "--guard is 1 to 65535, not \"65536\"" },
	{ "8010-8000", "--guard is 8010 to 65535, not \"8000\"" },
	{ "80-", "--guard is 80 to 65535, not \"\"" },
	{ "-80", "--guard is 1 to 65535, not \"\"" },
	{ "80-90-100", "--guard is 80 to 65535, not \"90-100\"" },
	{ "192.0.2.1", "--guard is 1 to 65535, not \"192.0.2.1\"" },
	{ "192.0.2.1:", "--guard is 1 to 65535, not \"\"" },
	{ "1-257", "--guard takes at most 256 ports" },
	{ "80,10.0.0.0/8:80,10.0.0.0/9:80,10.0.0.0/10:80,10.0.0.0/11:80,10.0.0.0/12:80,"
	  "10.0.0.0/13:80,11.0.0.0/13:80,10.0.0.0/14:80,10.0.0.0/15:80",
	  "--guard takes prefixes of at most 8 lengths" },
	{ "localhost:80", "--guard: what is before a port is an address or a prefix such "
			  "as 192.0.2.1, 10.0.0.0/8 or "
			  "2001:db8::/32, not \"localhost\"" },
	{ ":80", "--guard: what is before a port is an address or a prefix such as "
		 "192.0.2.1, 10.0.0.0/8 or "
		 "2001:db8::/32, not \"\"" },
	{ "[]:80", "--guard: before a port IPv6 stands in brackets, and IPv4 does not: \"[]\"" },
	{ "[:80", "--guard: what is before a port is an address or a prefix such as "
		  "192.0.2.1, 10.0.0.0/8 or "
		  "2001:db8::/32, not \"[\"" },
	{ "192.0.2:80", "--guard: what is before a port is an address or a prefix such as "
			"192.0.2.1, 10.0.0.0/8 or "
			"2001:db8::/32, not \"192.0.2\"" },
	{ "[192.0.2.1]:80", "--guard: before a port IPv6 stands in brackets, and IPv4 does "
			    "not: \"[192.0.2.1]\"" },
	{ "2001:db8::1:80", "--guard: before a port IPv6 stands in brackets, and IPv4 does "
			    "not: \"2001:db8::1\"" },
	{ "[2001:db8::1]/64:80", "--guard: before a port IPv6 stands in brackets, and IPv4 "
				 "does not: \"[2001:db8::1]/64\"" },
	{ "10.0.0.0/33:80",
	  "--guard: what is before a port: the length of a prefix is 0 to 32, not \"33\"" },
	{ "10.0.0.0/:80",
	  "--guard: what is before a port: the length of a prefix is 0 to 32, not \"\"" },
	{ "[2001:db8::/129]:80", "--guard: what is before a port: the length of a prefix "
				 "is 0 to 128, not \"129\"" },
	{ "10.0.0.1/8:80",
	  "--guard: what is before a port: \"10.0.0.1/8\" has bits beyond its prefix" },
	{ "[2001:db8::1/127]:80", "--guard: what is before a port: \"2001:db8::1/127\" has "
				  "bits beyond its prefix" },
	{ "[::/0]:80", "--guard: \"[::/0]\" has IPv4 in it: for any address write the port alone" },
	{ "[::/80]:80",
	  "--guard: \"[::/80]\" has IPv4 in it: for any address write the port alone" },
	{ "0.0.0.0:80", "--guard: no client comes to \"0.0.0.0\"" },
	{ "127.0.0.1:80", "--guard: no client comes to \"127.0.0.1\"" },
	{ "[::]:80", "--guard: no client comes to \"[::]\"" },
	{ "[ff02::1]:80", "--guard: no client comes to \"[ff02::1]\"" },
};

static void what_is_no_list_is_refused_with_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(no_list); i++) {
		must(take(no_list[i].text) == -EINVAL, "\"%s\" is taken", no_list[i].text);
		must(!strcmp(said(), no_list[i].said), "\"%s\": %s", no_list[i].text, said());
	}
}

/* Nor in both, in whichever order they are read. */
static void port_is_guarded_or_protected(void **state)
{
	const struct sw_port_key key = { .port = 443 };

	(void)state;
	must(!take("80,10.0.0.0/8:80"), "%s", said());
	must(!sw_port_list_has(&list, true) && sw_port_list_has(&list, false), "what none is");
	must(sw_port_list_take(&list, "10.0.0.0/8:80", true) == -EINVAL, "it is guarded");
	must(!strcmp(said(), "--protect: 10.0.0.0/8:80 is of guard, too"), "%s", said());
	must(!sw_port_list_take(&list, "443,443,10.0.0.1:80", true), "%s", said());
	must(list.count == 4 && sw_port_list_find(&list, &key)->protects, "443 is not protected");
	must(sw_port_list_has(&list, true), "none is protected");
	must(sw_port_list_take(&list, "443", false) == -EINVAL, "it is protected");
	must(!strcmp(said(), "--guard: 443 is of protect, too"), "%s", said());
	must(sw_port_list_take(&list, "10.0.0.1/8:80", true) == -EINVAL, "it has bits too many");
	must(!strcmp(said(),
		     "--protect: what is before a port: \"10.0.0.1/8\" has bits beyond its prefix"),
	     "%s", said());
}

/* Who keeps nothing can't tell when to begin, but when not to. */
static void what_is_protected_without_state_is_so_always(void **state)
{
	static const struct sw_port_terms terms[] = { { .mode = COOKIES_AUTO },
						      { .mode = COOKIES_ALWAYS },
						      { .mode = COOKIES_NEVER } };

	(void)state;
	for (size_t i = 0; i < COUNT(terms); i++) {
		must(!take("80"), "%s", said());
		must(!sw_port_list_take(&list, "443", true), "%s", said());
		sw_port_list_settle(&list, 0, &terms[i]);
		sw_port_list_make_stateless(&list);
		must(list.wish[0].protects == PROTECT_NONE &&
			     list.wish[0].terms.mode == terms[i].mode,
		     "80 is guarded otherwise");
		must(list.wish[1].protects == PROTECT_STATELESS &&
			     list.wish[1].terms.mode == (i == 2 ? COOKIES_NEVER : COOKIES_ALWAYS),
		     "443 is protected otherwise");
	}
}

/* Bit by bit, from the first to the last. */
static void mask_has_as_many_bits_as_it_should(void **state)
{
	(void)state;
	for (__u32 bits = 0; bits <= 128; bits++) {
		__u32 mask[4];

		sw_prefix_mask(mask, bits);
		for (__u32 bit = 0; bit < 128; bit++)
			must((((const __u8 *)mask)[bit / 8] >> (7 - bit % 8) & 1) == (bit < bits),
			     "bit %u of %u", bit, bits);
	}
}

static void key_is_the_address_as_far_as_the_mask_goes(void **state)
{
	struct sw_port_mask mask = { .bits = 33 };
	struct sw_port_key key;
	__u32 address[4];

	(void)state;
	memset(&key, 0xa5, sizeof(key));
	sw_prefix_mask(mask.word, mask.bits);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:ffff:ffff::1", address), 1);
	sw_port_key_fill(&key, &mask, address, 80);
	must(!take("[2001:db8:8000::/33]:80"), "%s", said());
	assert_memory_equal(&key, &list.wish[0].key, sizeof(key));
}

int test_port_list(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_is_read_as_it_is_printed),
		cmocka_unit_test(what_is_no_list_is_refused_with_its_reason),
		cmocka_unit_test(port_is_guarded_or_protected),
		cmocka_unit_test(what_is_protected_without_state_is_so_always),
		cmocka_unit_test(mask_has_as_many_bits_as_it_should),
		cmocka_unit_test(key_is_the_address_as_far_as_the_mask_goes),
	};

	return cmocka_run_group_tests_name("port lists", tests, NULL, NULL);
}
