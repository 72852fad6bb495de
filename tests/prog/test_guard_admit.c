// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Admission. BPF_PROG_RUN is no tc ingress, where alone the kernel assigns requests: there it shows,
 * by being refused, what synward_admit would have admitted. Then the filter stands on lo, and the
 * kernel does it: the client's segments are written to the wire by hand, the server is a real one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "guarded.h"
#include "prog.h"
#include "synward.skel.h"

#define LO 1 /* ifindex */

static struct passage passage;
static __u8 frame[FRAME_MAX];

static void set_blind(bool blind)
{
	guard_write_word(harness_skeleton()->maps.sw_blind, blind);
}

/* A loopback client, answered; its ACK has opened the flow. */
static struct client opened(const char *address, bool plain)
{
	struct client client = guard_client(address, 1024);
	struct sw_segment ack;

	client.there.address = strchr(address, ':') ? NET_HOME6 : NET_HOME;
	client.plain = plain;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_open(&client, START_NS);
	ack = client_ack(&client);
	guard_send(&ack, START_NS + 1, &passage);
	must(passage.hinted, "the ACK is not hinted");
	return client;
}

static void admit_at(const struct sw_segment *segment, __u64 now)
{
	harness_admit(frame, frame_build(segment, frame), now);
}

static void admit(const struct sw_segment *segment)
{
	admit_at(segment, START_NS + 2);
}

/* It looked, and tried: the kernel refuses in a test run. */
static void expect_tries(const char *name, unsigned int tries)
{
	must(harness_count(SW_ADMIT_REFUSED) == tries, "%s: %llu tries", name,
	     harness_count(SW_ADMIT_REFUSED));
}

/* --- What it looks at ------------------------------------------------------------------------- */

static const struct net_end home = { NET_HOME, PORT }, home6 = { NET_HOME6, PORT };
static int home_listener;

static void frame_without_a_hint_leaves_at_once(void **state)
{
	struct client client = opened("10.9.0.30", false);
	struct sw_segment ack = client_ack(&client);

	(void)state;
	admit(&ack);
	expect_tries("no hint", 0);
}

static void without_metadata_every_frame_is_looked_at(void **state)
{
	const char *const addresses[] = { "10.9.0.30", NET_GUEST6 };

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct client client = opened(addresses[i], i & 1);
		struct sw_segment ack = client_ack(&client), other;

		set_blind(true);
		admit(&ack);
		expect_tries("the ACK", 1);
		ack.length = 100;
		admit(&ack);
		expect_tries("data in the same batch", 1);
		admit_at(&ack, START_NS + 2 + 10 * SW_NS_PER_MS - 1);
		expect_tries("data that came 10 ms later", 1);
		admit_at(&ack, START_NS + 2 + 10 * SW_NS_PER_MS);
		expect_tries("data sent again", 2);
		ack.flags |= SW_TCP_FIN;
		admit_at(&ack, START_NS + 2 + 60 * SW_NS_PER_MS);
		expect_tries("FIN", 3);

		other = client_ack(&client);
		other.tsecr ^= 0x100;
		other.ack ^= client.plain ? 0x100 : 0;
		admit(&other);
		expect_tries("a wrong cookie", 3);
		other = client_ack(&client);
		other.ack++;
		admit(&other);
		expect_tries("an ACK of more", 3);
		client.here.port++;
		other = client_ack(&client);
		admit(&other);
		expect_tries("another client", 3);
		other = client_syn(&client);
		admit(&other);
		expect_tries("a SYN", 3);
	}
}

static void flow_whose_server_has_spoken_is_let_be(void **state)
{
	struct client client = opened("10.9.0.30", false);
	struct sw_segment ack = client_ack(&client), reply = client_segment(&client, SW_TCP_ACK);
	struct outcome outcome;

	(void)state;
	set_blind(true);
	reply.sender = !reply.sender;
	reply.seq = client.answer.seq + 1;
	reply.ack = client.isn + 1;
	harness_segment(HOOK_TC, &reply, START_NS + 1, &outcome);
	admit(&ack);
	expect_tries("spoken", 0);
}

static void connection_with_a_socket_is_let_be(void **state)
{
	struct net_end from = { "10.9.0.31", 1024 };
	struct client client = opened(from.address, false);
	int connecting = net_connect(&from, &home), accepted = net_accept(home_listener);
	struct sw_segment ack = client_ack(&client);

	(void)state;
	set_blind(true);
	admit(&ack);
	expect_tries("a socket", 0);
	close(connecting);
	close(accepted);
}

static void listener_that_is_gone_admits_nobody(void **state)
{
	struct net_end elsewhere = { "10.9.0.77", PORT };
	struct client client = guard_client("10.9.0.30", 1024);
	int fd = net_listen(&elsewhere, 5);
	struct sw_segment ack;

	(void)state;
	client.there = elsewhere;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_open(&client, START_NS);
	ack = client_ack(&client);
	guard_send(&ack, START_NS + 1, &passage);
	close(fd);
	set_blind(true);
	admit(&ack);
	expect_tries("nobody listens", 0);
}

/* --- On lo ------------------------------------------------------------------------------------ */

static void attach_admit(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter,
		    .prog_fd = bpf_program__fd(harness_skeleton()->progs.synward_admit));
	int err = bpf_tc_hook_create(&hook);

	must(!err || err == -EEXIST, "clsact on lo: %s", strerror(-err));
	err = bpf_tc_attach(&hook, &filter);
	must(!err, "a filter on lo: %s", strerror(-err));
}

static void detach_admit(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	bpf_tc_hook_destroy(&hook);
}

/* The frame's IP packet, over lo. */
static void transmit(const struct sw_segment *segment, bool v4)
{
	size_t size = frame_build(segment, frame);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_RAW);

	must(fd >= 0, "a raw socket: %s", strerror(errno));
	must(sendto(fd, frame + 14, size - 14, 0,
		    v4 ? (struct sockaddr *)&to : (struct sockaddr *)&to6,
		    v4 ? sizeof(to) : sizeof(to6)) == (ssize_t)size - 14,
	     "transmit: %s", strerror(errno));
	close(fd);
}

static void expect_admitted(const char *address, bool plain)
{
	int listener = net_listen(strchr(address, ':') ? &home6 : &home, 5), fd;
	struct client client = opened(address, plain);
	struct sw_segment ack = client_ack(&client);
	struct tcp_info info;
	socklen_t size = sizeof(info);

	set_blind(true);
	harness_skeleton()->bss->offline_now_ns = START_NS + 2;
	transmit(&ack, !strchr(address, ':'));
	fd = net_accept(listener);
	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
	assert_int_equal(info.tcpi_options & TCPI_OPT_TIMESTAMPS, plain ? 0 : TCPI_OPT_TIMESTAMPS);
	assert_int_equal(info.tcpi_options & TCPI_OPT_SACK, plain ? 0 : TCPI_OPT_SACK);
	assert_int_equal(info.tcpi_options & TCPI_OPT_WSCALE, plain ? 0 : TCPI_OPT_WSCALE);
	assert_int_equal(info.tcpi_snd_wscale, plain ? 0 : 7);
	assert_int_equal(info.tcpi_rcv_wscale, plain ? 0 : GUARD_WSCALE);
	assert_int_equal(info.tcpi_snd_mss, plain ? 1460 : 1448);
	assert_int_equal(harness_count(SW_ADMIT_REFUSED), 0);
	close(fd);
	close(listener);
}

static void listener_gets_what_the_cookie_kept(void **state)
{
	(void)state;
	attach_admit();
	expect_admitted("10.9.0.40", false);
	expect_admitted("10.9.0.41", true);
	detach_admit();
}

static void wrong_cookie_is_not_admitted(void **state)
{
	int listener = net_listen(&home, 5);
	struct client client = opened("10.9.0.42", false);
	struct sw_segment ack = client_ack(&client);
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	(void)state;
	attach_admit();
	set_blind(true);
	ack.tsecr ^= 0x100;
	transmit(&ack, true);
	assert_int_equal(poll(&ready, 1, 20), 0);
	detach_admit();
	close(listener);
}

/*
 * Once the listener has sent a cookie itself, in the last two minutes (tcp_synq_no_recent_overflow()):
 * another connection comes before.
 */
static void listener_that_sent_a_cookie_takes_the_one_its_kernel_lent(void **state)
{
	struct net_end before = { "10.9.0.45", 1024 };
	struct client client = guard_client("10.9.0.44", 1024);
	struct sw_guard guard = guard_usual;
	int listener = net_listen(&home, 5), other, fd;
	struct sw_segment ack;
	struct tcp_info info;
	socklen_t size = sizeof(info);

	(void)state;
	net_sysctl("ipv4/tcp_syncookies", "2");
	guard.admission = ADMISSION_KERNEL;
	guard.kernel_cookies = SYNCOOKIES_ALWAYS;
	guard.kernel_cookies = SYNCOOKIES_ALWAYS;
	guard_reset(&guard, COOKIES_ALWAYS);
	client.there = home;
	client.mss = 1300;
	guard_open(&client, START_NS);
	ack = client_ack(&client);
	guard_send(&ack, START_NS + 1, &passage);
	assert_int_equal(passage.verdict, XDP_PASS);
	other = net_connect(&before, &home);
	close(net_accept(listener));
	close(other);
	transmit(&ack, true);
	fd = net_accept(listener);
	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	assert_int_equal(info.tcpi_snd_mss, 1300);
	assert_int_equal(info.tcpi_options, 0);
	net_sysctl("ipv4/tcp_syncookies", "1");
	close(fd);
	close(listener);
}

/* SYN, cookie, ACK, hint, request: the whole way, of a real client. */
static void client_is_answered_and_admitted(void **state)
{
	struct net_end from = { "10.9.0.43", 1024 };
	int ingress = bpf_program__fd(harness_skeleton()->progs.synward_ingress);
	int listener = net_listen(&home, 5), connecting, accepted;
	char text[6] = "";

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_set_mac((const __u8[6]){}); /* so lo has it */
	harness_skeleton()->bss->offline_now_ns = START_NS;
	attach_admit();
	must(!bpf_xdp_attach(LO, ingress, XDP_FLAGS_SKB_MODE, NULL), "XDP on lo");
	connecting = net_connect(&from, &home);
	accepted = net_accept(listener);
	assert_int_equal(send(accepted, "hello", 5, 0), 5);
	net_await(connecting, TCP_ESTABLISHED);
	assert_int_equal(recv(connecting, text, 5, MSG_WAITALL), 5);
	assert_string_equal(text, "hello");
	bpf_xdp_detach(LO, XDP_FLAGS_SKB_MODE, NULL);
	detach_admit();
	assert_int_equal(harness_count(SW_COOKIES_SENT), 1);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
	assert_int_equal(harness_count(SW_ADMITTED), 1);
	assert_int_equal(guard_read_word(harness_skeleton()->maps.sw_blind), 0);
	close(accepted);
	close(connecting);
	close(listener);
}

int test_guard_admit(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_without_a_hint_leaves_at_once),
		cmocka_unit_test(without_metadata_every_frame_is_looked_at),
		cmocka_unit_test(flow_whose_server_has_spoken_is_let_be),
		cmocka_unit_test(connection_with_a_socket_is_let_be),
		cmocka_unit_test(listener_that_is_gone_admits_nobody),
	};
	static const struct CMUnitTest on_lo[] = {
		cmocka_unit_test(listener_gets_what_the_cookie_kept),
		cmocka_unit_test(wrong_cookie_is_not_admitted),
		cmocka_unit_test(listener_that_sent_a_cookie_takes_the_one_its_kernel_lent),
		cmocka_unit_test(client_is_answered_and_admitted),
	};
	int fd6, failed;

	if (!bpf_program__autoload(harness_skeleton()->progs.synward_admit)) {
		print_message("skipped: this kernel has no bpf_sk_assign_tcp_reqsk()\n");
		return 0;
	}
	home_listener = net_listen(&home, 5);
	fd6 = net_listen(&home6, 5);
	failed = cmocka_run_group_tests_name("admission", tests, NULL, NULL);
	close(home_listener);
	close(fd6);
	return failed + cmocka_run_group_tests_name("admission on lo", on_lo, NULL, NULL);
}
