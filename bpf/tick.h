/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a tick of the clock does: lets the leader's beat leave if it is due.
 */
#ifndef RC_TICK_H
#define RC_TICK_H

#include "retry.h"

/* Tells the agent what a beat, or its end, has to tell. */
static __attribute__((noinline)) void rc_tell_round(const struct rc_tally *t, __u32 wake)
{
	struct rc_event event = { .wake = wake, .at = rc_now(), .ballot = t->ballot, .seq = t->seq };

	rc_tell(&event);
}

/*
 * Lets the beat of level 0 leave if it is due; the packet becomes that beat. Those above are the
 * agent's: each seat is asked by a frame of its own. False: this node leads no group.
 */
static __always_inline bool rc_beat_due(struct __sk_buff *skb)
{
	__u32 first = 0, length = skb->len - RC_FRAME_LEN; /* of the header */
	struct rc_room *room = bpf_map_lookup_elem(&rc_room, &first);
	const struct rc_tally *t = bpf_map_lookup_elem(&rc_tally, &first);
	const struct rc_key *key;
	struct rc_frame *f;

	if (!room || !t || !t->beating || length > RC_HEADERS_MAX)
		return false;
	f = (void *)(long)skb->data + length;
	if ((void *)(f + 1) > (void *)(long)skb->data_end)
		return false;
	if (rc_round(0, f, &room->frame, &room->out)) {
		key = rc_find_key(f);
		if (key) {
			rc_sign(f, key);
			rc_fan_out_by_all(skb, f);
			rc_retry(skb);
		}
	}
	if (room->out.wake)
		rc_tell_round(t, room->out.wake);
	return true;
}

#endif
