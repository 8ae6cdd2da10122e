/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this host asks is answered by its own registers first, and their answers count like
 * everybody's: the twin of control.Deliver.
 */
#ifndef RC_OWN_H
#define RC_OWN_H

#include "serve.h"

static __always_inline void rc_count_own(struct rc_place_in_group *in, const struct rc_frame *f, __u64 now,
					 struct rc_outcome *o)
{
	struct rc_outcome vote = { .reply = false, .reason = RC_NONE, .wake = 0 };

	if (!o->reply)
		return;
	if (in->member)
		rc_step_version(&in->member->version);
	rc_tally_receive(in->tally, in->member, f, now, RC_NO_RAIL, &vote);
	if (in->member)
		rc_step_version(&in->member->version);
	o->wake |= vote.wake;
}

/*
 * Hands a frame to the register at an index (level * 2 + seat), and what that answers to the tally of its
 * level. room becomes a copy of the frame, and then the answer. False: there is no such register. A global
 * function: the verifier walks through it by itself.
 */
__attribute__((noinline)) int rc_hear_own(__u32 index, struct rc_frame *f, struct rc_frame *room, struct rc_outcome *o)
{
	struct rc_place_in_group in;
	struct rc_group *r;
	__u64 now = rc_now();

	if (!f || !room || !o)
		return false;
	r = bpf_map_lookup_elem(&rc_group, &index);
	if (!r || !rc_look_up(index / 2, index & 1, r->slot, &in))
		return false;
#pragma unroll
	for (int i = 0; i < RC_WORDS; i++)
		((__u64 *)room)[i] = ((__u64 *)f)[i];

	bpf_spin_lock(&in.lock->lock);
	rc_step_version(&in.group->version);
	rc_step_version(&in.tally->version);
	if (rc_addressed(in.group, room, o))
		rc_register_receive(in.group, room, now, RC_NO_RAIL, o);
	rc_count_own(&in, room, now, o);
	rc_step_version(&in.tally->version);
	rc_step_version(&in.group->version);
	bpf_spin_unlock(&in.lock->lock);
	return true;
}

#endif
