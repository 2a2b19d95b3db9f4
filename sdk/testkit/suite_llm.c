/* suite_llm.c - what every llm must do: the sentences of llm.h. One behind HTTP is asked at
 * upstream_kit.h, whose answers come in two pieces cut at every byte, and end at every byte.
 */
#include "suite_kit.h"

#include "upstream_kit.h"
#include <patchbay/llm.h>

/* One call, and what came of it. */
struct call {
    pb_sink base;
    pb_instance *llm;
    bool whole;    /* nobody reads along */
    pb_task *task; /* that runs it */
    bool done;
    int events, finishes, usages, after_finish;
    int refuse_at;     /* emit fails there, with PB_CONFLICT */
    int cancel_at;     /* the task is cancelled there */
    int after_refusal; /* events that came all the same */
    bool refused;
    struct words { /* here: the memory of a task goes with it */
        size_t size;
        char data[300]; /* as much as fits */
    } text, arguments, name, model;
    int32_t finish;
    int64_t output_tokens;
};

static void keep(struct words *words, pb_str more)
{
    size_t room = sizeof words->data - words->size, size = more.size < room ? more.size : room;

    if (size)
        memcpy(words->data + words->size, more.data, size);
    words->size += size;
}

static pb_str kept(const struct words *words)
{
    return pb_str_make(words->data, words->size);
}

static pb_status emit(pb_sink *sink, const pb_event *event)
{
    struct call *call = (struct call *)(void *)sink;
    int number = ++call->events;

    call->after_refusal += call->refused;
    call->after_finish += call->finishes > 0;
    if (event->type == PB_EVENT_TEXT)
        keep(&call->text, event->text);
    if (event->type == PB_EVENT_TOOL_CALL) {
        keep(&call->name, event->name);
        keep(&call->arguments, event->text);
    }
    if (event->type == PB_EVENT_USAGE) {
        call->usages++;
        call->output_tokens = event->usage ? event->usage->output_tokens : 0;
    }
    if (event->type == PB_EVENT_FINISH) {
        call->finishes++;
        call->finish = event->finish;
        keep(&call->model, event->text);
    }
    call->refused |= number == call->refuse_at || number == call->cancel_at;
    if (number == call->refuse_at)
        return pb_fail(PB_CONFLICT, "the reader is gone");
    if (number == call->cancel_at)
        pb_task_cancel(call->task);
    return number == call->cancel_at ? pb_sleep(0) : (pb_status)PB_OK;
}

static pb_status generate(void *arg)
{
    struct call *call = arg;
    pb_message *message = PB_NEW(pb_message);
    const pb_message *messages[] = {message};
    pb_llm_request request = {.size = sizeof request, .stream = !call->whole, .message_count = 1};

    EXPECT(message, "there is no memory for a message");
    message->size = (uint32_t)sizeof *message;
    message->role = PB_ROLE_USER;
    message->text = pb_lit("Say something short.");
    request.messages = messages;
    request.params = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_status status = pb_llm_generate(call->llm, &request, &call->base);
    call->done = true;
    return status;
}

/* While it runs the loop goes round, which the upstream waits for. */
static pb_status run(struct call *call, pb_instance *llm)
{
    call->base = (pb_sink){.size = sizeof(pb_sink), .emit = emit};
    call->llm = llm;
    EXPECT_OK(pb_spawn(generate, call, &call->task), "starting a task");
    while (pb_upstream_started() && !call->done) {
        pb_upstream_round();
        EXPECT_OK(pb_sleep(0), "waiting");
    }
    return pb_join(call->task);
}

/* What is promised of a call that ended well, and of one that failed. */
static void expect_order(const struct call *call, pb_status status, const char *what)
{
    EXPECT_INT(call->after_finish, 0, "how many events came after the finish of %s", what);
    EXPECT(call->usages <= 1, "%s had %d usages and should have at most one", what, call->usages);
    EXPECT_INT(call->finishes, status == PB_OK, "how many finishes came of %s, which gave '%s',",
               what, pb_status_name(status));
    if (status == PB_OK)
        EXPECT(call->finish >= PB_FINISH_STOP && call->finish <= PB_FINISH_FILTER,
               "the finish of %s is %d, which turn.h does not know", what, call->finish);
}

/* Can it answer here at all? An llm whose service is somewhere else cannot. */
static bool answers(pb_instance *llm, struct call *call)
{
    pb_status status = run(call, llm);

    expect_order(call, status, "a call");
    pb_error_clear();
    return status == PB_OK;
}

#define LLM_CASE(name, what_for)                                                                   \
    static void name##_llm(pb_instance *instance, const struct call *first);                       \
    static void name##_body(pb_instance *instance)                                                 \
    {                                                                                              \
        struct call first = {0};                                                                   \
        size_t asked = pb_upstream_asked();                                                        \
        pb_upstream_set(&(pb_upstream_script){0});                                                 \
        if (!answers(instance, &first))                                                            \
            EXPECT_SKIP("it gives no answer here; one behind HTTP is given the address of a "      \
                        "scripted service where it has an option base_url");                       \
        if ((what_for) && pb_upstream_asked() == asked)                                            \
            EXPECT_SKIP("it asks no service over HTTP that base_url names");                       \
        name##_llm(instance, &first);                                                              \
        pb_upstream_set(&(pb_upstream_script){0});                                                 \
    }                                                                                              \
    static void name(pb_harness *harness, pb_instance *instance)                                   \
    {                                                                                              \
        if (pb_upstream_started())                                                                 \
            pb_harness_virtual_time(harness, false);                                               \
        suite_in_task(harness, name##_body, instance);                                             \
    }                                                                                              \
    static void name##_llm(pb_instance *instance, const struct call *first)

enum { ANY = 0, HTTP = 1 };

/* --- any llm ---------------------------------------------------------------------------------- */

LLM_CASE(finishes, ANY)
{
    struct call whole = {.whole = true};

    EXPECT(first->text.size || first->arguments.size, "it finished and said nothing");
    EXPECT(first->model.size, "its finish does not name the model");
    pb_status status = run(&whole, instance);
    EXPECT_OK(status, "a call that nobody reads along");
    expect_order(&whole, status, "a call that nobody reads along");
    EXPECT(whole.text.size || whole.arguments.size, "it said nothing when nobody reads along");
}

LLM_CASE(is_refused, ANY)
{
    for (int n = 1; n <= first->events && n <= 40; n++) {
        struct call call = {.refuse_at = n};
        pb_status status = run(&call, instance);
        if (!call.refused)
            break; /* it said less this time */
        EXPECT_STATUS(status, PB_CONFLICT, "a call whose event %d was refused with 'conflict'", n);
        EXPECT_INT(call.after_refusal, 0, "how many events came after event %d was refused", n);
        pb_error_clear();
    }
}

LLM_CASE(is_cancelled, ANY)
{
    for (int n = 1; n <= first->events && n <= 40; n++) {
        struct call call = {.cancel_at = n};
        pb_status status = run(&call, instance);
        if (!call.refused)
            break;
        EXPECT_STATUS(status, PB_CANCELLED, "a call that was cancelled at event %d", n);
        EXPECT_INT(call.after_refusal, 0, "how many events came after it was cancelled at event %d",
                   n);
        pb_error_clear();
    }
}

static void call_one(void *shared, int number)
{
    struct call call = {.whole = number % 4 == 3};
    pb_status status = run(&call, shared);

    EXPECT_OK(status, "one of 64 calls at once");
    expect_order(&call, status, "one of 64 calls at once");
}

LLM_CASE(at_once, ANY)
{
    (void)first;
    suite_at_once(64, call_one, instance);
}

/* --- behind HTTP ------------------------------------------------------------------------------ */

static void expect_said(const struct call *call, pb_status status, const char *how, size_t at)
{
    EXPECT_OK(status, "a %s at byte %zu", how, at);
    expect_order(call, status, pb_printf("a %s at byte %zu", how, at).data);
    EXPECT_STR(kept(&call->text), pb_lit(PB_UPSTREAM_TEXT), "the text of a %s at byte %zu", how,
               at);
    EXPECT_INT(call->finish, PB_FINISH_STOP, "the finish of a %s at byte %zu", how, at);
}

LLM_CASE(is_whole, HTTP)
{
    struct call whole = {.whole = true};

    expect_said(first, PB_OK, "stream that comes at once,", 0);
    EXPECT_STR(kept(&first->model), pb_lit("up-1"), "the model that the finish names");
    EXPECT_INT(first->usages, 1, "how many usages come where the service tells one");
    EXPECT_INT(first->output_tokens, 5, "the output tokens of its usage");
    expect_said(&whole, run(&whole, instance), "whole answer,", 0);
}

/* Bytes in which each split has a scope of its own. */
static void split_everywhere(pb_instance *llm, bool tool)
{
    size_t size = 2;

    for (size_t at = 1; at < size; at++) {
        pb_scope *scope = pb_scope_begin();
        struct call call = {0};
        pb_upstream_set(&(pb_upstream_script){.split = at, .tool = tool});
        pb_status status = run(&call, llm);
        if (!tool) {
            expect_said(&call, status, "stream that is split", at);
        } else {
            EXPECT_OK(status, "a stream with a tool call that is split at byte %zu", at);
            EXPECT_STR(kept(&call.name), pb_lit("look"), "the function of a call split at byte %zu",
                       at);
            EXPECT_STR(kept(&call.arguments), pb_lit("{\"at\":\"w\xc3\xb6rld\"}"),
                       "the arguments of a call split at byte %zu", at);
            EXPECT_INT(call.finish, PB_FINISH_TOOL_CALLS, "the finish of a call split at byte %zu",
                       at);
        }
        size = pb_upstream_size();
        pb_scope_end(scope);
    }
    EXPECT(size > 100, "the upstream answered %zu bytes", size);
}

LLM_CASE(is_split, HTTP)
{
    (void)first;
    split_everywhere(instance, false);
}

LLM_CASE(is_split_in_tools, HTTP)
{
    (void)first;
    split_everywhere(instance, true);
}

/* Where it can be known that something is missing it fails; else it is whole. */
LLM_CASE(ends_anywhere, HTTP)
{
    size_t size = pb_upstream_size();

    (void)first;
    for (size_t at = 1; at < size; at++) {
        pb_scope *scope = pb_scope_begin();
        struct call call = {0};
        pb_upstream_set(&(pb_upstream_script){.cut = at});
        pb_status status = run(&call, instance);
        if (status == PB_OK) {
            expect_said(&call, status, "stream that ends", at);
        } else {
            EXPECT(status == PB_BAD_UPSTREAM || status == PB_UNAVAILABLE,
                   "a stream that ends at byte %zu gave '%s' and should give 'bad-upstream'", at,
                   pb_status_name(status));
            expect_order(&call, status, pb_printf("a stream that ends at byte %zu", at).data);
        }
        pb_error_clear();
        pb_scope_end(scope);
    }
}

LLM_CASE(fails, HTTP)
{
    static const struct {
        int status;
        pb_status wanted;
        const char *head, *body;
    } cases[] = {{400, PB_INVALID, NULL, NULL},
                 {429, PB_RATE_LIMITED, "Retry-After: 7\r\n", NULL},
                 {500, PB_BAD_UPSTREAM, NULL, NULL},
                 {503, PB_UNAVAILABLE, NULL, NULL},
                 {200, PB_BAD_UPSTREAM, NULL, "this is { not JSON"},
                 {200, PB_BAD_UPSTREAM, NULL, "{\"nothing\":[]}"}};

    (void)first;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call call = {0};
        pb_upstream_set(&(pb_upstream_script){
            .status = cases[i].status, .head = cases[i].head, .body = cases[i].body});
        pb_status status = run(&call, instance);
        EXPECT_STATUS(status, cases[i].wanted,
                      "a call to which the service answers with status %d%s", cases[i].status,
                      cases[i].body ? " and nonsense" : "");
        if (cases[i].head)
            EXPECT_INT(pb_error_last()->retry_after, 7 * PB_SECOND,
                       "retry_after where the service says Retry-After: 7");
        expect_order(&call, status, "a call that fails");
        pb_error_clear();
    }
}

const struct pb_suite_case suite_llm[] = {
    {"one finish, at most one usage, nothing after", 9, finishes},
    {"what emit returns is returned, at every event", 6, is_refused},
    {"it ends when it is cancelled, at every event", 6, is_cancelled},
    {"64 calls at once", 3, at_once},
    {"the service's answer, streamed and whole", 0, is_whole},
    {"a stream split at every byte", 0, is_split},
    {"a tool call split at every byte", 0, is_split_in_tools},
    {"a stream that ends at every byte", 9, ends_anywhere},
    {"the service's failures", 7, fails},
    {.name = NULL},
};
