/* upstream_kit.h - a model's service inside the test, on a thread of its own: it answers as OpenAI,
 * Anthropic and Gemini do, told apart by the path of the request, from scripts that are cut where
 * the test wants it. The suite of llms asks it; an llm's test points its option there:
 *
 *     "llms: {main: {use: mine, base_url: '" … pb_upstream_url() … "/v1'}}"
 *
 * With real time only (pb_harness_virtual_time(harness, false)), which the suite sees to.
 */
#ifndef PATCHBAY_UPSTREAM_KIT_H
#define PATCHBAY_UPSTREAM_KIT_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)

/* What it says in a stream and at once; the same in each dialect. */
#define PB_UPSTREAM_TEXT "Hello w\xc3\xb6rld, \"quoted\"\n\xf0\x9f\x98\x80 and on"

/* How the next answers go. */
typedef struct pb_upstream_script {
    int status;       /* 0: 200, and the answer of the dialect; else this and a problem in JSON */
    const char *head; /* more lines of the answer's head, each with \r\n; or NULL */
    const char *body; /* instead of the dialect's; or NULL */
    bool tool;        /* the model calls the function `look` with {"at":"w\u00f6rld"} */
    size_t split; /* after so many bytes of the body the rest waits until they were read; 0: not */
    size_t cut;   /* after so many bytes the connection ends; 0: not */
} pb_upstream_script;

/* "http://127.0.0.1:43210"; the first call starts it, and it stays until the process ends. */
const char *pb_upstream_url(void);
bool pb_upstream_started(void);
void pb_upstream_set(const pb_upstream_script *script);
/* How often it was asked, and how long the body of the last answer was, uncut. */
size_t pb_upstream_asked(void);
size_t pb_upstream_size(void);
/* Told by the test, again and again, that the loop went round: what was sent has been read. */
void pb_upstream_round(void);

#pragma GCC visibility pop

#endif
