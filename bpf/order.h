/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the agent may order, and how: the structs have the layout of their twins in packages
 * control and dataplane.
 */
#ifndef RC_ORDER_H
#define RC_ORDER_H

#include "maps.h"

/* control.CommandKind */
enum rc_command_kind {
	RC_COMMAND_VACATE = 1,
	RC_COMMAND_JOIN = 2,
	RC_COMMAND_HOLD = 3,
	RC_COMMAND_ASK = 4,
	RC_COMMAND_KEYS = 5,
	RC_COMMAND_REPORT = 6,
	RC_COMMAND_BEAT = 7,
};

/* control.Command */
struct rc_command {
	enum rc_command_kind kind;
	__u32 preparing;
	__u32 now;
	__u32 zero3;
	__u64 cluster;
	__u64 incarnation;
	__u32 instance;
	__u16 group;
	__u16 slot;
	__u8 level;
	__u8 seat; /* struct rc_order has both, too */
	__u8 key;
	__u8 newest;
	__u8 zero[4];
	__u32 keys[RC_KEYS];
	__u64 ballot;
	__u64 seq;
	__u64 window_ns;
	struct rc_bitmap new_members;
	struct rc_bitmap old_members;
	__u64 rosters[RC_HELD_ROSTERS];
	struct rc_report below;
	struct rc_beats beats;
	struct rc_bitmap silent;
	struct rc_bitmap stale;
	__u64 since;
};

/*
 * The agent's orders. The agent runs program rc_command by BPF_PROG_TEST_RUN on a packet
 * that begins with struct rc_order; the program's return value is 0 when the order was
 * carried out and -1 when it could not be, and the packet comes back changed.
 */
enum rc_op {
	/* rc_order, then struct rc_command: carry it out (control.Apply). */
	RC_OP_COMMAND = 1,
	/* rc_order, then a frame in wire form, then RC_FRAME_LEN bytes of room: stamp the
	 * frame, hand it to the own register and its answer to the own tally
	 * (control.Deliver), and sign it with the key that its header names. It comes back
	 * ready to be sent; the room comes back as scratch. */
	RC_OP_DELIVER = 2,
	/* rc_order alone: start the silence timer, also one that runs already, with the
	 * callback of this program. After a join, and for an agent that adopted pinned maps with
	 * a program of its own. It is an order of its own because the kernel may refuse for the
	 * moment: the agent then asks again. */
	RC_OP_WATCH = 3,
	/* rc_order, then twice RC_FRAME_LEN bytes of room: build the beat that is due or ordered
	 * (control.Tally.Beat) and sign it. `sent` says whether there is one; it then follows the
	 * order, ready to be sent to those in `to`. */
	RC_OP_BEAT = 4,
};

struct rc_order {
	enum rc_op op;
	__u32 level;
	__u32 seat;	       /* 1: the register for a seat */
	enum rc_reason reason; /* back: what became of the frame */
	__u32 wake;	       /* back: bits of enum rc_wake */
	__u32 sent;	       /* back: 1: a beat is to be sent */
	struct rc_bitmap to;   /* back: to whom, this node among them */
};

#endif
