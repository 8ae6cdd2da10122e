/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The frame on the wire. Every frame has the same 288 bytes, big endian, naturally
 * aligned from its first byte, so that an ask can be rewritten into its answer in place:
 * neither the length fields of IP and UDP nor the IPv4 header checksum change.
 *
 * Over UDP the frame is the datagram's payload; over raw Ethernet it follows the
 * EtherType. Bytes behind it (Ethernet padding does not occur at this size) are an error.
 *
 * The tag is SipHash-2-4 of the whole frame with the tag's own bytes zero, its result
 * stored big endian; the message words are read little endian as SipHash defines.
 */
#ifndef RC_WIRE_H
#define RC_WIRE_H

#include <linux/types.h>

#define RC_MAGIC 0x52434c31 /* "RCL1" */
#define RC_WIRE_VERSION 1
#define RC_FRAME_LEN 288
#define RC_SLOTS 256
#define RC_TO_ALL 0xffff
#define RC_NO_UPPER 0xffffffffU

enum rc_kind {
	RC_BEAT = 1,
	RC_ECHO = 2,
	RC_PREPARE = 3,
	RC_PROMISE = 4,
	RC_PROBE = 5,
	RC_ANSWER = 6,
	RC_HAND_OVER = 7,
};

#define RC_FLAG_HAND_OVER 1
#define RC_FLAG_RELAY 2 /* travels through the member in slot via, both ways */
#define RC_FLAG_AWAY 4 /* on a beat: the last of its ballot; stale names the accused */
#define RC_HEALTH_ORPHANED 0x8000 /* the agent's process is no more */

struct rc_wire_header {
	__be32 magic;
	__u8 version;
	__u8 kind;
	__u8 level;
	__u8 flags;
	__be64 tag;
	__be64 cluster;
	__be32 instance;
	__be16 group;
	__be16 from;
	__be16 to;
	__u8 key; /* which of the two keys signed it */
	__u8 zero;
	__be16 via; /* with RC_FLAG_RELAY, else zero */
	__be16 zero2;
	__be64 ballot;
	__be64 round;
	__be64 sent;
};

/* body of beat, prepare, probe, hand-over */
struct rc_wire_ask {
	__be64 seq;
	__be64 committed;
	__be64 digest;
	__be64 roster;
	__be64 epoch;
	union {
		__be64 prior;	     /* of a prepare */
		__be64 epoch_digest; /* of a beat */
	};
	__be32 interval_us;
	__be16 rounds;
	__be16 zero;
	__be32 lease_us;
	__be32 upper_us;
	__be64 new_members[4];
	__be64 old_members[4];
	__be64 heard1[4];
	__be64 heard2[4];
	__be64 stale[4];
};

/* body of echo, promise, answer */
struct rc_wire_reply {
	__be64 incarnation;
	__be64 promised;
	__be64 accepted_ballot;
	__be64 accepted_seq;
	__be64 accepted_digest;
	__be64 accepted_roster;
	__be64 accepted_new[4];
	__be64 accepted_old[4];
	__be64 committed;
	__be64 roster;
	__be32 silence_us;
	__be32 agent_age_ms;
	__be16 health;
	__u8 wire_min;
	__u8 wire_max;
	__be16 below_generation;
	__be16 below_group;
	__be64 below_seq;
	__be64 below_digest;
	__be64 below_members[4];
	__be32 keys[2]; /* ids of the keys that the host holds, by their numbers */
	__be64 zero[3];
};

struct rc_frame {
	struct rc_wire_header h;
	union {
		struct rc_wire_ask ask;
		struct rc_wire_reply reply;
	};
};

_Static_assert(sizeof(struct rc_wire_header) == 64, "header");
_Static_assert(sizeof(struct rc_wire_ask) == 224, "ask");
_Static_assert(sizeof(struct rc_wire_reply) == 224, "reply");
_Static_assert(sizeof(struct rc_frame) == RC_FRAME_LEN, "frame");

#endif
