/* workers.h - what one worker asks of all others to answer for the whole service.
 *
 * cluster/node.h carries questions and answers of limited size; here an answer may be as long as it
 * likes: its first piece says how long it is, and the rest is fetched from the one who keeps it.
 * A worker that hangs is not waited for longer than WORKERS_LIMIT.
 */
#ifndef HOST_TURN_WORKERS_H
#define HOST_TURN_WORKERS_H

#include <patchbay/patchbay.h>

#define WORKERS_LIMIT (PB_SECOND * 9 / 10)

/* Asks all other live workers and calls each(arg, answer) for every whole answer, which lives in
 * the running scope. `first`: one answer is enough. Parks. Returns how many came. */
struct workers_question {
    const char *topic;
    pb_str text;
    bool first;
    void (*each)(void *arg, pb_str answer);
    void *arg;
};
size_t workers_ask(const struct workers_question *question);

/* For a function of node_answers: makes `text` the answer, whatever its size. */
pb_status workers_answer(pb_buf *text, pb_str *out);

/* Once, before the first question; and the end, which drops what is kept for others. */
void workers_setup(void);
void workers_fini(void);

/* --- whose turn: a question that names a turn and who asks ---------------------------------------
 */

struct worker_who {
    pb_str id;              /* of a turn, or absent */
    int64_t limit;          /* of a list */
    pb_principal principal; /* with tenant, id, and role "admin" or none */
};

/* As JSON, in the running scope; and back. PB_INVALID: it is none. */
pb_str workers_who_write(pb_str id, int64_t limit, const pb_principal *principal);
pb_status workers_who_read(pb_str text, struct worker_who *out);

#endif
