/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sends a leader's beats from inside the kernel: one frame to all of the group where
 * the own slot's header leads there, else one to each slot.
 */
#ifndef RC_FANOUT_H
#define RC_FANOUT_H

#include "pace.h"
#include "peer.h"
#include "round.h"

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
 * Sends a copy of the packet to one slot by one rail. False: nobody knows how to. A global function,
 * like the next: the verifier walks through each by itself.
 */
__attribute__((noinline)) int rc_send(struct __sk_buff *skb, __u32 slot, __u32 rail, __u32 sum)
{
	const struct rc_peer *peer = rc_find_peer(0, slot, rail);

	if (!peer || !peer->transport)
		return rail != 0; /* not everybody has a second one */
	if (peer->length != skb->len - RC_FRAME_LEN)
		return false;
	if (!rc_address((void *)(long)skb->data, (void *)(long)skb->data_end, peer, sum))
		return false;
	return bpf_clone_redirect(skb, peer->ifindex, 0) == 0;
}

/*
 * Sends the frame in the packet, whose sum is given, by one rail to everybody that the round names
 * but the own slot.
 */
__attribute__((noinline)) int rc_fan_out(struct __sk_buff *skb, __u32 own, __u32 rail, __u32 sum)
{
	__u32 first = 0;
	const struct rc_room *room = bpf_map_lookup_elem(&rc_room, &first);
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);
	const struct rc_peer *all = rc_find_peer(0, own, rail);

	if (!room || !pace)
		return 0;
	if (all && all->transport) {
		if (!rc_send(skb, own, rail, sum))
			pace->unsent++;
		return 0;
	}
	for (__u32 word = 0; word < RC_WORDS_OF_SLOTS; word++) {
		__u64 slots = room->out.to.word[word];

		if (own >> 6 == word)
			slots &= ~(1ULL << (own & 63));
		for (__u32 bit = 0; bit < 64; bit++) {
			if (slots >> bit & 1 && !rc_send(skb, word * 64 + bit, rail, sum))
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
static __always_inline void rc_fan_out_by_all(struct __sk_buff *skb, struct rc_frame *f)
{
	__u32 first = 0, own = bpf_ntohs(f->h.from), sum = rc_frame_sum(f);
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);

	if (pace)
		pace->beats++;
#pragma unroll
	for (__u32 rail = 0; rail < RC_RAILS; rail++) {
		if (!rc_has_rail(rail))
			break;
		rc_fan_out(skb, own, rail, sum);
	}
}

#endif
