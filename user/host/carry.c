// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Two types are walked side by side. Bits are copied one by one where a member is a bit-field; all of it
 * happens once in the life of a version.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/carry.h"

/* --- Values --------------------------------------------------------------------------------- */

/* Something of a type, at a place given in bits. */
struct spot {
	const struct btf *btf;
	__u32 type;
	unsigned char *data;
	__u32 bit;
};

static bool is_compound(const struct btf_type *type)
{
	return btf_is_struct(type) || btf_is_union(type);
}

static void copy_bits(const struct spot *from, const struct spot *to, __u32 bits)
{
	for (__u32 i = 0; i < bits; i++) {
		__u32 source = from->bit + i, target = to->bit + i;

		if (from->data[source / 8] >> source % 8 & 1)
			to->data[target / 8] |= (unsigned char)(1U << target % 8);
	}
}

static __u32 smaller(__u32 one, __u32 other)
{
	return one < other ? one : other;
}

static void copy(struct spot from, struct spot to);

static void copy_elements(const struct spot *from, const struct spot *to)
{
	const struct btf_array *source = btf_array(btf__type_by_id(from->btf, from->type));
	const struct btf_array *target = btf_array(btf__type_by_id(to->btf, to->type));
	__u32 source_bits = 8 * (__u32)btf__resolve_size(from->btf, source->type);
	__u32 target_bits = 8 * (__u32)btf__resolve_size(to->btf, target->type);

	for (__u32 i = 0; i < smaller(source->nelems, target->nelems); i++)
		copy((struct spot){ from->btf, source->type, from->data,
				    from->bit + i * source_bits },
		     (struct spot){ to->btf, target->type, to->data, to->bit + i * target_bits });
}

/* The number of the member of that name, or -1; of those without a name, the first. */
static int member_named(const struct btf *btf, const struct btf_type *type, const char *name)
{
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name))
			return i;
	return -1;
}

static void copy_members(const struct spot *from, const struct spot *to)
{
	const struct btf_type *source = btf__type_by_id(from->btf, from->type);
	const struct btf_type *target = btf__type_by_id(to->btf, to->type);

	for (__u32 i = 0; i < btf_vlen(target); i++) {
		const struct btf_member *member = &btf_members(target)[i];
		const char *name = btf__name_by_offset(to->btf, member->name_off);
		int same = member_named(from->btf, source, name);
		struct spot there = *from, here = *to;
		__u32 bits = btf_member_bitfield_size(target, i);

		if (same < 0)
			continue;
		there.type = btf_members(source)[same].type;
		there.bit += btf_member_bit_offset(source, (__u32)same);
		here.type = member->type;
		here.bit += btf_member_bit_offset(target, i);
		if (bits)
			copy_bits(&there, &here,
				  smaller(bits, btf_member_bitfield_size(source, (__u32)same)));
		else
			copy(there, here);
	}
}

static void copy(struct spot from, struct spot to)
{
	const struct btf_type *source, *target;

	from.type = (__u32)btf__resolve_type(from.btf, from.type);
	to.type = (__u32)btf__resolve_type(to.btf, to.type);
	source = btf__type_by_id(from.btf, from.type);
	target = btf__type_by_id(to.btf, to.type);
	if (is_compound(source) && is_compound(target))
		copy_members(&from, &to);
	else if (btf_is_array(source) && btf_is_array(target))
		copy_elements(&from, &to);
	else if (!is_compound(source) && !is_compound(target))
		copy_bits(&from, &to,
			  8 * smaller((__u32)btf__resolve_size(from.btf, from.type),
				      (__u32)btf__resolve_size(to.btf, to.type)));
}

/* --- Maps ----------------------------------------------------------------------------------- */

struct side {
	const struct sw_map *map;
	struct btf *btf;
	unsigned char *key, *value;
	__u32 stride, count; /* of the values of a key: one a CPU, or one */
};

static int open_side(struct side *side, const struct sw_map *map)
{
	bool percpu = map->info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
	int cpus = percpu ? libbpf_num_possible_cpus() : 1;

	if (cpus < 0)
		return cpus;
	side->map = map;
	side->count = (__u32)cpus;
	side->stride = (map->info.value_size + 7) / 8 * 8;
	side->btf = btf__load_from_kernel_by_id(map->info.btf_id);
	if (!side->btf)
		return -errno;
	side->key = calloc(1, map->info.key_size);
	side->value = calloc(side->count, side->stride);
	return side->key && side->value ? 0 : -ENOMEM;
}

static void close_side(struct side *side)
{
	btf__free(side->btf);
	free(side->key);
	free(side->value);
}

static struct spot key_of(const struct side *side)
{
	return (struct spot){ side->btf, side->map->info.btf_key_type_id, side->key, 0 };
}

static struct spot value_of(const struct side *side, __u32 number)
{
	return (struct spot){ side->btf, side->map->info.btf_value_type_id,
			      side->value + (size_t)number * side->stride, 0 };
}

static int carry_entry(struct side *from, struct side *to)
{
	memset(to->key, 0, to->map->info.key_size);
	memset(to->value, 0, (size_t)to->count * to->stride);
	copy(key_of(from), key_of(to));
	for (__u32 i = 0; i < to->count; i++)
		copy(value_of(from, i), value_of(to, i));
	return bpf_map_update_elem(to->map->fd, to->key, to->value, BPF_ANY) ? -errno : 0;
}

/* An entry that goes meanwhile ends nothing; where one went, the walk may begin anew. */
static long carry_entries(struct side *from, struct side *to)
{
	unsigned char *last = NULL;
	long carried = 0;
	int err = 0;

	while (!err && carried < from->map->info.max_entries &&
	       !bpf_map_get_next_key(from->map->fd, last, from->key)) {
		last = from->key;
		if (bpf_map_lookup_elem(from->map->fd, from->key, from->value))
			continue;
		err = carry_entry(from, to);
		carried++;
	}
	return err ?: carried;
}

static long carry_map(const struct sw_map *from, const struct sw_map *to)
{
	struct side source = {}, target = {};
	long carried = open_side(&source, from) ?: open_side(&target, to);

	if (!carried)
		carried = carry_entries(&source, &target);
	close_side(&source);
	close_side(&target);
	return carried;
}

int sw_carry(const struct sw_maps *from, const struct sw_maps *to, struct sw_carried *carried)
{
	const struct {
		const char *name;
		long *count;
	} tables[] = {
		{ "sw_flows", &carried->flows },
		{ "sw_halfopen", &carried->flows },
		{ "sw_proxied", &carried->proxied },
		{ "sw_services", NULL },
		{ "sw_ports", NULL }, /* their cookies may be out, */
		{ "sw_config", NULL }, /* and this says how they are taken back */
		{ "sw_stats", NULL },
		{ "sw_keys", NULL },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const struct sw_map *source = sw_maps_find(from, tables[i].name);
		const struct sw_map *target = sw_maps_find(to, tables[i].name);
		long count = source && target ? carry_map(source, target) : 0;

		if (count < 0)
			return (int)count;
		if (tables[i].count)
			*tables[i].count += count;
	}
	return 0;
}
