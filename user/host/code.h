/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * By what two loaded programs are known to be the same.
 */
#ifndef SYNWARD_USER_CODE_H
#define SYNWARD_USER_CODE_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>

/*
 * The kernel's digest is of the code as it came. What a constant makes dead, such as Ethernet where there is
 * none, the verifier takes out later: by how much is left the two differ.
 */
struct sw_code {
	__u8 tag[BPF_TAG_SIZE];
	__u32 bytes;
};

static inline struct sw_code sw_code_of(const struct bpf_prog_info *info)
{
	struct sw_code code = { .bytes = info->xlated_prog_len };

	memcpy(code.tag, info->tag, sizeof(code.tag));
	return code;
}

static inline bool sw_same_code(const struct sw_code *one, const struct sw_code *other)
{
	return one->bytes == other->bytes && !memcmp(one->tag, other->tag, sizeof(one->tag));
}

#endif
