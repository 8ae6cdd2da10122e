/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A leader's round: the twin of control/round.go, which is the specification and says why.
 * Whoever keeps the time calls rc_round; it judges all members (sweep.h) and builds the next beat in one
 * step under the lock of the level, where the verifier allows no call.
 */
#ifndef RC_ROUND_H
#define RC_ROUND_H

#include "sweep.h"

/* What rc_round has to say beside the beat. */
struct rc_rounded {
	struct rc_bitmap to; /* whom to send it to, this node among them */
	__u32 wake;
	__u32 zero;
};

/* The agent may store meanwhile. */
static __always_inline __u64 rc_agent_at(const struct rc_group *r)
{
	return *(const volatile __u64 *)&r->agent_at;
}

/* control.Tally.mayBeat */
static __always_inline bool rc_may_beat(const struct rc_tally *t, const struct rc_group *r, __u64 now, __u64 agent_at)
{
	return (r->state == RC_STATE_JOINING || r->state == RC_STATE_MEMBER) && r->promised <= t->ballot &&
	       (__s64)(now - agent_at) <= (__s64)t->beats.grace_ns;
}

/* control.Tally.leave */
static __always_inline void rc_leave(struct rc_tally *t, __u64 now)
{
	__u64 interval = rc_interval(t);

	t->round++;
	if (!t->proposed)
		t->proposed = t->round;
	t->sent_at[t->round & 63] = now;
	t->counted <<= 1;
	if (!t->counted_at || (__s64)(now - t->counted_at) >= (__s64)(interval - interval / 4)) {
		t->counted |= 1;
		t->counted_at = now;
	}
}

/* control.Register.RemainingUS, of a register that frames may be changing: each word counts for itself. */
static __always_inline __u32 rc_remaining_us(const struct rc_group *r, __u64 now)
{
	__u64 lease = *(const volatile __u64 *)&r->lease_until;
	__u64 upper = *(const volatile __u64 *)&r->upper_until;
	__u64 until = lease < upper ? lease : upper;
	__u32 us;

	if (*(const volatile enum rc_state *)&r->state != RC_STATE_MEMBER || now >= until)
		return 0;
	if (until == RC_FOREVER)
		return RC_NO_UPPER;
	us = rc_clamp_us(until - now);
	return us < RC_NO_UPPER ? us : RC_NO_UPPER - 1;
}

/*
 * The epoch of a register that frames may be changing, and its digest, of one moment: 0 where the register
 * changed meanwhile. The own version stands still under the lock, and orders what is read.
 */
static __always_inline __u64 rc_epoch(const struct rc_group *r, __u32 *own, __u64 *epoch)
{
	__u32 before = *(const volatile __u32 *)&r->version, after;
	__u64 digest;

	rc_add_and_order(own, 0);
	*epoch = *(const volatile __u64 *)&r->epoch;
	digest = *(const volatile __u64 *)&r->epoch_digest;
	rc_add_and_order(own, 0);
	after = *(const volatile __u32 *)&r->version;
	return digest & (rc_nonzero((before ^ after) | (before & 1)) - 1);
}

/* Who is to be asked again for the round that leaves, and through whom. */
static __always_inline void rc_doubt(struct rc_tally *t, const struct rc_sweep *s, const struct rc_judged *judged)
{
#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		__u64 others = t->new_members.word[i] & ~t->beats.kin.word[i] & ~s->self.word[i];
		__u64 doubtful = (judged->doubtful.word[i] | t->relayed.word[i]) & others;

		t->doubtful.word[i] = doubtful;
		t->helpers.word[i] = (s->last.word[i] | s->before.word[i]) & others & ~doubtful;
	}
}

/* Writes the beat but for stale, which rc_give_up wrote, and the tag. */
static __always_inline void rc_write_beat(const struct rc_place_in_group *in, const struct rc_group *upper,
					  const struct rc_sweep *s, struct rc_frame *f, __u64 now)
{
	const struct rc_tally *t = in->tally;
	const struct rc_group *r = in->group;
	const struct rc_beats *b = &t->beats;
	__u64 epoch = b->epoch, epoch_digest = b->epoch_digest;
	__u32 upper_us = RC_NO_UPPER;
	__u64 hear = -rc_decides_next(t, r->level, &s->last);

	if (b->upper && r->level + 1 < RC_LEVELS) {
		epoch_digest = rc_epoch(upper, &in->tally->version, &epoch);
		upper_us = rc_remaining_us(upper, now);
	}
	f->h.magic = bpf_htonl(RC_MAGIC);
	f->h.version = RC_WIRE_VERSION;
	f->h.kind = RC_BEAT;
	f->h.level = r->level;
	f->h.flags = t->away * RC_FLAG_AWAY;
	f->h.tag = 0;
	f->h.cluster = bpf_cpu_to_be64(r->cluster);
	f->h.instance = bpf_htonl(r->instance);
	f->h.group = bpf_htons(r->group);
	f->h.from = bpf_htons(r->slot);
	f->h.to = bpf_htons(RC_TO_ALL);
	f->h.key = b->key;
	f->h.zero = 0;
	f->h.via = 0;
	f->h.zero2 = 0;
	f->h.ballot = bpf_cpu_to_be64(t->ballot);
	f->h.sent = bpf_cpu_to_be64(now);
	f->ask.seq = bpf_cpu_to_be64(t->seq);
	f->ask.committed = bpf_cpu_to_be64(b->committed);
	f->ask.digest = bpf_cpu_to_be64(b->digest);
	f->ask.roster = bpf_cpu_to_be64(b->roster);
	f->ask.epoch = bpf_cpu_to_be64(epoch);
	f->ask.epoch_digest = bpf_cpu_to_be64(epoch_digest);
	f->ask.interval_us = bpf_htonl(b->interval_us);
	f->ask.rounds = bpf_htons((__u16)b->rounds);
	f->ask.zero = 0;
	f->ask.lease_us = bpf_htonl(b->lease_us);
	f->ask.upper_us = bpf_htonl(upper_us);
	rc_write_bitmap(f->ask.new_members, &t->new_members);
	rc_write_bitmap(f->ask.old_members, &t->old_members);
#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		__u64 may = t->new_members.word[i] & ~b->withheld.word[i] & hear;

		f->ask.heard1[i] = bpf_cpu_to_be64(s->last.word[i] & may);
		f->ask.heard2[i] = bpf_cpu_to_be64(s->before.word[i] & may);
	}
}

/* The leader's vote by its own beat: control.Deliver, of a beat that is for this register. */
static __always_inline void rc_vote_by_beat(struct rc_place_in_group *in, struct rc_frame *f, __u64 now,
					    struct rc_outcome *o)
{
	struct rc_outcome vote = { .reason = RC_NONE };
	__u64 expected = *(volatile __u64 *)&in->member->expected;

	rc_beat(in->group, f, now, RC_NO_RAIL, o);
	if (!o->reply || !expected || !in->tally->ballot || in->tally->preparing)
		return;
	rc_step_version(&in->member->version);
	rc_echo(in->tally, in->member, f, now, RC_NO_RAIL, expected, &vote);
	rc_step_version(&in->member->version);
	o->wake |= vote.wake;
}

/* Makes the beat that leaves the last if the agent is away; it then names the accused. */
static __always_inline void rc_give_up(struct rc_tally *t, const struct rc_sweep *s, const struct rc_judged *judged,
				       struct rc_frame *f, __u64 agent_at, struct rc_rounded *out)
{
	__u64 away = rc_away(t, s, judged, agent_at);

	t->away = away;
	t->beating = away ^ 1;
	out->wake |= away * RC_WAKE_ROUNDS;
#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++)
		f->ask.stale[i] = bpf_cpu_to_be64((judged->stale.word[i] & (away - 1)) | (judged->accused.word[i] & -away));
}

/* Whether a beat so late, or early, is due: 1 or 0. */
static __always_inline __u64 rc_due(__s64 late, __s64 interval)
{
	return ~(__u64)(late + interval / 4) >> 63;
}

/* Moves the time at which the next beat is due, of one that is due or early. */
static __always_inline void rc_move_due(struct rc_tally *t, __u64 now, __s64 late, __s64 interval)
{
	if (late < 0 || late >= interval)
		t->due_at = now + interval;
	else
		t->due_at += interval;
}

/* control.Tally.Beat, under the lock. room becomes a copy of f that the own register answers. */
static __always_inline bool rc_beat_round(struct rc_place_in_group *in, const struct rc_group *upper,
					  struct rc_frame *f, struct rc_frame *room, __u64 now, struct rc_rounded *out)
{
	struct rc_outcome o = { .reason = RC_NONE };
	struct rc_tally *t = in->tally;
	struct rc_judged *judged = (void *)room;
	struct rc_group *r = in->group;
	__s64 interval = rc_interval(t), late = now - t->due_at;
	__u64 changed = 0, agent_at = rc_agent_at(r);
	struct rc_sweep s;
	__u64 proposes, tells;
	bool lost;

	if (!(t->beating & (rc_due(late, interval) | t->ordered)))
		return false;
	t->ordered = 0;
	s.over = rc_over(t, now);
	s.newest = rc_count((s.over & -s.over) - 1) & 63;
	s.answered = 0;
#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		s.self.word[i] = (rc_nonzero((__u64)(r->slot >> 6) ^ i) ^ 1) << (r->slot & 63);
		rc_look_at(t, &s, judged, i);
	}
	s.accusing = s.over & (s.answered | -rc_alone(t, r->level, &s));
#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++)
		changed |= rc_judge(t, &s, i, judged, now);
	out->wake = -rc_nonzero(changed) & RC_WAKE_ROUNDS;
	lost = !rc_quorate(t, r->level, &s, judged);
	if (lost || !rc_may_beat(t, r, now, agent_at)) {
		t->beating = 0;
		out->wake = RC_WAKE_ROUNDS;
		return false;
	}
	rc_give_up(t, &s, judged, f, agent_at, out);
	rc_doubt(t, &s, judged);
	rc_leave(t, now);
	if (rc_due(late, interval))
		rc_move_due(t, now, late, interval);
	rc_write_beat(in, upper, &s, f, now);
	f->h.round = bpf_cpu_to_be64(t->round);
	proposes = rc_decided(t) ? 0 : ~0ULL;
	tells = t->round <= t->beats.tell ? ~0ULL : 0;
#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++)
		out->to.word[i] = t->new_members.word[i] | (t->old_members.word[i] & proposes) | (t->beats.parted.word[i] & tells);
#pragma unroll
	for (int i = 0; i < RC_WORDS; i++)
		((__u64 *)room)[i] = ((__u64 *)f)[i];
	rc_vote_by_beat(in, room, now, &o);
	out->wake |= o.wake;
	return true;
}

/*
 * Builds the next beat of a register (level * 2 + seat) in f if one is due or ordered, unsigned,
 * and casts the leader's own vote. False: none leaves now; out->wake may still have a reason to
 * tell the agent. A global function, which the verifier walks through by itself: what would only
 * multiply the ways through it is decided before, or without branches.
 */
__attribute__((noinline)) int rc_round(__u32 index, struct rc_frame *f, struct rc_frame *room, struct rc_rounded *out)
{
	__u32 above = (index & ~1U) + 2; /* where the leader of this group has a slot */
	const struct rc_group *r, *upper;
	struct rc_place_in_group in;
	__u64 now = rc_now();
	bool leaves;

	if (!f || !room || !out)
		return false;
	out->wake = 0;
	r = bpf_map_lookup_elem(&rc_group, &index);
	if (!r || !rc_look_up(index / 2, index & 1, r->slot & (RC_SLOTS - 1), &in) || !in.member)
		return false;
	upper = bpf_map_lookup_elem(&rc_group, &above);
	if (!upper) /* above the last level, which is told by its number */
		upper = r;
	bpf_spin_lock(&in.lock->lock);
	rc_step_version(&in.group->version);
	rc_step_version(&in.tally->version);
	leaves = rc_beat_round(&in, upper, f, room, now, out);
	rc_step_version(&in.tally->version);
	rc_step_version(&in.group->version);
	bpf_spin_unlock(&in.lock->lock);
	return leaves;
}

#endif
