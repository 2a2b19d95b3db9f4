/* described.c - the operations that this transport serves itself: turns, in all dialects. */
#include "http.h"

const pb_operation http_operations[] = {
    [OPERATION_CHAT] = {PB_OPERATION("chat.completions", "POST", "/v1/chat/completions",
                                     "Runs a turn in OpenAI's dialect of chat completions."),
                        .scope = "turns.create", .flags = PB_OPERATION_STREAMS},
    [OPERATION_MODELS] = {PB_OPERATION("models.list", "GET", "/v1/models",
                                       "The pipelines, as OpenAI's clients list models."),
                          .scope = "pipelines.read"},
    [OPERATION_MODEL] = {PB_OPERATION("models.get", "GET", "/v1/models/{id}",
                                      "One pipeline, as OpenAI's clients ask for a model."),
                         .scope = "pipelines.read"},
    [OPERATION_TURN] = {PB_OPERATION("turns.create", "POST", "/v1/turns", "Runs a turn."),
                        .scope = "turns.create", .flags = PB_OPERATION_STREAMS},
    [OPERATION_EVENTS] = {PB_OPERATION("turns.events", "GET", "/v1/turns/{id}/events",
                                       "The events of a turn that is kept."),
                          .scope = "turns.read", .flags = PB_OPERATION_STREAMS},
    PB_OPERATION_END};
