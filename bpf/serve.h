/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of a frame of ours: checked, applied to the register or the tally, answered,
 * counted. The same for every door, over data and data_end. The packet is not written to
 * before the frame has passed every check, and once it was written to it is either sent or
 * dropped.
 */
#ifndef RC_SERVE_H
#define RC_SERVE_H

#include "parse.h"
#include "progs.h"
#include "register.h"
#include "relay.h"
#include "siphash.h"
#include "tally.h"

enum rc_verdict {
	RC_PASS,
	RC_DROP,
	RC_SEND,
};

static __always_inline void rc_count_frame(enum rc_reason reason)
{
	__u32 index = reason;
	__u64 *frames = bpf_map_lookup_elem(&rc_stats, &index);

	if (frames)
		__sync_fetch_and_add(frames, 1);
}

/* Not inlined, like the functions that take orders, so that the object file says what the struct looks like. */
static __attribute__((noinline)) void rc_tell(struct rc_event *event)
{
	bpf_ringbuf_output(&rc_events, event, sizeof(*event), BPF_RB_FORCE_WAKEUP);
}

/* Everything of a level that a frame may concern. Looked up before the lock is taken. */
struct rc_place_in_group {
	struct rc_lock *lock;
	struct rc_group *group;
	struct rc_tally *tally;
	struct rc_member *member; /* who answered; null where nobody could have */
};

/* False when there is no such level. A slot that no group has finds no member. */
static __always_inline bool rc_look_up(__u32 level, bool seat, __u32 slot, struct rc_place_in_group *in)
{
	__u32 index = level * 2 + seat;

	if (level >= RC_LEVELS)
		return false;
	in->lock = bpf_map_lookup_elem(&rc_lock, &level);
	in->tally = bpf_map_lookup_elem(&rc_tally, &level);
	in->group = bpf_map_lookup_elem(&rc_group, &index);
	in->member = 0;
	if (slot < RC_SLOTS) {
		index = level * RC_SLOTS + slot;
		in->member = bpf_map_lookup_elem(&rc_member, &index);
	}
	return in->lock && in->tally && in->group;
}

static __always_inline void rc_say_orphaned(__u32 orphaned)
{
	__u32 first = 0, *said = bpf_map_lookup_elem(&rc_orphaned, &first);

	if (said)
		*said = orphaned;
}

static __always_inline __u32 rc_is_orphaned(void)
{
	__u32 first = 0, *said = bpf_map_lookup_elem(&rc_orphaned, &first);

	return said ? *said : 0;
}

static __always_inline bool rc_is_seat(__u32 level, __u32 slot)
{
	return level > 0 && slot >= RC_FIRST_SEAT && slot < RC_SLOTS;
}

/* Decides on a frame that travels through a member; false: that is not the one here. */
static __always_inline bool rc_relay(struct rc_frame *f, struct rc_outcome *o)
{
	__u32 level = f->h.level, asker = rc_asker(f), index;
	struct rc_place_in_group in;
	struct rc_relay *x = 0;
	bool passes;

	if (!rc_look_up(level, rc_is_seat(level, bpf_ntohs(f->h.via)), RC_TO_ALL, &in))
		return false;
	if (asker < RC_SLOTS) {
		index = level * RC_SLOTS + asker;
		x = bpf_map_lookup_elem(&rc_relays, &index);
	}
	bpf_spin_lock(&in.lock->lock);
	passes = rc_passes(in.group, f);
	if (passes)
		rc_pass_on(in.group, x, f, o);
	bpf_spin_unlock(&in.lock->lock);
	return passes;
}

/* Applies a frame whose form and tag are good. */
static __always_inline void rc_apply(struct rc_frame *f, __u64 now, __u32 rail, struct rc_outcome *o)
{
	__u32 level = f->h.level, from = bpf_ntohs(f->h.from);
	bool answer = rc_is_answer(f->h.kind), seat = rc_is_seat(level, bpf_ntohs(f->h.to));
	struct rc_event event = { .place = level * 2 + seat, .at = now, .ballot = bpf_be64_to_cpu(f->h.ballot) };
	__u32 orphaned = rc_is_orphaned();
	struct rc_place_in_group in;

	if (f->h.flags & RC_FLAG_RELAY && rc_relay(f, o))
		return;
	if (!rc_look_up(level, seat, answer ? from : RC_TO_ALL, &in)) {
		o->reason = RC_NOT_MEMBER;
		return;
	}
	bpf_spin_lock(&in.lock->lock);
	in.group->orphaned = orphaned;
	if (!rc_addressed(in.group, f, o)) {
		event.seq = in.group->committed.seq;
	} else if (answer) {
		rc_step_version(&in.tally->version);
		if (in.member)
			rc_step_version(&in.member->version);
		rc_tally_receive(in.tally, in.member, f, now, rail, o);
		event.seq = in.tally->seq;
		if (in.member)
			rc_step_version(&in.member->version);
		rc_step_version(&in.tally->version);
	} else {
		rc_step_version(&in.group->version);
		rc_register_receive(in.group, f, now, rail, o);
		event.seq = in.group->committed.seq;
		rc_step_version(&in.group->version);
	}
	bpf_spin_unlock(&in.lock->lock);
	event.wake = o->wake;
	if (event.wake)
		rc_tell(&event);
}

/*
 * rc_apply as a global function: the verifier walks through it by itself, and not once for each
 * way that a frame may have come. Without a return value: o says what became of the frame.
 */
__attribute__((noinline)) int rc_settle(struct rc_frame *f, __u64 now, __u32 rail, struct rc_outcome *o)
{
	if (f && o)
		rc_apply(f, now, rail, o);
	return 0;
}

/*
 * Serves one packet. length is that of the whole packet, of which data_end may not show
 * everything. What is to be sent leaves by the device ifindex, which comes in as the packet's.
 */
static __always_inline enum rc_verdict rc_serve(void *data, void *data_end, __u32 length, bool tagged, __u32 *ifindex)
{
	struct rc_outcome o = { .reply = false, .pass_on = false, .reason = RC_NONE, .wake = 0 };
	const struct rc_host *host;
	const struct rc_key *key;
	struct rc_place place;
	struct rc_frame *f;
	__u32 rail;

	if (!rc_find(data, data_end, &place))
		return RC_PASS;
	if (place.tagged || tagged) {
		rc_count_frame(RC_VLAN_TAGGED);
		return RC_PASS;
	}
	rail = rc_rail(data, &place);
	host = rc_find_host(rail);
	if (!host) {
		rc_count_frame(RC_BAD_DESTINATION);
		return RC_PASS;
	}
	f = data + place.at;
	if (!place.whole || (void *)(f + 1) > data_end ||
	    (place.transport == RC_ETHER && length != ETH_HLEN + RC_FRAME_LEN)) {
		o.reason = RC_BAD_LENGTH;
	} else if (f->h.magic != bpf_htonl(RC_MAGIC) || f->h.version != RC_WIRE_VERSION) {
		o.reason = RC_BAD_VERSION;
	} else if (f->h.kind < RC_BEAT || f->h.kind > RC_HAND_OVER) {
		o.reason = RC_BAD_KIND;
	} else if (key = rc_find_key(f), !key) {
		o.reason = RC_UNKNOWN_KEY;
	} else if (!rc_signed(f, key)) {
		o.reason = RC_BAD_TAG;
	} else {
		rc_settle(f, rc_now(), rail, &o);
		if (o.reply) {
			rc_sign(f, key);
			rc_turn(data, &place, host);
		}
		if (o.pass_on && !rc_redirect(data, data_end, place.at, f, rail, ifindex)) {
			o.reason = RC_NO_WAY;
			o.pass_on = false;
		}
	}
	rc_count_frame(o.reason);
	return o.reply || o.pass_on ? RC_SEND : RC_DROP;
}

#endif
