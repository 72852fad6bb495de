// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward attach, synward detach: `run` without a daemon, and its undoing.
 */
#include "commands/cmd.h"
#include "commands/run_options.h"
#include "guard/start.h"
#include "host/detach.h"
#include "host/lock.h"
#include "model/status.h"
#include "text/report.h"

enum sw_exit sw_cmd_attach(char *const *operands, void *args)
{
	static struct sw_tracker tracker;
	struct sw_run_args *options = args;
	int err = sw_run_args_settle(options) ?: sw_start(&tracker, operands, &options->tracker);

	if (err)
		return SW_EXIT_FAILED;
	if (options->metrics.ss_family)
		sw_say("nobody tells the metrics: `synward run` does");
	sw_tracker_say(&tracker);
	if (sw_maps_guarded(&tracker.maps))
		sw_say("guard knows this host's addresses as they are now; `synward run` follows "
		       "them");
	sw_tracker_close(&tracker);
	return SW_EXIT_DONE;
}

static int detach(struct sw_iface_state *iface)
{
	char text[SW_PROCESS_TEXT];
	int proxied;

	if (iface->daemon)
		return sw_fail(0, "Stop that process: it detaches", "detach %s: %s serves it",
			       iface->name, sw_process_text(iface->daemon, text));
	proxied = sw_proxied_count(sw_maps_fd(&iface->maps, "sw_proxied"));
	if (proxied)
		sw_say("%d connections went through proxy, and end without it", proxied);
	return sw_iface_detach(iface);
}

enum sw_exit sw_cmd_detach(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	int err = sw_lock_setup();

	(void)args;
	if (err)
		return SW_EXIT_FAILED;
	sw_lock_begin_changes();
	err = sw_ifaces_open(operands, &ifaces);
	for (size_t i = 0; i < ifaces.count; i++)
		err = detach(&ifaces.iface[i]) ?: err;
	sw_ifaces_close(&ifaces);
	sw_lock_release_setup();
	return sw_exit_of(err);
}
