/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The agent's orders: the twin of control/command.go. order.h says how
 * they are given. A program of type "syscall" would be the natural form, but those may
 * sleep, and may therefore not take a spin lock.
 */
#ifndef RC_COMMAND_H
#define RC_COMMAND_H

#include "order.h"
#include "own.h"
#include "round.h"
#include "watch.h"

/* Somebody gave a sign of life that the order does not know of. */
static __always_inline bool rc_disproves(const struct rc_tally *t, const struct rc_command *c)
{
	__u64 since = c->since, grace = c->beats.grace_ns, alive = 0;

#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		__u64 silent = c->silent.word[i], stale = c->stale.word[i];

		for (__u32 b = 0; b < 64; b++) {
			const struct rc_heard *h;

			rc_opaque(b);
			h = &t->heard[i * 64 + b];
			alive |= silent >> b & (rc_less(since, h->echo_at) | rc_less(since, h->answer_at));
			alive |= stale >> b & ~rc_less(grace, h->agent_age_ms * 1000000ULL);
		}
	}
	return alive & 1;
}

/* Another ballot or phase forgets all answers; of the same ballot it stays known who answered. */
static __always_inline void rc_forget(struct rc_tally *t, bool same_ballot)
{
	__u64 keep = same_ballot ? ~0ULL : 0;

	t->round = 0;
	t->outbid = 0;
	t->promises = (struct rc_bitmap){};
	t->suspects = (struct rc_bitmap){};
	t->fallen = (struct rc_bitmap){};
	t->away = 0;
	t->quorum_at = 0;
	t->attended = 0;
	t->report_at = 0;
	t->relayed = (struct rc_bitmap){};
	t->doubtful = (struct rc_bitmap){};
	t->helpers = (struct rc_bitmap){};
	t->due_at = 0;
	t->counted = 0;
	t->counted_at = 0;
	for (__u32 slot = 0; slot < RC_SLOTS; slot++) {
		struct rc_heard *h;

		rc_opaque(slot);
		h = &t->heard[slot];
		h->round = 0;
		h->answered = 0;
		h->in_time = 0;
		h->entered = 0;
#pragma unroll
		for (int i = 0; i < RC_RAILS; i++)
			h->rails[i] = 0;
		h->echo_at &= keep;
		h->agent_age_ms = 0;
		h->strayed = 0;
	}
}

/* Those who are new in the view enter it after the last round. */
static __always_inline void rc_let_in(struct rc_tally *t, const struct rc_command *c)
{
#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		__u64 entering = c->new_members.word[i] & ~t->new_members.word[i];

		for (__u32 b = 0; b < 64; b++) {
			__u64 enters, *entered;

			rc_opaque(b);
			enters = rc_bit_mask(entering, b);
			entered = &t->heard[i * 64 + b].entered;
			*entered = (*entered & ~enters) | (t->round & enters);
		}
	}
}

/* control.Tally.ask, under the lock */
static __always_inline void rc_ask(struct rc_tally *t, const struct rc_command *c)
{
	bool another = c->ballot != t->ballot || c->preparing != t->preparing;

	if (rc_disproves(t, c) || (t->away && !another))
		return;
	if (another)
		rc_forget(t, c->ballot == t->ballot);
	if (another || c->seq != t->seq) {
		t->votes = (struct rc_bitmap){};
		t->latest = 0;
		t->quorate = 0;
		t->proposed = 0;
	}
	rc_let_in(t, c);
	t->ballot = c->ballot;
	t->preparing = c->preparing;
	t->seq = c->seq;
	t->new_members = c->new_members;
	t->old_members = c->old_members;
	t->window_ns = c->window_ns;
	t->beats = c->beats;
	if (c->kind != RC_COMMAND_BEAT) {
		t->beating = 0;
		t->ordered = 0;
	} else {
		t->beating = 1;
		if (c->now)
			t->ordered = 1;
	}
}

static __always_inline void rc_command_tally(struct rc_lock *lock, struct rc_tally *t, const struct rc_command *c)
{
	bpf_spin_lock(&lock->lock);
	rc_step_version(&t->version);
	rc_ask(t, c);
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
	r->epoch_digest = 0;
	r->beat_ballot = 0;
	r->beat_round = 0;
	r->beat_at = 0;
	for (int i = 0; i < RC_RAILS; i++)
		r->beat_rails[i] = 0;
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
	r->accused = (struct rc_bitmap){};
	r->away = 0;
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

/* control.Apply. False: no such command. Of a register that is vacated the tally is told to ask nothing. */
static __attribute__((noinline)) bool rc_carry_out(const struct rc_order *order, struct rc_command *c)
{
	struct rc_place_in_group in;
	enum rc_command_kind kind = c->kind;

	if (!rc_look_up(order->level, order->seat & 1, RC_TO_ALL, &in))
		return false;
	if (kind < RC_COMMAND_VACATE || kind > RC_COMMAND_BEAT)
		return false;
	if (kind != RC_COMMAND_ASK && kind != RC_COMMAND_BEAT) {
		rc_command_register(in.lock, in.group, c);
		if (kind != RC_COMMAND_VACATE || (order->level && !(order->seat & 1)))
			return true; /* a seat asks above level 0, never the leader below */
		__builtin_memset(c, 0, sizeof(*c));
	}
	rc_command_tally(in.lock, in.tally, c);
	return true;
}

/* control.Deliver. False: no such register, or no such key. */
static __attribute__((noinline)) bool rc_deliver(struct rc_order *order, struct rc_frame *f, struct rc_frame *room)
{
	struct rc_outcome o = { .reply = false, .reason = RC_NONE, .wake = 0 };
	const struct rc_key *key = rc_find_key(f);

	if (!key || order->level >= RC_LEVELS)
		return false;
	f->h.sent = bpf_cpu_to_be64(rc_now());
	if (!rc_hear_own(order->level * 2 + (order->seat & 1), f, room, &o))
		return false;
	rc_sign(f, key);
	order->reason = o.reason;
	order->wake = o.wake;
	return true;
}

/* False: no such level, or no such key as the beat is to be signed with. */
static __always_inline bool rc_give_beat(struct rc_order *order, struct rc_frame *f, struct rc_frame *room)
{
	struct rc_rounded out = {};
	const struct rc_key *key;

	if (order->level >= RC_LEVELS)
		return false;
	order->reason = RC_NONE;
	order->sent = rc_round(order->level * 2 + (order->seat & 1), f, room, &out);
	order->wake = out.wake;
	if (!order->sent)
		return true;
	order->to = out.to;
	key = rc_find_key(f);
	if (!key)
		return false;
	rc_sign(f, key);
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
	case RC_OP_BEAT:
		return (void *)(f + 2) <= data_end && rc_give_beat(order, f, f + 1);
	case RC_OP_WATCH:
		return order->level < RC_LEVELS && rc_watch(order->level * 2 + (order->seat & 1));
	}
	return false;
}

#endif
