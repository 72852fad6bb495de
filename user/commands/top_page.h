/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The pages of `synward top`, from 80 columns and 24 lines on.
 */
#ifndef SYNWARD_USER_TOP_PAGE_H
#define SYNWARD_USER_TOP_PAGE_H

#include "commands/top_look.h"

/* What the user has chosen. */
struct sw_top_view {
	struct sw_filter filter;
	enum sw_flow_order order;
	bool reverse, paused;
	char filter_text[128]; /* as it was typed */
	char message[256]; /* what went wrong, or "" */
	bool blocks; /* the terminal shows block elements, for the graphs */
};

void sw_top_draw(const struct sw_top_look *look, const struct sw_top_view *view);
void sw_top_draw_help(void);

#endif
