/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs that call one another: arrays whose entries the agent writes, so that an
 * upgrade replaces a program and never touches the device.
 */
#ifndef RC_PROGS_H
#define RC_PROGS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Programs to be called in turn; entry 0 is written by the agent. */
#define RC_PROGS(name_)                                                                        \
	struct {                                                                               \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                         \
		__uint(max_entries, 1);                                                        \
		__type(key, __u32);                                                            \
		__type(value, __u32);                                                          \
	} name_ SEC(".maps")

/* What is behind the doors: programs rc_…_enter. */
RC_PROGS(rc_xdp_progs);
RC_PROGS(rc_tc_progs);

/* The frame logic: programs rc_…_serve. The first two are never pinned, so that the kernel empties
 * them when the agent's process ends, which holds the only descriptors. */
RC_PROGS(rc_xdp_agent);
RC_PROGS(rc_tc_agent);
RC_PROGS(rc_xdp_logic);
RC_PROGS(rc_tc_logic);

/* Whether the packet in hand found no agent: what a program says to the one that it calls. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} rc_orphaned SEC(".maps");

#endif
