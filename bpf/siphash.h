/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein) over one frame of fixed length. The tag's own word
 * counts as zero, so that a frame is checked where it lies.
 */
#ifndef RC_SIPHASH_H
#define RC_SIPHASH_H

#include "maps.h"

#define RC_WORDS (RC_FRAME_LEN / 8)
#define RC_TAG_WORD (__builtin_offsetof(struct rc_wire_header, tag) / 8)

_Static_assert(RC_FRAME_LEN % 8 == 0, "the last block of SipHash holds the length alone");
_Static_assert(RC_TAG_WORD == 1, "one word before the tag");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "SipHash reads words little endian");

#define RC_ROTATE(x, bits) ((x) << (bits) | (x) >> (64 - (bits)))

#define RC_SIP_ROUND                                                                           \
	do {                                                                                   \
		v0 += v1;                                                                      \
		v2 += v3;                                                                      \
		v1 = RC_ROTATE(v1, 13) ^ v0;                                                   \
		v3 = RC_ROTATE(v3, 16) ^ v2;                                                   \
		v0 = RC_ROTATE(v0, 32);                                                        \
		v2 += v1;                                                                      \
		v0 += v3;                                                                      \
		v1 = RC_ROTATE(v1, 17) ^ v2;                                                   \
		v3 = RC_ROTATE(v3, 21) ^ v0;                                                   \
		v2 = RC_ROTATE(v2, 32);                                                        \
	} while (0)

#define RC_SIP_WORD(word)                                                                      \
	do {                                                                                   \
		v3 ^= (word);                                                                  \
		RC_SIP_ROUND;                                                                  \
		RC_SIP_ROUND;                                                                  \
		v0 ^= (word);                                                                  \
	} while (0)

/*
 * A function of its own, and a loop: inlined or unrolled it would be most of the program,
 * and a frame now and then would find none of it in the cache.
 */
static __attribute__((noinline)) __u64 rc_tag(const struct rc_frame *f, __u64 k0, __u64 k1)
{
	const __u64 *words = (const __u64 *)f;
	__u64 v0 = k0 ^ 0x736f6d6570736575ULL;
	__u64 v1 = k1 ^ 0x646f72616e646f6dULL;
	__u64 v2 = k0 ^ 0x6c7967656e657261ULL;
	__u64 v3 = k1 ^ 0x7465646279746573ULL;

	RC_SIP_WORD(words[0]);
	RC_SIP_WORD(0);
#pragma unroll 2
	for (int i = RC_TAG_WORD + 1; i < RC_WORDS; i++)
		RC_SIP_WORD(words[i]);
	RC_SIP_WORD((__u64)(RC_FRAME_LEN & 0xff) << 56);
	v2 ^= 0xff;
	RC_SIP_ROUND;
	RC_SIP_ROUND;
	RC_SIP_ROUND;
	RC_SIP_ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

static __always_inline const struct rc_key *rc_find_key(const struct rc_frame *f)
{
	__u32 number = f->h.key;
	const struct rc_key *key;

	if (number >= RC_KEYS)
		return 0;
	key = bpf_map_lookup_elem(&rc_key, &number);
	if (!key || !key->present)
		return 0;
	return key;
}

static __always_inline void rc_sign(struct rc_frame *f, const struct rc_key *key)
{
	f->h.tag = bpf_cpu_to_be64(rc_tag(f, key->k0, key->k1));
}

static __always_inline bool rc_signed(const struct rc_frame *f, const struct rc_key *key)
{
	return f->h.tag == bpf_cpu_to_be64(rc_tag(f, key->k0, key->k1));
}

#endif
