// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * connect [-g] ADDRESS PORT COUNT CONCURRENCY SECONDS: real clients. Begins COUNT connections, one
 * after another in each of CONCURRENCY places, for SECONDS at most, and says how long connect()
 * took. -g: each asks for / by HTTP, and is made only once the answer has come to its end.
 *
 * Who is not done GRACE seconds after that has failed: a SYN that was lost is sent again after one
 * second. What he waited counts among the times, so that a defender does not look quick for those
 * whom it let in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S        1000000000ULL
#define GRACE           2
#define COUNT_MAX       1000000
#define CONCURRENCY_MAX 1024

typedef unsigned long long ns_t;

struct place {
	int fd; /* -1: empty */
	bool connected, answered;
	ns_t begun;
};

struct times {
	ns_t *list;
	size_t count;
};

static struct {
	struct sockaddr_storage address;
	socklen_t address_length;
	bool ask;
	long count, concurrency, seconds;
} settings;

static struct times connects, answers;
static long begun, made, failed;
static ns_t last; /* connection made or failed */
static int poller;

static ns_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (ns_t)now.tv_sec * NS_PER_S + (ns_t)now.tv_nsec;
}

static void record(struct times *times, ns_t since)
{
	times->list[times->count++] = now_ns() - since;
}

static void leave(struct place *place, bool well)
{
	if (!place->connected)
		record(&connects, place->begun);
	*(well ? &made : &failed) += 1;
	close(place->fd);
	place->fd = -1;
	last = now_ns();
}

static void enter(struct place *place)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = place };
	int err;

	*place = (struct place){
		.fd = socket(settings.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0),
	};
	begun++;
	place->begun = now_ns();
	err = connect(place->fd, (struct sockaddr *)&settings.address, settings.address_length);
	if (place->fd < 0 || (err && errno != EINPROGRESS) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, place->fd, &event))
		leave(place, false);
}

static void on_connected(struct place *place)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = place };
	socklen_t length = sizeof(int);
	int err = 0;

	getsockopt(place->fd, SOL_SOCKET, SO_ERROR, &err, &length);
	if (err) {
		leave(place, false);
		return;
	}
	record(&connects, place->begun);
	place->connected = true;
	if (!settings.ask)
		leave(place, true);
	else if (send(place->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 ||
		 epoll_ctl(poller, EPOLL_CTL_MOD, place->fd, &event))
		leave(place, false);
}

/* To the end, so that it is the server who closes first and keeps the TIME_WAIT. */
static void on_answer(struct place *place)
{
	char answer[4096];
	ssize_t bytes = recv(place->fd, answer, sizeof(answer), 0);

	if (bytes > 0 && !place->answered) {
		place->answered = memcmp(answer, "HTTP", bytes < 4 ? (size_t)bytes : 4) == 0;
		record(&answers, place->begun);
	} else if (bytes == 0) {
		leave(place, place->answered);
	} else if (bytes < 0 && errno != EAGAIN) {
		leave(place, false);
	}
}

static void wait_for_some(ns_t end)
{
	struct epoll_event events[64];
	ns_t now = now_ns();
	int count = epoll_wait(poller, events, 64, now < end ? (int)((end - now) / 1000000) : 0);

	for (int i = 0; i < count; i++) {
		struct place *place = events[i].data.ptr;

		if (place->connected)
			on_answer(place);
		else
			on_connected(place);
	}
}

static void work(struct place *places, ns_t end)
{
	while (begun < settings.count && now_ns() < end) {
		for (long i = 0; i < settings.concurrency && begun < settings.count; i++)
			if (places[i].fd < 0)
				enter(&places[i]);
		wait_for_some(end);
	}
	end += GRACE * NS_PER_S;
	while (begun > made + failed && now_ns() < end)
		wait_for_some(end);
	for (long i = 0; i < settings.concurrency; i++)
		if (places[i].fd >= 0)
			leave(&places[i], false);
}

static int compare(const void *a, const void *b)
{
	ns_t one = *(const ns_t *)a, other = *(const ns_t *)b;

	return one < other ? -1 : one > other;
}

/* In microseconds; of the sorted times the one that this share of them does not exceed. */
static double quantile(const struct times *times, double share)
{
	if (times->count == 0)
		return 0;
	return (double)times->list[(size_t)(share * (double)(times->count - 1))] / 1000;
}

static void print_times(const char *prefix, struct times *times)
{
	qsort(times->list, times->count, sizeof(*times->list), compare);
	printf(",\"%sp50_us\":%.1f,\"%sp99_us\":%.1f,\"%smax_us\":%.1f", prefix,
	       quantile(times, 0.5), prefix, quantile(times, 0.99), prefix, quantile(times, 1));
}

static int parse(int argc, char **argv)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&settings.address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&settings.address;

	settings.ask = argc > 1 && strcmp(argv[1], "-g") == 0;
	argv += settings.ask;
	if (argc - settings.ask != 6)
		return -EINVAL;
	settings.count = atol(argv[3]);
	settings.concurrency = atol(argv[4]);
	settings.seconds = atol(argv[5]);
	if (inet_pton(AF_INET, argv[1], &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((unsigned short)atoi(argv[2]));
		settings.address_length = sizeof(*v4);
	} else if (inet_pton(AF_INET6, argv[1], &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((unsigned short)atoi(argv[2]));
		settings.address_length = sizeof(*v6);
	} else {
		return -EINVAL;
	}
	return settings.count < 1 || settings.count > COUNT_MAX || settings.concurrency < 1 ||
			       settings.concurrency > CONCURRENCY_MAX || settings.seconds < 1
		       ? -EINVAL
		       : 0;
}

int main(int argc, char **argv)
{
	static struct place places[CONCURRENCY_MAX];
	ns_t start;

	if (parse(argc, argv)) {
		fprintf(stderr, "usage: connect [-g] ADDRESS PORT COUNT CONCURRENCY SECONDS\n");
		return 2;
	}
	connects.list = calloc((size_t)settings.count, sizeof(ns_t));
	answers.list = calloc((size_t)settings.count, sizeof(ns_t));
	poller = epoll_create1(0);
	if (!connects.list || !answers.list || poller < 0) {
		fprintf(stderr, "connect: Couldn't begin: %s\n", strerror(errno));
		return 1;
	}
	for (long i = 0; i < settings.concurrency; i++)
		places[i].fd = -1;
	start = now_ns();
	work(places, start + (ns_t)settings.seconds * NS_PER_S);
	printf("{\"made\":%ld,\"failed\":%ld,\"per_second\":%.0f", made, failed,
	       (double)made * NS_PER_S / (double)(last - start));
	print_times("", &connects);
	if (settings.ask)
		print_times("answer_", &answers);
	printf("}\n");
	free(connects.list);
	free(answers.list);
	close(poller);
	return 0;
}
