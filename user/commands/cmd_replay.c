// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward replay: a capture through the programs that go on the wire. A way of showing what came of it
 * is chosen here; user/replay/ does the rest.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "commands/cmd.h"
#include "commands/replay_options.h"
#include "text/json.h"
#include "replay/ladder.h"
#include "replay/view.h"
#include "text/output.h"
#include "text/report.h"

/* --- Ways of showing ------------------------------------------------------------------------ */

static int run(struct sw_replay *replay, const struct sw_capture_source *source,
	       const struct sw_replay_args *args, const struct sw_sink *sink)
{
	*replay = (struct sw_replay){};
	return sw_replay_start(replay, source, &args->replay) ?: sw_replay_run(replay, sink);
}

/* Data first, then talk, and what went wrong in the end. */
static int finish(struct sw_replay *replay, int err)
{
	if (!err)
		err = sw_output_flush() ?: sw_replay_say(replay);
	sw_replay_stop(replay);
	return err;
}

static int list(const struct sw_capture_source *source, const struct sw_replay_args *args)
{
	struct sw_replay_view view = { .ascii = args->ascii };
	struct sw_sink sink = { .flow = sw_json ? sw_replay_flow_json : sw_replay_flow_text,
				.context = &view };
	struct sw_replay replay;

	if (sw_json)
		sink.segment = sw_replay_segment_json;
	else if (args->segments)
		sink.segment = sw_replay_segment_text;
	return finish(&replay, run(&replay, source, args, &sink));
}

static int find(const struct sw_capture_source *source, const struct sw_replay_args *args,
		struct sw_ladder *ladder)
{
	struct sw_sink sink = { .flow = sw_ladder_find, .context = ladder };
	struct sw_replay replay;
	int err = run(&replay, source, args, &sink);

	sw_replay_stop(&replay);
	if (!err && !ladder->flow.start_ns)
		err = sw_fail(0, NULL, "draw flow %llu of %s: it has %llu", ladder->number,
			      source->name, ladder->flows);
	return err;
}

static int show(const struct sw_ladder *ladder, const struct sw_replay_args *args)
{
	int err = 0;

	if (ladder->no_memory || !ladder->count)
		return sw_fail(-ENOMEM, NULL, "draw flow %llu", ladder->number);
	if (args->svg)
		err = sw_ladder_write_svg(ladder, args->svg);
	if (!err && args->ladder)
		sw_ladder_print(ladder, args->ascii);
	return err;
}

static int draw(const struct sw_capture_source *source, const struct sw_replay_args *args)
{
	struct sw_ladder ladder = { .number = args->flow ?: 1, .windows = args->window };
	struct sw_sink collect = { .segment = sw_ladder_collect, .context = &ladder };
	struct sw_replay replay;
	int err = find(source, args, &ladder);

	if (err)
		return err;
	err = run(&replay, source, args, &collect) ?: show(&ladder, args);
	sw_ladder_free(&ladder);
	return finish(&replay, err);
}

/* `--ladder 3 FILE` and `FILE --ladder 3`: the number arrives as an operand. */
static int take_operands(char *const *operands, struct sw_replay_args *args, const char **file)
{
	int number = strspn(operands[0], "0123456789") == strlen(operands[0]) ? 0 : 1;

	*file = operands[0];
	if (!operands[1])
		return 0;
	if (!args->ladder || args->flow)
		return sw_misuse("\"%s\" is too much: `synward replay` wants one FILE",
				 operands[1]);
	*file = operands[!number];
	return sw_option_take(sw_option_find(sw_options_replay, "flow"), operands[number], args);
}

static int check(struct sw_replay_args *args)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		args->ascii = true;
	if (sw_json && (args->segments || args->ladder || args->svg))
		return sw_misuse("--json is a way of showing of its own: without --segments, "
				 "--ladder, --svg");
	if (args->segments && (args->ladder || args->svg))
		return sw_misuse("--segments lists all flows, --ladder and --svg draw one: choose");
	return 0;
}

enum sw_exit sw_cmd_replay(char *const *operands, void *args)
{
	static struct sw_capture_source source;
	struct sw_replay_args *options = args;
	const char *file;
	int err;

	if (take_operands(operands, options, &file) || check(options))
		return SW_EXIT_MISUSE;
	err = sw_capture_locate(&source, file);
	if (!err && (options->ladder || options->svg))
		err = draw(&source, options);
	else if (!err)
		err = list(&source, options);
	sw_capture_forget(&source);
	return sw_exit_of(err);
}
