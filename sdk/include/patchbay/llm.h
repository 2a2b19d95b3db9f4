/* llm.h - a language model: messages in, a stream of events out.
 *
 * Parameters are a JSON object with these names (all optional; an llm ignores what its model cannot
 * do and refuses what it must not ignore with PB_UNSUPPORTED):
 *
 *     model                              another model of the same service
 *     temperature top_p max_tokens stop seed presence_penalty frequency_penalty
 *     response_format                    {"type": "json_schema", "json_schema": {…}}
 *     tools tool_choice parallel_tool_calls
 *                                        [{"type": "function", "function": {name, description,
 *                                        parameters}}], as OpenAI's chat completions write them
 *     reasoning_effort logprobs top_logprobs user metadata max_completion_tokens
 *
 * Any other name came from a client of `dialect`; an llm that speaks it sends them on unchanged. For any
 * other llm the host names them to the client (header Patchbay-Ignored); a parameter of the list above
 * that an llm leaves out it names itself with pb_llm_ignore.
 * Source: OpenAI "Create chat completion", 2024-10 and later.
 */
#ifndef PATCHBAY_LLM_H
#define PATCHBAY_LLM_H

#include <patchbay/plugin.h>
#include <patchbay/turn.h>

#define PB_LLM_REVISION 1

/* What to answer. Borrowed until generate returns. */
struct pb_llm_request {
    uint32_t size;
    uint32_t stream; /* 0: nobody reads along; one piece at the end is fine and may be cheaper */
    const pb_message *const *messages;
    size_t message_count;
    const pb_json *params; /* an object, never NULL */
    pb_str dialect;        /* of the parameters without a standard name, or absent */
    const pb_passages *passages; /* of documents, to answer from; NULL: none were looked for. A
                                    template may have put them into a message as well. */
};

/* The interface. generate is required. It emits PB_EVENT_TEXT, _THINKING and _TOOL_CALL as they
 * come, at most one PB_EVENT_USAGE, then exactly one PB_EVENT_FINISH (finish, text: the model's
 * name), and nothing after it; a failure emits no finish. What emit returns other than PB_OK is
 * returned unchanged, after closing the upstream.
 *     PB_UNAVAILABLE   refused, unreachable, overloaded      PB_TIMEOUT       silent for too long
 *     PB_RATE_LIMITED  with pb_fail_retry                    PB_BAD_UPSTREAM  not what was promised
 *     PB_INVALID       the model's service rejects the request: its sentence */
typedef struct pb_llm {
    PB_LIFECYCLE
    pb_status (*generate)(void *self, const pb_llm_request *request, pb_sink *sink);
    const char *dialect; /* whose unknown parameters it sends on: "openai"; NULL: nobody's */
} pb_llm;

/* PB_LLM("openai", struct openai, openai_options, .generate = openai_generate) */
#define PB_LLM(name, owner, options, ...)                                                          \
    PB_COMPONENT(pb_llm, "llm", 1, name, owner, options, __VA_ARGS__)

/* Is it one of the names above? */
static inline bool pb_llm_param_is_standard(pb_str name)
{
    static const char *const names[] = {
        "model", "temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty",
        "frequency_penalty", "response_format", "tools", "tool_choice", "parallel_tool_calls",
        "reasoning_effort", "logprobs", "top_logprobs", "user", "metadata", "max_completion_tokens"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pb_str_is(name, names[i]))
            return true;
    return false;
}

/* The running turn's answer tells that `name` ("seed", "messages[2].cache_control") had no effect: once
 * each, in the header Patchbay-Ignored, as long as it is not out. Outside a turn, and when memory is short,
 * nothing happens. Does not park. */
static inline void pb_llm_ignore(pb_str name)
{
    PB_CALL(llm_ignore)(name);
}

/* Asks a model. Parks. The call is a span of the turn; its usage is added to the turn's. */
static inline pb_status pb_llm_generate(pb_instance *llm, const pb_llm_request *request,
                                        pb_sink *sink)
{
    return PB_CALL(llm_generate)(llm, request, sink);
}

#endif
