/* generate.h - the pieces of the generate stage: parameters, calls collected from a stream, tools
 * that run here. */
#ifndef PLUGIN_GENERATE_H
#define PLUGIN_GENERATE_H

#include <patchbay/llm.h>
#include <patchbay/pipeline.h>
#include <patchbay/tool.h>

enum { CALLS_MOST = 128 };

struct generate {
    pb_instance *llm;
    pb_list tools; /* of pb_instance * */
    const pb_json *params;
    int64_t max_rounds;
    int64_t max_calls;
    int64_t max_result;
};

/* A function that a tool instance offers. */
struct offer {
    pb_instance *tool;
    const pb_tool_function *function;
};

/* All functions of all tool instances, `count` of them, in the turn's memory; and the array of
 * tools that the request brought, or NULL. */
struct offers {
    struct offer *items;
    size_t count;
    const pb_json *clients;
};

/* One call, put together from the events of a stream. */
struct call {
    pb_str id, name, signature;
    pb_buf arguments;
    bool known;                /* its name is there: it is decided whose it is */
    bool passed;               /* the client's */
    uint32_t index;            /* among those of the client */
    const struct offer *offer; /* ours; NULL and not passed: nobody's */
    pb_str result;
};

struct calls {
    struct call *items; /* `most` */
    size_t count, most;
    uint32_t passed;
};

/* What the model thought, in blocks that its service signed: it wants them back with the calls. */
struct thinking {
    const pb_part **parts;
    size_t count, room;
    pb_buf text; /* of the block that is not signed yet */
};

/* params.c: the request's own parameters, then the stage's, and all tools. `again`: the model has
 * results now, so it is not told any more that it must call. NULL when memory is short. */
const pb_json *params_merge(const struct generate *generate, pb_turn *turn,
                            const struct offers *offers, bool again);
/* What a stage's `params` must not have. */
void params_check(const pb_json *params, pb_diagnostics *diagnostics);

/* tools.c: what this stage's tools offer; fails where a name stands twice. Parks. */
pb_status offers_list(const struct generate *generate, pb_turn *turn, struct offers *out);
const struct offer *offers_find(const struct offers *offers, pb_str name);
bool offers_is_clients(const struct offers *offers, pb_str name);
/* Runs all calls side by side; each gets a result, a failed one its sentence. Parks. */
pb_status calls_run(const struct generate *generate, struct calls *calls);

/* calls.c: takes the next piece of a call. One of the client's is passed on to `sink`. Parks. */
pb_status calls_take(struct calls *calls, const pb_event *event, const struct offers *offers,
                     pb_sink *sink);
/* Emits a call of ours whole, as one event; its result. Park. */
pb_status call_announce(const struct call *call, uint32_t index, pb_sink *sink);
pb_status call_report(const struct call *call, uint32_t index, pb_sink *sink);
/* Appends the assistant's calls and their results to the turn's messages. */
pb_status calls_append(const struct calls *calls, const struct thinking *thinking, pb_str text,
                       pb_turn *turn);

/* thinking.c: takes a PB_EVENT_THINKING. */
pb_status thinking_take(struct thinking *thinking, const pb_event *event);
/* Gives an assistant's message these parts, and its text behind them. */
pb_status thinking_give(const struct thinking *thinking, pb_message *message);

#endif
