/* generate - asks a model and streams its reply; runs the tools that the configuration gives it.
 *
 * The model's finish ends here: its reason goes to the turn, stages above may still emit. Calls of
 * tools that the client brought are passed on to the client; calls of our own tools are run here
 * and the model is asked again, at most max_rounds times.
 */
#include "generate.h"

static const pb_field generate_options[] = {
    PB_REF(struct generate, llm, "llm", .required = 1, .help = "The model to ask."),
    PB_LIST(struct generate, tools, PB_KIND_REF, .ref = "tool",
            .help = "Tools whose functions the model may call here."),
    PB_JSON(struct generate, params,
            .help = "Default parameters (temperature, max_tokens, …); a request's own win."),
    PB_INT(struct generate, max_rounds, .def = "8", .min = 1, .max = 100,
           .help = "How often the model is asked again with the results of tools."),
    PB_INT(struct generate, max_calls, .def = "16", .min = 1, .max = CALLS_MOST,
           .help = "Tool calls in one round; more are an error."),
    PB_END,
};

/* Stands between the model and the turn. */
struct catcher {
    pb_sink base;
    pb_turn *turn;
    const struct offers *offers;
    struct calls calls;
    pb_buf text; /* kept only where tools run here: the next round's messages need it */
    int32_t finish;
    int64_t max_calls;
};

static pb_status catch_call(struct catcher *catcher, const pb_event *event)
{
    struct call *call = calls_take(&catcher->calls, event, catcher->offers);

    if (!call || (int64_t)catcher->calls.count > catcher->max_calls)
        return pb_fail(PB_BAD_UPSTREAM, "the model made more than %lld tool calls at once",
                       (long long)catcher->max_calls);
    return call->offer ? (pb_status)PB_OK : pb_pass(&catcher->base, event);
}

static pb_status catch_event(pb_sink *sink, const pb_event *event)
{
    struct catcher *catcher = (struct catcher *)sink;

    switch (event->type) {
    case PB_EVENT_FINISH:
        catcher->finish = event->finish;
        return PB_OK;
    case PB_EVENT_TOOL_CALL:
        if (catcher->offers->count)
            return catch_call(catcher, event);
        break;
    case PB_EVENT_TEXT:
        if (catcher->offers->count)
            pb_buf_add(&catcher->text, event->text);
        break;
    default:
        break;
    }
    return pb_pass(sink, event);
}

/* The stage's defaults, then the request's own; and all tools. */
static const pb_json *params_of(const struct generate *generate, pb_turn *turn,
                                const struct offers *offers)
{
    const pb_json *own = pb_turn_params(turn);

    if (!generate->params && !offers->count)
        return own;
    pb_json *merged = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));
    const pb_json *sources[2] = {own, generate->params};
    for (int i = 0; i < 2; i++)
        for (const pb_json *at = sources[i] ? sources[i]->child : NULL; at; at = at->next) {
            if (pb_json_get(merged, pb_copy(at->key).data) ||
                (offers->count && pb_str_is(at->key, "tools")))
                continue;
            pb_json *copy = PB_NEW(pb_json);
            if (copy)
                *copy = *at;
            pb_json_add(merged, at->key, copy);
        }
    if (offers->count) {
        const pb_json *tools = offers_merge(offers, pb_json_get(own, "tools"));
        pb_json_add(merged, pb_lit("tools"), (pb_json *)(void *)(uintptr_t)tools);
    }
    return merged;
}

static pb_status ask(const struct generate *generate, pb_turn *turn, struct catcher *catcher)
{
    const pb_turn_info *info = pb_turn_info_of(turn);
    pb_llm_request request;

    memset(&request, 0, sizeof request);
    request.size = (uint32_t)sizeof request;
    request.stream = info->stream;
    request.dialect = info->dialect;
    request.messages = pb_turn_messages(turn, &request.message_count);
    request.params = params_of(generate, turn, catcher->offers);
    if (!request.params)
        return PB_NO_MEMORY;
    catcher->calls.count = 0;
    catcher->text.size = 0;
    catcher->finish = PB_FINISH_NONE;
    return pb_llm_generate(generate->llm, &request, &catcher->base);
}

/* The model's answer is there: does it want tools of ours, and are they run? */
static pb_status answer_calls(struct catcher *catcher, bool *again)
{
    struct calls *calls = &catcher->calls;
    pb_status status = PB_OK;

    *again = false;
    if (!calls->count || !calls_all_local(calls))
        return PB_OK; /* the client has a part in it: it answers and asks again */
    for (size_t i = 0; status == PB_OK && i < calls->count; i++)
        status = call_announce(&calls->items[i], (uint32_t)i, catcher->base.below);
    if (status != PB_OK)
        return status;
    status = calls_run(calls, catcher->turn);
    for (size_t i = 0; status == PB_OK && i < calls->count; i++) {
        pb_event event = pb_event_make(PB_EVENT_TOOL_RESULT);
        event.flags = PB_EVENT_LOCAL;
        event.index = (uint32_t)i;
        event.id = calls->items[i].id;
        event.name = calls->items[i].name;
        event.text = calls->items[i].result;
        status = pb_pass(&catcher->base, &event);
    }
    if (status == PB_OK)
        status = calls_append(calls, pb_copy(pb_buf_str(&catcher->text)), catcher->turn);
    *again = status == PB_OK;
    return status;
}

static pb_status generate_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct generate *generate = self;
    struct offers offers = {NULL, 0};
    struct catcher catcher;
    bool again = false;

    memset(&catcher, 0, sizeof catcher);
    catcher.base.size = (uint32_t)sizeof(pb_sink);
    catcher.base.emit = catch_event;
    catcher.base.below = pb_turn_sink(turn);
    catcher.turn = turn;
    catcher.offers = &offers;
    catcher.max_calls = generate->max_calls;
    pb_status status = offers_list(generate, &offers);
    for (int64_t round = 0; status == PB_OK; round++) {
        if (round > generate->max_rounds)
            return pb_fail(PB_UNPROCESSABLE, "the model still called tools after %lld rounds",
                           (long long)generate->max_rounds);
        status = ask(generate, turn, &catcher);
        if (status == PB_OK)
            status = answer_calls(&catcher, &again);
        if (status != PB_OK || !again)
            break;
    }
    if (status != PB_OK)
        return status;
    pb_turn_set_finish(turn, catcher.finish);
    return pb_run_next(next, turn);
}

PB_PLUGIN("generate", "0.1.0", "Apache-2.0", "Asks a model and runs the tools that it calls.",
          PB_STAGE("generate", struct generate, generate_options, .run = generate_run));
