// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The verifier's statistics have the depth of each function, and the loaded code which calls which.
 */
#include <errno.h>
#include <linux/btf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "harness.h"
#include "stack.h"

#define GRANTED       512
#define ROUND         32
#define FUNCTIONS_MAX 128
#define PROGRAMS_MAX  16
#define LOG_STATS     4 /* BPF_LOG_STATS: some lines, and no more if it is loaded */

static char logs[PROGRAMS_MAX][1 << 16];

/* What the kernel saves where it has put the loop of a bpf_loop(): added to the depth after that has been judged. */
#define LOOP_SAVES 24

struct code {
	struct bpf_insn *insns;
	struct bpf_func_info function[FUNCTIONS_MAX];
	bool turn[FUNCTIONS_MAX]; /* of a bpf_loop(): all other functions are global */
	__u32 insn_count, count;
	__u32 depth[FUNCTIONS_MAX];
};

void stack_watch(const struct bpf_object *object)
{
	struct bpf_program *program;
	int number = 0;

	bpf_object__for_each_program (program, object) {
		must(number < PROGRAMS_MAX, "there are more programs");
		bpf_program__set_log_buf(program, logs[number++], sizeof(logs[0]));
		bpf_program__set_log_level(program, LOG_STATS);
	}
}

/* "stack depth 200+64+0", in the order of the functions. */
static void read_depths(struct code *code, const char *log)
{
	const char *at = strstr(log, "stack depth ");
	__u32 count = 0;
	char *end;

	must(at, "the verifier tells no depth: %s", log);
	at += strlen("stack depth ");
	for (end = (char *)at; count < FUNCTIONS_MAX; at = end + 1) {
		code->depth[count++] = (__u32)strtoul(at, &end, 10);
		if (*end != '+')
			break;
	}
	must(count == code->count, "depths of %u functions, and there are %u", count, code->count);
}

static void read_turns(struct code *code, __u32 btf_id)
{
	struct btf *btf = btf__load_from_kernel_by_id(btf_id);

	must(btf, "no types: %s", strerror(errno));
	for (__u32 i = 1; i < code->count; i++)
		code->turn[i] = btf_vlen(btf__type_by_id(btf, code->function[i].type_id)) ==
				BTF_FUNC_STATIC;
	btf__free(btf);
}

static void read_code(struct code *code, int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	must(!bpf_obj_get_info_by_fd(fd, &info, &size), "no info: %s", strerror(errno));
	code->insn_count = info.xlated_prog_len / sizeof(struct bpf_insn);
	code->insns = calloc(code->insn_count, sizeof(struct bpf_insn));
	code->count = info.nr_func_info;
	must(code->insns && code->count <= FUNCTIONS_MAX, "%u functions", code->count);
	info = (struct bpf_prog_info){
		.xlated_prog_len = code->insn_count * (__u32)sizeof(struct bpf_insn),
		.xlated_prog_insns = (__u64)(uintptr_t)code->insns,
		.nr_func_info = code->count,
		.func_info_rec_size = sizeof(struct bpf_func_info),
		.func_info = (__u64)(uintptr_t)code->function,
	};
	must(!bpf_obj_get_info_by_fd(fd, &info, &size), "no code: %s", strerror(errno));
	read_turns(code, info.btf_id);
}

/* Whom the instruction calls. Of how far away that is the kernel shows the lower 16 bits. */
static __u32 called(const struct code *code, __u32 at)
{
	__u16 away = (__u16)code->insns[at].off;

	for (__u32 i = 1; i < code->count; i++)
		if ((__u16)(code->function[i].insn_off - at - 1) == away)
			return i;
	must(false, "a call of no function");
	return 0;
}

/* The stack of the deepest chain of calls from this function on. */
static __u32 deepest(const struct code *code, __u32 function)
{
	__u32 own = code->depth[function], below = 0, depth;
	bool loops = false;
	__u32 end = function + 1 < code->count ? code->function[function + 1].insn_off
					       : code->insn_count;

	for (__u32 i = code->function[function].insn_off; i < end; i++) {
		const struct bpf_insn *insn = &code->insns[i];

		if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg != BPF_PSEUDO_CALL)
			continue;
		loops = loops || code->turn[called(code, i)];
		depth = deepest(code, called(code, i));
		below = depth > below ? depth : below;
	}
	own -= loops ? LOOP_SAVES : 0;
	own = (own + ROUND - 1) / ROUND * ROUND;
	return (own ? own : ROUND) + below;
}

void stack_expect_granted(const struct bpf_object *object)
{
	struct bpf_program *program;
	int number = 0;

	bpf_object__for_each_program (program, object) {
		struct code code = {};
		const char *log = logs[number++];
		__u32 depth;

		if (!bpf_program__autoload(program))
			continue;
		read_code(&code, bpf_program__fd(program));
		read_depths(&code, log);
		depth = deepest(&code, 0);
		free(code.insns);
		must(depth <= GRANTED, "%s: its calls need %u bytes of stack: %s",
		     bpf_program__name(program), depth, log);
	}
}
