// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward top: a page that is drawn anew until somebody has seen enough. The terminal is given back as it
 * was however this ends, SIGKILL apart.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands/cmd.h"
#include "commands/filter_options.h"
#include "commands/interrupt.h"
#include "commands/top_page.h"
#include "host/clock.h"
#include "text/json.h"
#include "text/report.h"

struct sw_top_args {
	struct sw_filter filter;
	enum sw_flow_order order;
	bool reverse;
	__u64 every_ms;
};

struct sw_top_args sw_top_args;

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
#define INTO(member) SW_INTO(struct sw_top_args, member)

const struct sw_option sw_options_top[] = {
	{ .name = "every", .kind = SW_OPTION_DURATION, INTO(every_ms),
	  .initial = "1s", .min = 100, .max = 3600000, .help = "so often; less often where reading takes long" },
	{ .name = "sort", .kind = SW_OPTION_CHOICE, INTO(order),
	  .choice = sw_flow_order_name, .min = SW_ORDER_AGE, .max = SW_ORDER_PORT, .initial = "bytes",
	  .help = "as of `synward flows`" },
	{ .name = "reverse", .kind = SW_OPTION_FLAG, INTO(reverse), .help = "the other way round" },
	SW_OPTIONS_FILTER(struct sw_top_args, filter),
	{},
};
/* clang-format on */

/* ncurses has no names for these. */
#define KEY_ESCAPE 27
#define KEY_DELETE 127

/* Reading the tables takes one part in so many of a processor. */
#define SHARE 8

/* --- The terminal ------------------------------------------------------------------------------ */

/* What would end us at once: the terminal first, then as it was meant. */
static void on_fatal(int number)
{
	endwin();
	signal(number, SIG_DFL);
	raise(number);
}

static void catch_fatal(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_fatal);
}

static void begin_colours(void)
{
	const char *unwanted = getenv("NO_COLOR");

	if ((unwanted && *unwanted) || start_color() == ERR)
		return;
	use_default_colors();
	init_pair(1, -1, -1);
	init_pair(2, COLOR_RED, -1);
}

/* Where on its page something stands (cursor_address): a `dumb` terminal has none. */
static bool can_place(void)
{
	const char *capability = tigetstr("cup");

	return capability && capability != (const char *)-1;
}

/* initscr() would end the process where TERM says nothing. */
static int open_terminal(SCREEN **screen)
{
	const char *terminal = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return sw_fail(0, "`synward stats --watch` needs none",
			       "show a page: this is no terminal");
	setlocale(LC_CTYPE, "");
	*screen = newterm(NULL, stdout, stdin);
	if (!*screen)
		return sw_fail(0, "TERM says what it is", "use the terminal \"%s\"",
			       terminal ?: "");
	if (!can_place()) {
		endwin();
		delscreen(*screen);
		return sw_fail(0, "`synward stats --watch` needs no more than lines",
			       "use the terminal \"%s\": it has no page", terminal ?: "");
	}
	catch_fatal();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	begin_colours();
	return 0;
}

static void close_terminal(SCREEN *screen)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
}

/* --- Keys -------------------------------------------------------------------------------------- */

/* The signal that tells a new size may go to another process: the one that asked for us. */
static void follow_size(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && is_term_resized(size.ws_row, size.ws_col))
		resizeterm(size.ws_row, size.ws_col);
}

/* The next one, or ERR: there was none for so long, a fifth of a second at most. ncurses waits on through signals. */
static int next_key(__u64 patience_ms)
{
	follow_size();
	timeout(patience_ms < 200 ? (int)patience_ms : 200);
	return getch();
}

/* "dport 443 state time-wait", as options without the dashes. 0 or -EINVAL, reported. */
static int parse_filter(const char *text, struct sw_filter *filter)
{
	struct sw_top_args args = {};
	char *copy = strdup(text), *rest = copy, *name;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (name = strtok_r(rest, " ", &rest))) {
		const struct sw_option *option = sw_option_find(sw_options_top, name);
		const char *value = strtok_r(rest, " ", &rest);

		if (!option || option->offset >= sizeof(args.filter))
			err = sw_misuse("\"%s\" is nothing to choose flows by; h shows how", name);
		else if (!value)
			err = sw_misuse("%s wants a value", name);
		else
			err = sw_option_take(option, value, &args);
	}
	free(copy);
	if (!err)
		*filter = args.filter;
	return err;
}

/* What is typed until Enter, which makes true; Escape or a signal makes false. */
static bool read_line(const char *prompt, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	while (!sw_interrupted()) {
		int key;

		mvprintw(LINES - 1, 0, "%s%s", prompt, text);
		clrtoeol();
		key = next_key(~0ULL);
		if (key == '\n' || key == KEY_ENTER)
			return true;
		if (key == KEY_ESCAPE)
			return false;
		if ((key == KEY_BACKSPACE || key == '\b' || key == KEY_DELETE) && length)
			text[--length] = '\0';
		else if (key >= ' ' && key < KEY_DELETE && length < size - 1) {
			text[length++] = (char)key;
			text[length] = '\0';
		}
	}
	return false;
}

static void ask_filter(struct sw_top_view *view)
{
	char text[sizeof(view->filter_text)];

	curs_set(1);
	if (read_line("filter: ", text, sizeof(text)) && !parse_filter(text, &view->filter))
		memcpy(view->filter_text, text, sizeof(text));
	curs_set(0);
}

static void show_help(void)
{
	int key;

	do {
		sw_top_draw_help();
		key = next_key(~0ULL);
	} while ((key == ERR || key == KEY_RESIZE) && !sw_interrupted());
}

/* True: enough. */
static bool take_key(int key, struct sw_top_view *view)
{
	if (key != ERR && key != KEY_RESIZE)
		view->message[0] = '\0';
	switch (key) {
	case 'q':
		return true;
	case 'p':
	case ' ':
		view->paused = !view->paused;
		break;
	case 's':
		view->order = (view->order + 1) % (SW_ORDER_PORT + 1);
		break;
	case 'r':
		view->reverse = !view->reverse;
		break;
	case '/':
		ask_filter(view);
		break;
	case 'h':
	case '?':
		show_help();
		break;
	}
	return false;
}

/* --- The command ------------------------------------------------------------------------------- */

/* Keys are taken until it is time to look again. True: enough. */
static bool wait_for_keys(const struct sw_top_look *look, struct sw_top_view *view, __u64 until_ns)
{
	__u64 now;

	while ((now = sw_monotonic_ns()) < until_ns || view->paused) {
		__u64 left_ms = now < until_ns ? (until_ns - now) / SW_NS_PER_MS + 1 : ~0ULL;

		if (take_key(next_key(left_ms), view) || sw_interrupted())
			return true;
		sw_top_draw(look, view);
	}
	return false;
}

static void show(char *const *operands, const struct sw_top_args *args, struct sw_top_view *view)
{
	static struct sw_top_look look;
	bool found = true;
	__u64 next;

	do {
		__u64 began = sw_monotonic_ns();

		sw_top_look(&look, operands);
		sw_top_draw(&look, view);
		next = began + args->every_ms * SW_NS_PER_MS;
		if (next < began + SHARE * look.took_ns)
			next = began + SHARE * look.took_ns;
		if (look.found && !found)
			view->message[0] = '\0'; /* that it was not there */
		found = look.found;
	} while (!sw_interrupted() && !wait_for_keys(&look, view, next));
	sw_top_look_close(&look);
}

enum sw_exit sw_cmd_top(char *const *operands, void *context)
{
	const struct sw_top_args *args = context;
	struct sw_top_view view = { .filter = args->filter,
				    .order = args->order,
				    .reverse = args->reverse };
	SCREEN *screen = NULL;
	int err;

	if (sw_json) {
		sw_misuse("top is for people; `synward stats --watch --json` is for programs");
		return SW_EXIT_MISUSE;
	}
	sw_interrupt_catch();
	err = open_terminal(&screen);
	if (!err) {
		view.blocks = !strcmp(nl_langinfo(CODESET), "UTF-8");
		sw_report_into(view.message, sizeof(view.message));
		show(operands, args, &view);
		sw_report_into(NULL, 0);
	}
	close_terminal(screen);
	return sw_exit_of(err);
}
