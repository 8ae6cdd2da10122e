/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Small things that every rule needs: what time it is, how a frame's outcome is kept, and
 * how a struct is changed so that those who read it by mmap notice.
 */
#ifndef RC_STATE_H
#define RC_STATE_H

#include "maps.h"

#define RC_WORDS_OF_SLOTS (RC_SLOTS / 64)

/* Set by tests, which then say in rc_clock what time it is. */
const volatile bool rc_test_clock = false;

static __always_inline __u64 rc_now(void)
{
	if (rc_test_clock) {
		__u32 first = 0;
		__u64 *clock = bpf_map_lookup_elem(&rc_clock, &first);

		return clock ? *clock : 0;
	}
	return bpf_ktime_get_boot_ns();
}

/* control.Outcome */
struct rc_outcome {
	bool reply;
	bool pass_on;
	enum rc_reason reason;
	__u32 wake;
};

/*
 * An atomic that returns its old value orders everything around it, on every processor; one whose
 * value is not used would not, so use it.
 */
static __always_inline void rc_add_and_order(__u32 *word, __u32 n)
{
	__u32 old = __sync_fetch_and_add(word, n);

	asm volatile("" : : "r"(old) : "memory");
}

/* Comes before the first and after the last store under the lock. */
static __always_inline void rc_step_version(__u32 *version)
{
	rc_add_and_order(version, 1);
}

/* From the wire, by words: the verifier counts bytes dearly. */
static __always_inline void rc_read_bitmap(struct rc_bitmap *to, const __be64 from[4])
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		to->word[i] = bpf_be64_to_cpu(from[i]);
}

static __always_inline void rc_write_bitmap(__be64 to[4], const struct rc_bitmap *from)
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		to[i] = bpf_cpu_to_be64(from->word[i]);
}

/* A packet must be read at constant offsets, hence no index. */
static __always_inline bool rc_wire_has(const __be64 set[4], __u32 slot)
{
	__be64 word;

	switch (slot >> 6) {
	case 0:
		word = set[0];
		break;
	case 1:
		word = set[1];
		break;
	case 2:
		word = set[2];
		break;
	case 3:
		word = set[3];
		break;
	default:
		return false;
	}
	return bpf_be64_to_cpu(word) >> (slot & 63) & 1;
}

static __always_inline bool rc_has(const struct rc_bitmap *set, __u32 slot)
{
	return slot < RC_SLOTS && set->word[slot >> 6 & 3] >> (slot & 63) & 1;
}

static __always_inline void rc_set(struct rc_bitmap *set, __u32 slot)
{
	set->word[slot >> 6 & 3] |= 1ULL << (slot & 63);
}

static __always_inline __u32 rc_count(__u64 word)
{
	word -= word >> 1 & 0x5555555555555555ULL;
	word = (word & 0x3333333333333333ULL) + (word >> 2 & 0x3333333333333333ULL);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return word * 0x0101010101010101ULL >> 56;
}

/*
 * What follows has no branches: the verifier walks every path through a program, and joins
 * paths that differ in nothing but numbers only sometimes.
 */

/* Keeps the compiler from making a branch, or a pointer that it compares, of a value. */
#define rc_opaque(x) asm volatile("" : "+r"(x))

/* 1 unless x is 0. */
static __always_inline __u64 rc_nonzero(__u64 x)
{
	__u64 minus = -x;

	rc_opaque(minus);
	return (x | minus) >> 63;
}

/* 1 when a < b, which are less than 2^63 apart. */
static __always_inline __u64 rc_less(__u64 a, __u64 b)
{
	return (a - b) >> 63;
}

/* Of a word of slots those that have a vote: at level 0 all, above it the seats. control.Voters */
static __always_inline __u64 rc_voters(__u32 level, int word)
{
	__u64 all = rc_nonzero(level) - 1;

	return word < RC_FIRST_SEAT / 64 ? all : all | ~0ULL << (RC_FIRST_SEAT & 63);
}

/* control.Decides: 1 or 0 */
static __always_inline __u64 rc_decides(__u32 level, const struct rc_bitmap *have, const struct rc_bitmap *members)
{
	__u64 votes = 0, voters = 0, any = 0;
	__u64 first = 0; /* the lowest voter voted */

#pragma unroll
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++) {
		__u64 word = members->word[i] & rc_voters(level, i);

		first |= (any ^ 1) & rc_nonzero(have->word[i] & word & -word);
		any |= rc_nonzero(word);
		votes += 2 * rc_count(have->word[i] & word);
		voters += rc_count(word);
	}
	return rc_less(voters, votes) | ((rc_nonzero(voters ^ votes) ^ 1) & first);
}

/* control.newByRail: 1 or 0 */
static __always_inline __u64 rc_new_by_rail(__u64 rails[RC_RAILS], const struct rc_frame *f, __u32 rail)
{
	__u64 *by = &rails[rail & (RC_RAILS - 1)], round = bpf_be64_to_cpu(f->h.round), is_new;

	if (rail == RC_NO_RAIL)
		return 0;
	is_new = rc_less(*by, round) & (rc_nonzero(f->h.flags & RC_FLAG_RELAY) ^ 1);
	*by = (round & -is_new) | (*by & ~-is_new);
	return is_new;
}

#endif
