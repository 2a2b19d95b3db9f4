/* generate.h - the pieces of the generate stage: calls collected from a stream, tools that run here. */
#ifndef PLUGIN_GENERATE_H
#define PLUGIN_GENERATE_H

#include <patchbay/pipeline.h>
#include <patchbay/tool.h>
#include <patchbay/llm.h>

struct generate {
    pb_instance *llm;
    pb_list tools; /* of pb_instance * */
    const pb_json *params;
    int64_t max_rounds;
    int64_t max_calls;
};

/* A function that a tool instance offers. */
struct offer {
    pb_instance *tool;
    const pb_tool_function *function;
};

/* All functions of all tool instances; `count` of them, in the turn's memory. */
struct offers {
    struct offer *items;
    size_t count;
};

/* One call, put together from the events of a stream. */
struct call {
    pb_str id, name;
    pb_buf arguments;
    const struct offer *offer; /* NULL: the client's own tool */
    pb_str result;
};

enum { CALLS_MOST = 128 };

struct calls {
    struct call *items; /* CALLS_MOST */
    size_t count;
};

/* tools.c: what this stage's tools offer, and running calls of them. Park. */
pb_status offers_list(const struct generate *generate, struct offers *out);
const struct offer *offers_find(const struct offers *offers, pb_str name);
/* The client's tools and ours, as one JSON array of the parameter "tools". */
const pb_json *offers_merge(const struct offers *offers, const pb_json *tools);
/* Runs all calls side by side; each gets a result. */
pb_status calls_run(struct calls *calls, pb_turn *turn);

/* calls.c: collecting. NULL when there are too many or memory is short. */
struct call *calls_take(struct calls *calls, const pb_event *event, const struct offers *offers);
bool calls_all_local(const struct calls *calls);
/* Emits a local call whole, as one event. Parks. */
pb_status call_announce(const struct call *call, uint32_t index, pb_sink *sink);
/* Appends the assistant's calls and their results to the turn's messages. */
pb_status calls_append(const struct calls *calls, pb_str text, pb_turn *turn);

#endif
