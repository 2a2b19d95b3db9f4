/* str.h - what the host needs of text beyond <patchbay/types.h>: UTF-8, numbers, order.
 *
 * Nothing allocates or parks. Any thread.
 */
#ifndef HOST_BASE_STR_H
#define HOST_BASE_STR_H

#include <patchbay/types.h>

/* The length of the UTF-8 sequence at `at` (`left` bytes are there), 1 to 4; 0 when it is invalid:
 * cut off, overlong, a surrogate, above U+10FFFF. */
size_t utf8_sequence(const char *at, size_t left);

/* For an invalid sequence: how many bytes one U+FFFD stands for (Unicode's "maximal subpart"). */
size_t utf8_skip(const char *at, size_t left);

bool utf8_valid(pb_str text);

/* At most `size` bytes of `text`, cut between characters. */
pb_str utf8_cut(pb_str text, size_t size);

/* <0, 0, >0, by bytes. */
int str_compare(pb_str a, pb_str b);

/* A whole decimal number with an optional sign; false when it is anything else or does not fit. */
bool str_to_int(pb_str text, int64_t *out);

/* A keyed hash (SipHash-1-3, the key is random for each process): safe for text from strangers. */
uint64_t str_hash(pb_str text);

#endif
