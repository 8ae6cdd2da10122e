/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel program keeps, and who writes it. The structs have the layout of their
 * twins in package control, named in each comment; a test of package dataplane compares
 * them. Numbers are in host byte order, times are CLOCK_BOOTTIME in nanoseconds.
 *
 * Everything above level 0 has two registers, one for the slot of a group's leader and one
 * for a seat: index level * 2 + (level > 0 && slot >= 248).
 *
 * The kernel writes a struct that begins with `version` under rc_lock[level], and makes
 * version odd before and even after. Who reads it by mmap copies it, and copies again when
 * version was odd or has changed. Fields marked "agent" are written by the agent alone,
 * each in one store, and do not touch version.
 */
#ifndef RC_MAPS_H
#define RC_MAPS_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "wire.h"

#define RC_LEVELS 4
#define RC_REGISTERS (RC_LEVELS * 2)
#define RC_FIRST_SEAT 248
#define RC_HELD_ROSTERS 4
#define RC_RAILS 4
#define RC_NO_RAIL RC_RAILS /* by which a frame of this host's own comes to it */
#define RC_KEYS 2
#define RC_FOREVER (~0ULL)
#define RC_NO_AGENT 0xffffffffU

/* control.Reason */
enum rc_reason {
	RC_NONE,
	RC_BEAT_TAKEN,
	RC_PROMISED,
	RC_PROBE_ANSWERED,
	RC_HAND_OVER_TAKEN,
	RC_ECHO_TAKEN,
	RC_PROMISE_TAKEN,
	RC_ANSWER_TAKEN,
	RC_ROSTER_MISSING,
	RC_OLD_BALLOT,
	RC_REFUSED,
	RC_OLD_ROUND,
	RC_OUT,
	RC_NOT_MEMBER,
	RC_FROZEN,
	RC_BAD_LENGTH,
	RC_BAD_VERSION,
	RC_BAD_KIND,
	RC_UNKNOWN_KEY,
	RC_BAD_TAG,
	RC_BAD_CLUSTER,
	RC_BAD_INSTANCE,
	RC_HIGHER_INSTANCE,
	RC_BAD_DESTINATION,
	RC_BAD_SLOT,
	RC_NOT_ASKING,
	RC_STALE,
	RC_REPLAYED,
	RC_STRANGER,
	RC_VLAN_TAGGED,
	RC_BEAT_REPEATED,
	RC_RELAYED,
	RC_NO_WAY,
	RC_ECHO_REPEATED,
	RC_RELAYED_ECHO,
	RC_REASONS,
};

/* control.RegisterState */
enum rc_state {
	RC_STATE_VACANT = 0,
	RC_STATE_JOINING = 1,
	RC_STATE_MEMBER = 2,
	RC_STATE_OUT = 3,
	RC_STATE_FROZEN = 4,
};

/* control.Wake; a set of bits */
enum rc_wake {
	RC_WAKE_COMMITTED = 1,
	RC_WAKE_REMOVED = 2,
	RC_WAKE_ROSTER = 4,
	RC_WAKE_QUORUM = 8,
	RC_WAKE_PROMISE = 16,
	RC_WAKE_OUTBID = 32,
	RC_WAKE_SILENT = 64,
	RC_WAKE_HAND_OVER = 128,
	RC_WAKE_INSTANCE = 256,
	RC_WAKE_REPORT = 512,
	RC_WAKE_ROUNDS = 1024,
	RC_WAKE_AWAY = 2048,
};

/* control.Bitmap: slot s is bit s % 64 of word s / 64 */
struct rc_bitmap {
	__u64 word[4];
};

/* control.Proposal */
struct rc_proposal {
	__u64 ballot;
	__u64 seq;
	__u64 digest;
	__u64 roster;
	struct rc_bitmap new_members;
	struct rc_bitmap old_members;
};

/* control.Commit */
struct rc_commit {
	__u64 ballot;
	__u64 seq;
	__u64 digest;
	__u64 roster;
	struct rc_bitmap members;
};

/* control.Report */
struct rc_report {
	__u64 seq;
	__u64 digest;
	struct rc_bitmap members;
	__u16 generation;
	__u16 group;
	__u32 zero;
};

/* control.Echoed */
struct rc_echoed {
	__u64 round;
	__u64 at;
};

/* control.Register */
struct rc_group {
	__u32 version;
	enum rc_state state;
	__u64 cluster;
	__u64 incarnation;
	__u32 instance;
	__u16 group;
	__u16 slot;
	__u8 level;
	__u8 key;    /* number of the key that signs asks */
	__u8 newest; /* number of the newest key held */
	__u8 zero[5];
	__u32 keys[RC_KEYS]; /* ids of the keys held; 0: none */
	__u64 rosters[RC_HELD_ROSTERS];

	__u64 promised;
	struct rc_proposal accepted;
	struct rc_commit committed;
	__u64 epoch;
	__u64 epoch_digest;

	__u64 beat_ballot;
	__u64 beat_round;
	__u64 beat_at;
	__u64 beat_rails[RC_RAILS]; /* by each rail, the last round whose beat came by it */
	struct rc_echoed echoed[2];
	__u64 lease_until;
	__u64 upper_until;
	struct rc_report below;

	__u32 interval_us;
	__u32 lease_us;
	__u32 rounds;
	__u32 silence_us;
	struct rc_bitmap heard;
	struct rc_bitmap stale;
	struct rc_bitmap accused;
	__u32 away;
	__u32 zero2;

	__u64 agent_at; /* agent */
	__u32 health;	/* agent */
	__u32 orphaned; /* 1: when the last frame came the agent's process was no more */
};

/* control.Beats */
struct rc_beats {
	__u64 committed;
	__u64 digest;
	__u64 roster;
	__u64 epoch;
	__u64 epoch_digest;
	__u64 grace_ns;
	__u64 tell;
	struct rc_bitmap parted;
	struct rc_bitmap withheld;
	struct rc_bitmap kin;
	__u64 calm_until;
	__u64 began;
	__u32 interval_us;
	__u32 lease_us;
	__u32 rounds;
	__u32 stale_ms;
	__u32 patience;
	__u32 upper;
	__u8 key;
	__u8 zero[7];
};

/* control.Heard */
struct rc_heard {
	__u64 round;
	__u64 answered;
	__u64 in_time;
	__u64 entered;
	__u64 rails[RC_RAILS]; /* by each rail, the highest round answered */
	__u64 echo_at;
	__u64 answer_at;
	__u32 agent_age_ms;
	__u32 strayed;
};

/* control.Asking, then what was heard: one value, for the sweep over all members reads it under the lock */
struct rc_tally {
	__u32 version;
	__u32 preparing;
	__u64 ballot;
	__u64 seq;
	struct rc_bitmap new_members;
	struct rc_bitmap old_members;
	__u64 window_ns;
	__u64 round;
	__u64 outbid;
	struct rc_bitmap votes;
	struct rc_bitmap promises;
	__u64 proposed;
	__u64 latest;
	__u64 quorate;

	struct rc_beats beats;
	__u32 beating;
	__u32 ordered;
	__u32 away;
	__u32 zero;
	__u64 due_at;
	struct rc_bitmap suspects;
	struct rc_bitmap fallen;
	__u64 quorum_at;
	__u64 attended;
	__u64 report_at;
	struct rc_bitmap relayed;
	struct rc_bitmap doubtful;
	struct rc_bitmap helpers;
	__u64 counted;
	__u64 counted_at;
	__u64 sent_at[64];

	struct rc_heard heard[RC_SLOTS];
};

/* view.State, for those who read the map */
enum rc_node_state {
	RC_NODE_UNKNOWN,
	RC_NODE_ALIVE,
	RC_NODE_STALE,
	RC_NODE_SUSPECT,
	RC_NODE_JOINING,
	RC_NODE_GONE,
	RC_NODE_LEFT,
	RC_NODE_PLANNED,
	RC_NODE_ABSENT,
	RC_NODE_QUARANTINED,
	RC_NODE_PROBATION,
	RC_NODE_STATES,
};

/* control.Member */
struct rc_member {
	__u32 version;
	enum rc_node_state state; /* agent */
	__u64 expected;		  /* agent */
	__u64 round;
	__u64 echo_at;
	__u64 promised;
	struct rc_proposal accepted;
	__u64 committed;
	__u64 roster;
	__u64 rtt_ns;
	__u32 silence_us;
	__u32 agent_age_ms;
	__u16 health;
	__u8 wire_min;
	__u8 wire_max;
	__u32 zero;
	struct rc_report below;
	__u32 keys[RC_KEYS];
	char name[64]; /* agent */
};

struct rc_lock {
	struct bpf_spin_lock lock;
};

struct rc_timer {
	struct bpf_timer timer;
	__u64 told; /* the beat_at whose silence the agent was told of */
};

/* What a ring buffer record says; the register and the tally say the rest. */
struct rc_event {
	__u32 wake;  /* bits of enum rc_wake */
	__u32 place; /* whose register or tally: the index in rc_group */
	__u64 at;
	__u64 ballot;
	__u64 seq;
};

/* The two words of a SipHash key, little endian reads of its bytes. */
struct rc_key {
	__u64 k0;
	__u64 k1;
	__u32 present;
	__u32 zero;
};

/* The transports on which this host takes frames. */
enum rc_transport {
	RC_ETHER = 1,
	RC_UDP4 = 2,
	RC_UDP6 = 4,
};

/* Where this host is reached by one of its rails: a frame addressed to nothing of these is not for it. */
struct rc_host {
	__u8 mac[6];
	__u8 group_mac[6];
	__u32 transports; /* bits of enum rc_transport; 0: there is no such rail */
	__u8 ip4[4];
	__u8 ip6[16];
};

#define RC_MMAPABLE 1024 /* BPF_F_MMAPABLE, which the maps that user space maps carry */

#define RC_ARRAY(name_, count_, value_, flags_)                                                \
	struct {                                                                               \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                              \
		__uint(max_entries, count_);                                                   \
		__uint(map_flags, flags_);                                                     \
		__type(key, __u32);                                                            \
		__type(value, value_);                                                         \
	} name_ SEC(".maps")

RC_ARRAY(rc_group, RC_REGISTERS, struct rc_group, RC_MMAPABLE);
RC_ARRAY(rc_tally, RC_LEVELS, struct rc_tally, RC_MMAPABLE);
RC_ARRAY(rc_member, RC_LEVELS *RC_SLOTS, struct rc_member, RC_MMAPABLE); /* level * 256 + slot */
RC_ARRAY(rc_lock, RC_LEVELS, struct rc_lock, 0);
RC_ARRAY(rc_timer, RC_REGISTERS, struct rc_timer, 0); /* pinned: unpinned, it stops with the agent */
RC_ARRAY(rc_stats, RC_REASONS, __u64, 0);	      /* by enum rc_reason */
RC_ARRAY(rc_key, RC_KEYS, struct rc_key, 0);	      /* agent; never pinned */
RC_ARRAY(rc_host, RC_RAILS, struct rc_host, 0);       /* agent; by rail, those there are first */
RC_ARRAY(rc_clock, 1, __u64, 0);		      /* tests */

/* The page in which the agent publishes the view. It says its size when it loads the maps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, RC_MMAPABLE);
	__uint(key_size, 4);
	__uint(value_size, 8);
} rc_view SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} rc_events SEC(".maps");

#endif
