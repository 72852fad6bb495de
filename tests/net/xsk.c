// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who takes an interface's frames by AF_XDP (libxdp): xsk IFACE says whether it has got a socket there, and then holds
 * it until it is ended.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xdp/xsk.h>

#define BYTES (1 << 20)

int main(int argc, char **argv)
{
	const struct xsk_socket_config config = { .rx_size = 64, .tx_size = 64 };
	struct xsk_ring_cons received, completed;
	struct xsk_ring_prod fill, sent;
	struct xsk_socket *sock;
	struct xsk_umem *umem;
	void *area = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = argc == 2 ? xsk_umem__create(&umem, area, BYTES, &fill, &completed, NULL) : -1;

	if (!err)
		err = xsk_socket__create(&sock, argv[1], 0, umem, &received, &sent, &config);
	printf("%s\n", err ? strerror(-err) : "bound");
	fflush(stdout);
	return err ? 1 : pause();
}
