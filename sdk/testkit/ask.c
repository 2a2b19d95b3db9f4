/* ask.c - a turn, a call or an operation run by the harness, with all that came back copied. */
#include "internal.h"

#include "base/scope.h"
#include "plugin/instances.h"
#include "runtime/task.h"
#include "turn/operations.h"
#include "turn/trace.h"
#include <stdlib.h>

/* The transport's sink, on the stack of the asking task. */
struct collector {
    pb_sink base;
    pb_harness *harness;
    const pb_ask *ask;
    const pb_principal *principal;
    pb_outcome *reply;
    const pb_event **events;
    size_t room;
    struct arena text_arena, thinking_arena;
    pb_buf text, thinking;
    struct timer cancel;
};

/* --- copying events --------------------------------------------------------------------------- */

static const pb_json *copy_json(pb_harness *harness, const pb_json *json)
{
    pb_buf buf = {0};

    if (!json)
        return NULL;
    pb_json_write(&buf, json);
    return harness_json(harness, pb_buf_str(&buf));
}

static const pb_turn_result *copy_result(pb_harness *harness, const pb_turn_result *from)
{
    pb_turn_result *copy = harness_alloc(harness, sizeof *copy);

    *copy = *from;
    copy->llm = harness_copy(harness, from->llm);
    copy->model = harness_copy(harness, from->model);
    copy->stop = harness_copy(harness, from->stop);
    if (from->error) {
        pb_error *error = harness_alloc(harness, sizeof *error);
        *error = *from->error;
        error->sentence = harness_copy(harness, error->sentence);
        error->pointer = harness_copy(harness, error->pointer);
        error->instance = harness_copy(harness, error->instance);
        copy->error = error;
    }
    return copy;
}

static void copy_event(struct collector *collector, const pb_event *event)
{
    pb_harness *harness = collector->harness;
    pb_outcome *reply = collector->reply;
    pb_event *copy = harness_alloc(harness, sizeof *copy);

    *copy = *event;
    copy->text = harness_copy(harness, event->text);
    copy->id = harness_copy(harness, event->id);
    copy->name = harness_copy(harness, event->name);
    copy->data = copy_json(harness, event->data);
    if (event->usage) {
        pb_usage *usage = harness_alloc(harness, sizeof *usage);
        *usage = *event->usage;
        copy->usage = usage;
    }
    if (event->result)
        copy->result = copy_result(harness, event->result);
    if (reply->event_count == collector->room) {
        size_t room = collector->room ? collector->room * 2 : 32;
        const pb_event **events = harness_alloc(harness, room * sizeof *events);
        if (reply->event_count)
            memcpy(events, collector->events, reply->event_count * sizeof *events);
        collector->events = events;
        collector->room = room;
        reply->events = events;
    }
    collector->events[reply->event_count++] = copy;
    if (event->type == PB_EVENT_DONE) {
        reply->done_count++;
        reply->result = copy->result;
    }
}

static void add_text(struct arena *arena, pb_buf *buf, pb_str text)
{
    struct arena *before = scope_arena_swap(arena);
    pb_buf_add(buf, text);
    scope_arena_swap(before);
}

static pb_status collect(pb_sink *sink, const pb_event *event)
{
    struct collector *collector = (struct collector *)(void *)sink;
    const pb_ask *ask = collector->ask;
    int number = (int)collector->reply->event_count + 1;

    if (ask->fail_at_event && number >= ask->fail_at_event)
        return pb_fail(ask->fail_with, "the client is gone");
    copy_event(collector, event);
    if (event->type == PB_EVENT_TEXT && event->branch == 0)
        add_text(&collector->text_arena, &collector->text, event->text);
    if (event->type == PB_EVENT_THINKING && event->branch == 0)
        add_text(&collector->thinking_arena, &collector->thinking, event->text);
    if (ask->cancel_at_event == number)
        (void)pb_turn_cancel(collector->reply->id, collector->principal);
    return ask->slow && event->type != PB_EVENT_DONE ? pb_sleep(ask->slow) : (pb_status)PB_OK;
}

static void cancel_now(struct timer *timer)
{
    struct collector *collector = list_entry(timer, struct collector, cancel);
    (void)pb_turn_cancel(collector->reply->id, collector->principal);
}

/* --- what is asked ---------------------------------------------------------------------------- */

static const pb_json *optional(pb_harness *harness, const char *text)
{
    return text ? harness_json(harness, pb_str_of(text)) : NULL;
}

static pb_turn_spec spec_of(struct collector *collector)
{
    const pb_ask *ask = collector->ask;
    pb_harness *harness = collector->harness;
    pb_turn_spec spec = pb_turn_spec_make();

    spec.pipeline = ask->pipeline ? pb_pipeline_find(pb_str_of(ask->pipeline)) : pipelines_all();
    if (!spec.pipeline)
        harness_die("there is no pipeline '%s'", ask->pipeline ? ask->pipeline : "");
    spec.principal = collector->principal;
    spec.stream = !ask->whole;
    spec.stream_stages = ask->stages;
    spec.params = optional(harness, ask->params);
    spec.variables = optional(harness, ask->variables);
    spec.metadata = optional(harness, ask->metadata);
    spec.request_id = pb_lit("request-1");
    spec.transport = pb_lit("testkit");
    spec.conversation = pb_str_of(ask->conversation);
    spec.replaces = pb_str_of(ask->replaces);
    spec.remote = pb_str_of(ask->remote);
    spec.document = ask->document;
    spec.dialect = pb_str_of(ask->dialect);
    harness_messages(harness, ask, &spec);
    return spec;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void note_error(struct collector *collector)
{
    const pb_error *error = pb_error_last();
    pb_outcome *reply = collector->reply;

    reply->sentence = harness_copy(collector->harness, error->sentence);
    reply->error_instance = harness_copy(collector->harness, error->instance);
    reply->retry_after = error->retry_after;
}

static void explain(struct collector *collector)
{
    const struct trace *trace = trace_find(collector->reply->id);
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    if (!trace)
        return;
    trace_write(trace, true, &writer);
    collector->reply->explain = harness_json(collector->harness, pb_buf_str(&buf));
}

static void keep_headers(struct collector *collector, pb_turn *turn)
{
    size_t count = 0;
    const pb_header *from = pb_turn_headers(turn, &count);
    pb_header *headers = harness_alloc(collector->harness, (count + 1) * sizeof *headers);

    for (size_t i = 0; i < count; i++)
        headers[i] = (pb_header){harness_copy(collector->harness, from[i].name),
                                 harness_copy(collector->harness, from[i].value)};
    collector->reply->headers = headers;
    collector->reply->header_count = count;
}

static pb_status run_turn(void *arg)
{
    struct collector *collector = arg;
    pb_outcome *reply = collector->reply;
    pb_turn_spec spec = spec_of(collector);
    pb_duration begin = loop_refresh();
    pb_turn *turn;

    reply->status = pb_turn_new(&spec, &turn);
    if (reply->status != PB_OK) {
        note_error(collector);
        return PB_OK;
    }
    const pb_turn_info *info = pb_turn_info_of(turn);
    reply->id = harness_copy(collector->harness, info->id);
    reply->conversation = harness_copy(collector->harness, info->conversation);
    reply->reply = harness_copy(collector->harness, info->reply);
    if (collector->ask->cancel_after)
        timer_arm(&collector->cancel, collector->ask->cancel_after, cancel_now);
    reply->status = pb_turn_run(turn, &collector->base);
    if (reply->status != PB_OK)
        note_error(collector);
    timer_cancel(&collector->cancel);
    reply->elapsed = loop_refresh() - begin;
    keep_headers(collector, turn);
    pb_turn_free(turn);
    explain(collector);
    return PB_OK;
}

struct together {
    struct collector *collectors;
    size_t count;
};

static void run_together(void *arg)
{
    const struct together *together = arg;
    pb_task **tasks = PB_NEW_ARRAY(pb_task *, together->count);

    if (together->count == 1) {
        (void)run_turn(together->collectors);
        return;
    }
    for (size_t i = 0; i < together->count; i++)
        if (pb_spawn(run_turn, &together->collectors[i], &tasks[i]) != PB_OK)
            harness_die("there is no task for turn %zu", i);
    for (size_t i = 0; i < together->count; i++)
        (void)pb_join(tasks[i]);
}

void pb_harness_together(pb_harness *harness, const pb_ask *asks, size_t count,
                         const pb_outcome **outcomes)
{
    struct together together = {harness_alloc(harness, count * sizeof(struct collector)), count};

    for (size_t i = 0; i < count; i++) {
        struct collector *one = &together.collectors[i];
        *one = (struct collector){.base = {.size = sizeof(pb_sink), .emit = collect},
                                  .harness = harness,
                                  .ask = &asks[i],
                                  .principal =
                                      asks[i].principal ? asks[i].principal : &harness->tester,
                                  .reply = harness_alloc(harness, sizeof *one->reply)};
        arena_init(&one->text_arena, 0);
        arena_init(&one->thinking_arena, 0);
    }
    harness_run(harness, run_together, &together);
    for (size_t i = 0; i < count; i++) {
        struct collector *one = &together.collectors[i];
        one->reply->text = harness_copy(harness, pb_buf_str(&one->text));
        one->reply->thinking = harness_copy(harness, pb_buf_str(&one->thinking));
        arena_fini(&one->text_arena);
        arena_fini(&one->thinking_arena);
        if (!one->reply->text.data)
            one->reply->text = pb_lit("");
        outcomes[i] = one->reply;
    }
}

const pb_outcome *pb_harness_ask(pb_harness *harness, const pb_ask *ask)
{
    const pb_outcome *outcome;

    pb_harness_together(harness, ask, 1, &outcome);
    return outcome;
}

const pb_outcome *pb_harness_say(pb_harness *harness, const char *text)
{
    return pb_harness_ask(harness, &(pb_ask){.text = text});
}

/* --- other calls ------------------------------------------------------------------------------ */

struct call {
    pb_harness *harness;
    pb_status (*fn)(void *arg);
    void *arg;
    pb_status status;
    pb_str *sentence;
};

static void run_call(void *arg)
{
    struct call *call = arg;

    call->status = call->fn(call->arg);
    if (call->sentence)
        *call->sentence = call->status == PB_OK
                              ? (pb_str){0}
                              : harness_copy(call->harness, pb_error_last()->sentence);
}

pb_status pb_harness_run(pb_harness *harness, pb_status (*fn)(void *arg), void *arg,
                         pb_str *sentence)
{
    struct call call = {.harness = harness, .fn = fn, .arg = arg, .sentence = sentence};

    harness_run(harness, run_call, &call);
    return call.status;
}

static void sleep_once(void *time)
{
    (void)pb_sleep(*(pb_duration *)time);
}

void pb_harness_wait(pb_harness *harness, pb_duration time)
{
    harness_run(harness, sleep_once, &time);
}

const pb_principal pb_nobody = {.size = sizeof pb_nobody};

static const pb_principal *who_asks(const pb_harness *harness, const pb_principal *principal)
{
    if (principal == &pb_nobody)
        return NULL;
    return principal ? principal : &harness->tester;
}

struct request {
    pb_harness *harness;
    const char *method, *path, *type;
    pb_str body;
    const pb_principal *principal;
    pb_content content;
};

static void run_request(void *arg)
{
    struct request *request = arg;
    pb_str path = pb_str_of(request->path);
    size_t question = pb_str_find(path, '?');
    pb_operation_match match = {0};
    const pb_operation *operation;
    pb_call call = {.size = sizeof call,
                    .principal = request->principal,
                    .match = &match,
                    .query = pb_str_slice(path, question + 1, path.size),
                    .type = pb_str_of(request->type),
                    .request_id = pb_lit("request-1")};
    pb_status status = pb_operation_route(pb_str_of(request->method),
                                          pb_str_slice(path, 0, question), &operation, &match);

    if (status == PB_OK) {
        if (!operation->upload)
            call.body = request->body;
        (void)operation_call_whole(operation, &call, request->body, &request->content);
    } else {
        request->content.status = status == PB_UNSUPPORTED ? 405 : pb_status_http(status);
        request->content.type = pb_lit(PB_PROBLEM_TYPE);
        request->content.body = pb_problem_text(call.request_id);
    }
    request->content.type = harness_copy(request->harness, request->content.type);
    request->content.body = harness_copy(request->harness, request->content.body);
}

pb_content pb_harness_call(pb_harness *harness, const char *method, const char *path,
                           const char *body, const pb_principal *principal)
{
    struct request request = {.harness = harness,
                              .method = method,
                              .path = path,
                              .type = "application/json",
                              .body = pb_str_of(body),
                              .principal = who_asks(harness, principal)};

    harness_run(harness, run_request, &request);
    return request.content;
}

pb_content pb_harness_upload(pb_harness *harness, const char *path, const char *type, pb_str body,
                             const pb_principal *principal)
{
    struct request request = {.harness = harness,
                              .method = "POST",
                              .path = path,
                              .type = type,
                              .body = body,
                              .principal = who_asks(harness, principal)};

    harness_run(harness, run_request, &request);
    return request.content;
}
