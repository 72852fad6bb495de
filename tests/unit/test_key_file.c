// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Key files, in a folder of each test's own: what is written is read back, and whatever else stands
 * there is refused with its line and the reason, without a digit of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "guard/key_file.h"
#include "guard/key_text.h"
#include "said.h"
#include "unit.h"

#define ISN_HEX "000102030405060708090a0b0c0d0e0f"
#define MAC_HEX "f0e1d2c3b4a5968778695a4b3c2d1e0f"
#define ALT_HEX "00112233445566778899aabbccddeeff"
#define HEAD    "synward-keys 1\n"
#define ISN     "isn " ISN_HEX "\n"
#define MAC     "mac 0 " MAC_HEX "\n"
#define ALT     "mac 28000000 " ALT_HEX "\n"

#define PROFILE "profile mss=1460,wscale=7,sack,timestamps\n"

static const struct sw_key_file keys = {
	.keys.isn = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL },
	.keys.mac = { { 0, { 0x8796a5b4c3d2e1f0ULL, 0x0f1e2d3c4b5a6978ULL } },
		      { 28000000, { 0x7766554433221100ULL, 0xffeeddccbbaa9988ULL } } },
};

struct place {
	char folder[32], file[64], beside[64];
};

static int open_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/sw-unit-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	sprintf(place->file, "%s/key", place->folder);
	sprintf(place->beside, "%s/beside", place->folder);
	forget_said();
	*state = place;
	return 0;
}

static int close_place(void **state)
{
	struct place *place = *state;

	unlink(place->file);
	unlink(place->beside);
	if (rmdir(place->folder)) /* fails, too, if anything was left behind */
		return -1;
	free(place);
	return 0;
}

static void put_file(const char *path, const char *text, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd >= 0 && write(fd, text, size) == (ssize_t)size && !fchmod(fd, mode) && !close(fd),
	     "couldn't write %s", path);
}

static size_t get_file(const char *path, char text[SW_KEY_TEXT_MAX])
{
	int fd = open(path, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, text, SW_KEY_TEXT_MAX - 1);

	must(size >= 0 && !close(fd), "couldn't read %s", path);
	text[size] = '\0';
	return (size_t)size;
}

/* Reading fails, the error is whole as expected, and no key is handed on. */
static void expect_refused(const char *path, const char *format, ...)
{
	static const struct sw_key_file zero;
	struct sw_key_file got = keys;
	char expected[512];
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	forget_said();
	assert_true(sw_key_file_read(path, &got) < 0);
	assert_string_equal(said(), expected);
	assert_memory_equal(&got, &zero, sizeof(got));
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void file_is_read_as_documented(void **state)
{
	static const char *const texts[] = {
		HEAD ISN MAC ALT,
		"# a comment\n\n \t\n" HEAD "#isn\n" MAC "\t # later\n" ALT ISN,
		"synward-keys\t1 \n  isn\t000102030405060708090A0B0C0D0E0F \n" MAC
		"mac 0028000000 " ALT_HEX, /* no newline at the end */
		"# R\xc3\xa9gion Gen\xc3\xa8ve\n" HEAD ISN MAC ALT,
	};
	const struct place *place = *state;
	struct sw_key_file got;

	for (size_t i = 0; i < COUNT(texts); i++) {
		put_file(place->file, texts[i], strlen(texts[i]), i % 2 ? 0400 : 0600);
		must(!sw_key_file_read(place->file, &got), "text %zu: %s", i, said());
		assert_memory_equal(&got, &keys, sizeof(keys));
		unlink(place->file);
	}
}

static void file_with_one_mac_leaves_the_other_slot_empty(void **state)
{
	const struct place *place = *state;
	struct sw_key_file got;

	put_file(place->file, HEAD ISN ALT, strlen(HEAD ISN ALT), 0600);
	assert_int_equal(sw_key_file_read(place->file, &got), 0);
	assert_memory_equal(&got.keys.mac[0], &keys.keys.mac[1], sizeof(keys.keys.mac[1]));
	assert_true(got.keys.mac[1].first_epoch == SW_EPOCH_NEVER);
}

#define TEXT(text)   (text), sizeof(text) - 1
#define X10          "xxxxxxxxxx"
#define X100         X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define EPOCH_WANTED "mac wants the first epoch that it serves, 0 to 288230376, before the key"
#define PROFILE_WANTED                                                                        \
	"a profile is mss=536-65535 and, if they are offered, wscale=0-14, sack, timestamps " \
	"and ecn, with commas between"
#define DIGITS_WANTED "a key is 32 hex digits, no more and no less"

static const struct {
	const char *text;
	size_t size;
	const char *why;
} malformed[] = {
	{ TEXT(""), "it is empty; `synward key new` makes a key file" },
	{ TEXT("\n# nothing\n"), "it is empty; `synward key new` makes a key file" },
	{ TEXT(HEAD MAC), "it has no isn; one line is to be \"isn <32 hex digits>\"" },
	{ TEXT(HEAD ISN), "it has no mac; a line is to be \"mac <first epoch> <32 hex digits>\"" },
	{ TEXT(ISN MAC), "line 1: a key file begins with \"synward-keys 1\"" },
	{ TEXT("\n\x7f"
	       "ELF"),
	  "line 2: it has control characters or zero bytes, and is to be text" },
	{ TEXT("synward-keys 2\n" ISN MAC), "line 1: this synward reads \"synward-keys 1\" only" },
	{ TEXT("synward-keys\n" ISN MAC), "line 1: this synward reads \"synward-keys 1\" only" },
	{ TEXT("synward-keys 1 1\n"), "line 1: something follows where the line is to end" },
	{ TEXT(HEAD HEAD), "line 2: synward-keys stands there for the second time" },
	{ TEXT(HEAD "# isn\nisn" ISN_HEX "\n"),
	  "line 3: unknown word; a line begins with isn, mac, profile or #" },
	{ TEXT(HEAD "ISN " ISN_HEX),
	  "line 2: unknown word; a line begins with isn, mac, profile or #" },
	{ TEXT(HEAD ISN_HEX), "line 2: unknown word; a line begins with isn, mac, profile or #" },
	{ TEXT(HEAD ISN MAC ISN), "line 4: isn stands there for the second time; there is one" },
	{ TEXT(HEAD "isn\n"), "line 2: " DIGITS_WANTED },
	{ TEXT(HEAD "isn " ISN_HEX "0\n"), "line 2: " DIGITS_WANTED },
	{ TEXT(HEAD "isn 0102030405060708090a0b0c0d0e0f0\n"), "line 2: " DIGITS_WANTED },
	{ TEXT(HEAD "isn 0x0102030405060708090a0b0c0d0e0f\n"),
	  "line 2: a key is hex digits only, 0-9 and a-f" },
	{ TEXT(HEAD "isn 000102030405060708090a0b0c0d0e0g\n"),
	  "line 2: a key is hex digits only, 0-9 and a-f" },
	{ TEXT(HEAD "isn 00000000000000000000000000000000\n"), "line 2: the key is all zeros" },
	{ TEXT(HEAD ISN "mac 0 00000000000000000000000000000000\n"),
	  "line 3: the key is all zeros" },
	{ TEXT(HEAD "isn " ISN_HEX " # ours\n"),
	  "line 2: something follows where the line is to end" },
	{ TEXT(HEAD ISN "mac " MAC_HEX "\n"), "line 3: " EPOCH_WANTED },
	{ TEXT(HEAD ISN "mac\n"), "line 3: " EPOCH_WANTED },
	{ TEXT(HEAD ISN "mac -1 " MAC_HEX "\n"), "line 3: " EPOCH_WANTED },
	{ TEXT(HEAD ISN "mac 1e3 " MAC_HEX "\n"), "line 3: " EPOCH_WANTED },
	{ TEXT(HEAD ISN "mac 288230377 " MAC_HEX "\n"), "line 3: " EPOCH_WANTED },
	{ TEXT(HEAD ISN "mac 18446744073709551615 " MAC_HEX "\n"), "line 3: " EPOCH_WANTED },
	{ TEXT(HEAD ISN "mac 5\n"), "line 3: " DIGITS_WANTED },
	{ TEXT(HEAD ISN MAC "mac 00 " ALT_HEX "\n"),
	  "line 4: both macs serve from the same epoch" },
	{ TEXT(HEAD ISN MAC ALT "mac 7 " ALT_HEX "\n"),
	  "line 5: a third mac; there are one or two" },
	{ TEXT(HEAD ISN MAC PROFILE PROFILE),
	  "line 5: profile stands there for the second time; there is one" },
	{ TEXT(HEAD ISN MAC "profile mss=1460, sack\n"), "line 4: " PROFILE_WANTED },
	{ TEXT(HEAD ISN MAC "profile\n"), "line 4: " PROFILE_WANTED },
	{ TEXT(HEAD "# " X100 X100 "\n" ISN MAC), "line 2: it is longer than 200 bytes" },
	{ TEXT(HEAD "isn 00010203\0"
		    "0405060708090a0b0c0d0e0f\n"),
	  "line 2: it has control characters or zero bytes, and is to be text" },
	{ TEXT(HEAD ISN MAC "\0"),
	  "line 4: it has control characters or zero bytes, and is to be text" },
	{ TEXT("synward-keys 1\r\n" ISN MAC),
	  "line 1: it has control characters or zero bytes, and is to be text" },
};

static void malformed_file_is_refused_with_line_and_reason(void **state)
{
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT(malformed); i++) {
		put_file(place->file, malformed[i].text, malformed[i].size, 0600);
		expect_refused(place->file, "Couldn't read the key file %s: %s", place->file,
			       malformed[i].why);
	}
}

static void line_of_200_bytes_is_read(void **state)
{
	static const char text[] =
		HEAD "# " X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxxxxx\n" ISN MAC ALT;
	const struct place *place = *state;
	struct sw_key_file got;

	put_file(place->file, text, strlen(text), 0600);
	assert_int_equal(sw_key_file_read(place->file, &got), 0);
	assert_memory_equal(&got, &keys, sizeof(keys));
}

static void file_of_more_than_4096_bytes_is_refused(void **state)
{
	const struct place *place = *state;
	struct sw_key_file got;
	char text[SW_KEY_TEXT_MAX + 1];
	size_t size = strlen(HEAD ISN MAC);

	memset(text, '\n', sizeof(text));
	memcpy(text, HEAD ISN MAC, size);
	put_file(place->file, text, SW_KEY_TEXT_MAX, 0600);
	assert_int_equal(sw_key_file_read(place->file, &got), 0);
	put_file(place->file, text, sizeof(text), 0600);
	expect_refused(place->file, "Couldn't read the key file %s: it is larger than 4096 bytes",
		       place->file);
}

/* Cut anywhere, a file is refused, unless it ends behind a whole key. */
static void file_cut_short_is_refused(void **state)
{
	static const char text[] = HEAD ISN MAC;
	struct sw_key_error error;
	struct sw_key_file got;

	(void)state;
	for (size_t size = 0; size < strlen(text) - 1; size++)
		must(sw_key_text_parse(text, size, &got, &error) == -EINVAL && error.reason,
		     "%zu bytes are taken", size);
}

/* --- Who may read it -------------------------------------------------------------------------- */

static void file_open_to_others_is_refused_with_the_command_that_helps(void **state)
{
	static const int modes[] = { 0644, 0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777 };
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT(modes); i++) {
		put_file(place->file, HEAD ISN MAC, strlen(HEAD ISN MAC), (mode_t)modes[i]);
		expect_refused(place->file,
			       "Couldn't read the key file %s: others have access to it, its mode "
			       "is %04o; `chmod 600 %s`",
			       place->file, modes[i], place->file);
	}
}

static void file_of_another_user_is_refused(void **state)
{
	const struct place *place = *state;

	if (geteuid())
		skip_because("only root can give files away");
	put_file(place->file, HEAD ISN MAC, strlen(HEAD ISN MAC), 0600);
	assert_int_equal(chown(place->file, 12345, 0), 0);
	expect_refused(place->file,
		       "Couldn't read the key file %s: it belongs to user 12345, who is neither "
		       "root nor runs this; `chown 0 %s`",
		       place->file, place->file);
}

static void what_is_no_regular_file_is_refused(void **state)
{
	const struct place *place = *state;

	expect_refused(place->file, "Couldn't read the key file %s: No such file or directory",
		       place->file);
	expect_refused(place->folder, "Couldn't read the key file %s: it is not a regular file",
		       place->folder);
	expect_refused("/dev/zero",
		       "Couldn't read the key file /dev/zero: it is not a regular file");
	assert_int_equal(mkfifo(place->file, 0600), 0);
	expect_refused(place->file, "Couldn't read the key file %s: it is not a regular file",
		       place->file);
}

static void link_is_followed_to_what_is_then_checked(void **state)
{
	const struct place *place = *state;
	struct sw_key_file got;

	put_file(place->beside, HEAD ISN MAC ALT, strlen(HEAD ISN MAC ALT), 0600);
	assert_int_equal(symlink("beside", place->file), 0);
	assert_int_equal(sw_key_file_read(place->file, &got), 0);
	assert_memory_equal(&got, &keys, sizeof(keys));
	assert_int_equal(chmod(place->beside, 0640), 0);
	assert_int_equal(sw_key_file_read(place->file, &got), -EINVAL);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void expect_mode(const char *path, mode_t mode)
{
	struct stat info;

	assert_int_equal(lstat(path, &info), 0);
	must(info.st_mode == mode, "%s has mode %o, not %o", path, info.st_mode, mode);
}

static void written_file_reads_as_documented(void **state)
{
	const struct place *place = *state;
	struct sw_key_file got, one = keys;
	char text[SW_KEY_TEXT_MAX];

	assert_int_equal(sw_key_file_write_new(place->file, &keys), 0);
	get_file(place->file, text);
	assert_string_equal(text, "# synward key file: every host of a fleet has the same. Keep it "
				  "secret (mode 0600).\n" HEAD ISN MAC
				  "# serves from 2026-10-14T17:46:40Z\n" ALT);
	assert_int_equal(sw_key_file_read(place->file, &got), 0);
	assert_memory_equal(&got, &keys, sizeof(keys));

	one.keys.mac[1] = one.keys.mac[0];
	one.keys.mac[0].first_epoch = SW_EPOCH_NEVER;
	assert_int_equal(sw_key_file_replace(place->file, &one), 0);
	get_file(place->file, text);
	assert_non_null(strstr(text, ".\n" HEAD ISN MAC));
	assert_null(strstr(text, ALT_HEX));
}

static void profile_of_the_servers_is_written_and_read(void **state)
{
	const struct place *place = *state;
	struct sw_key_file got, one = keys;
	char text[SW_KEY_TEXT_MAX];

	one.profile = (struct sw_profile){
		.mss = 1460, .wscale = 7, .scales = true, .sack = true, .timestamps = true
	};
	assert_int_equal(sw_key_file_write_new(place->file, &one), 0);
	get_file(place->file, text);
	assert_non_null(strstr(text, ALT PROFILE));
	assert_int_equal(sw_key_file_read(place->file, &got), 0);
	assert_memory_equal(&got, &one, sizeof(one));
}

static void new_file_is_of_mode_0600_whatever_the_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT(masks); i++) {
		mode_t before = umask(masks[i]);
		int err = sw_key_file_write_new(place->file, &keys);

		err = err ?: sw_key_file_replace(place->file, &keys);
		umask(before);
		assert_int_equal(err, 0);
		expect_mode(place->file, S_IFREG | 0600);
		unlink(place->file);
	}
}

static void new_file_replaces_nothing(void **state)
{
	const struct place *place = *state;
	char text[SW_KEY_TEXT_MAX], expected[128];

	put_file(place->file, "mine", 4, 0644);
	assert_int_equal(sw_key_file_write_new(place->file, &keys), -EEXIST);
	sprintf(expected, "Couldn't make the key file %s: File exists", place->file);
	assert_string_equal(said(), expected);
	get_file(place->file, text);
	assert_string_equal(text, "mine");
	expect_mode(place->file, S_IFREG | 0644);

	unlink(place->file);
	assert_int_equal(symlink("beside", place->file), 0);
	assert_int_equal(sw_key_file_write_new(place->file, &keys), -EEXIST);
	assert_int_not_equal(access(place->beside, F_OK), 0);
}

static void replaced_file_is_another_behind_the_same_name(void **state)
{
	const struct place *place = *state;
	struct sw_key_file got, changed = keys;
	char text[SW_KEY_TEXT_MAX];
	int old;

	assert_int_equal(sw_key_file_write_new(place->beside, &keys), 0);
	assert_int_equal(symlink("beside", place->file), 0);
	old = open(place->file, O_RDONLY);
	changed.keys.mac[0].key[0]++;
	assert_int_equal(sw_key_file_replace(place->file, &changed), 0);
	assert_int_equal(sw_key_file_read(place->file, &got), 0);
	assert_memory_equal(&got, &changed, sizeof(got));
	expect_mode(place->beside, S_IFREG | 0600);
	assert_true(S_ISLNK(({
		struct stat info;
		lstat(place->file, &info);
		info.st_mode;
	})));

	/* who had opened it goes on reading the whole old one */
	assert_true(read(old, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, MAC));
	close(old);
}

static void what_cannot_be_written_leaves_nothing_behind(void **state)
{
	const struct place *place = *state;
	char expected[128];

	assert_int_equal(sw_key_file_replace(place->file, &keys), -ENOENT);
	sprintf(expected, "Couldn't replace the key file %s: No such file or directory",
		place->file);
	assert_string_equal(said(), expected);
	assert_int_equal(sw_key_file_write_new("/nowhere/key", &keys), -ENOENT);
	assert_string_equal(said(), "Couldn't make the key file /nowhere/key: No such file or "
				    "directory");
	/* a folder can't be renamed over: what was written beside it must go */
	assert_int_equal(mkdir(place->file, 0700), 0);
	assert_true(sw_key_file_replace(place->file, &keys) < 0);
	assert_int_equal(rmdir(place->file), 0);
}

#define IN_PLACE(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int test_key_file(void)
{
	static const struct CMUnitTest tests[] = {
		IN_PLACE(file_is_read_as_documented),
		IN_PLACE(file_with_one_mac_leaves_the_other_slot_empty),
		IN_PLACE(malformed_file_is_refused_with_line_and_reason),
		IN_PLACE(line_of_200_bytes_is_read),
		IN_PLACE(file_of_more_than_4096_bytes_is_refused),
		cmocka_unit_test(file_cut_short_is_refused),
		IN_PLACE(file_open_to_others_is_refused_with_the_command_that_helps),
		IN_PLACE(file_of_another_user_is_refused),
		IN_PLACE(what_is_no_regular_file_is_refused),
		IN_PLACE(link_is_followed_to_what_is_then_checked),
		IN_PLACE(written_file_reads_as_documented),
		IN_PLACE(profile_of_the_servers_is_written_and_read),
		IN_PLACE(new_file_is_of_mode_0600_whatever_the_umask),
		IN_PLACE(new_file_replaces_nothing),
		IN_PLACE(replaced_file_is_another_behind_the_same_name),
		IN_PLACE(what_cannot_be_written_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("key files", tests, NULL, NULL);
}
