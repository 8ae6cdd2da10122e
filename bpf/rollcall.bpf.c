/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs. A door is attached to a device and stays there: it lets everything pass
 * that is not ours, and hands what is ours to the program in its array, which an upgrade
 * replaces. Without one our frames pass as well. The loader may mark both XDP programs with
 * BPF_F_XDP_HAS_FRAGS, which devices with a large MTU ask for: our frames always fit the
 * first buffer.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "command.h"
#include "tick.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("xdp")
int rc_xdp_door(struct xdp_md *ctx)
{
	struct rc_place place;

	if (rc_find((void *)(long)ctx->data, (void *)(long)ctx->data_end, &place))
		bpf_tail_call(ctx, &rc_xdp_progs, 0);
	return XDP_PASS;
}

/* Takes the outer tag off: the addresses move up to the type behind it. */
static __always_inline bool rc_xdp_untag(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u8 addresses[2 * ETH_ALEN];

	if (data + sizeof(addresses) > data_end)
		return false;
	__builtin_memcpy(addresses, data, sizeof(addresses));
	if (bpf_xdp_adjust_head(ctx, sizeof(struct rc_vlan)))
		return false;
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	if (data + sizeof(addresses) > data_end)
		return false;
	__builtin_memcpy(data, addresses, sizeof(addresses));
	return true;
}

/* Tells the frame logic whether the agent's process lives: only that keeps its array filled. */
SEC("xdp")
int rc_xdp_enter(struct xdp_md *ctx)
{
	rc_say_orphaned(0);
	bpf_tail_call(ctx, &rc_xdp_agent, 0);
	rc_say_orphaned(1);
	bpf_tail_call(ctx, &rc_xdp_logic, 0);
	return XDP_PASS;
}

SEC("xdp")
int rc_xdp_serve(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 ifindex = ctx->ingress_ifindex;

	if (rc_priority_tagged(data, data_end)) {
		if (!rc_xdp_untag(ctx))
			return XDP_ABORTED;
		data = (void *)(long)ctx->data;
		data_end = (void *)(long)ctx->data_end;
	}
	switch (rc_serve(data, data_end, data_end - data, false, &ifindex)) {
	case RC_SEND:
		return ifindex == ctx->ingress_ifindex ? XDP_TX : bpf_redirect(ifindex, 0);
	case RC_DROP:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

/* Shows as much of the packet as is asked for, or all there is. */
static __always_inline void rc_pull(struct __sk_buff *skb, __u32 length)
{
	if (length > skb->len)
		length = skb->len;
	if (skb->data_end - skb->data < length)
		bpf_skb_pull_data(skb, length);
}

/* Passing is TC_ACT_UNSPEC: the filters after this one have their turn. */
SEC("tc")
int rc_tc_door(struct __sk_buff *skb)
{
	struct rc_place place;

	rc_pull(skb, RC_HEADERS_MAX);
	if (rc_find((void *)(long)skb->data, (void *)(long)skb->data_end, &place))
		bpf_tail_call(skb, &rc_tc_progs, 0);
	return TC_ACT_UNSPEC;
}

/* The stack puts the outer tag aside before this hook. */
static __always_inline bool rc_skb_priority_tagged(const struct __sk_buff *skb)
{
	const void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	const struct ethhdr *eth = data;

	if (!skb->vlan_present)
		return rc_priority_tagged(data, data_end);
	return (void *)(eth + 1) <= data_end && !(skb->vlan_tci & RC_VLAN_ID) && !rc_is_vlan(eth->h_proto);
}

SEC("tc")
int rc_tc_enter(struct __sk_buff *skb)
{
	rc_say_orphaned(0);
	bpf_tail_call(skb, &rc_tc_agent, 0);
	rc_say_orphaned(1);
	bpf_tail_call(skb, &rc_tc_logic, 0);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int rc_tc_serve(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;

	if (rc_skb_priority_tagged(skb) && bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	rc_pull(skb, RC_HEADERS_MAX + RC_FRAME_LEN);
	switch (rc_serve((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len, skb->vlan_present, &ifindex)) {
	case RC_SEND:
		return bpf_redirect(ifindex, 0);
	case RC_DROP:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_UNSPEC;
	}
}

/* The agent's channel: see struct rc_order. Returns 0 when the order was carried out. */
SEC("tc")
int rc_command(struct __sk_buff *skb)
{
	rc_pull(skb, sizeof(struct rc_order) + 2 * RC_FRAME_LEN);
	return rc_obey((void *)(long)skb->data, (void *)(long)skb->data_end) ? 0 : -1;
}

/* Has the kernel find the way to whoever the packet is for: see rc_have_routed. */
static __always_inline int rc_route(struct __sk_buff *skb, __u32 index)
{
	const struct rc_peer *peer = bpf_map_lookup_elem(&rc_peer, &index);

	skb->mark = 0;
	skb->priority = RC_PRIORITY;
	return peer ? bpf_redirect_neigh(peer->ifindex, 0, 0, 0) : TC_ACT_SHOT;
}

/* Sits where clock frames arrive; the beats that are due leave with each of them. */
SEC("tc")
int rc_tick(struct __sk_buff *skb)
{
	__u32 first = 0, number = skb->mark - RC_CLOCK_MARK, index = skb->mark - RC_ROUTE_MARK;
	struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);
	__u64 now = rc_now();

	if (!pace)
		return TC_ACT_SHOT;
	if (index < RC_LEVELS * RC_SLOTS * RC_RAILS)
		return rc_route(skb, index);
	if (number >= RC_CLOCK_FRAMES) {
		pace->strange++;
		return TC_ACT_SHOT;
	}
	if (rc_hasty(pace, now))
		return rc_unrestrained(pace) ? TC_ACT_SHOT : bpf_redirect(pace->clock, 0);
	rc_note_tick(pace, number, now);
	rc_pull(skb, RC_HEADERS_MAX + RC_FRAME_LEN);
	skb->mark = 0;
	skb->priority = RC_PRIORITY;
	if (!rc_beats_due(skb, pace)) {
		pace->frame_at[number & (RC_CLOCK_FRAMES - 1)] = 0;
		return TC_ACT_SHOT;
	}
	skb->mark = RC_CLOCK_MARK + number;
	return bpf_redirect(pace->clock, 0);
}

/* Puts a copy of the packet, which the agent has marked as a clock frame, into circulation. */
SEC("tc")
int rc_seed(struct __sk_buff *skb)
{
	__u32 first = 0;
	const struct rc_pace *pace = bpf_map_lookup_elem(&rc_pace, &first);

	return pace ? bpf_clone_redirect(skb, pace->clock, 0) : -1;
}
