/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asks those in doubt again: the twin of control/retry.go, which is the specification and says
 * why. The beat that has just been sent leaves once more for each of them, directly and through
 * others.
 */
#ifndef RC_RETRY_H
#define RC_RETRY_H

#include "fanout.h"

#define RC_RETRY_HELPERS 3
#define RC_RETRY_WHOLE 8
#define RC_RETRY_MOST 32

/* Walks through a set by control.turn. */
struct rc_turn {
	__u64 most;
	__u64 all;
	__u64 rank; /* of the next slot, counted from where the turn begins */
};

static __always_inline struct rc_turn rc_begin_turn(const struct rc_bitmap *set, __u64 round, __u64 most)
{
	struct rc_turn t = { .most = most };

	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++)
		t.all += rc_count(set->word[i]);
	t.rank = t.all > most ? t.all - round * most % t.all : 0;
	return t;
}

/* Whether it is the turn of the next slot; 1 or 0. in: whether that is in the set. */
static __always_inline __u64 rc_has_turn(struct rc_turn *t, __u64 in)
{
	__u64 has = in & rc_less(t->rank % t->all, t->most);

	t->rank += in;
	return has;
}

/* control.turn */
static __always_inline void rc_choose(const struct rc_bitmap *set, __u64 round, __u64 most, struct rc_bitmap *chosen)
{
	struct rc_turn turn = rc_begin_turn(set, round, most);

	for (__u32 word = 0; word < RC_WORDS_OF_SLOTS; word++) {
		__u64 in = set->word[word], out = 0;

		for (__u32 b = 0; b < 64; b++) {
			rc_opaque(b);
			out |= rc_has_turn(&turn, in >> b & 1) << b;
		}
		chosen->word[word] = out;
	}
}

/* Asks one slot (level * 256 + slot) again, directly and through all who help in this round. A global function. */
__attribute__((noinline)) int rc_ask_again(struct __sk_buff *skb, __u32 at)
{
	__u32 first = 0;
	const struct rc_room *room = bpf_map_lookup_elem(&rc_room, &first);
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);

	if (!room || !pace)
		return 0;
	rc_send_to(skb, at, RC_TO_ALL, true);
	pace->retries++;
	for (__u32 via = 0; via < RC_SLOTS; via++) {
		if (room->helpers.word[via >> 6 & (RC_WORDS_OF_SLOTS - 1)] >> (via & 63) & 1) {
			rc_send_to(skb, at, via, true);
			pace->retries++;
		}
	}
	return 0;
}

/* control.Tally.Retries, of the beat of a level in the packet. */
__attribute__((noinline)) int rc_retry(struct __sk_buff *skb, __u32 level)
{
	__u32 first = 0;
	const struct rc_tally *t = bpf_map_lookup_elem(&rc_tally, &level);
	struct rc_room *room = bpf_map_lookup_elem(&rc_room, &first);
	__u64 all = 0;

	if (!t || !room)
		return 0;
	for (int i = 0; i < RC_WORDS_OF_SLOTS; i++)
		all += rc_count(t->doubtful.word[i]);
	if (!all)
		return 0;
	rc_choose(&t->helpers, t->round, all > RC_RETRY_WHOLE ? 1 : RC_RETRY_HELPERS, &room->helpers);
	rc_choose(&t->doubtful, t->round, RC_RETRY_MOST, &room->doubtful);
	for (__u32 slot = 0; slot < RC_SLOTS; slot++)
		if (room->doubtful.word[slot >> 6 & (RC_WORDS_OF_SLOTS - 1)] >> (slot & 63) & 1)
			rc_ask_again(skb, level * RC_SLOTS + slot);
	return 0;
}

#endif
