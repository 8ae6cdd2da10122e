/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Passing frames on for others: the twin of control/relay.go, which is the specification and
 * says why. A frame that is passed on leaves as it came, with other addresses before it.
 */
#ifndef RC_RELAY_H
#define RC_RELAY_H

#include "peer.h"
#include "tally.h"

/* What was passed on for one asker. */
struct rc_relay {
	__u64 incarnation; /* of the register that did */
	__u64 ballot;
	__u64 round;
	struct rc_bitmap asked;	   /* who was asked in this round */
	struct rc_bitmap answered; /* whose answer went back */
};

RC_ARRAY(rc_relays, RC_LEVELS *RC_SLOTS, struct rc_relay, 0); /* kernel; level * 256 + slot of the asker */

/* control.Register.Passes */
static __always_inline bool rc_passes(const struct rc_group *r, const struct rc_frame *f)
{
	__u16 via = bpf_ntohs(f->h.via), to = bpf_ntohs(f->h.to);

	return f->h.flags & RC_FLAG_RELAY && r->state == RC_STATE_MEMBER && via == r->slot && to != r->slot &&
	       bpf_be64_to_cpu(f->h.cluster) == r->cluster && bpf_ntohl(f->h.instance) == r->instance &&
	       f->h.level == r->level && bpf_ntohs(f->h.group) == r->group;
}

static __always_inline __u32 rc_asker(const struct rc_frame *f)
{
	return rc_is_answer(f->h.kind) ? bpf_ntohs(f->h.to) : bpf_ntohs(f->h.from);
}

/* control.Register.PassOn, of a frame that passes; x is the asker's, null where there can be none */
static __always_inline void rc_pass_on(const struct rc_group *r, struct rc_relay *x, const struct rc_frame *f,
				       struct rc_outcome *o)
{
	__u64 ballot = bpf_be64_to_cpu(f->h.ballot), round = bpf_be64_to_cpu(f->h.round);
	__u32 from = bpf_ntohs(f->h.from), to = bpf_ntohs(f->h.to);
	bool answer = rc_is_answer(f->h.kind);
	__u32 member = answer ? from : to;
	bool known = x && x->incarnation == r->incarnation;
	struct rc_bitmap *done;

	if (f->h.kind == RC_PREPARE || f->h.kind == RC_PROMISE || f->h.kind == RC_HAND_OVER) {
		o->reason = RC_BAD_KIND;
	} else if (!x || from >= RC_SLOTS || to >= RC_SLOTS || from == r->slot || from == to ||
		   !rc_has(&r->committed.members, from) || !rc_has(&r->committed.members, to)) {
		o->reason = RC_BAD_SLOT;
	} else if (ballot < r->promised || (!answer && known && ballot < x->ballot)) {
		o->reason = RC_OLD_BALLOT;
	} else if (answer && (!known || ballot != x->ballot || round != x->round || !rc_has(&x->asked, member))) {
		o->reason = RC_NOT_ASKING;
	} else if (!answer && known && ballot == x->ballot && round < x->round) {
		o->reason = RC_OLD_ROUND;
	} else {
		if (!known || ballot != x->ballot || round != x->round) {
			x->incarnation = r->incarnation;
			x->ballot = ballot;
			x->round = round;
			x->asked.word[0] = x->asked.word[1] = x->asked.word[2] = x->asked.word[3] = 0;
			x->answered = x->asked;
		}
		done = answer ? &x->answered : &x->asked;
		o->reason = RC_REPLAYED;
		if (!rc_has(done, member)) {
			rc_set(done, member);
			o->reason = RC_RELAYED;
			o->pass_on = true;
		}
	}
}

/* Has a final frame at offset at leave for its slot by the rail that it came by. False: it is not known how, or only by
 * another transport. */
static __always_inline bool rc_redirect(void *data, void *data_end, __u32 at, struct rc_frame *f, __u32 rail,
					__u32 *ifindex)
{
	const struct rc_peer *p = rc_find_peer(f->h.level, bpf_ntohs(f->h.to), rail);

	if (!p || p->length != at || !rc_knows_next(p) || !rc_address(data, data_end, p, rc_frame_sum(f)))
		return false;
	*ifindex = p->ifindex;
	return true;
}

#endif
