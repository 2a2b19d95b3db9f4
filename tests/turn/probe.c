/* probe.c - see probe.h. */
#define pb_host_table    pb_host_table_probe
#define PB_PLUGIN_SYMBOL patchbay_plugin_probe

#include "probe.h"
#include "suite.h"

#include <stdio.h>

enum { ACTS = 32 };

static struct {
    const char *act;
    probe_fn fn;
} acts[ACTS];
static size_t act_count;
static char words[4096];

void probe_on(const char *act, probe_fn fn)
{
    acts[act_count].act = act;
    acts[act_count++].fn = fn;
}

void probe_reset(void)
{
    act_count = 0;
    words[0] = 0;
}

void probe_log(const char *word)
{
    size_t size = strlen(words);
    snprintf(words + size, sizeof words - size, "%s%s", size ? " " : "", word);
}

const char *probe_logged(void)
{
    return words;
}

struct catcher {
    pb_sink base;
    pb_turn *turn;
};

static pb_status catch_event(pb_sink *sink, const pb_event *event)
{
    struct catcher *catcher = (struct catcher *)(void *)sink;

    if (event->type == PB_EVENT_FINISH) {
        pb_turn_set_finish(catcher->turn, event->finish);
        return PB_OK;
    }
    return pb_pass(sink, event);
}

pb_status probe_ask(const struct probe *probe, pb_turn *turn)
{
    struct catcher catcher = {
        {.size = sizeof(pb_sink), .emit = catch_event, .below = pb_turn_sink(turn)}, turn};
    pb_llm_request request = {.size = sizeof request, .stream = 1};

    request.messages = pb_turn_messages(turn, &request.message_count);
    request.params = pb_turn_params(turn);
    return pb_llm_generate(probe->llm, &request, &catcher.base);
}

static pb_status probe_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct probe *probe = self;

    for (size_t i = 0; i < act_count; i++)
        if (pb_str_is(probe->act, acts[i].act))
            return acts[i].fn(probe, turn, next);
    if (pb_str_is(probe->act, "ask"))
        return probe_ask(probe, turn);
    ck_abort_msg("no act '%.*s'", PB_ARG(probe->act));
}

static const pb_field probe_options[] = {
    PB_STR(struct probe, act, .required = 1, .help = "What to run."),
    PB_PIPELINE(struct probe, stages, .help = "Nested stages."),
    PB_LIST(struct probe, branches, PB_KIND_PIPELINE, .help = "More of them."),
    PB_REF(struct probe, llm, "llm", .help = "A model."),
    PB_REF(struct probe, tool, "tool", .help = "A tool."),
    PB_DURATION(struct probe, wait, .def = "0s", .help = "How long."),
    PB_END};

/* --- a tool ----------------------------------------------------------------------------------- */

struct clock {
    pb_duration takes;
};

static const pb_field clock_options[] = {
    PB_DURATION(struct clock, takes, .def = "0s", .max = 3600, .help = "How long a call takes."),
    PB_END};

static pb_status clock_list(void *self, pb_tool_list *out)
{
    static const pb_tool_function function = {
        .size = sizeof function, .name = PB_LIT("now"), .description = PB_LIT("The time.")};
    static const pb_tool_function *const functions[] = {&function};

    (void)self;
    out->functions = functions;
    out->count = 1;
    return PB_OK;
}

static pb_status clock_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out)
{
    const struct clock *clock = self;

    (void)arguments;
    if (!pb_str_is(name, "now"))
        return pb_fail(PB_NOT_FOUND, "there is no function '%.*s'", PB_ARG(name));
    pb_status status = clock->takes ? pb_sleep(clock->takes) : (pb_status)PB_OK;
    *out = pb_json_string(pb_lit("noon"));
    return status;
}

/* --- a service -------------------------------------------------------------------------------- */

struct notes {
    pb_str prefix;
    pb_str path; /* unused by the handlers: instances differ in the prefix */
};

static const pb_field notes_options[] = {
    PB_STR(struct notes, prefix, .def = "note ", .help = "What every text begins with."), PB_END};

struct note_in {
    pb_str id;
    int64_t count;
    bool loud;
    pb_str text;
    pb_list tags;
};

static const pb_field note_in_fields[] = {
    PB_STR(struct note_in, id, .required = 1, .max_length = 10, .help = "Which."),
    PB_INT(struct note_in, count, .def = "1", .min = 1, .max = 9, .help = "How often."),
    PB_BOOL(struct note_in, loud, .help = "Louder?"),
    PB_STR(struct note_in, text, .help = "What it says."),
    PB_LIST(struct note_in, tags, PB_KIND_STR, .help = "Words."),
    PB_END};

struct note_out {
    pb_str text;
    int64_t tags;
};

static const pb_field note_out_fields[] = {PB_STR(struct note_out, text, .help = "The text."),
                                           PB_INT(struct note_out, tags, .help = "How many tags."),
                                           PB_END};

static pb_status note_get(void *self, const pb_call *call, const void *in, void *out)
{
    const struct notes *notes = self;
    const struct note_in *input = in;
    struct note_out *output = out;

    (void)call;
    if (pb_str_is(input->id, "none"))
        return pb_fail(PB_NOT_FOUND, "there is no note 'none'");
    output->text = pb_printf("%.*s%.*s x%lld%s", PB_ARG(notes->prefix), PB_ARG(input->id),
                             (long long)input->count, input->loud ? "!" : "");
    output->tags = (int64_t)input->tags.count;
    return PB_OK;
}

static pb_status note_delete(void *self, const pb_call *call, const void *in, void *out)
{
    (void)self;
    (void)call;
    (void)in;
    (void)out;
    return PB_OK;
}

static const pb_operation notes_operations[] = {
    {PB_OPERATION("notes.first", "GET", "/v1/notes/first", "The first one."),
     .output = note_out_fields, .output_size = sizeof(struct note_out), .handle = note_delete},
    {PB_OPERATION("notes.get", "GET", "/v1/notes/{id}", "One note."), .scope = "notes.read",
     .input = note_in_fields, .input_size = sizeof(struct note_in), .output = note_out_fields,
     .output_size = sizeof(struct note_out), .handle = note_get},
    {PB_OPERATION("notes.put", "PUT", "/v1/notes/{id}", "Writes one."), .input = note_in_fields,
     .input_size = sizeof(struct note_in), .output = note_out_fields,
     .output_size = sizeof(struct note_out), .handle = note_get},
    {PB_OPERATION("notes.delete", "DELETE", "/v1/notes/{id}", "Removes one."),
     .input = note_in_fields, .input_size = sizeof(struct note_in), .handle = note_delete},
    {PB_OPERATION("notes.recent", "GET", "/v1/notes/recent", "The last one."),
     .output = note_out_fields, .output_size = sizeof(struct note_out), .handle = note_delete},
    PB_OPERATION_END};

/* Lets in whoever says for which tenant. */
static pb_status gate_authenticate(void *self, const pb_credentials *credentials, pb_principal *out)
{
    (void)self;
    out->id = pb_lit("gate:1");
    out->tenant = pb_copy(credentials->api_key);
    return PB_OK;
}

PB_PLUGIN("probe", "1.0.0", "Apache-2.0", "Runs what the test wants.",
          PB_STAGE("probe", struct probe, probe_options, .run = probe_run),
          PB_TOOL("clock", struct clock, clock_options, .list = clock_list, .call = clock_call),
          PB_AUTH("gate", struct notes, notes_options, .authenticate = gate_authenticate),
          PB_SERVICE("notes", struct notes, notes_options, .operations = notes_operations));

int probe_main(const char *name, const TTest *const *tests)
{
    TCase *cases = suite_case(name, probe_reset, NULL, tests);

    return suite_run_cases(name, (TCase *const[]){cases, NULL});
}
