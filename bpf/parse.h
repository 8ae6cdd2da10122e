/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds our frames among everything a host receives, and turns the headers before a frame
 * around. Only packets that are ours beyond doubt are found: IPv4 with options, fragments
 * and IPv6 with extension headers never are, since we send none.
 */
#ifndef RC_PARSE_H
#define RC_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "maps.h"

/* Set when the programs are loaded. */
const volatile __u16 rc_ethertype = 0x88b5;
const volatile __u16 rc_port = 7746;

#define RC_UDP_LEN (sizeof(struct udphdr) + RC_FRAME_LEN)
#define RC_MAX_TAGS 2
#define RC_VLAN_ID 0x0fff
#define RC_DONT_FRAGMENT 0x4000
#define RC_HEADER_UDP4 (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr))
#define RC_HEADER_UDP6 (ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct udphdr))
#define RC_HEADERS_MAX RC_HEADER_UDP6

struct rc_vlan {
	__be16 control;
	__be16 type;
};

static __always_inline bool rc_is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* Where a frame of ours lies in a packet. */
struct rc_place {
	enum rc_transport transport;
	__u32 at;    /* offset of the frame; of a tagged one 0 */
	bool tagged; /* in a VLAN */
	bool whole;  /* the headers announce exactly one frame */
};

static __always_inline bool rc_our_port(const struct udphdr *udp)
{
	return udp->dest == bpf_htons(rc_port);
}

static __always_inline bool rc_find_ip4(const void *at, const void *data_end, struct rc_place *p)
{
	const struct iphdr *ip = at;
	const struct udphdr *udp = (const void *)(ip + 1);

	if ((const void *)(udp + 1) > data_end)
		return false;
	if (ip->ihl != 5 || ip->version != 4 || ip->protocol != IPPROTO_UDP)
		return false;
	if (ip->frag_off & bpf_htons((__u16)~RC_DONT_FRAGMENT) || !rc_our_port(udp))
		return false;
	p->transport = RC_UDP4;
	p->at = ETH_HLEN + sizeof(*ip) + sizeof(*udp);
	p->whole = udp->len == bpf_htons(RC_UDP_LEN) && ip->tot_len == bpf_htons(sizeof(*ip) + RC_UDP_LEN);
	return true;
}

static __always_inline bool rc_find_ip6(const void *at, const void *data_end, struct rc_place *p)
{
	const struct ipv6hdr *ip = at;
	const struct udphdr *udp = (const void *)(ip + 1);

	if ((const void *)(udp + 1) > data_end)
		return false;
	if (ip->version != 6 || ip->nexthdr != IPPROTO_UDP || !rc_our_port(udp))
		return false;
	p->transport = RC_UDP6;
	p->at = ETH_HLEN + sizeof(*ip) + sizeof(*udp);
	p->whole = udp->len == bpf_htons(RC_UDP_LEN) && ip->payload_len == bpf_htons(RC_UDP_LEN);
	return true;
}

/*
 * Reports whether the packet carries a frame of ours, and where. It runs for every packet
 * that the host receives: it reads nothing but the packet.
 */
static __always_inline bool rc_find(const void *data, const void *data_end, struct rc_place *p)
{
	const struct ethhdr *eth = data;
	const void *at = eth + 1;
	__be16 type;

	if (at > data_end)
		return false;
	type = eth->h_proto;
	p->tagged = false;
#pragma unroll
	for (int i = 0; i < RC_MAX_TAGS; i++) {
		const struct rc_vlan *vlan = at;

		if (!rc_is_vlan(type))
			break;
		if ((const void *)(vlan + 1) > data_end)
			return false;
		type = vlan->type;
		at = vlan + 1;
		p->tagged = true;
	}
	if (type == bpf_htons(ETH_P_IP))
		return rc_find_ip4(at, data_end, p);
	if (type == bpf_htons(ETH_P_IPV6))
		return rc_find_ip6(at, data_end, p);
	if (type != bpf_htons(rc_ethertype))
		return false;
	p->transport = RC_ETHER;
	p->at = ETH_HLEN;
	p->whole = true;
	return true;
}

/*
 * Reports whether the packet has one tag, which names no VLAN but only a priority: to the stack
 * that is the same as none. The socket plane never sees it, and here it is taken off.
 */
static __always_inline bool rc_priority_tagged(const void *data, const void *data_end)
{
	const struct ethhdr *eth = data;
	const struct rc_vlan *vlan = (const void *)(eth + 1);

	if ((const void *)(vlan + 1) > data_end)
		return false;
	return rc_is_vlan(eth->h_proto) && !(vlan->control & bpf_htons(RC_VLAN_ID)) && !rc_is_vlan(vlan->type);
}

static __always_inline bool rc_same_mac(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] && a[5] == b[5];
}

static __always_inline bool rc_same_ip6(const struct in6_addr *a, const __u8 *b)
{
	const __u32 *x = a->in6_u.u6_addr32, *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

/*
 * Reports whether the packet is addressed to this host, and not only seen by it: switches
 * flood, and a neighbour must not answer for a dead member. The caller has checked that the
 * headers before p->at are there.
 */
static __always_inline bool rc_for_us(const void *data, const struct rc_place *p, const struct rc_host *host)
{
	const struct ethhdr *eth = data;
	const struct iphdr *ip4 = data + ETH_HLEN;
	const struct ipv6hdr *ip6 = data + ETH_HLEN;

	if (!(host->transports & p->transport))
		return false;
	if (p->transport == RC_ETHER && rc_same_mac(eth->h_dest, host->group_mac))
		return true;
	if (!rc_same_mac(eth->h_dest, host->mac))
		return false;
	if (p->transport == RC_UDP4)
		return ip4->daddr == *(const __u32 *)host->ip4;
	if (p->transport == RC_UDP6)
		return rc_same_ip6(&ip6->daddr, host->ip6);
	return true;
}

static __always_inline void rc_swap_ports(struct udphdr *udp)
{
	__be16 port = udp->source;

	udp->source = udp->dest;
	udp->dest = port;
	udp->check = 0;
}

/* A checksum from the sum of all words; zero says that there is none, so it is never that. */
static __always_inline __sum16 rc_fold(__u64 sum)
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	return sum ? sum : 0xffff;
}

/* The UDP checksum over IPv6 is not optional. Sums the whole datagram. */
static __always_inline __sum16 rc_udp6_sum(const struct ipv6hdr *ip, const struct udphdr *udp)
{
	__u64 sum = bpf_htons(RC_UDP_LEN) + bpf_htons(IPPROTO_UDP);

	sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)&ip->saddr, 32, 0);
	sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)udp, RC_UDP_LEN, 0);
	return rc_fold(sum);
}

/*
 * Sends the packet back where it came from. The frame is final: its sum is taken here. The
 * source is this host's own address, since the ask may have come by multicast.
 */
static __always_inline void rc_turn(void *data, const struct rc_place *p, const struct rc_host *host)
{
	struct ethhdr *eth = data;

	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, host->mac, ETH_ALEN);
	if (p->transport == RC_UDP4) {
		struct iphdr *ip = data + ETH_HLEN;
		__be32 from = ip->saddr;

		ip->saddr = ip->daddr; /* the header's sum stays right */
		ip->daddr = from;
		rc_swap_ports((void *)(ip + 1));
	} else if (p->transport == RC_UDP6) {
		struct ipv6hdr *ip = data + ETH_HLEN;
		struct udphdr *udp = (void *)(ip + 1);
		struct in6_addr from = ip->saddr;

		ip->saddr = ip->daddr;
		ip->daddr = from;
		rc_swap_ports(udp);
		udp->check = rc_udp6_sum(ip, udp);
	}
}

#endif
