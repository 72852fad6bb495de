// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A namespace and its sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net.h"

#define PATIENCE_MS 5000

static int raise_lo(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	if (fd < 0)
		return -errno;
	err = ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
	close(fd);
	return err;
}

/* A network of class A: all of its addresses are those of lo then. */
static int add_network(void)
{
	struct ifreq request = { .ifr_name = "lo:1" };
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	if (fd < 0)
		return -errno;
	address->sin_family = AF_INET;
	inet_pton(AF_INET, NET_HOME, &address->sin_addr);
	err = ioctl(fd, SIOCSIFADDR, &request) ? -errno : 0;
	close(fd);
	return err;
}

static int add_addresses(void)
{
	const char *const addresses[] = { NET_HOME6, NET_GUEST6 };
	struct {
		struct in6_addr address;
		__u32 prefix;
		int ifindex;
	} request = { .prefix = 128, .ifindex = 1 }; /* struct in6_ifreq, of linux/ipv6.h */
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), err = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; !err && i < COUNT(addresses); i++) {
		inet_pton(AF_INET6, addresses[i], &request.address);
		err = ioctl(fd, SIOCSIFADDR, &request) ? -errno : 0;
	}
	close(fd);
	return err;
}

/* Per-CPU maps hold one CPU's share then. */
static int stay_on_one_cpu(void)
{
	cpu_set_t here;
	int cpu = sched_getcpu();

	CPU_ZERO(&here);
	CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &here);
	return sched_setaffinity(0, sizeof(here), &here) ? -errno : 0;
}

int net_enter(void)
{
	int err = unshare(CLONE_NEWNET) ? -errno : 0;

	if (!err)
		err = raise_lo();
	if (!err)
		err = add_network();
	if (!err)
		err = add_addresses();
	if (!err)
		err = stay_on_one_cpu();
	if (err)
		print_error("Couldn't enter a network namespace: %s\n", strerror(-err));
	return err;
}

static socklen_t to_sockaddr(const struct net_end *end, struct sockaddr_storage *storage)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
	struct sockaddr_in *v4 = (struct sockaddr_in *)storage;

	memset(storage, 0, sizeof(*storage));
	if (inet_pton(AF_INET, end->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(end->port);
		return sizeof(*v4);
	}
	must(inet_pton(AF_INET6, end->address, &v6->sin6_addr) == 1, "address %s", end->address);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(end->port);
	return sizeof(*v6);
}

int net_bound(const struct net_end *end, int protocol)
{
	struct sockaddr_storage address;
	socklen_t length = to_sockaddr(end, &address);
	int one = 1, fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address.ss_family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
	must(!bind(fd, (struct sockaddr *)&address, length), "bind to %s: %s", end->address,
	     strerror(errno));
	return fd;
}

int net_listen(const struct net_end *end, int backlog)
{
	int fd;

	net_sysctl("ipv4/tcp_rmem",
		   "4096 40000 33554432"); /* SO_RCVBUF would fix the shift count */
	fd = net_bound(end, 0);
	must(fd >= 0, "socket: %s", strerror(errno));
	must(!listen(fd, backlog), "listen: %s", strerror(errno));
	return fd;
}

int net_connect(const struct net_end *from, const struct net_end *to)
{
	struct sockaddr_storage address;
	socklen_t length = to_sockaddr(to, &address);
	int fd = net_bound(from, 0);

	must(fd >= 0, "socket: %s", strerror(errno));
	must(!fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl: %s", strerror(errno));
	must(!connect(fd, (struct sockaddr *)&address, length) || errno == EINPROGRESS,
	     "connect to %s: %s", to->address, strerror(errno));
	return fd;
}

int net_accept(int listener)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	int fd;

	must(poll(&ready, 1, PATIENCE_MS) == 1, "nothing to accept");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(fd >= 0, "accept: %s", strerror(errno));
	return fd;
}

void net_await(int fd, int state)
{
	for (int waited = 0; waited < PATIENCE_MS; waited++) {
		struct tcp_info info;
		socklen_t size = sizeof(info);

		must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO: %s",
		     strerror(errno));
		if (info.tcpi_state == state)
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("a socket does not reach state %d", state);
}

static bool in_time_wait(const char *list, unsigned int local, unsigned int remote)
{
	char path[32], line[400], pattern[32];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/net/%s", list);
	snprintf(pattern, sizeof(pattern), ":%04X 06 ", remote);
	file = fopen(path, "r");
	must(file, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		unsigned int port = 0;

		if (strstr(line, pattern) && sscanf(line, " %*d: %*[0-9A-F]:%4X", &port) == 1)
			found |= port == local;
	}
	fclose(file);
	return found;
}

void net_await_time_wait(unsigned short local, unsigned short remote)
{
	for (int waited = 0; waited < PATIENCE_MS; waited++) {
		if (in_time_wait("tcp", local, remote) || in_time_wait("tcp6", local, remote))
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("no socket comes to TIME_WAIT");
}

void net_sysctl(const char *name, const char *value)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	file = fopen(path, "w");
	must(file && fputs(value, file) >= 0 && !fclose(file), "%s: %s", path, strerror(errno));
}

void net_pair_open(struct net_pair *pair, const char *address, unsigned short port,
		   unsigned short to_port)
{
	pair->client = (struct net_end){ address, port };
	pair->server = (struct net_end){ strchr(address, ':') ? NET_HOME6 : NET_HOME, to_port };
	pair->listener = net_listen(&pair->server, 100);
	pair->connecting = net_connect(&pair->client, &pair->server);
	pair->accepted = net_accept(pair->listener);
}

void net_pair_close(struct net_pair *pair)
{
	close(pair->accepted);
	close(pair->connecting);
	close(pair->listener);
}

void net_pair_wind_up(struct net_pair *pair)
{
	shutdown(pair->accepted, SHUT_WR);
	net_await(pair->connecting, TCP_CLOSE_WAIT);
	close(pair->connecting);
	close(pair->accepted);
	net_await_time_wait(pair->server.port, pair->client.port);
	pair->connecting = pair->accepted = -1;
}
