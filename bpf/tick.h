/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a tick of the clock does: lets the beats leave that are due, of every level that this node leads.
 */
#ifndef RC_TICK_H
#define RC_TICK_H

#include "own.h"
#include "retry.h"

/* control: the wakes that tell of the register that was asked; all others tell of the tally */
#define RC_WAKES_OF_REGISTER                                                                              \
	(RC_WAKE_COMMITTED | RC_WAKE_REMOVED | RC_WAKE_ROSTER | RC_WAKE_SILENT | RC_WAKE_HAND_OVER | RC_WAKE_INSTANCE | RC_WAKE_AWAY)

#define RC_SEATS (~0ULL << (RC_FIRST_SEAT & 63)) /* in the last word of slots */

/* Tells the agent what a beat, or its end, has to tell of a place (level * 2 + seat). */
static __attribute__((noinline)) void rc_tell_round(__u32 place, __u32 wake)
{
	struct rc_event event = { .wake = wake, .place = place, .at = rc_now() };
	__u32 level = place / 2;
	const struct rc_tally *t = bpf_map_lookup_elem(&rc_tally, &level);

	if (t) {
		event.ballot = t->ballot;
		event.seq = t->seq;
	}
	rc_tell(&event);
}

/*
 * Above level 0 the slot of the group that this node leads may be another register of its own, which has
 * the beat before the others. Takes its slot out of those to send to.
 */
static __always_inline void rc_hear_as_leader(__u32 level, struct rc_frame *f, struct rc_room *room)
{
	struct rc_outcome o = { .reply = false, .reason = RC_NONE, .wake = 0 };
	__u32 place = level * 2;
	const struct rc_group *r = bpf_map_lookup_elem(&rc_group, &place);

	if (!r || r->state == RC_STATE_VACANT || r->group != bpf_ntohs(f->h.group) || !rc_has(&room->out.to, r->slot))
		return;
	room->out.to.word[r->slot >> 6 & 3] &= ~(1ULL << (r->slot & 63));
	rc_hear_own(place, f, &room->frame, &o);
	room->out.wake |= o.wake & ~RC_WAKES_OF_REGISTER;
	if (o.wake & RC_WAKES_OF_REGISTER)
		rc_tell_round(place, o.wake & RC_WAKES_OF_REGISTER);
}

/*
 * Sends a level's beat, which is in the packet. Above level 0 what is addressed to all is taken by the
 * registers of those who lead the groups below, so each seat is asked by a frame of its own. A global function.
 */
__attribute__((noinline)) int rc_send_beat(struct __sk_buff *skb, __u32 level)
{
	__u32 first = 0, own;
	struct rc_room *room = bpf_map_lookup_elem(&rc_room, &first);
	struct rc_frame *f = rc_last_frame(skb);
	const struct rc_key *key;
	__u64 seats = 0;

	if (!room || !f)
		return 0;
	own = bpf_ntohs(f->h.from);
	if (level) {
		rc_hear_as_leader(level, f, room);
		seats = room->out.to.word[RC_WORDS_OF_SLOTS - 1] & RC_SEATS;
		room->out.to.word[RC_WORDS_OF_SLOTS - 1] &= ~RC_SEATS;
	}
	key = rc_find_key(f);
	if (!key)
		return 0;
	rc_sign(f, key);
	rc_fan_out_by_all(skb, level, f);
	for (__u32 slot = RC_FIRST_SEAT; slot < RC_SLOTS; slot++)
		if (seats >> (slot & 63) & 1 && slot != own)
			rc_send_to(skb, level * RC_SLOTS + slot, RC_TO_ALL, false);
	rc_retry(skb, level);
	return 0;
}

/* Makes the packet as long as a beat of a level is with its header. */
static __always_inline bool rc_fit(struct __sk_buff *skb, const struct rc_pace *pace, __u32 level)
{
	__u32 length = pace->headers[level ? 1 : 0] + RC_FRAME_LEN;

	return skb->len == length || !bpf_skb_change_tail(skb, length, 0);
}

static __always_inline bool rc_leads(__u32 level)
{
	const struct rc_tally *t = bpf_map_lookup_elem(&rc_tally, &level);

	return t && t->beating;
}

/* control.SeatAt */
static __always_inline __u32 rc_voter(__u32 level)
{
	return level * 2 + (level > 0);
}

/*
 * Lets a level's beat leave if it is due; the packet becomes that beat. False: this node does not lead
 * there. A global function, which the verifier walks through once for all levels.
 */
__attribute__((noinline)) int rc_beat_due(struct __sk_buff *skb, __u32 level)
{
	__u32 first = 0;
	struct rc_room *room = bpf_map_lookup_elem(&rc_room, &first);
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);
	struct rc_frame *f;

	if (!room || !pace || !rc_leads(level) || !rc_fit(skb, pace, level))
		return false;
	f = rc_last_frame(skb);
	if (!f)
		return false;
	if (rc_round(rc_voter(level), f, &room->frame, &room->out)) {
		pace->beats[level & (RC_LEVELS - 1)]++;
		rc_send_beat(skb, level);
	}
	if (room->out.wake)
		rc_tell_round(rc_voter(level), room->out.wake);
	return true;
}

/* Does so for all levels. False: this node leads nowhere. */
static __always_inline bool rc_beats_due(struct __sk_buff *skb, const struct rc_pace *pace)
{
	bool leads = false;

	for (__u32 level = 0; level < RC_LEVELS; level++)
		leads |= rc_beat_due(skb, level);
	return leads && rc_fit(skb, pace, RC_LEVELS); /* as long as before, for the queue goes by that */
}

#endif
