// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward key: makes key files, adds the next MAC key to one, shows what is in a file or in force.
 * Keys are shown by their fingerprints alone.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/clock.h"
#include "commands/cmd.h"
#include "commands/profile_option.h"
#include "host/iface.h"
#include "guard/key_file.h"
#include "guard/key_text.h"
#include "guard/keys.h"
#include "guard/profile.h"
#include "host/privilege.h"
#include "model/keys_in_force.h"
#include "text/json.h"
#include "text/report.h"
#include "text/values.h"

#define IN_MS_MAX (365ULL * 24 * 3600 * 1000)

struct sw_key_args {
	bool next;
	__u64 in_ms;
	struct sw_profile profile; /* mss 0: none */
};

struct sw_key_args sw_key_args;

/* Keys, where they are, and the moment they are looked at. */
struct view {
	const struct sw_keys *keys;
	const struct sw_profile *profile; /* of the servers; or NULL */
	const char *file; /* or NULL */
	const struct sw_ifaces *ifaces; /* else those of them that share the map */
	size_t iface; /* ... of this one */
	__u64 now_ns; /* wall clock */
};

/* --- Options -------------------------------------------------------------------------------- */

static int take_profile(const struct sw_option *option, const char *value, void *args)
{
	struct sw_key_args *key = args;

	return sw_profile_take(option, value, &key->profile);
}

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
const struct sw_option sw_options_key[] = {
	{ .name = "next", .kind = SW_OPTION_FLAG, SW_INTO(struct sw_key_args, next),
	  .help = "new: add the next MAC key to FILE, which is there" },
	{ .name = "in", .kind = SW_OPTION_DURATION, SW_INTO(struct sw_key_args, in_ms),
	  .initial = "10m", .min = 0, .max = IN_MS_MAX, .needs = { "next" },
	  .help = "new --next: it serves after that time" },
	{ .name = "profile", .kind = SW_OPTION_TEXT, .take = take_profile, .value = "PROFILE",
	  .help = "new: what gateways (--stateless) offer for the servers: `synward check IFACE` on one says it" },
	{},
};

const char sw_options_key_more[] =
	"key new FILE makes a key file, mode 0600. Give every host of a fleet the same one with\n"
	"--key-file, and each takes the cookies of the others. key new FILE --next puts the next\n"
	"MAC key into it, in the place of one that no longer serves; copy the file to all hosts\n"
	"before the time it says, and send their `synward run` a SIGHUP. A file keeps its profile until\n"
	"another is given.\n"
	"\n"
	"key show FILE says what is in a file, key show what is in force on this host (as root).\n"
	"No secret is shown: the digits tell one key from another, and no key follows from them.\n";
/* clang-format on */

/* --- Showing -------------------------------------------------------------------------------- */

/* A name for people's terminals; as errors have it. */
static const char *disarmed(const char *name, char text[PATH_MAX])
{
	snprintf(text, PATH_MAX, "%s", name);
	for (char *at = text; *at; at++)
		if (*at < ' ' || *at >= 0x7f)
			*at = '?';
	return text;
}

static int mac_terms(const struct view *view, struct sw_mac_term term[2])
{
	return sw_mac_terms(view->keys, sw_cookie_epoch(view->now_ns), term);
}

static json_t *mac_json(const struct sw_mac_term *term)
{
	__u64 first = term->mac->first_epoch, last = term->last_epoch;
	char print[SW_FINGERPRINT_TEXT], from[SW_EPOCH_TEXT], until[SW_EPOCH_TEXT];

	return json_pack("{s:s, s:I, s:s, s:s?, s:b}", "fingerprint",
			 sw_key_fingerprint(term->mac->key, print), "first_epoch",
			 (json_int_t)first, "from", sw_epoch_time(first, from), "until",
			 last == SW_EPOCH_NEVER ? NULL : sw_epoch_time(last, until), "serves",
			 term->serves);
}

static bool shares(const struct view *view, size_t i)
{
	const struct sw_iface_state *iface = view->ifaces->iface;

	return sw_maps_id(&iface[i].maps, "sw_keys") ==
	       sw_maps_id(&iface[view->iface].maps, "sw_keys");
}

static json_t *ifaces_json(const struct view *view)
{
	json_t *list = json_array();

	for (size_t i = view->iface; i < view->ifaces->count; i++)
		if (shares(view, i))
			json_array_append_new(list, json_string(view->ifaces->iface[i].name));
	return list;
}

static json_t *view_json(const struct view *view)
{
	struct sw_mac_term term[2];
	int count = mac_terms(view, term);
	json_t *object = json_object(), *mac = json_array();
	char print[SW_FINGERPRINT_TEXT], name[PATH_MAX], profile[SW_PROFILE_TEXT];

	if (view->file) /* JSON is UTF-8, file names are any bytes */
		json_object_set_new(object, "file",
				    json_string(view->file)
					    ?: json_string(disarmed(view->file, name)));
	else
		json_object_set_new(object, "ifaces", ifaces_json(view));
	json_object_set_new(object, "isn",
			    sw_keys_none(view->keys)
				    ? json_null()
				    : json_string(sw_key_fingerprint(view->keys->isn, print)));
	for (int i = 0; i < count; i++)
		json_array_append_new(mac, mac_json(&term[i]));
	json_object_set_new(object, "mac", mac);
	if (view->file)
		json_object_set_new(object, "profile",
				    view->profile->mss
					    ? json_string(sw_profile_text(view->profile, profile))
					    : json_null());
	return object;
}

static void print_mac(const struct sw_mac_term *term, __u64 now_ns)
{
	__u64 first = term->mac->first_epoch, from_ns = first * SW_EPOCH_NS;
	char print[SW_FINGERPRINT_TEXT], time[SW_EPOCH_TEXT], left[SW_VALUE_TEXT];

	printf("  mac  %s  ", sw_key_fingerprint(term->mac->key, print));
	if (!term->serves && from_ns > now_ns)
		printf("serves from %s, in %s\n", sw_epoch_time(first, time),
		       sw_duration_short(from_ns - now_ns, left));
	else if (!term->serves)
		printf("served until %s\n", sw_epoch_time(term->last_epoch, time));
	else if (term->last_epoch != SW_EPOCH_NEVER)
		printf("serves now, until %s\n", sw_epoch_time(term->last_epoch, time));
	else if (first && from_ns <= now_ns)
		printf("serves now, since %s\n", sw_epoch_time(first, time));
	else
		printf("serves now\n");
}

static void print_place(const struct view *view)
{
	char name[PATH_MAX];

	if (view->file) {
		printf("%s\n", disarmed(view->file, name));
		return;
	}
	for (size_t i = view->iface; i < view->ifaces->count; i++)
		if (shares(view, i))
			printf("%s%s", i > view->iface ? ", " : "", view->ifaces->iface[i].name);
	putchar('\n');
}

static void print_view(const struct view *view)
{
	char print[SW_FINGERPRINT_TEXT], profile[SW_PROFILE_TEXT];
	struct sw_mac_term term[2];
	int count = mac_terms(view, term);

	print_place(view);
	if (sw_keys_none(view->keys)) {
		printf("  no keys: no port has been guarded\n");
		return;
	}
	printf("  isn  %s  lasts\n", sw_key_fingerprint(view->keys->isn, print));
	for (int i = 0; i < count; i++)
		print_mac(&term[i], view->now_ns);
	if (view->profile && view->profile->mss)
		printf("  profile  %s\n", sw_profile_text(view->profile, profile));
}

/* --- What to do ------------------------------------------------------------------------------- */

static int make(const char *path, struct sw_key_file *file)
{
	char isn[SW_FINGERPRINT_TEXT], mac[SW_FINGERPRINT_TEXT], name[PATH_MAX];
	struct sw_keys *keys = &file->keys;
	int err = sw_keys_random(keys) ?: sw_key_file_write_new(path, file);

	if (err || sw_json)
		return err;
	disarmed(path, name);
	sw_say("made %s: isn %s, mac %s", name, sw_key_fingerprint(keys->isn, isn),
	       sw_key_fingerprint(keys->mac[0].key, mac));
	sw_say("copy it to every host of the fleet, and run each with --key-file %s", name);
	return 0;
}

static int add_next(const char *path, const struct sw_key_args *key, __u64 now_ns,
		    struct sw_key_file *file)
{
	__u64 first = sw_cookie_epoch(now_ns + key->in_ms * SW_NS_PER_MS) + 1;
	char mac[SW_FINGERPRINT_TEXT], time[SW_EPOCH_TEXT], name[PATH_MAX];
	struct sw_keys *keys = &file->keys;
	int err = sw_key_file_read(path, file);

	if (key->profile.mss)
		file->profile = key->profile;
	err = err ?: sw_keys_add_next(keys, sw_cookie_epoch(now_ns), first);
	err = err ?: sw_key_file_replace(path, file);
	if (err || sw_json)
		return err;
	disarmed(path, name);
	sw_epoch_time(first, time);
	sw_say("added to %s: mac %s, which serves from %s on", name,
	       sw_key_fingerprint(keys->mac[sw_mac_newer(keys)].key, mac), time);
	sw_say("copy it to every host of the fleet, and SIGHUP each `synward run`, before that");
	return 0;
}

static struct view view_of(const char *path, const struct sw_key_file *file)
{
	return (struct view){ .keys = &file->keys,
			      .profile = &file->profile,
			      .file = path,
			      .now_ns = sw_clock_ns(CLOCK_REALTIME) };
}

static int make_or_extend(const char *path, const struct sw_key_args *key)
{
	struct sw_key_file file = { .profile = key->profile };
	struct view view = view_of(path, &file);
	int err = key->next ? add_next(path, key, view.now_ns, &file) : make(path, &file);

	if (!err && sw_json)
		sw_json_print(view_json(&view));
	explicit_bzero(&file, sizeof(file));
	return err;
}

static int show_file(const char *path)
{
	struct sw_key_file file;
	struct view view = view_of(path, &file);
	int err = sw_key_file_read(path, &file);

	if (!err && sw_json)
		sw_json_print(view_json(&view));
	else if (!err)
		print_view(&view);
	explicit_bzero(&file, sizeof(file));
	return err;
}

/* Interfaces of one run share their keys, which are then shown once. */
static int show_in_force(void)
{
	static struct sw_ifaces ifaces;
	struct sw_keys keys = {};
	struct view view = { .keys = &keys, .ifaces = &ifaces };
	json_t *list = json_array();
	int err = sw_need_privilege() ?: sw_ifaces_open_readable((char *const[]){ NULL }, &ifaces);

	view.now_ns = sw_clock_ns(CLOCK_REALTIME);
	for (size_t i = 0; !err && i < ifaces.count; i++) {
		if (!sw_ifaces_first_with_maps(&ifaces, i))
			continue;
		view.iface = i;
		err = sw_map_read_one(sw_maps_fd(&ifaces.iface[i].maps, "sw_keys"), &keys);
		if (err)
			sw_fail(err, NULL, "read the keys on %s", ifaces.iface[i].name);
		if (!err && sw_json)
			json_array_append_new(list, view_json(&view));
		else if (!err)
			print_view(&view);
	}
	if (!err && sw_json)
		sw_json_print(json_incref(list));
	json_decref(list);
	explicit_bzero(&keys, sizeof(keys));
	sw_ifaces_close(&ifaces);
	return err;
}

/* `new` or `show`, and the options that go with it. 0 or -EINVAL, reported. */
static int check_words(char *const *operands, const struct sw_key_args *key)
{
	bool makes = !strcmp(operands[0], "new");

	if (!makes && strcmp(operands[0], "show"))
		return sw_misuse("`synward key` wants new or show, not \"%s\"", operands[0]);
	if (makes && !operands[1])
		return sw_misuse("`synward key new` wants a FILE; see `synward help key`");
	if (!makes && key->next)
		return sw_misuse("--next goes with `synward key new`");
	if (!makes && key->profile.mss)
		return sw_misuse("--profile goes with `synward key new`");
	return 0;
}

enum sw_exit sw_cmd_key(char *const *operands, void *args)
{
	const struct sw_key_args *key = args;

	if (check_words(operands, key))
		return SW_EXIT_MISUSE;
	if (!strcmp(operands[0], "new"))
		return sw_exit_of(make_or_extend(operands[1], key));
	return sw_exit_of(operands[1] ? show_file(operands[1]) : show_in_force());
}
