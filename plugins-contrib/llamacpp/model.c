/* model.c - the model's file and its contexts, on a helper thread: loading takes seconds.
 *
 * libllama writes its log to one place for the whole process. Here it goes nowhere, but for the
 * first error while a model is loaded, which says why that failed. Instances start one after the
 * other.
 */
#include "llamacpp.h"

#include <ggml-backend.h>
#include <pthread.h>
#include <unistd.h>

static void hear(enum ggml_log_level level, const char *text, void *arg)
{
    struct load *load = arg;

    if (load && level == GGML_LOG_LEVEL_ERROR && text && load->why[0] == 0)
        (void)snprintf(load->why, sizeof load->why, "%s", text);
}

static void prepare(void)
{
    ggml_backend_load_all();
    llama_backend_init();
}

/* Asked while a long prompt is computed. */
static bool told_to_end(void *nothing)
{
    (void)nothing;
    return pb_cancelled();
}

static bool make_place(struct llamacpp *own, struct place *place)
{
    struct llama_context_params params = llama_context_default_params();
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int32_t threads =
        own->threads ? (int32_t)own->threads : (int32_t)(processors > 0 ? processors : 1);

    params.n_ctx = (uint32_t)own->context;
    params.n_batch = params.n_ubatch = (uint32_t)own->batch;
    params.n_threads = params.n_threads_batch = threads;
    params.abort_callback = told_to_end;
    params.no_perf = true;
    place->context = llama_init_from_model(own->loaded, params);
    place->tokens = place->context ? calloc((size_t)own->context, sizeof *place->tokens) : NULL;
    return place->tokens != NULL;
}

static pb_status load_all(struct load *load)
{
    struct llamacpp *own = load->own;
    struct llama_model_params params = llama_model_default_params();

    params.n_gpu_layers = (int32_t)own->gpu_layers;
    own->loaded = llama_model_load_from_file(own->model.data, params);
    if (!own->loaded)
        return PB_UNAVAILABLE;
    own->vocab = llama_model_get_vocab(own->loaded);
    if (!llama_model_has_decoder(own->loaded) || llama_model_has_encoder(own->loaded)) {
        (void)snprintf(load->why, sizeof load->why,
                       "it does not go on with a text; chat models do");
        return PB_UNSUPPORTED;
    }
    for (int64_t i = 0; i < own->parallel; i++) {
        if (!make_place(own, &own->places[i]))
            return PB_NO_MEMORY;
        own->places[i].next = own->free;
        own->free = &own->places[i];
    }
    return PB_OK;
}

pb_status model_load(void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct load *load = arg;

    llama_log_set(hear, load);
    (void)pthread_once(&once, prepare);
    pb_status status = load_all(load);
    llama_log_set(hear, NULL);
    for (char *at = load->why; *at; at++)
        if (*at == '\n')
            *at = 0;
    return status;
}

pb_status model_unload(void *arg)
{
    struct llamacpp *own = arg;

    for (int64_t i = 0; own->places && i < own->parallel; i++) {
        if (own->places[i].context)
            llama_free(own->places[i].context);
        free(own->places[i].tokens);
        own->places[i] = (struct place){0};
    }
    if (own->loaded)
        llama_model_free(own->loaded);
    own->loaded = NULL;
    own->free = NULL;
    return PB_OK;
}
