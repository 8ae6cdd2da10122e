/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where frames leave for: puts before a frame the bytes that lead it to a slot, which the
 * agent has made ready in rc_peer, so that nothing here knows of routes and neighbours.
 */
#ifndef RC_PEER_H
#define RC_PEER_H

#include "parse.h"

/*
 * What leads a frame to a slot: everything before it, ready to be sent. Of what a frame
 * changes, the IPv4 header's sum needs nothing, a UDP checksum over IPv4 is zero, and over
 * IPv6 it is what sum and the frame's own sum make. An update may be seen half done: that
 * frame goes astray and is dropped by whoever gets it.
 */
struct rc_peer {
	__u32 ifindex;		     /* of the device that it leaves by */
	enum rc_transport transport; /* 0: nobody has the slot, or it is not known yet how to reach it */
	__u32 length;		     /* bytes of header */
	__u32 sum;		     /* of the words that the checksum covers before the frame */
	__u64 header[8];	     /* as it goes on the wire */
};

RC_ARRAY(rc_peer, RC_LEVELS *RC_SLOTS *RC_RAILS, struct rc_peer, 0); /* agent; (level * 256 + slot) * 4 + rail */

/* Of a slot that has none, or of which it is not known where to send, the result has no length. */
static __always_inline const struct rc_peer *rc_find_peer(__u32 level, __u32 slot, __u32 rail)
{
	__u32 index = (level * RC_SLOTS + slot) * RC_RAILS + rail;

	if (level >= RC_LEVELS || slot >= RC_SLOTS || rail >= RC_RAILS)
		return 0;
	return bpf_map_lookup_elem(&rc_peer, &index);
}

/* Whether the header has a hardware address to go to, which over UDP it may lack. */
static __always_inline bool rc_knows_next(const struct rc_peer *p)
{
	return p->header[0] << 16; /* the first six bytes */
}

/* The sum of a frame that is final, as rc_address wants it. */
static __always_inline __u32 rc_frame_sum(struct rc_frame *f)
{
	return bpf_csum_diff(0, 0, (__be32 *)f, RC_FRAME_LEN, 0);
}

/*
 * Writes the peer's header to the front of the packet, in which the frame follows after
 * p->length bytes; sum is the frame's. False: the peer is unknown or the packet too short.
 */
static __always_inline bool rc_address(void *data, const void *data_end, const struct rc_peer *p, __u32 sum)
{
	const __u64 *from = p->header;
	__u64 *to = data;

	if (p->transport == RC_ETHER) {
		if (data + ETH_HLEN > data_end)
			return false;
		to[0] = from[0];
		*(__u32 *)&to[1] = *(const __u32 *)&from[1];
		*(__u16 *)(data + 12) = *((const __u16 *)from + 6);
	} else if (p->transport == RC_UDP4) {
		if (data + RC_HEADER_UDP4 > data_end)
			return false;
#pragma unroll
		for (int i = 0; i < RC_HEADER_UDP4 / 8; i++)
			to[i] = from[i];
		*(__u16 *)(data + RC_HEADER_UDP4 - 2) = 0; /* no checksum over IPv4 */
	} else if (p->transport == RC_UDP6) {
		if (data + RC_HEADER_UDP6 > data_end)
			return false;
#pragma unroll
		for (int i = 0; i < RC_HEADER_UDP6 / 8; i++)
			to[i] = from[i];
		*(__u32 *)&to[7] = *(const __u32 *)&from[7];
		*(__u16 *)(data + RC_HEADER_UDP6 - 2) = rc_fold((__u64)p->sum + sum);
	} else {
		return false;
	}
	return true;
}

#endif
