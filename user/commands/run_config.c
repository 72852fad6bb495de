// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * inih takes the lines apart: names and values, sections and comments as systemd, WireGuard and git have
 * taught administrators, and no quotes around a prefix or a duration. What it says nothing of, the
 * reader below sees, through which it gets its lines: their numbers, where a section begins, and what it
 * would cut short or take for the rest of the line before (indented lines).
 */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/run_config.h"
#include "text/place.h"
#include "text/report.h"

#define DEFAULT_FILE "/etc/synward/synward.conf"
#define INTERFACE    "interface" /* an operand of the command line */
#define SECTION      "[ports]"
#define BOM          "\xef\xbb\xbf"

/* A file being read. */
struct reading {
	FILE *file;
	const char *path;
	unsigned int number; /* of the line in hand */
	int errors;
	struct sw_command_line *line;
	struct sw_run_args *args;
	struct sw_run_args unused; /* takes what the command line has, too */
	struct sw_port_terms top; /* above all sections */
	unsigned int section; /* the line that it begins in; 0: none has */
	unsigned int said[SW_OPTIONS_MAX]; /* the line of this section that has the row; 0: none */
};

/* The command line of this process. */
static struct sw_command own_command;
static int own_argc;
static char **own_argv;

/* --- Sections --------------------------------------------------------------------------------- */

static size_t index_of(const struct sw_option *option)
{
	return (size_t)(option - sw_options_run);
}

/* This section has the row. */
static bool section_says(const struct reading *reading, const char *name)
{
	return reading->said[index_of(sw_option_find(sw_options_run, name))];
}

/* Its ports have the terms that it says, and those of the top where it says nothing. */
static void end_section(struct reading *reading)
{
	struct sw_guard_options *guard = &reading->args->tracker.guard;

	if (!reading->section) {
		reading->top = guard->terms;
		return;
	}
	if (!section_says(reading, "guard") && !section_says(reading, "protect")) {
		sw_place_set(reading->path, reading->section);
		reading->errors++;
		sw_misuse("a section " SECTION " names its ports by `guard` or `protect`");
		sw_place_set(reading->path, reading->number);
	}
	sw_port_list_settle(&guard->ports, reading->section, &guard->terms);
	guard->terms = reading->top;
}

static void begin_section(struct reading *reading, char *text)
{
	struct sw_run_args *both[] = { reading->args, &reading->unused };

	end_section(reading);
	reading->section = reading->number;
	memset(reading->said, 0, sizeof(reading->said));
	for (int i = 0; i < 2; i++)
		both[i]->tracker.guard.ports.section = reading->section;
	if (strncmp(text, SECTION, strlen(SECTION))) {
		reading->errors++;
		text[strcspn(text, "\r\n")] = '\0';
		sw_misuse("the only section is " SECTION ", not \"%.60s\"", text);
	}
}

/* --- Settings --------------------------------------------------------------------------------- */

/* The value, for as long as the arguments are used; NULL, reported. */
static char *keep(struct sw_run_args *args, const char *value)
{
	char *copy = strdup(value), **more;

	more = copy ? reallocarray(args->text, args->texts + 1, sizeof(*more)) : NULL;
	if (!more) {
		free(copy);
		sw_fail(-ENOMEM, NULL, "keep what the file says");
		return NULL;
	}
	args->text = more;
	more[args->texts++] = copy;
	return copy;
}

static int take_interface(struct sw_run_args *args, const char *value)
{
	char *name = keep(args, value);

	if (!name)
		return -ENOMEM;
	if (!*name || strlen(name) >= IF_NAMESIZE || strpbrk(name, " ,/"))
		return sw_misuse(INTERFACE " is the name of one, such as eth0, not \"%s\"", value);
	if (args->ifaces == SW_IFACES_MAX)
		return sw_misuse("at most %d interfaces can be named", SW_IFACES_MAX);
	args->iface[args->ifaces++] = name;
	return 0;
}

/* The row that may stand here, or NULL, reported. */
static const struct sw_option *find_row(const struct reading *reading, const char *name)
{
	const struct sw_option *option = sw_option_find(sw_options_run, name);

	if (!option || option->offset == offsetof(struct sw_run_args, config_file)) {
		sw_misuse("there is no setting \"%s\": they are " INTERFACE " and the options of "
			  "`synward help run`, without dashes",
			  name);
		return NULL;
	}
	if (reading->section && !option->of_ports) {
		sw_misuse("%s stands above all sections: one of " SECTION " has guard, protect, "
			  "profile, cookies and marks",
			  name);
		return NULL;
	}
	if (!option->repeats && reading->said[index_of(option)]) {
		sw_misuse("%s is said in line %u, too", name, reading->said[index_of(option)]);
		return NULL;
	}
	return option;
}

static int take(struct reading *reading, const char *name, const char *value)
{
	const struct sw_option *option;
	struct sw_run_args *args;
	char *kept;
	size_t row;

	if (!reading->section && !strcmp(name, INTERFACE))
		return take_interface(reading->args, value);
	option = find_row(reading, name);
	if (!option)
		return -EINVAL;
	row = index_of(option);
	reading->said[row] = reading->line->said[row] = reading->number;
	args = reading->line->given[row] ? &reading->unused : reading->args;
	kept = keep(args, value);
	return kept ? sw_option_take(option, kept, args) : -ENOMEM;
}

/* --- Lines ------------------------------------------------------------------------------------ */

/* What comes next in the file is the rest of a line that is not taken. */
static void skip_rest(struct reading *reading)
{
	int c;

	while ((c = getc(reading->file)) != '\n' && c != EOF)
		;
}

/* As fgets(). An indented line begins at its first letter. */
static char *read_line(char *text, int room, void *context)
{
	struct reading *reading = context;
	size_t length;
	char *begin = text;

	sw_place_set(reading->path, ++reading->number);
	if (!fgets(text, room, reading->file))
		return NULL;
	length = strlen(text);
	if ((!length || text[length - 1] != '\n') && !feof(reading->file)) {
		reading->errors++;
		sw_misuse("that is no line of text of at most %d characters", room - 2);
		skip_rest(reading);
		*text = '\0';
	}
	if (reading->number == 1 && !strncmp(text, BOM, strlen(BOM)))
		begin += strlen(BOM);
	begin += strspn(begin, " \t");
	memmove(text, begin, strlen(begin) + 1);
	if (*text == '[')
		begin_section(reading, text);
	return text;
}

static int take_line(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;

	(void)section;
	if (take(reading, name, value))
		reading->errors++;
	return 1;
}

static void read_lines(struct reading *reading)
{
	int wrong = ini_parse_stream(read_line, reading, take_line, reading);

	if (wrong) {
		sw_place_set(reading->path, wrong > 0 ? (unsigned int)wrong : reading->number);
		reading->errors++;
		sw_misuse("a line is NAME = VALUE, " SECTION " or a comment (#)");
	}
	sw_place_set(reading->path, reading->number);
	end_section(reading);
	reading->args->tracker.guard.ports.section = 0;
	sw_place_set(NULL, 0);
}

/* --- Files ------------------------------------------------------------------------------------ */

static FILE *open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = fd < 0 ? -errno : 0;
	struct stat info;
	FILE *file;

	if (!err && fstat(fd, &info))
		err = -errno;
	if (!err && !S_ISREG(info.st_mode))
		err = sw_fail(0, NULL, "read the configuration %s: it is no file", path);
	else if (err)
		sw_fail(err, NULL, "read the configuration %s", path);
	file = err ? NULL : fdopen(fd, "r");
	if (!file && fd >= 0)
		close(fd);
	return file;
}

static int read_file(const char *path, struct sw_command_line *line, struct sw_run_args *args)
{
	static struct reading reading;
	int err = 0;

	reading = (struct reading){ .path = path, .line = line, .args = args };
	reading.file = open_file(path);
	if (!reading.file)
		return -EINVAL;
	line->file = path;
	sw_run_args_init(&reading.unused);
	read_lines(&reading);
	if (ferror(reading.file))
		err = sw_fail(-EIO, NULL, "read the configuration %s", path);
	fclose(reading.file);
	sw_run_args_free(&reading.unused);
	return err ?: reading.errors ? -EINVAL : 0;
}

/* NULL: none. */
static const char *choose_file(const struct sw_run_args *args, const struct sw_command_line *line)
{
	if (args->config_file || line->operands[0] || access(DEFAULT_FILE, F_OK))
		return args->config_file;
	return DEFAULT_FILE;
}

int sw_run_config_read(const struct sw_command *command, struct sw_command_line *line)
{
	struct sw_run_args *args = command->args;
	struct sw_port_terms terms = args->tracker.guard.terms;
	const char *path = choose_file(args, line);
	int err;

	own_command = *command;
	own_argc = line->argc;
	own_argv = line->argv;
	if (!path)
		return 0;
	sw_run_args_free(args);
	sw_run_args_init(args);
	args->tracker.guard.terms = terms; /* for sections, too, what the command line says holds */
	err = read_file(path, line, args);
	if (!line->operands[0])
		line->operands = args->iface;
	if (!err && !line->operands[0])
		err = sw_misuse("%s names no interface, nor does the command line", path);
	return err ?: 1;
}

/* --- Again ------------------------------------------------------------------------------------ */

int sw_run_config_again(struct sw_run_args *args, char *const **operands)
{
	struct sw_command command = own_command;
	struct sw_command_line line;
	int err;

	sw_run_args_init(args);
	command.args = args;
	err = sw_command_line_parse(&command, own_argc, own_argv, &line)
		      ?: sw_run_args_settle(args);
	*operands = line.operands;
	return err;
}

void sw_run_config_keep_fixed(struct sw_run_args *args, const struct sw_run_args *now)
{
	for (const struct sw_option *option = sw_options_run; option->name; option++) {
		void *fresh = (char *)args + option->offset;
		const void *old = (const char *)now + option->offset;

		if (!option->fixed || !memcmp(fresh, old, option->size))
			continue;
		sw_say("%s changes with a new start only: it stays as it is", option->name);
		memcpy(fresh, old, option->size);
	}
}
