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

/* An address as a number, by which functions that see no packet compare it. */
static __always_inline __u64 rc_mac(const __u8 *a)
{
	const __u16 *words = (const __u16 *)a;

	return words[0] | (__u64)words[1] << 16 | (__u64)words[2] << 32;
}

static __always_inline __u64 rc_half_ip6(const __u32 *half)
{
	return half[0] | (__u64)half[1] << 32;
}

static __always_inline const struct rc_host *rc_find_host(__u32 rail)
{
	return bpf_map_lookup_elem(&rc_host, &rail);
}

/*
 * The rail that has the addresses; RC_RAILS: none has. Global functions: the verifier walks
 * through them by themselves, and what is served takes no more paths for there being rails.
 */
__attribute__((noinline)) __u32 rc_rail_by_ether(__u64 mac)
{
#pragma unroll
	for (__u32 rail = 0; rail < RC_RAILS; rail++) {
		const struct rc_host *host = rc_find_host(rail);

		if (host && host->transports & RC_ETHER && (mac == rc_mac(host->mac) || mac == rc_mac(host->group_mac)))
			return rail;
	}
	return RC_RAILS;
}

__attribute__((noinline)) __u32 rc_rail_by_ip4(__u64 mac, __u32 ip)
{
#pragma unroll
	for (__u32 rail = 0; rail < RC_RAILS; rail++) {
		const struct rc_host *host = rc_find_host(rail);

		if (host && host->transports & RC_UDP4 && mac == rc_mac(host->mac) && ip == *(const __u32 *)host->ip4)
			return rail;
	}
	return RC_RAILS;
}

__attribute__((noinline)) __u32 rc_rail_by_ip6(__u64 mac, __u64 first, __u64 last)
{
#pragma unroll
	for (__u32 rail = 0; rail < RC_RAILS; rail++) {
		const struct rc_host *host = rc_find_host(rail);

		if (host && host->transports & RC_UDP6 && mac == rc_mac(host->mac) &&
		    first == rc_half_ip6((const __u32 *)host->ip6) && last == rc_half_ip6((const __u32 *)host->ip6 + 2))
			return rail;
	}
	return RC_RAILS;
}

/*
 * By which rail of this host the packet comes: the one whose addresses it is for. RC_RAILS: it is
 * addressed to none, and only seen by this host: switches flood, and a neighbour must not answer for
 * a dead member. The caller has checked that the headers before p->at are there.
 */
static __always_inline __u32 rc_rail(const void *data, const struct rc_place *p)
{
	const struct ethhdr *eth = data;
	const struct iphdr *ip4 = data + ETH_HLEN;
	const __u32 *ip6 = ((const struct ipv6hdr *)ip4)->daddr.in6_u.u6_addr32;
	__u64 mac = rc_mac(eth->h_dest);

	if (p->transport == RC_UDP4)
		return rc_rail_by_ip4(mac, ip4->daddr);
	if (p->transport == RC_UDP6)
		return rc_rail_by_ip6(mac, rc_half_ip6(ip6), rc_half_ip6(ip6 + 2));
	return rc_rail_by_ether(mac);
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
