/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rules of a register: the twin of control/register.go and lease.go, which are the specification and
 * say why. Functions have the names of their twins. Everything here runs under the lock of
 * the register's level, where the verifier allows no call: hence always_inline.
 */
#ifndef RC_REGISTER_H
#define RC_REGISTER_H

#include "state.h"

#define RC_NS_PER_US 1000ULL
#define RC_NS_PER_MS 1000000ULL

static __always_inline __u32 rc_clamp_us(__s64 ns)
{
	__u64 us = ns > 0 ? (__u64)ns / RC_NS_PER_US : 0;

	return us > 0xffffffff ? 0xffffffff : us;
}

static __always_inline __u32 rc_agent_age_ms(const struct rc_group *r, __u64 now)
{
	__u64 at = *(const volatile __u64 *)&r->agent_at; /* the agent may store meanwhile */
	__s64 age = now - at;
	__u64 ms = age > 0 ? (__u64)age / RC_NS_PER_MS : 0;

	if (at == 0)
		return RC_NO_AGENT;
	return ms < RC_NO_AGENT ? ms : RC_NO_AGENT - 1;
}

static __always_inline bool rc_holds(const struct rc_group *r, __u64 roster)
{
	return roster && (r->rosters[0] == roster || r->rosters[1] == roster || r->rosters[2] == roster ||
			  r->rosters[3] == roster);
}

/* Rewrites the ask into an answer that tells the register's state. */
static __always_inline void rc_reply(const struct rc_group *r, struct rc_frame *f, __u64 now, enum rc_kind kind,
				     struct rc_outcome *o)
{
	struct rc_wire_reply *y = &f->reply;

	f->h.kind = kind;
	f->h.flags &= RC_FLAG_RELAY; /* back the way it came */
	f->h.to = f->h.from;
	f->h.from = bpf_htons(r->slot);
	if (!f->h.flags)
		f->h.via = 0;
	f->h.zero = 0;
	f->h.zero2 = 0;
	y->incarnation = bpf_cpu_to_be64(r->incarnation);
	y->promised = bpf_cpu_to_be64(r->promised);
	y->accepted_ballot = bpf_cpu_to_be64(r->accepted.ballot);
	y->accepted_seq = bpf_cpu_to_be64(r->accepted.seq);
	y->accepted_digest = bpf_cpu_to_be64(r->accepted.digest);
	y->accepted_roster = bpf_cpu_to_be64(r->accepted.roster);
	rc_write_bitmap(y->accepted_new, &r->accepted.new_members);
	rc_write_bitmap(y->accepted_old, &r->accepted.old_members);
	y->committed = bpf_cpu_to_be64(r->committed.seq);
	y->roster = bpf_cpu_to_be64(r->rosters[0]);
	y->silence_us = bpf_htonl(r->silence_us);
	y->agent_age_ms = bpf_htonl(rc_agent_age_ms(r, now));
	y->health = bpf_htons((__u16)r->health | (r->orphaned ? RC_HEALTH_ORPHANED : 0));
	y->wire_min = RC_WIRE_VERSION;
	y->wire_max = RC_WIRE_VERSION;
	y->below_generation = bpf_htons(r->below.generation);
	y->below_group = bpf_htons(r->below.group);
	y->below_seq = bpf_cpu_to_be64(r->below.seq);
	y->below_digest = bpf_cpu_to_be64(r->below.digest);
	rc_write_bitmap(y->below_members, &r->below.members);
	y->keys[0] = bpf_htonl(r->keys[0]);
	y->keys[1] = bpf_htonl(r->keys[1]);
	y->zero[0] = y->zero[1] = y->zero[2] = 0;
	o->reply = true;
}

/* Reports whether the frame is for this register. */
static __always_inline bool rc_addressed(const struct rc_group *r, const struct rc_frame *f, struct rc_outcome *o)
{
	__u32 instance = bpf_ntohl(f->h.instance);
	__u16 to = bpf_ntohs(f->h.to);

	if (r->state == RC_STATE_VACANT) {
		o->reason = RC_NOT_MEMBER;
	} else if (r->state == RC_STATE_FROZEN) {
		o->reason = RC_FROZEN;
	} else if (bpf_be64_to_cpu(f->h.cluster) != r->cluster) {
		o->reason = RC_BAD_CLUSTER;
	} else if (instance > r->instance) {
		o->reason = RC_HIGHER_INSTANCE;
		o->wake = RC_WAKE_INSTANCE;
	} else if (instance < r->instance) {
		o->reason = RC_BAD_INSTANCE;
	} else if (f->h.level != r->level || bpf_ntohs(f->h.group) != r->group) {
		o->reason = RC_NOT_MEMBER;
	} else if (to != r->slot && to != RC_TO_ALL) {
		o->reason = RC_BAD_SLOT;
	} else {
		return true;
	}
	return false;
}

/* control.Ballot.Generation */
static __always_inline __u16 rc_generation(__u64 ballot)
{
	return ballot >> 48;
}

/* Learns what the beat says is decided, as far as the accepted proposal of the same ballot
 * tells its content. */
static __always_inline void rc_commit(struct rc_group *r, const struct rc_frame *f, __u64 ballot)
{
	struct rc_proposal *a = &r->accepted;
	__u64 seq = bpf_be64_to_cpu(f->ask.committed);
	bool same = r->committed.seq == 0 || rc_generation(r->committed.ballot) == rc_generation(ballot);

	if (seq > a->seq)
		seq = a->seq;
	if (a->ballot != ballot || (same && seq <= r->committed.seq))
		return;
	if (seq == a->seq) {
		r->committed.ballot = ballot;
		r->committed.seq = seq;
		r->committed.digest = a->digest;
		r->committed.roster = a->roster;
		r->committed.members = a->new_members;
	} else if (seq == a->seq - 1 && same) {
		r->committed.ballot = ballot;
		r->committed.seq = seq;
		r->committed.digest = 0;
		r->committed.roster = 0;
		r->committed.members = a->old_members;
	}
}

static __always_inline void rc_accept(struct rc_group *r, const struct rc_frame *f, __u64 ballot)
{
	struct rc_proposal *a = &r->accepted;

	a->ballot = ballot;
	a->seq = bpf_be64_to_cpu(f->ask.seq);
	a->digest = bpf_be64_to_cpu(f->ask.digest);
	a->roster = bpf_be64_to_cpu(f->ask.roster);
	rc_read_bitmap(&a->new_members, f->ask.new_members);
	rc_read_bitmap(&a->old_members, f->ask.old_members);
}

static __always_inline __u64 rc_echoed_at(const struct rc_group *r, __u64 round)
{
	if (r->echoed[0].round == round)
		return r->echoed[0].at;
	if (r->echoed[1].round == round)
		return r->echoed[1].at;
	return 0;
}

/* Reports whether the register knows the last view that the beat tells to be decided. */
static __always_inline bool rc_abreast(const struct rc_group *r, const struct rc_frame *f)
{
	return r->committed.seq >= bpf_be64_to_cpu(f->ask.committed) &&
	       rc_generation(r->committed.ballot) == rc_generation(bpf_be64_to_cpu(f->h.ballot));
}

/* Extends the lease, and that of the level above, to the end that an echo the leader had earns. */
static __always_inline void rc_extend_lease(struct rc_group *r, const struct rc_frame *f, __u64 round, bool behind)
{
	__u32 upper_us = bpf_ntohl(f->ask.upper_us);
	__u64 at = 0, until;

	if (r->state != RC_STATE_MEMBER || !rc_abreast(r, f))
		return;
	if (rc_wire_has(f->ask.heard1, r->slot))
		at = rc_echoed_at(r, round - 1);
	if (at == 0 && rc_wire_has(f->ask.heard2, r->slot))
		at = rc_echoed_at(r, round - 2);
	until = at + bpf_ntohl(f->ask.lease_us) * RC_NS_PER_US;
	if (at != 0 && r->lease_until < until)
		r->lease_until = until;
	if (at != 0 && upper_us != RC_NO_UPPER && !behind)
		r->upper_until = at + upper_us * RC_NS_PER_US;
}

/* With RC_FLAG_AWAY the bitmap names the accused; whose agents are silent stays as it was. Without
 * branches, which would multiply the ways through all that follows. */
static __always_inline void rc_read_stale(struct rc_group *r, const struct rc_frame *f)
{
	__u64 away = rc_nonzero(f->h.flags & RC_FLAG_AWAY);

#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		__u64 word = bpf_be64_to_cpu(f->ask.stale[i]);

		r->accused.word[i] = word & -away;
		r->stale.word[i] = (r->stale.word[i] & -away) | (word & (away - 1));
	}
	r->away = away;
}

/* Takes the beat's timing and remembers the echo that is about to leave. Who tells of an earlier epoch than came with
 * the lease from above that still runs changes neither. */
static __always_inline void rc_time(struct rc_group *r, const struct rc_frame *f, __u64 now, __u64 ballot, __u64 round,
				    __u32 rail)
{
	const struct rc_wire_ask *a = &f->ask;
	__u32 upper_us = bpf_ntohl(a->upper_us);
	__u64 epoch = bpf_be64_to_cpu(a->epoch);
	bool behind;

	r->silence_us = r->beat_at ? rc_clamp_us(now - r->beat_at) : 0;
	if (ballot != r->beat_ballot) {
		r->echoed[0].round = r->echoed[0].at = 0;
		r->echoed[1].round = r->echoed[1].at = 0;
#pragma unroll
		for (int i = 0; i < RC_RAILS; i++)
			r->beat_rails[i] = round - 1;
	}
	r->beat_ballot = ballot;
	r->beat_round = round;
	r->beat_at = now;
	rc_new_by_rail(r->beat_rails, f, rail);
	r->key = f->h.key;
	r->interval_us = bpf_ntohl(a->interval_us);
	r->lease_us = bpf_ntohl(a->lease_us);
	r->rounds = bpf_ntohs(a->rounds);
	behind = upper_us != RC_NO_UPPER && r->upper_until != RC_FOREVER && now < r->upper_until && epoch < r->epoch;
	if (!behind) {
		r->epoch = epoch;
		r->epoch_digest = bpf_be64_to_cpu(a->epoch_digest);
	}
	rc_read_stale(r, f);
#pragma unroll
	for (int i = 0; i < 4; i++)
		r->heard.word[i] = bpf_be64_to_cpu(a->heard1[i] | a->heard2[i]);
	if (upper_us == RC_NO_UPPER)
		r->upper_until = RC_FOREVER;
	rc_extend_lease(r, f, round, behind);
	r->echoed[1] = r->echoed[0];
	r->echoed[0].round = round;
	r->echoed[0].at = now;
}

static __always_inline void rc_beat(struct rc_group *r, struct rc_frame *f, __u64 now, __u32 rail, struct rc_outcome *o)
{
	__u64 ballot = bpf_be64_to_cpu(f->h.ballot);
	__u64 round = bpf_be64_to_cpu(f->h.round);
	__u64 known = r->committed.seq;
	__u16 generation = rc_generation(r->committed.ballot);

	if (ballot < r->promised) {
		o->reason = RC_OLD_BALLOT;
		rc_reply(r, f, now, RC_ECHO, o);
		return;
	}
	if (ballot == r->beat_ballot && round <= r->beat_round) {
		o->reason = RC_OLD_ROUND;
		if (round == r->beat_round && r->state != RC_STATE_OUT &&
		    (rc_new_by_rail(r->beat_rails, f, rail) || bpf_ntohs(f->h.to) == r->slot)) {
			o->reason = RC_BEAT_REPEATED;
			rc_reply(r, f, now, RC_ECHO, o);
		}
		return;
	}
	if (r->state == RC_STATE_OUT) {
		o->reason = RC_OUT;
		return;
	}
	o->reason = RC_BEAT_TAKEN;
	r->promised = ballot;
	rc_commit(r, f, ballot);
	if (r->accepted.ballot < ballot ||
	    (r->accepted.ballot == ballot && r->accepted.seq < bpf_be64_to_cpu(f->ask.seq))) {
		if (rc_holds(r, bpf_be64_to_cpu(f->ask.roster))) {
			rc_accept(r, f, ballot);
		} else {
			o->reason = RC_ROSTER_MISSING;
			o->wake |= RC_WAKE_ROSTER;
		}
	}
	rc_commit(r, f, ballot);
	if (r->committed.seq != known || rc_generation(r->committed.ballot) != generation) {
		o->wake |= RC_WAKE_COMMITTED;
		if (rc_has(&r->committed.members, r->slot)) {
			r->state = RC_STATE_MEMBER;
		} else if (r->state == RC_STATE_MEMBER) {
			r->state = RC_STATE_OUT;
			r->lease_until = 0;
			o->reason = RC_OUT;
			o->wake |= RC_WAKE_REMOVED;
			return;
		}
	}
	rc_time(r, f, now, ballot, round, rail);
	o->wake |= r->away * RC_WAKE_AWAY;
	rc_reply(r, f, now, RC_ECHO, o);
}

/* Keeps a group whose leader beats from being disturbed; every lease rests on it. */
static __always_inline bool rc_refuses(const struct rc_group *r, const struct rc_frame *f, __u64 now)
{
	__s64 calm = ((__u64)r->rounds + 1) * r->interval_us * RC_NS_PER_US;
	__s64 silent = now - r->beat_at;
	__u64 prior = bpf_be64_to_cpu(f->ask.prior);

	if (f->h.flags & RC_FLAG_HAND_OVER && (prior == r->promised || (r->away && prior == r->beat_ballot)))
		return false;
	return r->beat_at != 0 && silent < calm;
}

static __always_inline void rc_prepare(struct rc_group *r, struct rc_frame *f, __u64 now, struct rc_outcome *o)
{
	__u64 ballot = bpf_be64_to_cpu(f->h.ballot);

	if (ballot < r->promised) {
		o->reason = RC_OLD_BALLOT;
	} else if (ballot > r->promised && rc_refuses(r, f, now)) {
		o->reason = RC_REFUSED;
	} else {
		o->reason = RC_PROMISED;
		r->promised = ballot;
	}
	rc_reply(r, f, now, RC_PROMISE, o);
}

static __always_inline void rc_hand_over(const struct rc_group *r, const struct rc_frame *f, struct rc_outcome *o)
{
	__u64 ballot = bpf_be64_to_cpu(f->h.ballot);

	if (r->state != RC_STATE_MEMBER || ballot != r->promised || bpf_ntohs(f->h.from) != (__u16)ballot) {
		o->reason = RC_OLD_BALLOT;
		return;
	}
	o->reason = RC_HAND_OVER_TAKEN;
	o->wake = RC_WAKE_HAND_OVER;
}

/* control.Register.Receive, of a frame that rc_addressed let through */
static __always_inline void rc_register_receive(struct rc_group *r, struct rc_frame *f, __u64 now, __u32 rail,
						struct rc_outcome *o)
{
	switch (f->h.kind) {
	case RC_BEAT:
		rc_beat(r, f, now, rail, o);
		break;
	case RC_PREPARE:
		rc_prepare(r, f, now, o);
		break;
	case RC_PROBE:
		o->reason = RC_PROBE_ANSWERED;
		rc_reply(r, f, now, RC_ANSWER, o);
		break;
	case RC_HAND_OVER:
		rc_hand_over(r, f, o);
		break;
	default:
		o->reason = RC_BAD_KIND;
	}
}

#endif
