// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The object as users get it: loaded plain, with the kernel's clock, and as another compiler makes
 * it. CLANG19_OBJECT in the environment names the latter.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/golden_frames.h"
#include "harness.h"
#include "prog.h"
#include "stack.h"
#include "synward.skel.h"

#define VERIFIER_GRANTS \
	1000000 /* instructions of one program, on all ways: BPF_COMPLEXITY_LIMIT_INSNS */

/* A kernel a few versions on, or one more rule, takes more: there is to be room. */
static void expect_room(const struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, object) {
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);

		if (!bpf_program__autoload(program))
			continue;
		must(!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size),
		     "%s has no info", bpf_program__name(program));
		must(info.verified_insns > 0 && info.verified_insns < VERIFIER_GRANTS / 2,
		     "%s: the verifier walked %u instructions", bpf_program__name(program),
		     info.verified_insns);
	}
}

/* `kernel_types`: a file in place of the kernel's BTF. */
static void load_file(const char *path, const char *kernel_types)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = kernel_types);
	struct bpf_object *object = bpf_object__open_file(path, &options);
	int err;

	must(object, "%s: %s", path, strerror(errno));
	err = bpf_object__load(object);
	must(!err, "%s: %s", path, strerror(-err));
	expect_room(object);
	bpf_object__close(object);
}

static void programs_take_less_than_half_of_what_the_verifier_grants(void **state)
{
	(void)state;
	expect_room(harness_skeleton()->obj);
}

/* 512 bytes for functions that call each other, each rounded up to 32 there. */
static void programs_need_no_more_stack_than_linux_6_1_grants(void **state)
{
	(void)state;
	stack_expect_granted(harness_skeleton()->obj);
}

static void object_of_clang_19_loads(void **state)
{
	const char *path = getenv("CLANG19_OBJECT");

	(void)state;
	if (!path)
		path = "build/tests/synward-clang19.bpf.o";
	if (access(path, R_OK))
		skip_because("clang-19 is not installed: there is no %s", path);
	load_file(path, NULL);
}

/* Guard has been left out, and with it whatever libbpf would look up in the kernel's types, for longer than all else. */
static void object_that_only_tracks_needs_no_types_of_the_kernel(void **state)
{
	(void)state;
	load_file("build/synward_track.bpf.o", "/nonexistent");
}

static void program_of_ingress_takes_frames_of_many_buffers(void **state)
{
	const struct bpf_program *ingress = harness_skeleton()->progs.synward_ingress;

	(void)state;
	assert_string_equal(bpf_program__section_name(ingress), "xdp.frags");
	assert_int_equal(bpf_program__type(ingress), BPF_PROG_TYPE_XDP);
}

static __u64 kernel_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (__u64)time.tv_sec * SW_NS_PER_S + (__u64)time.tv_nsec;
}

/* As `ip link set dev IF xdp obj ...` loads it: one program, nothing set, nothing offline. */
static struct synward *load_plain(void)
{
	struct synward *plain = synward__open();
	struct bpf_program *program;

	must(plain, "it did not open: %s", strerror(errno));
	bpf_object__for_each_program (program, plain->obj)
		bpf_program__set_autoload(program, program == plain->progs.synward_ingress);
	must(!synward__load(plain), "it did not load: %s", strerror(errno));
	return plain;
}

static void object_loaded_plain_tracks_by_the_kernels_clock(void **state)
{
	struct synward *plain = load_plain();
	const struct golden *syn = &golden_frames[0];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = syn->bytes,
		    .data_size_in = (__u32)syn->size);
	__u64 before = kernel_clock();
	struct sw_flow_key key;
	struct sw_flow flow;
	int fd;

	(void)state;
	fd = bpf_map__fd(plain->maps.sw_halfopen);
	must(!bpf_prog_test_run_opts(bpf_program__fd(plain->progs.synward_ingress), &run),
	     "it did not run: %s", strerror(errno));
	assert_int_equal(run.retval, XDP_PASS);
	must(!bpf_map_get_next_key(fd, NULL, &key), "it made no record");
	must(!bpf_map_lookup_elem(fd, &key, &flow), "it made no record");
	assert_in_range(flow.start_ns, before, kernel_clock());
	assert_int_equal(flow.deadline_ns - flow.start_ns, 60 * SW_NS_PER_S);
	assert_int_equal(plain->bss->offline_result.after.start_ns, 0);
	synward__destroy(plain);
}

int test_load(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(object_of_clang_19_loads),
		cmocka_unit_test(object_that_only_tracks_needs_no_types_of_the_kernel),
		cmocka_unit_test(programs_take_less_than_half_of_what_the_verifier_grants),
		cmocka_unit_test(programs_need_no_more_stack_than_linux_6_1_grants),
		cmocka_unit_test(program_of_ingress_takes_frames_of_many_buffers),
		cmocka_unit_test(object_loaded_plain_tracks_by_the_kernels_clock),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
