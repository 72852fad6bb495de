/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the service manager is told, if one has started the daemon: that it serves, reads its settings again
 * or ends, and, if it wants to hear that, that it is alive. The protocol is sd_notify(3)'s, a few words in a
 * datagram; libsystemd would bring five libraries more into what runs as root.
 */
#ifndef SYNWARD_USER_SERVICE_H
#define SYNWARD_USER_SERVICE_H

#include "daemon/loop.h"

/* Tells it. Where there is no manager, or it does not listen, nothing is done: it has a time-out of its own. */
void sw_service_ready(void);
void sw_service_reloading(void);
void sw_service_stopping(void);

/* Whether it watches this process; then the duty tells it twice in its time-out that the loop goes round. */
bool sw_service_watched(void);
struct sw_duty sw_service_duty(void);

#endif
