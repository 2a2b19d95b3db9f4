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
           .help = "Tool calls in one round; more are an error. Only where `tools` are given."),
    PB_SIZE(struct generate, max_result, .def = "256KiB", .min = 64, .max = 16777216,
            .help = "Longest result of a tool; what is longer is cut, and the model is told so."),
    PB_END,
};

/* Stands between the model and the turn. */
struct catcher {
    pb_sink base;
    const struct generate *generate;
    struct offers offers;
    struct calls calls;
    struct thinking thinking;
    pb_buf text; /* kept only where tools run here: the next round's messages need it */
    const pb_json *params;
    int32_t finish;
};

static pb_status catch_event(pb_sink *sink, const pb_event *event)
{
    struct catcher *catcher = (struct catcher *)(void *)sink;

    if (event->type == PB_EVENT_FINISH) {
        catcher->finish = event->finish;
        return PB_OK;
    }
    if (event->type == PB_EVENT_TOOL_CALL && catcher->offers.count)
        return calls_take(&catcher->calls, event, &catcher->offers, sink->below);
    if (event->type == PB_EVENT_THINKING && catcher->offers.count &&
        thinking_take(&catcher->thinking, event) != PB_OK)
        return PB_NO_MEMORY;
    if (event->type == PB_EVENT_TEXT && catcher->offers.count) {
        pb_buf_add(&catcher->text, event->text);
        if (catcher->text.failed)
            return PB_NO_MEMORY;
    }
    return pb_pass(sink, event);
}

/* Asks the model once. The parameters of the second round are those of all later ones. */
static pb_status ask(struct catcher *catcher, pb_turn *turn, int64_t round)
{
    const pb_turn_info *info = pb_turn_info_of(turn);
    pb_llm_request request;

    if (round < 2)
        catcher->params = params_merge(catcher->generate, turn, &catcher->offers, round > 0);
    if (!catcher->params)
        return PB_NO_MEMORY;
    memset(&request, 0, sizeof request);
    request.size = (uint32_t)sizeof request;
    request.stream = info->stream;
    request.dialect = info->dialect;
    request.messages = pb_turn_messages(turn, &request.message_count);
    request.params = catcher->params;
    request.passages = pb_turn_passages(turn);
    memset(&catcher->calls, 0, sizeof catcher->calls); /* messages hold on to the earlier ones */
    catcher->calls.most = (size_t)catcher->generate->max_calls;
    memset(&catcher->text, 0, sizeof catcher->text);
    memset(&catcher->thinking, 0, sizeof catcher->thinking);
    catcher->finish = PB_FINISH_NONE;
    return pb_llm_generate(catcher->generate->llm, &request, &catcher->base);
}

/* Does the model wait for us? Not where the client has a part in it: it answers and asks again, nor
 * where the answer broke off and the calls may have too. */
static bool waits(const struct catcher *catcher)
{
    return catcher->calls.count && !catcher->calls.passed && catcher->finish != PB_FINISH_LENGTH &&
           catcher->finish != PB_FINISH_FILTER;
}

static pb_status answer(struct catcher *catcher, pb_turn *turn)
{
    struct calls *calls = &catcher->calls;
    pb_sink *below = catcher->base.below;
    pb_status status = PB_OK;

    for (uint32_t i = 0; status == PB_OK && i < calls->count; i++)
        status = call_announce(&calls->items[i], i, below);
    if (status == PB_OK)
        status = calls_run(catcher->generate, calls);
    for (uint32_t i = 0; status == PB_OK && i < calls->count; i++)
        status = call_report(&calls->items[i], i, below);
    return status == PB_OK ? calls_append(calls, &catcher->thinking,
                                          pb_buf_str(&catcher->text), turn)
                           : status;
}

static pb_status generate_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct generate *generate = self;
    struct catcher catcher;

    memset(&catcher, 0, sizeof catcher);
    catcher.base.size = (uint32_t)sizeof(pb_sink);
    catcher.base.emit = catch_event;
    catcher.base.below = pb_turn_sink(turn);
    catcher.generate = generate;
    pb_status status = PB_OK;
    if (generate->tools.count)
        status = offers_list(generate, turn, &catcher.offers);
    for (int64_t round = 0; status == PB_OK; round++) {
        status = ask(&catcher, turn, round);
        if (status != PB_OK || !waits(&catcher))
            break;
        if (round == generate->max_rounds)
            return pb_fail(PB_UNPROCESSABLE, "the model still calls tools after %lld rounds",
                           (long long)generate->max_rounds);
        status = answer(&catcher, turn);
    }
    if (status != PB_OK)
        return status;
    pb_turn_set_finish(turn, catcher.finish);
    return pb_run_next(next, turn);
}

static void generate_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct generate *generate = self;
    params_check(generate->params, diagnostics);
}

PB_PLUGIN("generate", "0.1.0", "Apache-2.0", "Asks a model and runs the tools that it calls.",
          PB_STAGE("generate", struct generate, generate_options, .check = generate_check,
                   .run = generate_run));
