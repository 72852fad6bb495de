// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * This process goes to each of the two namespaces in turn, and comes home. They end with the last socket
 * in them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <synward/pressure.h>
#include <synward/types.h>

#include "guard/start.h"
#include "guard/trial.h"
#include "host/clock.h"
#include "host/detach.h"
#include "host/kernel.h"
#include "host/netlink.h"
#include "model/stats.h"

#define SERVER_IFACE "veth"
#define CLIENT_IFACE "client"
#define SERVER       "192.0.2.1" /* RFC 5737 */
#define CLIENT       "192.0.2.2"

#define PATIENCE_S 3

/* Descriptors of namespaces and sockets; -1: none. */
struct scene {
	int home, client_ns, server_ns;
	int listener, client, server;
	struct sw_tracker tracker;
	bool started;
	struct sw_trial *trial;
};

static int fail(struct scene *scene, const char *what, int err)
{
	scene->trial->failed = what;
	scene->trial->err = err;
	return -1;
}

/* --- The scene -------------------------------------------------------------------------------- */

static int new_namespace(void)
{
	return unshare(CLONE_NEWNET) ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* One end here, the other one there. */
static int lay_wire(int there)
{
	char buffer[512];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nlattr *info, *data, *peer;

	request->nlmsg_type = RTM_NEWLINK;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, SERVER_IFACE);
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, CLIENT_IFACE);
	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (__u32)there);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	return sw_netlink_make(NETLINK_ROUTE, request);
}

static struct sockaddr_in endpoint(const char *address, __u16 port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

/* Address, network and up. */
static int configure(const char *iface, const char *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in own = endpoint(address, 0), mask = endpoint("255.255.255.0", 0);
	struct ifreq request = {};
	int err;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	memcpy(&request.ifr_addr, &own, sizeof(own));
	err = ioctl(fd, SIOCSIFADDR, &request);
	memcpy(&request.ifr_netmask, &mask, sizeof(mask));
	err = err ?: ioctl(fd, SIOCSIFNETMASK, &request);
	request.ifr_flags = IFF_UP;
	err = err ?: ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return err;
}

/* As it is on this host; where that can't be written, as new namespaces have it. */
static void set_syncookies(int value)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_syncookies", "we");

	if (!file)
		return;
	fprintf(file, "%d\n", value);
	fclose(file);
}

/* Ends in the server's namespace. */
static int build(struct scene *scene)
{
	int syncookies = sw_sysctl_read("net/ipv4/tcp_syncookies");

	scene->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (scene->home < 0)
		return fail(scene, "remember this network namespace", -errno);
	scene->client_ns = new_namespace();
	scene->server_ns = scene->client_ns < 0 ? -1 : new_namespace();
	if (scene->server_ns < 0)
		return fail(scene, "make network namespaces", -errno);
	set_syncookies(syncookies);
	if (lay_wire(scene->client_ns) || configure(SERVER_IFACE, SERVER))
		return fail(scene, "join them by a veth", -errno);
	if (setns(scene->client_ns, CLONE_NEWNET) || configure(CLIENT_IFACE, CLIENT) ||
	    setns(scene->server_ns, CLONE_NEWNET))
		return fail(scene, "join them by a veth", -errno);
	return 0;
}

/* --- The play --------------------------------------------------------------------------------- */

static int new_socket(void)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static int listen_on(struct scene *scene, __u16 port)
{
	struct sockaddr_in own = endpoint(SERVER, port);

	scene->listener = new_socket();
	if (bind(scene->listener, (struct sockaddr *)&own, sizeof(own)) ||
	    listen(scene->listener, 16))
		return fail(scene, "listen", -errno);
	return 0;
}

static int start_guard(struct scene *scene, __u16 port)
{
	static char *const names[] = { SERVER_IFACE, NULL };
	struct sw_tracker_options options = {
		.config = SW_CONFIG_DEFAULT,
		.sizes = { .flows = 1024, .halfopen = 1024 },
		.guard.terms = { .mode = COOKIES_ALWAYS, .marks.high = 1 },
	};
	char text[SW_PORT_KEY_TEXT];
	int err;

	options.config.configured = options.config.both_directions = 1;
	snprintf(text, sizeof(text), "%u", port);
	setenv("LIBXDP_SKIP_DISPATCHER", "1", 1); /* it would pin what is not to outlive us */
	err = sw_port_list_take(&options.guard.ports, text, false);
	sw_port_list_settle(&options.guard.ports, 0, &options.guard.terms);
	err = err ?: sw_start(&scene->tracker, names, &options);
	scene->started = !err;
	return err ? fail(scene, "start guard, as was said", 0) : 0;
}

static int connect_client(struct scene *scene, __u16 port)
{
	struct sockaddr_in server = endpoint(SERVER, port);

	if (setns(scene->client_ns, CLONE_NEWNET))
		return fail(scene, "enter the client's namespace", -errno);
	scene->client = new_socket();
	if (setns(scene->server_ns, CLONE_NEWNET))
		return fail(scene, "come back from there", -errno);
	if (connect(scene->client, (struct sockaddr *)&server, sizeof(server)))
		return fail(scene, "connect by a cookie", -errno);
	return 0;
}

/* A word each way. */
static int talk(struct scene *scene)
{
	char word[] = "synward", heard[sizeof(word)] = {};

	if (write(scene->client, word, sizeof(word)) != sizeof(word))
		return fail(scene, "ask the server", -errno);
	scene->server = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
	if (scene->server < 0)
		return fail(scene, "accept what a cookie opened", -errno);
	if (read(scene->server, heard, sizeof(heard)) != sizeof(heard) ||
	    write(scene->server, heard, sizeof(heard)) != sizeof(heard) ||
	    read(scene->client, word, sizeof(word)) != sizeof(word))
		return fail(scene, "serve a client", -errno);
	return 0;
}

static int count(struct scene *scene)
{
	struct sw_map_fds maps = sw_maps_fds(&scene->tracker.maps);
	struct sw_totals totals = {};
	struct sw_config config = {};
	int err = sw_totals_add(&totals, &maps, sw_monotonic_ns())
			  ?: sw_map_read_one(maps.config, &config);

	scene->trial->own = sw_admits_own(sw_admission_in(&config.guard, 0));
	if (err)
		return fail(scene, "read guard's counters", err);
	if (!totals.count[SW_COOKIES_ACCEPTED])
		return fail(scene, "have guard answer: the kernel did", 0);
	return 0;
}

static void end(struct scene *scene)
{
	const int fds[] = { scene->client, scene->server, scene->listener, scene->client_ns,
			    scene->server_ns };

	if (scene->started) {
		sw_tracker_detach(&scene->tracker);
		sw_tracker_close(&scene->tracker);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (scene->home >= 0) {
		setns(scene->home, CLONE_NEWNET);
		close(scene->home);
	}
}

void sw_trial_run(__u16 port, struct sw_trial *trial)
{
	static struct scene scene;

	*trial = (struct sw_trial){};
	scene = (struct scene){ -1, -1, -1, -1, -1, -1, .trial = trial };
	(void)(build(&scene) || listen_on(&scene, port) || start_guard(&scene, port) ||
	       connect_client(&scene, port) || talk(&scene) || count(&scene));
	end(&scene);
}
