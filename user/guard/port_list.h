/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is to be guarded or protected, as people write it: ports and ranges of ports, at any address, or at one, or at
 * those of a prefix: "80,443", "8000-8010", "192.0.2.1:80", "10.0.0.0/8:80", "[2001:db8::/32]:443".
 */
#ifndef SYNWARD_USER_PORT_LIST_H
#define SYNWARD_USER_PORT_LIST_H

#include <stdbool.h>

#include <synward/guard.h>

/* How a port is guarded. */
struct sw_port_terms {
	enum sw_cookie_mode mode;
	struct sw_marks marks;
	struct sw_profile profile; /* of services; mss 0: none */
};

struct sw_port_wish {
	struct sw_port_key key;
	__u32 section; /* where it stands */
	enum sw_protection protects; /* services that are not this host's */
	struct sw_port_terms terms;
};

struct sw_port_list {
	__u32 count;
	__u32 section; /* the one that is being read; 0: none, for ports without terms of their own */
	struct sw_port_wish wish[SW_PORTS_MAX];
};

/*
 * Adds what the text lists, each once; to two sections none belongs, nor to both options: `protects` says
 * which one it stands in. 0 or -errno, reported.
 */
int sw_port_list_take(struct sw_port_list *list, const char *text, bool protects);

/* Some of them are protected; or are guarded. */
bool sw_port_list_has(const struct sw_port_list *list, bool protects);

/* NULL: it is not there. */
const struct sw_port_wish *sw_port_list_find(const struct sw_port_list *list,
					     const struct sw_port_key *key);

/* The ports of this section are guarded so. */
void sw_port_list_settle(struct sw_port_list *list, __u32 section,
			 const struct sw_port_terms *terms);

/*
 * What is protected is so without state: always, as who keeps nothing can't tell whether there is pressure.
 */
void sw_port_list_make_stateless(struct sw_port_list *list);

/* Services without state that have no profile are as `profile` says: who keeps nothing learns nothing. */
void sw_port_list_profile(struct sw_port_list *list, const struct sw_profile *profile);

#define SW_PORT_KEY_TEXT 64

/* The addresses of a key: "192.0.2.1", "2001:db8::/32"; NULL: any. */
const char *sw_port_key_address(const struct sw_port_key *key, char text[SW_PORT_KEY_TEXT]);

/* All of it as it would be written. */
const char *sw_port_key_text(const struct sw_port_key *key, char text[SW_PORT_KEY_TEXT]);

#endif
