/* llamacpp.h - what the files of the llm `llamacpp` share.
 *
 * All that computes or reads files runs in pb_offload. A `struct place` is one context of libllama:
 * it belongs to one turn at a time, and remembers the tokens that it has computed.
 */
#ifndef LLAMACPP_H
#define LLAMACPP_H

#include <llama.h>
#include <patchbay/llm.h>

enum { LLAMACPP_STOPS = 16, LLAMACPP_PIECE = 512 };

/* One context. While it is free it stands in the list of `struct llamacpp`. */
struct place {
    struct llama_context *context;
    llama_token *tokens; /* what its memory holds */
    size_t count;
    struct place *next; /* free */
};

struct waiting; /* queue.c: a turn that waits for a place */

struct llamacpp {
    pb_str model, template_name;
    int64_t context, parallel, queue, threads, batch, gpu_layers, max_tokens;
    const pb_json *params;
    struct llama_model *loaded;
    const struct llama_vocab *vocab;
    const char *template; /* what llama_chat_apply_template takes */
    pb_str name;          /* of the model, as it says itself */
    struct place *places, *free;
    struct waiting *first, **last;
    int64_t waiting;
    uint64_t prompt_tokens, reused_tokens, reply_tokens; /* for stats */
};

/* What a turn asks for. */
struct wish {
    double temperature, top_p, presence, frequency;
    int64_t max_tokens; /* 0: the option counts */
    uint32_t seed;
    bool json;
    pb_str stops[LLAMACPP_STOPS];
    size_t stop_count;
};

/* model.c: both on a helper thread. load fills `why` when it fails. */
struct load {
    struct llamacpp *own;
    char why[400];
};
pb_status model_load(void *load);
pb_status model_unload(void *own);

/* wish.c: reads parameters; what must not be ignored is PB_UNSUPPORTED. */
pb_status wish_read(const struct llamacpp *own, const pb_json *params, struct wish *out);
/* The sampler of a wish: free it with llama_sampler_free. NULL: no memory. On a helper thread. */
struct llama_sampler *wish_sampler(const struct llamacpp *own, const struct wish *wish);

/* prompt.c: the messages in the model's template, as tokens: pb_alloc'd, `count` of them. Parks.
 * PB_TOO_LARGE when they leave no room for a reply in the context. */
struct prompt {
    llama_token *tokens;
    size_t count;
};
pb_status prompt_make(struct llamacpp *own, const pb_llm_request *request, struct prompt *out);
/* Can libllama write this template? On a helper thread or the loop: it only formats a few words. */
bool prompt_known(const char *template);

/* queue.c: a place of one's own, at best one that begins like the prompt. Parks while there is
 * none; PB_UNAVAILABLE when as many wait as may. */
pb_status queue_take(struct llamacpp *own, const struct prompt *prompt, struct place **out);
void queue_give(struct llamacpp *own, struct place *place);
size_t queue_common(const struct place *place, const struct prompt *prompt);

/* held.c: text on its way out. What may become a stop word, and bytes of half a character, are held
 * back. `add` copies a piece; `take` says what may go, once: borrowed until the next add. */
struct held {
    const struct wish *wish;
    char text[LLAMACPP_PIECE * 2 + 1024];
    size_t size, gone; /* of text; the first `gone` bytes are out */
    pb_str stopped;    /* the stop word that came, or absent */
};
void held_add(struct held *held, const char *text, size_t size);
pb_str held_take(struct held *held, bool last);

/* reply.c: computes the prompt in `place`, then token by token. Parks. */
pb_status reply_run(struct llamacpp *own, struct place *place, const struct prompt *prompt,
                    const struct wish *wish, pb_sink *sink);

#endif
