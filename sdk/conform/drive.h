/* drive.h - using an instance once, in the way of its kind: what the cases repeat, disturb and
 * compare.
 *
 * A drive runs on a task, calls the instance through the host as others do, and writes down what
 * came of it. `number` varies what is asked; the same number asks the same. It returns the first
 * failure that a caller would see, with its sentence; what is refused on purpose (garbage
 * credentials) is no failure.
 */
#ifndef CONFORM_DRIVE_H
#define CONFORM_DRIVE_H

#include "conform.h"

struct drive {
    pb_harness *harness;
    pb_instance *instance;
    unsigned number;
    pb_buf said; /* in the arena of the caller; what came of it */
    struct turn_wish *wish;
};

/* What a turn's client does. All zero: reads to the end. */
struct turn_wish {
    unsigned cancel_at; /* the event at which its owner cancels it, from 1 */
    unsigned gone_at;   /* the event at which the client is gone */
    pb_duration slow;   /* each event takes that long */
    bool document;      /* the turn carries a document */
    unsigned events;    /* out: how many came */
    unsigned done;      /* out: how many of them were PB_EVENT_DONE */
};

typedef pb_status (*drive_fn)(struct drive *drive);

/* NULL: nothing can be asked of this kind. */
drive_fn drive_of(pb_str kind);

/* A turn through the configuration's pipeline; kinds stage and llm. */
pb_status drive_turn(struct drive *drive);
pb_status drive_tool(struct drive *drive);
pb_status drive_auth(struct drive *drive);
pb_status drive_embedder(struct drive *drive);
pb_status drive_retriever(struct drive *drive);
pb_status drive_reranker(struct drive *drive);
pb_status drive_classifier(struct drive *drive);
pb_status drive_extractor(struct drive *drive);
pb_status drive_source(struct drive *drive);
pb_status drive_cache(struct drive *drive);
pb_status drive_database(struct drive *drive);
pb_status drive_vector_store(struct drive *drive);
pb_status drive_blob_store(struct drive *drive);
pb_status drive_service(struct drive *drive);
pb_status drive_exporter(struct drive *drive);
pb_status drive_speech(struct drive *drive);

/* Files of several types, to be read (drive_files.c); a NULL name ends them. */
struct sample_file {
    const char *name, *type, *text;
};
extern const struct sample_file sample_files[];

/* For drives: appends a line. */
void drive_say(struct drive *drive, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline pb_bytes bytes_of(const void *data, size_t size)
{
    pb_bytes bytes = {data, size};
    return bytes;
}

/* A value that a JSON Schema takes, in the running scope; NULL schema: {}. */
const pb_json *sample_json(const pb_json *schema, unsigned number);

/* --- running them (drive.c) ---------------------------------------------------------------------
 */

/* How one use went, copied out of the task. */
struct went {
    pb_status status;
    char sentence[400];
    char *said;                    /* malloc'd; went_free */
    size_t stack_used, stack_size; /* of the deepest task */
    bool struck;                   /* the disturbance was reached … */
    const char *call;              /* … in this call */
};

/* On a task of its own, under a disturbance of thunks.h. */
struct use {
    unsigned number;
    int how; /* enum disturbance */
    unsigned at;
    struct turn_wish *wish;
};
struct went drive_once(struct subject *subject, const struct use *use);
/* Numbers 0 … count - 1, each in a task of its own, at once. */
void drive_together(struct subject *subject, unsigned count, struct went *out);
void went_free(struct went *went);

#endif
