/* plugin.c - the llm `llamacpp`: a GGUF model in this process, computed by libllama.
 *
 * Every worker loads the file; its pages are shared by all, the memory of the contexts is not.
 */
#include "llamacpp.h"

static const pb_field llamacpp_options[] = {
    PB_PATH(struct llamacpp, model, .required = 1, .help = "The model's file, GGUF."),
    PB_STR(struct llamacpp, template_name, .name = "template", .max_length = 64,
           .help = "The chat template by libllama's name for it: chatml, llama3; without it the "
                   "model's own."),
    PB_INT(struct llamacpp, context, .def = "4096", .min = 64, .max = 1048576,
           .help = "Tokens that a prompt and its reply may have together."),
    PB_INT(struct llamacpp, max_tokens, .def = "1024", .min = 1, .max = 1048576,
           .help = "Longest reply where the turn does not say."),
    PB_INT(struct llamacpp, parallel, .def = "1", .min = 1, .max = 64,
           .help = "Turns that are computed at once, each with a context of its own."),
    PB_INT(struct llamacpp, queue, .def = "16", .max = 100000,
           .help = "Turns that may wait for one of those; more are refused."),
    PB_INT(struct llamacpp, threads, .max = 1024,
           .help = "Processors that compute one turn; 0: all of them."),
    PB_INT(struct llamacpp, batch, .def = "512", .min = 1, .max = 65536,
           .help = "Tokens of a prompt that are computed in one step."),
    PB_INT(struct llamacpp, gpu_layers, .min = -1, .max = 100000,
           .help = "Layers that are computed by a graphics processor; -1: all of them."),
    PB_JSON(struct llamacpp, params,
            .help = "Defaults of generation parameters: {temperature: 0.2}; a turn's own win."),
    PB_END};

static void llamacpp_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct llamacpp *own = self;

    if (own->params && own->params->type != PB_JSON_OBJECT)
        pb_problem(diagnostics, "params", "must be a map of parameters, as {temperature: 0.2}");
}

/* The model's own template, or the one that was named. */
static pb_status choose_template(struct llamacpp *own)
{
    enum { MOST = 200 };
    const char *own_one = llama_model_chat_template(own->loaded, NULL), *names[MOST];
    pb_str known[MOST];

    own->template = own->template_name.size ? own->template_name.data : own_one;
    if (!own->template)
        return pb_fail(PB_INVALID, "the model '%.*s' has no chat template; name one in 'template'",
                       PB_ARG(own->model));
    if (prompt_known(own->template))
        return PB_OK;
    int32_t count = llama_chat_builtin_templates(names, MOST);
    for (int32_t i = 0; i < count && i < MOST; i++)
        known[i] = pb_str_of(names[i]);
    if (own->template_name.size)
        return pb_fail(
            PB_INVALID, "libllama knows no chat template '%.*s'%.*s", PB_ARG(own->template_name),
            PB_ARG(pb_hint(own->template_name, known, (size_t)(count < MOST ? count : MOST))));
    return pb_fail(PB_INVALID,
                   "libllama does not know the chat template of the model '%.*s'; name "
                   "one in 'template'",
                   PB_ARG(own->model));
}

static pb_status began(struct llamacpp *own)
{
    char name[128];
    struct load load = {.own = own};
    pb_status status = pb_offload(model_load, &load);

    if (status != PB_OK)
        return pb_fail(status, "the model '%.*s' cannot be loaded%s%s", PB_ARG(own->model),
                       load.why[0] ? ": " : "", load.why);
    int32_t size = llama_model_meta_val_str(own->loaded, "general.name", name, sizeof name);
    own->name = pb_copy(size > 0 ? pb_str_of(name) : pb_lit("llamacpp"));
    return own->name.data ? choose_template(own) : (pb_status)PB_NO_MEMORY;
}

static pb_status llamacpp_start(void *self)
{
    struct llamacpp *own = self;

    own->last = &own->first;
    own->places = pb_alloc((size_t)own->parallel * sizeof *own->places);
    pb_status status = own->places ? began(own) : (pb_status)PB_NO_MEMORY;
    if (status != PB_OK)
        (void)model_unload(own);
    return status;
}

static void llamacpp_stop(void *self)
{
    if (pb_offload(model_unload, self) != PB_OK)
        (void)model_unload(self);
}

static void llamacpp_stats(void *self, pb_stats *stats)
{
    const struct llamacpp *own = self;

    pb_stat(stats, "prompt_tokens", (double)own->prompt_tokens);
    pb_stat(stats, "reused_tokens", (double)own->reused_tokens);
    pb_stat(stats, "reply_tokens", (double)own->reply_tokens);
    pb_stat(stats, "waiting", (double)own->waiting);
}

static pb_status llamacpp_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    struct llamacpp *own = self;
    struct prompt prompt;
    struct place *place;
    struct wish wish;
    pb_status status = wish_read(own, request->params, &wish);

    if (status == PB_OK)
        status = prompt_make(own, request, &prompt);
    if (status == PB_OK)
        status = queue_take(own, &prompt, &place);
    if (status != PB_OK)
        return status;
    status = reply_run(own, place, &prompt, &wish, sink);
    queue_give(own, place);
    return status;
}

PB_PLUGIN("llamacpp", "0.1.0", "Apache-2.0", "Runs a GGUF model in the process, with libllama.",
          PB_LLM("llamacpp", struct llamacpp, llamacpp_options, .check = llamacpp_check,
                 .start = llamacpp_start, .stop = llamacpp_stop, .stats = llamacpp_stats,
                 .generate = llamacpp_generate));
