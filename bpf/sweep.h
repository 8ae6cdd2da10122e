/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a leader judges its members by the rounds so far: the twin of control/sweep.go, which is the
 * specification and says why. The loops over all slots have no branches, so that the verifier walks
 * through each once.
 */
#ifndef RC_SWEEP_H
#define RC_SWEEP_H

#include "serve.h"

/* All ones for a number below 64, else zero. */
static __always_inline __u64 rc_within(__u64 n)
{
	return (__s64)(n - 64) >> 63;
}

/* control.after */
static __always_inline __u64 rc_after(__u64 n)
{
	return ((1ULL << (n & 63)) - 1) | ~rc_within(n);
}

/* control.Heard.aligned */
static __always_inline __u64 rc_aligned(__u64 history, __u64 age)
{
	return history << (age & 63) & rc_within(age);
}

/* Bit b of a word as a mask: all ones, or zero. */
static __always_inline __u64 rc_bit_mask(__u64 word, __u32 b)
{
	return -(word >> b & 1);
}

/* What one beat needs to know of the members. */
struct rc_sweep {
	__u64 over;
	__u64 accusing;
	__u64 answered;		/* rounds that anybody else answered */
	__u32 newest;		/* the bit of the newest round that is over */
	struct rc_bitmap self;	/* the leader alone */
	struct rc_bitmap last;	/* echoed the last round in time */
	struct rc_bitmap before; /* … the one before */
};

/* … and what it finds. It has its place in the beat's room, since the stack has none. */
struct rc_judged {
	struct rc_bitmap with;	   /* answered the newest round that is over */
	struct rc_bitmap doubtful; /* missed a round since their last answer */
	struct rc_bitmap accused;  /* fell, and their leases have ended */
	struct rc_bitmap stale;	   /* whose agents are silent */
};

static __always_inline __u64 rc_interval(const struct rc_tally *t)
{
	return t->beats.interval_us * RC_NS_PER_US;
}

/* 1 or 0 */
static __always_inline __u64 rc_decided(const struct rc_tally *t)
{
	return rc_nonzero(t->beats.committed ^ t->seq) ^ 1;
}

/* control.Tally.decides: 1 or 0 */
static __always_inline __u64 rc_decides_next(const struct rc_tally *t, __u32 level, const struct rc_bitmap *have)
{
	return rc_decides(level, have, &t->new_members) & (rc_decided(t) | rc_decides(level, have, &t->old_members));
}

/* control.Tally.over */
static __always_inline __u64 rc_over(const struct rc_tally *t, __u64 now)
{
	__u64 interval = rc_interval(t), ripe = interval - interval / 8, over = 0;

	for (__u32 b = 0; b < 64; b++) {
		__u64 at;

		rc_opaque(b);
		at = t->sent_at[(t->round - b) & 63];
		over |= (t->counted >> b & 1 & ~rc_less(now - at, ripe)) << b;
	}
	return over;
}

/* The first look at the members, by words of slots: who answered what. */
static __always_inline void rc_look_at(const struct rc_tally *t, struct rc_sweep *s, struct rc_judged *judged,
				       __u32 word)
{
	__u64 all = t->new_members.word[word] | t->old_members.word[word];
	__u64 others = all & ~s->self.word[word];
	__u64 kin = t->beats.kin.word[word];
	__u64 last = 0, before = 0, with = 0, answered = 0;

	for (__u32 b = 0; b < 64; b++) {
		const struct rc_heard *h;
		__u64 age, in_time, rounds;

		rc_opaque(b);
		h = &t->heard[word * 64 + b];
		age = t->round - h->round;
		in_time = rc_aligned(h->in_time, age);
		rounds = rc_aligned(h->answered, age) & rc_bit_mask(others, b);
		last |= (in_time & 1) << b;
		before |= (in_time >> 1 & 1) << b;
		answered |= rounds & ~rc_bit_mask(kin, b);
		with |= (rounds >> s->newest & ~(__u64)h->strayed & 1) << b;
	}
	s->last.word[word] = last & all;
	s->before.word[word] = before & all;
	judged->with.word[word] = with | s->self.word[word];
	s->answered |= answered;
}

/* control.Tally.leaseOver: 1 or 0 */
static __always_inline __u64 rc_lease_over(const struct rc_tally *t, const struct rc_heard *h, __u64 now)
{
	__u64 length = t->beats.lease_us * RC_NS_PER_US, long_ago = length * 5 / 4;
	__u64 calm = (now - t->beats.calm_until) >> 63; /* still calm: signed differences, as everywhere */
	__u64 lately = (now - h->echo_at - long_ago) >> 63;

	return (calm ^ 1) & ((lately ^ 1) | (rc_nonzero(h->echo_at) ^ 1));
}

/* The second look: who missed what. Returns whether that changed. */
static __always_inline __u64 rc_judge(struct rc_tally *t, const struct rc_sweep *s, __u32 word, struct rc_judged *judged,
				      __u64 now)
{
	__u64 members = t->new_members.word[word];
	__u64 others = members & ~s->self.word[word];
	__u64 rounds = t->beats.rounds, half = (rounds + 1) / 2;
	__u64 suspects = 0, fallen = 0, accused = 0, doubtful = 0, stale = 0, changed;

	for (__u32 b = 0; b < 64; b++) {
		const struct rc_heard *h;
		__u64 entered, since, shorter, missed;

		rc_opaque(b);
		h = &t->heard[word * 64 + b];
		since = t->round - h->round;
		entered = t->round - h->entered;
		shorter = -rc_less(entered, since);
		since = (entered & shorter) | (since & ~shorter);
		missed = rc_count(s->accusing & rc_after(since));
		doubtful |= rc_nonzero(missed) << b;
		suspects |= (~rc_less(missed, half) & 1) << b;
		fallen |= (~rc_less(missed, rounds) & 1) << b;
		accused |= rc_lease_over(t, h, now) << b;
		stale |= (rc_less(t->beats.stale_ms, h->agent_age_ms) & rc_nonzero(h->answered)) << b;
	}
	suspects &= others;
	fallen &= others;
	changed = (t->suspects.word[word] ^ suspects) | (t->fallen.word[word] ^ fallen);
	t->suspects.word[word] = suspects;
	t->fallen.word[word] = fallen;
	judged->doubtful.word[word] = doubtful;
	judged->accused.word[word] = accused & fallen;
	judged->stale.word[word] = stale & members;
	return changed;
}

/* control.Tally.alone: 1 or 0 */
static __always_inline __u64 rc_alone(const struct rc_tally *t, __u32 level, const struct rc_sweep *s)
{
	__u64 voters = 0, undecided = rc_decided(t) - 1;

#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++)
		voters += rc_count((t->new_members.word[i] | (t->old_members.word[i] & undecided)) & rc_voters(level, i));
	return rc_less(voters, 3) & rc_decides_next(t, level, &s->self);
}

/* control.Tally.quorate; false: lost */
static __always_inline bool rc_quorate(struct rc_tally *t, __u32 level, const struct rc_sweep *s,
					const struct rc_judged *judged)
{
	__u64 since;

	if (!s->over || (t->seq == t->beats.began && !rc_decided(t)))
		return true;
	if (rc_decides_next(t, level, &judged->with)) {
		t->quorum_at = t->round - s->newest;
		return true;
	}
	since = t->round - t->quorum_at;
	return rc_count(s->over & rc_after(since)) < t->beats.rounds;
}

/* control.Tally.away: 1 or 0 */
static __always_inline __u64 rc_away(struct rc_tally *t, const struct rc_sweep *s, const struct rc_judged *judged,
				     __u64 agent_at)
{
	__u64 waits = (rc_nonzero(t->quorate) & (rc_decided(t) ^ 1)) | (agent_at - t->report_at) >> 63;
	__u64 doubtful = 0, since, unseen;

#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		waits |= rc_nonzero(t->fallen.word[i]);
		doubtful |= t->suspects.word[i] & ~judged->accused.word[i];
	}
	since = (t->round - t->attended) & -(waits & (rc_less(t->sent_at[t->round & 63], agent_at) ^ 1));
	t->attended = t->round - since;
	unseen = rc_count(s->over & rc_after(since));
	return rc_less(t->beats.patience, unseen) &
	       ((rc_nonzero(doubtful) ^ 1) | rc_less((t->beats.rounds + 1) / 2, unseen));
}

#endif
