/* scripted.c - a model that does as the test says and remembers what it was asked. */
#define pb_host_table    pb_host_table_scripted /* the program may hold other static plugins */
#define PB_PLUGIN_SYMBOL pb_plugin_scripted

#include "internal.h"

#include "base/scope.h"

struct script {
    struct script *next;
    const pb_script_step *steps;
    size_t count;
};

struct request {
    struct request *next;
    pb_str json;
};

struct scripted {
    pb_str text;
    struct arena arena; /* of scripts and requests */
    struct script *scripts, **scripts_end, *last;
    struct request *requests, **requests_end;
};

static const pb_field scripted_options[] = {
    PB_STR(struct scripted, text, .def = "ok", .help = "What it says when it has no script."),
    PB_END};

/* --- recording -------------------------------------------------------------------------------- */

static void write_text(pb_json_writer *writer, const char *name, pb_str text)
{
    if (text.data) {
        pb_jw_key(writer, name);
        pb_jw_str(writer, text);
    }
}

static void write_thinking(pb_json_writer *writer, const pb_message *message)
{
    pb_jw_key(writer, "thinking");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i]->type != PB_PART_THINKING)
            continue;
        pb_jw_open(writer, '{');
        write_text(writer, "text", message->parts[i]->text);
        write_text(writer, "content", message->parts[i]->content);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static void write_message(pb_json_writer *writer, const pb_message *message)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};

    pb_jw_open(writer, '{');
    write_text(writer, "role", pb_str_of(roles[message->role]));
    write_text(writer, "content", message->text);
    write_text(writer, "name", message->name);
    write_text(writer, "tool_call_id", message->tool_call_id);
    if (message->tool_call_count) {
        pb_jw_key(writer, "tool_calls");
        pb_jw_open(writer, '[');
        for (size_t i = 0; i < message->tool_call_count; i++) {
            pb_jw_open(writer, '{');
            write_text(writer, "id", message->tool_calls[i]->id);
            write_text(writer, "name", message->tool_calls[i]->name);
            write_text(writer, "arguments", message->tool_calls[i]->arguments);
            write_text(writer, "signature", message->tool_calls[i]->signature);
            pb_jw_close(writer, '}');
        }
        pb_jw_close(writer, ']');
    }
    if (message->part_count && message->role == PB_ROLE_ASSISTANT)
        write_thinking(writer, message);
    pb_jw_close(writer, '}');
}

static void record(struct scripted *self, const pb_llm_request *request)
{
    struct arena *before = scope_arena_swap(&self->arena);
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    struct request *entry = pb_alloc(sizeof *entry);

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "messages");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < request->message_count; i++)
        write_message(&writer, request->messages[i]);
    pb_jw_close(&writer, ']');
    pb_jw_key(&writer, "params");
    pb_jw_json(&writer, request->params);
    pb_jw_key(&writer, "stream");
    pb_jw_bool(&writer, request->stream != 0);
    write_text(&writer, "dialect", request->dialect);
    pb_jw_close(&writer, '}');
    scope_arena_swap(before);
    entry->json = pb_buf_str(&buf);
    *self->requests_end = entry;
    self->requests_end = &entry->next;
}

/* --- answering -------------------------------------------------------------------------------- */

static pb_status hang(void)
{
    pb_status status;

    do
        status = pb_sleep(3600 * PB_SECOND);
    while (status == PB_OK);
    return status;
}

static pb_status emit(pb_sink *sink, int32_t type, const pb_script_step *step)
{
    pb_usage usage = {
        .size = sizeof usage, .calls = 1, .input_tokens = step->a, .output_tokens = step->b};
    pb_event event = pb_event_make(type);

    event.text = pb_str_of(step->text);
    event.name = pb_str_of(step->name);
    event.id = pb_str_of(step->id);
    if (type == PB_EVENT_TOOL_CALL)
        event.index = (uint32_t)step->a;
    if (type == PB_EVENT_USAGE)
        event.usage = &usage;
    if (type == PB_EVENT_FINISH)
        event.finish = (int32_t)step->a;
    if (step->data && pb_json_parse(pb_str_of(step->data), &event.data) != PB_OK)
        harness_die("the data of a step is no JSON: %s", step->data);
    return pb_sink_emit(sink, &event);
}

static pb_status do_step(pb_sink *sink, const pb_script_step *step)
{
    switch (step->type) {
    case PB_SCRIPT_TEXT:
        return emit(sink, PB_EVENT_TEXT, step);
    case PB_SCRIPT_THINKING:
        return emit(sink, PB_EVENT_THINKING, step);
    case PB_SCRIPT_TOOL_CALL:
        return emit(sink, PB_EVENT_TOOL_CALL, step);
    case PB_SCRIPT_USAGE:
        return emit(sink, PB_EVENT_USAGE, step);
    case PB_SCRIPT_FINISH:
        return emit(sink, PB_EVENT_FINISH, step);
    case PB_SCRIPT_FAIL:
        return pb_fail_retry(step->status, step->wait, "%s", step->text);
    case PB_SCRIPT_WAIT:
        return pb_sleep(step->wait);
    case PB_SCRIPT_HANG:
        return hang();
    default:
        harness_die("a script has no step %d", step->type);
    }
}

static pb_status scripted_generate(void *instance, const pb_llm_request *request, pb_sink *sink)
{
    struct scripted *self = instance;
    struct script *script = self->scripts;
    pb_status status = PB_OK;

    record(self, request);
    if (script) {
        self->last = script;
        self->scripts = script->next;
        if (!self->scripts)
            self->scripts_end = &self->scripts;
    } else {
        script = self->last;
    }
    if (!script) {
        const pb_script_step plain[] = {PB_STEP_TEXT(self->text.data), PB_STEP_STOP};
        status = do_step(sink, &plain[0]);
        return status == PB_OK ? do_step(sink, &plain[1]) : status;
    }
    for (size_t i = 0; i < script->count && status == PB_OK; i++)
        status = do_step(sink, &script->steps[i]);
    return status;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

static void forget(struct scripted *self)
{
    arena_fini(&self->arena);
    self->scripts = self->last = NULL;
    self->scripts_end = &self->scripts;
    self->requests = NULL;
    self->requests_end = &self->requests;
}

static pb_status scripted_create(void *instance)
{
    struct scripted *self = instance;

    arena_init(&self->arena, 0);
    forget(self);
    return PB_OK;
}

static void scripted_destroy(void *instance)
{
    forget(instance);
}

PB_PLUGIN("scripted", "1.0.0", "Apache-2.0", "A model that follows the test's script.",
          PB_LLM("scripted", struct scripted, scripted_options, .create = scripted_create,
                 .destroy = scripted_destroy, .generate = scripted_generate));

/* --- for the test ----------------------------------------------------------------------------- */

void pb_script_add(pb_harness *harness, const char *llm, const pb_script_step *steps, size_t count)
{
    struct scripted *self = pb_harness_self(harness, "llm", llm);
    struct script *script = arena_alloc(&self->arena, sizeof *script);
    pb_script_step *copy = arena_alloc(&self->arena, count * sizeof *copy);

    if (!script || !copy)
        harness_die("out of memory");
    memcpy(copy, steps, count * sizeof *copy);
    *script = (struct script){.steps = copy, .count = count};
    *self->scripts_end = script;
    self->scripts_end = &script->next;
}

void pb_script_reset(pb_harness *harness, const char *llm)
{
    forget(pb_harness_self(harness, "llm", llm));
}

size_t pb_scripted_count(pb_harness *harness, const char *llm)
{
    const struct scripted *self = pb_harness_self(harness, "llm", llm);
    size_t count = 0;

    for (const struct request *at = self->requests; at; at = at->next)
        count++;
    return count;
}

const pb_json *pb_scripted_request(pb_harness *harness, const char *llm, size_t index)
{
    const struct scripted *self = pb_harness_self(harness, "llm", llm);
    const struct request *at = self->requests;

    while (at && index--)
        at = at->next;
    if (!at)
        harness_die("llm '%s' was asked less often", llm);
    return harness_json(harness, at->json);
}
