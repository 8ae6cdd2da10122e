/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sends a leader's beats from inside the kernel: one frame to all of the group where
 * the own slot's header leads there, else one to each slot. Each leaves by the header in rc_peer; where the
 * next hop's address is not in it, or a frame to that slot alone stayed unanswered, the kernel is asked for the way.
 */
#ifndef RC_FANOUT_H
#define RC_FANOUT_H

#include "pace.h"
#include "peer.h"
#include "round.h"
#include "siphash.h"

#define RC_PRIORITY 6 /* of the packet in this host's own queues */

/* What a tick needs and the stack has no room for. */
struct rc_room {
	struct rc_frame frame;
	struct rc_rounded out;
	struct rc_bitmap doubtful; /* who is asked again in this round */
	struct rc_bitmap helpers;  /* … through whom */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rc_room);
} rc_room SEC(".maps");

/*
 * Sends a copy of the packet, complete but for the hardware addresses, by the way that the kernel itself
 * finds, asking for neighbours if it must. A copy cannot be sent so from here: it comes by where the clock ticks.
 */
static __always_inline bool rc_have_routed(struct __sk_buff *skb, __u32 index, struct rc_pace *pace)
{
	long failed;

	skb->mark = RC_ROUTE_MARK + index;
	failed = bpf_clone_redirect(skb, pace->tick, BPF_F_INGRESS);
	skb->mark = 0;
	pace->routed++;
	return !failed;
}

/*
 * Sends a copy of the packet to one slot (level * 256 + slot) by one rail; by another way than before, if
 * there is one. False: nobody knows how to. A global function, like the next: the verifier walks through each
 * by itself.
 */
__attribute__((noinline)) int rc_send(struct __sk_buff *skb, __u32 at, __u32 rail, __u32 sum, bool again)
{
	const struct rc_peer *peer = rc_find_peer(at / RC_SLOTS, at % RC_SLOTS, rail);
	__u32 first = 0;
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);

	if (!pace || !peer || !peer->transport)
		return rail != 0; /* not everybody has a second one */
	if (peer->length != skb->len - RC_FRAME_LEN)
		return false;
	if (!rc_address((void *)(long)skb->data, (void *)(long)skb->data_end, peer, sum))
		return false;
	if (peer->transport != RC_ETHER && (again || !rc_knows_next(peer)))
		return rc_have_routed(skb, at * RC_RAILS + rail, pace);
	return bpf_clone_redirect(skb, peer->ifindex, 0) == 0;
}

/*
 * Sends the frame in the packet, whose sum is given, by one rail to everybody that the round of a
 * level names but the own slot.
 */
__attribute__((noinline)) int rc_fan_out(struct __sk_buff *skb, __u32 level, __u32 own, __u32 rail, __u32 sum)
{
	__u32 first = 0;
	const struct rc_room *room = bpf_map_lookup_elem(&rc_room, &first);
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);
	const struct rc_peer *all = rc_find_peer(level, own, rail);

	if (!room || !pace)
		return 0;
	if (all && all->transport) {
		if (!rc_send(skb, level * RC_SLOTS + own, rail, sum, false))
			pace->unsent++;
		return 0;
	}
	for (__u32 word = 0; word < RC_WORDS_OF_SLOTS; word++) {
		__u64 slots = room->out.to.word[word];

		if (own >> 6 == word)
			slots &= ~(1ULL << (own & 63));
		for (__u32 bit = 0; bit < 64; bit++) {
			if (slots >> bit & 1 && !rc_send(skb, level * RC_SLOTS + word * 64 + bit, rail, sum, false))
				pace->unsent++;
		}
	}
	return 0;
}

static __always_inline bool rc_has_rail(__u32 rail)
{
	const struct rc_host *host = rc_find_host(rail);

	return host && host->transports;
}

/* Sends the frame at f in the packet by every rail. */
static __always_inline void rc_fan_out_by_all(struct __sk_buff *skb, __u32 level, struct rc_frame *f)
{
	__u32 own = bpf_ntohs(f->h.from), sum = rc_frame_sum(f);

#pragma unroll
	for (__u32 rail = 0; rail < RC_RAILS; rail++) {
		if (!rc_has_rail(rail))
			break;
		rc_fan_out(skb, level, own, rail, sum);
	}
}

/* The frame at the end of the packet; null: it is too short. */
static __always_inline struct rc_frame *rc_last_frame(const struct __sk_buff *skb)
{
	__u32 length = skb->len - RC_FRAME_LEN; /* of the header */
	struct rc_frame *f;

	if (length > RC_HEADERS_MAX)
		return 0;
	f = (void *)(long)skb->data + length;
	return (void *)(f + 1) > (void *)(long)skb->data_end ? 0 : f;
}

/*
 * Sends the beat in the packet to one slot (level * 256 + slot) alone by every rail, through the member in
 * another slot if via is one; again: it was sent once. A global function as well.
 */
__attribute__((noinline)) int rc_send_to(struct __sk_buff *skb, __u32 at, __u32 via, bool again)
{
	__u32 first = 0, sum;
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);
	bool through = via < RC_SLOTS;
	struct rc_frame *f = rc_last_frame(skb);
	const struct rc_key *key;

	if (!pace || !f)
		return 0;
	f->h.to = bpf_htons((__u16)(at % RC_SLOTS));
	f->h.flags = (f->h.flags & ~RC_FLAG_RELAY) | (through ? RC_FLAG_RELAY : 0);
	f->h.via = through ? bpf_htons((__u16)via) : 0;
	key = rc_find_key(f);
	if (!key)
		return 0;
	rc_sign(f, key);
	sum = rc_frame_sum(f);
	if (through)
		at = (at & ~(RC_SLOTS - 1)) + via;
	for (__u32 rail = 0; rail < RC_RAILS && rc_has_rail(rail); rail++)
		if (!rc_send(skb, at, rail, sum, again && !through))
			pace->unsent++;
	return 0;
}

#endif
