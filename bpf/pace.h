/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The clock that beats by itself. Two clock frames go round on a veth pair of our own: out
 * of one end, behind a queue that lets one go each interval, into the other, where
 * program rc_tick sends what is due and puts the frame back into the queue. Two, so that
 * the loss of one stops nothing. Once nothing is to be sent any more they are not put back.
 */
#ifndef RC_PACE_H
#define RC_PACE_H

#include "state.h"

/* The mark of clock frame n is this + n; it never leaves the pair. */
#define RC_CLOCK_MARK 0x52434c00
#define RC_CLOCK_FRAMES 2

/* The mark of a frame that comes there to have its way found: this + the index in rc_peer of whom it is for. */
#define RC_ROUTE_MARK 0x52430000

/*
 * The clock of a leader, for all levels that it leads. The fields marked "agent" are written by the
 * agent, which maps this; the rest by the program that ticks. Counters run since the map was made.
 */
struct rc_pace {
	__u64 interval_ns; /* agent; between ticks: of the level with the shortest rounds */
	__u32 clock;	   /* agent; device behind whose queue clock frames wait for the next tick; 0: none */
	__u32 tick;	   /* agent; device where they tick; 0: none */
	__u32 headers[2];  /* agent; bytes before a beat of level 0, and of those above: the longest */
	__u32 cpu;	   /* that ticked last */
	__u32 zero;
	__u64 ticks;
	__u64 tick_at;			  /* the last one */
	__u64 frame_at[RC_CLOCK_FRAMES]; /* when each clock frame ticked last */
	__u64 late_ns;			  /* by which the last tick came more than an interval after the one before */
	__u64 latest_ns;		  /* the worst since the clock was started */
	__u64 hasty;			  /* clock frames in a row that came much too soon */
	__u64 beats[RC_LEVELS];		  /* sent, by level, whatever the number of slots */
	__u64 retries;		  /* frames to who was asked again, directly or through others */
	__u64 routed;			  /* frames whose way the kernel found: no header, or no answer by it */
	__u64 unsent;			  /* frames to a slot that were not: no header, or the device refused */
	__u64 strange;			  /* packets dropped that are no clock frames */
};

RC_ARRAY(rc_pace, 1, struct rc_pace, RC_MMAPABLE);

/*
 * Frames that come one right after the other were held up together, and go back to the
 * queue. When more come so than there are, nothing holds them back: somebody has taken the
 * queue away. They are dropped, since they would go round as fast as the processor can.
 */
static __always_inline bool rc_hasty(struct rc_pace *p, __u64 now)
{
	if (p->tick_at && now - p->tick_at < p->interval_ns / 8) {
		p->hasty++;
		return true;
	}
	p->hasty = 0;
	return false;
}

static __always_inline bool rc_unrestrained(const struct rc_pace *p)
{
	return p->hasty > 2 * RC_CLOCK_FRAMES;
}

/* Keeps the books of the clock. */
static __always_inline void rc_note_tick(struct rc_pace *p, __u32 number, __u64 now)
{
	__u64 gap = now - p->tick_at;
	bool started = !p->tick_at || gap > 2 * RC_CLOCK_FRAMES * p->interval_ns;

	p->late_ns = !started && gap > p->interval_ns ? gap - p->interval_ns : 0;
	if (started || p->late_ns > p->latest_ns)
		p->latest_ns = p->late_ns;
	p->cpu = bpf_get_smp_processor_id();
	p->frame_at[number & (RC_CLOCK_FRAMES - 1)] = now;
	p->tick_at = now;
	p->ticks++;
}

#endif
