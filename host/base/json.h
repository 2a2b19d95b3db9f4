/* json.h - the host's side of <patchbay/json.h>: simdjson reads, a tree in the running scope keeps.
 *
 * host_json_parse, host_json_write and host_json_quote are declared by the SDK. One parser is kept
 * for the process; it belongs to the loop's thread.
 */
#ifndef HOST_BASE_JSON_H
#define HOST_BASE_JSON_H

#include <patchbay/json.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The deepest nesting of arrays and objects that is read. */
enum { JSON_DEPTH = 64 };

/* Where and why a text is not JSON. */
struct json_fault {
    const char *sentence; /* static; NULL: the text is JSON */
    size_t offset;        /* bytes before the fault */
    size_t line;          /* from 1 */
    size_t column;        /* in bytes, from 1 */
    bool too_deep;        /* deeper than JSON_DEPTH */
};

/* Checks a text byte by byte, slowly, to say what is wrong with it. Takes numbers of any size and
 * says nothing about duplicate names. Any thread. */
struct json_fault json_fault_find(pb_str text);

/* The length of the number that starts at text.data[0], or 0 when there is none. Any thread. */
size_t json_number_size(pb_str text);

/* Which implementation of simdjson runs: "haswell", "fallback", … Chosen at the first parse, by the
 * processor or by PATCHBAY_CPU=plain|avx2|avx512. */
const char *json_implementation(void);

/* Frees the parser; the next parse chooses and makes a new one. */
void json_fini(void);

#ifdef __cplusplus
}
#endif

#endif
