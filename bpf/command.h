/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The agent's orders: the twin of control/command.go. struct rc_order in maps.h says how
 * they are given. A program of type "syscall" would be the natural form, but those may
 * sleep, and may therefore not take a spin lock.
 */
#ifndef RC_COMMAND_H
#define RC_COMMAND_H

#include "watch.h"

/* Forgets what the member answered, and keeps what the agent wrote and, of the same ballot, when it answered. */
static __always_inline void rc_forget_member(struct rc_member *m, bool same)
{
	rc_step_version(&m->version);
	m->stranger = 0;
	m->round = 0;
	m->answered = 0;
	m->in_time = 0;
	if (!same)
		m->echo_at = 0;
	m->promised = 0;
	m->accepted = (struct rc_proposal){};
	m->committed = 0;
	m->roster = 0;
	m->rtt_ns = 0;
	m->silence_us = 0;
	m->agent_age_ms = 0;
	m->health = 0;
	m->wire_min = 0;
	m->wire_max = 0;
	m->zero = 0;
	m->below = (struct rc_report){};
	m->keys[0] = m->keys[1] = 0;
	rc_step_version(&m->version);
}

static __always_inline void rc_stop_asking(struct rc_lock *lock, struct rc_tally *t)
{
	bpf_spin_lock(&lock->lock);
	rc_step_version(&t->version);
	t->ballot = 0;
	rc_step_version(&t->version);
	bpf_spin_unlock(&lock->lock);
}

/*
 * Another ballot or phase forgets all answers. A member's value cannot be looked up under the lock,
 * so each is forgotten under a lock of its own while nothing is asked: what arrives
 * between finds the tally as it would have found it had the asking stopped before.
 */
static __always_inline void rc_forget_members(struct rc_lock *lock, __u32 level, bool same)
{
	for (__u32 slot = 0; slot < RC_SLOTS; slot++) {
		__u32 index = level * RC_SLOTS + slot;
		struct rc_member *m = bpf_map_lookup_elem(&rc_member, &index);

		if (!m)
			return;
		bpf_spin_lock(&lock->lock);
		rc_forget_member(m, same);
		bpf_spin_unlock(&lock->lock);
	}
}

static __always_inline void rc_ask(struct rc_lock *lock, struct rc_tally *t, const struct rc_command *c, __u32 level)
{
	/* The agent alone changes what is asked, and it gives one order at a time. */
	bool another = c->ballot != t->ballot || c->preparing != t->preparing;

	if (another) {
		bool same = c->ballot == t->ballot;

		rc_stop_asking(lock, t);
		rc_forget_members(lock, level, same);
	}
	bpf_spin_lock(&lock->lock);
	rc_step_version(&t->version);
	if (another) {
		t->round = 0;
		t->outbid = 0;
		t->promises = (struct rc_bitmap){};
	}
	if (another || c->seq != t->seq) {
		t->votes = (struct rc_bitmap){};
		t->quorate = 0;
	}
	t->ballot = c->ballot;
	t->preparing = c->preparing;
	t->seq = c->seq;
	t->new_members = c->new_members;
	t->old_members = c->old_members;
	t->window_ns = c->window_ns;
	rc_step_version(&t->version);
	bpf_spin_unlock(&lock->lock);
}

static __always_inline void rc_vacate(struct rc_group *r, __u64 incarnation)
{
	r->state = RC_STATE_VACANT;
	r->cluster = 0;
	r->incarnation = incarnation;
	r->instance = 0;
	r->group = 0;
	r->slot = 0;
	r->level = 0;
	r->promised = 0;
	r->accepted = (struct rc_proposal){};
	r->committed = (struct rc_commit){};
	r->epoch = 0;
	r->beat_ballot = 0;
	r->beat_round = 0;
	r->beat_at = 0;
	r->echoed[0] = (struct rc_echoed){};
	r->echoed[1] = (struct rc_echoed){};
	r->lease_until = 0;
	r->upper_until = 0;
	r->below = (struct rc_report){};
	r->interval_us = 0;
	r->lease_us = 0;
	r->rounds = 0;
	r->silence_us = 0;
	r->heard = (struct rc_bitmap){};
	r->stale = (struct rc_bitmap){};
	for (int i = 0; i < RC_HELD_ROSTERS; i++)
		r->rosters[i] = 0;
}

static __always_inline void rc_join(struct rc_group *r, const struct rc_command *c)
{
	if (r->state != RC_STATE_VACANT)
		return;
	r->state = RC_STATE_JOINING;
	r->cluster = c->cluster;
	r->instance = c->instance;
	r->level = c->level;
	r->group = c->group;
	r->slot = c->slot;
}

static __always_inline void rc_hold_keys(struct rc_group *r, const struct rc_command *c)
{
	r->keys[0] = c->keys[0];
	r->keys[1] = c->keys[1];
	r->newest = c->newest;
	if (!r->beat_ballot)
		r->key = c->key;
}

static __always_inline void rc_command_register(struct rc_lock *lock, struct rc_group *r, const struct rc_command *c)
{
	bpf_spin_lock(&lock->lock);
	rc_step_version(&r->version);
	if (c->kind == RC_COMMAND_VACATE) {
		rc_vacate(r, c->incarnation);
	} else if (c->kind == RC_COMMAND_JOIN) {
		rc_join(r, c);
	} else if (c->kind == RC_COMMAND_HOLD) {
		for (int i = 0; i < RC_HELD_ROSTERS; i++)
			r->rosters[i] = c->rosters[i];
	} else if (c->kind == RC_COMMAND_KEYS) {
		rc_hold_keys(r, c);
	} else if (c->kind == RC_COMMAND_REPORT) {
		r->below = c->below;
	}
	rc_step_version(&r->version);
	bpf_spin_unlock(&lock->lock);
}

/* control.Apply. False: no such command. */
static __attribute__((noinline)) bool rc_carry_out(const struct rc_order *order, const struct rc_command *c)
{
	static const struct rc_command nothing;
	struct rc_place_in_group in;
	__u32 level = order->level, seat = order->seat & 1;

	if (!rc_look_up(level, seat, RC_TO_ALL, &in))
		return false;
	if (c->kind < RC_COMMAND_VACATE || c->kind > RC_COMMAND_REPORT)
		return false;
	if (c->kind == RC_COMMAND_ASK) {
		rc_ask(in.lock, in.tally, c, level);
		return true;
	}
	rc_command_register(in.lock, in.group, c);
	if (c->kind == RC_COMMAND_VACATE && (seat || !level)) /* a seat asks above level 0, never the leader below */
		rc_ask(in.lock, in.tally, &nothing, level);
	return true;
}

/* The own answer counts like everybody's. */
static __always_inline void rc_vote(struct rc_place_in_group *in, const struct rc_frame *f, __u64 now,
				    struct rc_outcome *o)
{
	struct rc_outcome vote = { .reply = false, .reason = RC_NONE, .wake = 0 };

	if (!o->reply)
		return;
	if (in->member)
		rc_step_version(&in->member->version);
	rc_tally_receive(in->tally, in->member, f, now, &vote);
	if (in->member)
		rc_step_version(&in->member->version);
	o->wake |= vote.wake;
}

/* control.Deliver. False: no such register, or no such key. */
static __attribute__((noinline)) bool rc_deliver(struct rc_order *order, struct rc_frame *f, struct rc_frame *room)
{
	struct rc_outcome o = { .reply = false, .reason = RC_NONE, .wake = 0 };
	const struct rc_key *key = rc_find_key(f);
	__u32 index = order->level * 2 + (order->seat & 1);
	struct rc_place_in_group in;
	__u64 now = rc_now(), round;
	struct rc_group *r;

	if (!key || order->level >= RC_LEVELS)
		return false;
	r = bpf_map_lookup_elem(&rc_group, &index);
	if (!r || !rc_look_up(order->level, order->seat & 1, r->slot, &in))
		return false;
	f->h.sent = bpf_cpu_to_be64(now);
#pragma unroll
	for (int i = 0; i < RC_WORDS; i++)
		((__u64 *)room)[i] = ((__u64 *)f)[i];
	round = bpf_be64_to_cpu(f->h.round);

	bpf_spin_lock(&in.lock->lock);
	rc_step_version(&in.group->version);
	rc_step_version(&in.tally->version);
	if (f->h.kind == RC_BEAT && bpf_be64_to_cpu(f->h.ballot) == in.tally->ballot && round > in.tally->round)
		in.tally->round = round;
	if (rc_addressed(in.group, room, &o))
		rc_register_receive(in.group, room, now, &o);
	rc_vote(&in, room, now, &o);
	rc_step_version(&in.tally->version);
	rc_step_version(&in.group->version);
	bpf_spin_unlock(&in.lock->lock);

	rc_sign(f, key);
	order->reason = o.reason;
	order->wake = o.wake;
	return true;
}

static __always_inline bool rc_obey(void *data, void *data_end)
{
	struct rc_order *order = data;
	struct rc_command *c = (void *)(order + 1);
	struct rc_frame *f = (void *)(order + 1);

	if ((void *)(order + 1) > data_end)
		return false;
	switch (order->op) {
	case RC_OP_COMMAND:
		return (void *)(c + 1) <= data_end && rc_carry_out(order, c);
	case RC_OP_DELIVER:
		return (void *)(f + 2) <= data_end && rc_deliver(order, f, f + 1);
	case RC_OP_WATCH:
		return order->level < RC_LEVELS && rc_watch(order->level * 2 + (order->seat & 1));
	}
	return false;
}

#endif
