/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Watches the leader: a timer that tells the agent once when no beat came for ceil(k/2)
 * intervals. Beats do not touch it. It goes off when the last beat that it knows of would
 * have become too old, looks how old the last beat is by now, and sleeps for the rest.
 */
#ifndef RC_WATCH_H
#define RC_WATCH_H

#include "serve.h"

#define RC_CLOCK_MONOTONIC 1
#define RC_WATCH_SHORTEST (100 * RC_NS_PER_US)
#define RC_WATCH_IDLE (10 * RC_NS_PER_MS) /* until the first beat says how often they come */

/* Returns when to look again, from now; 0: when a watch is ordered. */
static __always_inline __u64 rc_look(struct rc_timer *t, __u32 index, __u64 now)
{
	struct rc_event event = { .wake = RC_WAKE_SILENT, .place = index, .at = now };
	__u64 beat_at, patience;
	struct rc_place_in_group in;
	enum rc_state state;
	__s64 silent;

	if (!rc_look_up(index / 2, index & 1, RC_TO_ALL, &in))
		return 0;
	bpf_spin_lock(&in.lock->lock);
	state = in.group->state;
	beat_at = in.group->beat_at;
	event.ballot = in.group->promised;
	event.seq = in.group->committed.seq;
	patience = ((__u64)in.group->rounds + 1) / 2 * in.group->interval_us * RC_NS_PER_US;
	bpf_spin_unlock(&in.lock->lock);

	if (state == RC_STATE_VACANT || state == RC_STATE_OUT)
		return 0;
	if (beat_at == 0 || state == RC_STATE_FROZEN)
		return RC_WATCH_IDLE;
	silent = now - beat_at;
	if (silent < 0)
		silent = 0;
	if (silent < patience) {
		patience -= silent;
	} else if (t->told != beat_at) {
		t->told = beat_at;
		rc_tell(&event);
	}
	return patience > RC_WATCH_SHORTEST ? patience : RC_WATCH_SHORTEST;
}

static int rc_on_timer(void *map, __u32 *index, struct rc_timer *t)
{
	__u64 next = rc_look(t, *index, rc_now());

	if (next)
		bpf_timer_start(&t->timer, next, 0);
	return 0;
}

/* Starts the timer, also one that runs already: from now on it calls this program's code. */
static __always_inline bool rc_watch(__u32 index)
{
	struct rc_timer *t = bpf_map_lookup_elem(&rc_timer, &index);

	if (!t)
		return false;
	bpf_timer_init(&t->timer, &rc_timer, RC_CLOCK_MONOTONIC); /* refuses when done before */
	return bpf_timer_set_callback(&t->timer, rc_on_timer) == 0 && bpf_timer_start(&t->timer, 0, 0) == 0;
}

#endif
