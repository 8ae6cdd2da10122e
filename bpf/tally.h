/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rules of a tally: the twin of control/tally.go, which is the specification and says
 * why. Runs under the lock of the tally's level.
 */
#ifndef RC_TALLY_H
#define RC_TALLY_H

#include "state.h"

static __always_inline bool rc_is_answer(__u8 kind)
{
	return kind == RC_ECHO || kind == RC_PROMISE || kind == RC_ANSWER;
}

static __always_inline bool rc_outbid(struct rc_tally *t, __u64 by)
{
	if (by <= t->ballot || by <= t->outbid)
		return false;
	t->outbid = by;
	return true;
}

/* Records what the newest answer says. */
static __always_inline void rc_note(const struct rc_tally *t, struct rc_member *m, struct rc_heard *h,
				    const struct rc_frame *f, __u64 now)
{
	const struct rc_wire_reply *y = &f->reply;

	h->echo_at = now;
	h->agent_age_ms = bpf_ntohl(y->agent_age_ms) | -(bpf_ntohs(y->health) / RC_HEALTH_ORPHANED); /* RC_NO_AGENT */
	h->strayed = bpf_be64_to_cpu(y->promised) > t->ballot;
	m->round = bpf_be64_to_cpu(f->h.round);
	m->echo_at = now;
	m->rtt_ns = now - bpf_be64_to_cpu(f->h.sent);
	m->promised = bpf_be64_to_cpu(y->promised);
	m->accepted.ballot = bpf_be64_to_cpu(y->accepted_ballot);
	m->accepted.seq = bpf_be64_to_cpu(y->accepted_seq);
	m->accepted.digest = bpf_be64_to_cpu(y->accepted_digest);
	m->accepted.roster = bpf_be64_to_cpu(y->accepted_roster);
	rc_read_bitmap(&m->accepted.new_members, y->accepted_new);
	rc_read_bitmap(&m->accepted.old_members, y->accepted_old);
	m->committed = bpf_be64_to_cpu(y->committed);
	m->roster = bpf_be64_to_cpu(y->roster);
	m->silence_us = bpf_ntohl(y->silence_us);
	m->agent_age_ms = bpf_ntohl(y->agent_age_ms);
	m->health = bpf_ntohs(y->health);
	m->wire_min = y->wire_min;
	m->wire_max = y->wire_max;
	m->below.seq = bpf_be64_to_cpu(y->below_seq);
	m->below.digest = bpf_be64_to_cpu(y->below_digest);
	rc_read_bitmap(&m->below.members, y->below_members);
	m->below.generation = bpf_ntohs(y->below_generation);
	m->below.group = bpf_ntohs(y->below_group);
	m->keys[0] = bpf_ntohl(y->keys[0]);
	m->keys[1] = bpf_ntohl(y->keys[1]);
}

/* Reports whether the answer is from the incarnation that the roster names. */
static __always_inline bool rc_known(const struct rc_frame *f, __u64 expected, struct rc_outcome *o)
{
	__u64 incarnation = bpf_be64_to_cpu(f->reply.incarnation);

	if (incarnation == expected)
		return true;
	o->reason = RC_STRANGER;
	return false;
}

static __always_inline bool rc_in_time(const struct rc_tally *t, const struct rc_frame *f, __u64 now)
{
	return now - bpf_be64_to_cpu(f->h.sent) <= t->window_ns;
}

/* Enters the answered round into the member's history; false when it tells nothing new. */
static __always_inline bool rc_enter(const struct rc_tally *t, struct rc_member *m, struct rc_heard *h,
				     const struct rc_frame *f, __u64 now, __u64 in_time, __u64 by_rail, struct rc_outcome *o)
{
	__u64 round = bpf_be64_to_cpu(f->h.round);

	if (round > h->round || h->answered == 0) {
		__u64 shift = round - h->round;

		if (h->answered == 0 || shift > 63) {
			h->answered = 0;
			h->in_time = 0;
		} else {
			h->answered <<= shift;
			h->in_time <<= shift;
		}
		h->round = round;
		h->answered |= 1;
		h->in_time |= in_time;
		rc_note(t, m, h, f, now);
	} else {
		__u64 back = h->round - round;

		if (back > 63) {
			o->reason = RC_STALE;
			return false;
		}
		if (h->answered >> back & 1) {
			o->reason = RC_REPLAYED + by_rail * (RC_ECHO_REPEATED - RC_REPLAYED);
			return false;
		}
		h->answered |= 1ULL << back;
		h->in_time |= in_time << back;
		h->echo_at = now;
	}
	return true;
}

/* What was heard from the sender of an answer, whose slot was checked. */
static __always_inline struct rc_heard *rc_heard_from(struct rc_tally *t, const struct rc_frame *f)
{
	return &t->heard[bpf_ntohs(f->h.from) & (RC_SLOTS - 1)];
}

/* control.Tally.way */
static __always_inline void rc_note_way(struct rc_tally *t, const struct rc_heard *h, const struct rc_frame *f)
{
	__u32 from = bpf_ntohs(f->h.from) & (RC_SLOTS - 1);
	__u64 *word = &t->relayed.word[from >> 6], bit = 1ULL << (from & 63);
	__u64 round = bpf_be64_to_cpu(f->h.round);

	if (round < h->round)
		return;
	if (!(f->h.flags & RC_FLAG_RELAY))
		*word &= ~bit;
	else if (round > h->round)
		*word |= bit;
}

static __always_inline void rc_echo(struct rc_tally *t, struct rc_member *m, const struct rc_frame *f, __u64 now,
				    __u32 rail, __u64 expected, struct rc_outcome *o)
{
	__u64 below_seq, below_digest, by_rail;
	__u16 below_generation;
	struct rc_heard *h = rc_heard_from(t, f);

	if (bpf_be64_to_cpu(f->h.ballot) != t->ballot || bpf_be64_to_cpu(f->h.round) > t->round) {
		o->reason = RC_STALE;
		return;
	}
	if (!rc_known(f, expected, o))
		return;
	by_rail = rc_new_by_rail(h->rails, f, rail);
	rc_note_way(t, h, f);
	below_generation = m->below.generation;
	below_seq = m->below.seq;
	below_digest = m->below.digest;
	/* who follows a higher ballot answers, but not to this leader */
	if (!rc_enter(t, m, h, f, now, rc_in_time(t, f, now) && bpf_be64_to_cpu(f->reply.promised) <= t->ballot, by_rail, o))
		return;
	o->reason = f->h.flags & RC_FLAG_RELAY ? RC_RELAYED_ECHO : RC_ECHO_TAKEN;
	if (rc_outbid(t, bpf_be64_to_cpu(f->reply.promised)))
		o->wake |= RC_WAKE_OUTBID;
	if (m->below.generation != below_generation || m->below.seq != below_seq || m->below.digest != below_digest) {
		o->wake |= RC_WAKE_REPORT;
		t->report_at = now;
	}
	if (bpf_be64_to_cpu(f->reply.accepted_ballot) != t->ballot ||
	    bpf_be64_to_cpu(f->reply.accepted_seq) != t->seq)
		return;
	if (!rc_has(&t->votes, bpf_ntohs(f->h.from))) {
		rc_set(&t->votes, bpf_ntohs(f->h.from));
		if (t->latest < bpf_be64_to_cpu(f->h.round))
			t->latest = bpf_be64_to_cpu(f->h.round);
	}
	if (!t->quorate && rc_decides(f->h.level, &t->votes, &t->old_members) &&
	    rc_decides(f->h.level, &t->votes, &t->new_members)) {
		t->quorate = t->latest ? t->latest : 1;
		o->wake |= RC_WAKE_QUORUM;
	}
}

static __always_inline void rc_promise(struct rc_tally *t, struct rc_member *m, const struct rc_frame *f, __u64 now,
				       __u64 expected, struct rc_outcome *o)
{
	__u64 promised = bpf_be64_to_cpu(f->reply.promised);
	__u32 from = bpf_ntohs(f->h.from);

	if (bpf_be64_to_cpu(f->h.ballot) != t->ballot) {
		o->reason = RC_STALE;
		return;
	}
	if (!rc_known(f, expected, o))
		return;
	if (rc_has(&t->promises, from)) {
		o->reason = RC_REPLAYED;
		return;
	}
	o->reason = RC_PROMISE_TAKEN;
	o->wake = RC_WAKE_PROMISE;
	rc_note(t, m, rc_heard_from(t, f), f, now);
	if (promised == t->ballot)
		rc_set(&t->promises, from);
	else if (rc_outbid(t, promised))
		o->wake |= RC_WAKE_OUTBID;
}

static __always_inline void rc_answer(struct rc_tally *t, struct rc_member *m, const struct rc_frame *f, __u64 now,
				      __u64 expected, struct rc_outcome *o)
{
	if (!rc_in_time(t, f, now)) {
		o->reason = RC_STALE;
		return;
	}
	if (!rc_known(f, expected, o))
		return;
	rc_heard_from(t, f)->answer_at = now;
	o->reason = RC_ANSWER_TAKEN;
}

/* control.Tally.Receive; m is the member in the sender's slot, or null when there is no such slot */
static __always_inline void rc_tally_receive(struct rc_tally *t, struct rc_member *m, const struct rc_frame *f,
					     __u64 now, __u32 rail, struct rc_outcome *o)
{
	__u64 expected = m ? *(volatile __u64 *)&m->expected : 0; /* the agent may store meanwhile */
	__u8 kind = f->h.kind;

	if (!m || !expected) {
		o->reason = RC_BAD_SLOT;
		return;
	}
	if (kind == RC_ANSWER) {
		rc_answer(t, m, f, now, expected, o);
	} else if (!t->ballot || (kind == RC_PROMISE) != (t->preparing != 0)) {
		o->reason = RC_NOT_ASKING;
	} else if (kind == RC_PROMISE) {
		rc_promise(t, m, f, now, expected, o);
	} else {
		rc_echo(t, m, f, now, rail, expected, o);
	}
}

#endif
