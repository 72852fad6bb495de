// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * libmicrohttpd without a thread: its descriptor is an epoll of its own, and it says when it wants to go
 * on. After each turn it rests for a multiple of the time that took.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/metrics.h"
#include "host/clock.h"
#include "host/group_socket.h"
#include "text/exposition.h"
#include "text/report.h"

#define CLIENTS_MAX   32U
#define IDLE_S        10U /* a client that says nothing, or takes nothing, for so long goes */
#define CLIENT_MEMORY ((size_t)8192) /* headers longer than that are refused */

/* Of a processor it takes one part in so many. */
#define SHARE 10

struct sw_metrics {
	struct sw_scrape scrape;
	struct MHD_Daemon *daemon;
	int fd;
	struct sockaddr_storage address;
};

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int status,
				   const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = MHD_queue_response(connection, status, response);

	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection,
				      const struct sw_scrape *scrape)
{
	bool openmetrics = sw_exposition_wants_openmetrics(
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t length;
	char *text = sw_scrape_text(scrape, openmetrics, &length);

	if (!text)
		return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
				   "the maps can't be read\n");
	response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				sw_exposition_content_type(openmetrics));
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request)
{
	const struct sw_metrics *metrics = context;

	(void)version, (void)upload, (void)upload_size, (void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET /metrics\n");
	if (strcmp(url, "/metrics"))
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "GET /metrics\n");
	return answer_metrics(connection, &metrics->scrape);
}

/* The path of a unix socket, or NULL. */
static const char *path_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_UNIX ? ((const struct sockaddr_un *)address)->sun_path
					     : NULL;
}

/* A socket that listens there, or -errno. */
static int listen_at(const struct sockaddr_storage *address)
{
	static const int yes = 1;
	int fd, err;

	if (path_of(address))
		return sw_group_socket_listen_at(path_of(address));
	fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (address->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (!bind(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    !listen(fd, CLIENTS_MAX))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The library owns the socket if it starts. */
static struct MHD_Daemon *start(struct sw_metrics *metrics, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, metrics,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, CLIENT_MEMORY, MHD_OPTION_END);
}

int sw_metrics_open(struct sw_metrics **metrics, const struct sockaddr_storage *address,
		    const struct sw_scrape *scrape)
{
	struct sw_metrics *new = calloc(1, sizeof(*new));
	int fd;

	if (!new)
		return sw_fail(-ENOMEM, NULL, "set up the metrics");
	new->scrape = *scrape;
	new->scrape.started_s = (__u64)time(NULL);
	new->address = *address;
	fd = listen_at(address);
	new->daemon = fd < 0 ? NULL : start(new, fd);
	if (!new->daemon) {
		if (fd >= 0)
			close(fd);
		free(new);
		return sw_fail(fd < 0 ? fd : -EIO, "--metrics says where",
			       "listen for the metrics");
	}
	new->fd = MHD_get_daemon_info(new->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	*metrics = new;
	return 0;
}

void sw_metrics_close(struct sw_metrics *metrics)
{
	if (!metrics)
		return;
	if (path_of(&metrics->address))
		unlink(path_of(&metrics->address));
	MHD_stop_daemon(metrics->daemon);
	free(metrics);
}

static int work(void *context, struct sw_next *next)
{
	struct sw_metrics *metrics = context;
	__u64 began = sw_monotonic_ns(), ended;
	MHD_UNSIGNED_LONG_LONG pause_ms;

	if (MHD_run(metrics->daemon) != MHD_YES)
		return -EIO;
	ended = sw_monotonic_ns();
	next->from_ns = ended + (SHARE - 1) * (ended - began);
	next->by_ns = SW_NEVER_NS;
	if (MHD_get_timeout(metrics->daemon, &pause_ms) == MHD_YES)
		next->by_ns = ended + pause_ms * SW_NS_PER_MS;
	return 0;
}

struct sw_duty sw_metrics_duty(struct sw_metrics *metrics)
{
	return (struct sw_duty){
		.what = "answer who asks for metrics",
		.fd = metrics->fd,
		.work = work,
		.context = metrics,
	};
}
