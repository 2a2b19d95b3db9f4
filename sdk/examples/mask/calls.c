/* calls.c - the calls of the SDK that patchbay.rs uses, as functions for the linker: those of the headers
 * are inline. And the check that its structs are still laid out as these headers say.
 */
#include <patchbay/llm.h>
#include <patchbay/stage.h>
#include <patchbay/tool.h>
#include <patchbay/words.h>

/* The last member ends where patchbay.rs has it. */
#define SAME(type, last, end)                                                                      \
    _Static_assert(offsetof(type, last) + sizeof(((type *)0)->last) == (end),                      \
                   #type " is laid out in another way in patchbay.rs: take that of this SDK")

SAME(pb_str, size, 16);
SAME(pb_list, count, 16);
SAME(pb_map, count, 24);
SAME(pb_message, dialect, 112);
SAME(pb_usage, cost, 48);
SAME(pb_event, number, 104);
SAME(pb_json, last, 64);
SAME(pb_llm_request, passages, 56);
SAME(pb_tool_function, parameters, 48);
SAME(pb_tool_list, count, 24);
SAME(pb_word, common, 25);

void *patchbay_alloc(size_t size);
void *patchbay_alloc(size_t size)
{
    return pb_alloc(size);
}

pb_status patchbay_fail(pb_status status, pb_str sentence);
pb_status patchbay_fail(pb_status status, pb_str sentence)
{
    return pb_fail(status, "%.*s", PB_ARG(sentence));
}

void patchbay_log(int32_t level, pb_str line);
void patchbay_log(int32_t level, pb_str line)
{
    pb_log(level, "%.*s", PB_ARG(line));
}

void patchbay_problem(pb_diagnostics *diagnostics, int32_t warning, pb_str field, pb_str sentence);
void patchbay_problem(pb_diagnostics *diagnostics, int32_t warning, pb_str field, pb_str sentence)
{
    char name[100];

    (void)snprintf(name, sizeof name, "%.*s", PB_ARG(field));
    if (warning)
        pb_warning(diagnostics, name, "%.*s", PB_ARG(sentence));
    else
        pb_problem(diagnostics, name, "%.*s", PB_ARG(sentence));
}

pb_status patchbay_sleep(pb_duration duration);
pb_status patchbay_sleep(pb_duration duration)
{
    return pb_sleep(duration);
}

pb_status patchbay_json_parse(pb_str text, const pb_json **out);
pb_status patchbay_json_parse(pb_str text, const pb_json **out)
{
    return pb_json_parse(text, out);
}

void patchbay_json_quote(pb_str text, pb_str *out);
void patchbay_json_quote(pb_str text, pb_str *out)
{
    pb_buf buf = {0};

    pb_json_quote(&buf, text);
    *out = buf.failed ? (pb_str){0} : pb_buf_str(&buf);
}

int64_t patchbay_json_int(const pb_json *json, int64_t otherwise);
int64_t patchbay_json_int(const pb_json *json, int64_t otherwise)
{
    return pb_json_int(json, otherwise);
}

bool patchbay_word_next(pb_str text, size_t *at, pb_word *out);
bool patchbay_word_next(pb_str text, size_t *at, pb_word *out)
{
    return pb_word_next(text, at, out);
}

const pb_message *const *patchbay_turn_messages(pb_turn *turn, size_t *count);
const pb_message *const *patchbay_turn_messages(pb_turn *turn, size_t *count)
{
    return pb_turn_messages(turn, count);
}

pb_status patchbay_turn_set_messages(pb_turn *turn, const pb_message *const *list, size_t count);
pb_status patchbay_turn_set_messages(pb_turn *turn, const pb_message *const *list, size_t count)
{
    return pb_turn_set_messages(turn, list, count);
}

pb_message *patchbay_message_new(int32_t role, pb_str text);
pb_message *patchbay_message_new(int32_t role, pb_str text)
{
    return pb_message_new(role, text);
}

pb_status patchbay_emit(pb_turn *turn, const pb_event *event);
pb_status patchbay_emit(pb_turn *turn, const pb_event *event)
{
    return pb_emit(turn, event);
}

pb_status patchbay_run_next(const pb_next *next, pb_turn *turn);
pb_status patchbay_run_next(const pb_next *next, pb_turn *turn)
{
    return pb_run_next(next, turn);
}

pb_status patchbay_sink_emit(pb_sink *sink, const pb_event *event);
pb_status patchbay_sink_emit(pb_sink *sink, const pb_event *event)
{
    return pb_sink_emit(sink, event);
}

bool patchbay_llm_param_is_standard(pb_str name);
bool patchbay_llm_param_is_standard(pb_str name)
{
    return pb_llm_param_is_standard(name);
}

void patchbay_llm_ignore(pb_str name);
void patchbay_llm_ignore(pb_str name)
{
    pb_llm_ignore(name);
}
