// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The standard descriptors. stdio keeps that something couldn't be written, but not why.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "text/output.h"

int sw_output_open(void)
{
	/* the wrong way round for 0 and 1: to use them is to fail, as with what was closed */
	static const int modes[] = { O_WRONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", modes[fd]) < 0) /* takes the lowest number, which is fd */
			return -errno;
	}
	return 0;
}

int sw_output_flush(void)
{
	static int err;

	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	if (!err)
		err = errno ? -errno : -EIO;
	return err;
}
