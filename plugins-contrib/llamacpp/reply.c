/* reply.c - a prompt computed, then a reply token by token, each step on a helper thread.
 *
 * Between two steps the turn may be cancelled; within one the library asks whether it was.
 */
#include "llamacpp.h"

struct reply {
    struct llamacpp *own;
    struct place *place;
    const struct prompt *prompt;
    const struct wish *wish;
    struct llama_sampler *sampler;
    int32_t failed; /* what llama_decode returned */
    llama_token token;
    bool ended; /* the model said so */
    char piece[LLAMACPP_PIECE];
    int32_t piece_size;
};

/* --- on a helper thread
 * ---------------------------------------------------------------------------- */

/* After a failure nobody knows what the memory of the context holds. */
static void forget(struct place *place)
{
    llama_memory_clear(llama_get_memory(place->context), true);
    place->count = 0;
}

static pb_status compute(struct reply *reply, const llama_token *tokens, size_t count)
{
    struct place *place = reply->place;

    memcpy(place->tokens + place->count, tokens, count * sizeof *tokens);
    reply->failed = llama_decode(place->context,
                                 llama_batch_get_one(place->tokens + place->count, (int32_t)count));
    if (reply->failed == 0) {
        place->count += count;
        return PB_OK;
    }
    forget(place);
    return reply->failed == 2 ? PB_CANCELLED : PB_INTERNAL;
}

/* What the context holds beyond what the prompt begins with goes; the last token is always computed
 * anew, because what follows it is asked for. A grammar needs more stack than a task has, so the
 * sampler is made here. */
static pb_status prepare(void *arg)
{
    struct reply *reply = arg;
    struct place *place = reply->place;
    size_t same = queue_common(place, reply->prompt);

    reply->sampler = wish_sampler(reply->own, reply->wish);
    if (!reply->sampler)
        return PB_NO_MEMORY;
    if (same == reply->prompt->count)
        same--;
    if (llama_memory_seq_rm(llama_get_memory(place->context), 0, (llama_pos)same, -1))
        place->count = same;
    else
        forget(place); /* a model whose memory cannot be cut */
    return PB_OK;
}

static pb_status compute_prompt(void *arg)
{
    struct reply *reply = arg;
    size_t left = reply->prompt->count - reply->place->count;

    return compute(reply, reply->prompt->tokens + reply->place->count,
                   left < (size_t)reply->own->batch ? left : (size_t)reply->own->batch);
}

static pb_status next_token(void *arg)
{
    struct reply *reply = arg;

    if (reply->token != LLAMA_TOKEN_NULL) {
        pb_status status = compute(reply, &reply->token, 1);
        if (status != PB_OK)
            return status;
    }
    reply->token = llama_sampler_sample(reply->sampler, reply->place->context, -1);
    reply->ended = llama_vocab_is_eog(reply->own->vocab, reply->token);
    reply->piece_size = reply->ended
                            ? 0
                            : llama_token_to_piece(reply->own->vocab, reply->token, reply->piece,
                                                   sizeof reply->piece, 0, false);
    return PB_OK;
}

/* --- in the turn
 * ----------------------------------------------------------------------------------- */

static pb_status step(struct reply *reply, pb_status (*what)(void *))
{
    reply->failed = 0;
    pb_status status = pb_offload(what, reply);
    if (reply->failed == 2 || (status == PB_OK && pb_cancelled())) {
        status = pb_sleep(0); /* says why: cancelled, or a deadline */
        return status == PB_OK && reply->failed ? (pb_status)PB_CANCELLED : status;
    }
    if (reply->failed == 0)
        return status;
    return pb_fail(PB_INTERNAL, "libllama failed to compute (%d)%s", reply->failed,
                   reply->failed == 1 ? ": the context is full" : "");
}

static pb_status say(pb_sink *sink, pb_str text)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT);

    event.text = text;
    return text.size ? pb_sink_emit(sink, &event) : (pb_status)PB_OK;
}

static pb_status speak(struct reply *reply, struct held *held, int64_t most, pb_sink *sink,
                       int64_t *count)
{
    pb_status status = PB_OK;

    while (status == PB_OK && *count < most && !held->stopped.data && !reply->ended) {
        status = step(reply, next_token);
        if (status != PB_OK || reply->ended)
            break;
        ++*count;
        reply->own->reply_tokens++;
        held_add(held, reply->piece, reply->piece_size > 0 ? (size_t)reply->piece_size : 0);
        status = say(sink, held_take(held, false));
    }
    if (status == PB_OK && !held->stopped.data) {
        held_add(held, "", 0);
        status = say(sink, held_take(held, true));
    }
    return status;
}

static pb_status tell(const struct reply *reply, const struct held *held, pb_usage *usage,
                      pb_sink *sink)
{
    pb_event event = pb_event_make(PB_EVENT_USAGE);

    event.usage = usage;
    pb_status status = pb_sink_emit(sink, &event);
    if (status != PB_OK)
        return status;
    event = pb_event_make(PB_EVENT_FINISH);
    event.finish = reply->ended || held->stopped.data ? PB_FINISH_STOP : PB_FINISH_LENGTH;
    event.text = reply->own->name;
    event.name = held->stopped;
    return pb_sink_emit(sink, &event);
}

static pb_status run(struct reply *reply, struct held *held, pb_sink *sink)
{
    struct llamacpp *own = reply->own;
    int64_t room = own->context - (int64_t)reply->prompt->count;
    int64_t most = reply->wish->max_tokens ? reply->wish->max_tokens : own->max_tokens;
    pb_usage usage = {.size = (uint32_t)sizeof usage, .calls = 1};
    pb_status status = step(reply, prepare);

    usage.input_tokens = (int64_t)reply->prompt->count;
    usage.cached_tokens = (int64_t)reply->place->count;
    while (status == PB_OK && reply->place->count < reply->prompt->count)
        status = step(reply, compute_prompt);
    if (status != PB_OK)
        return status;
    own->prompt_tokens += (uint64_t)usage.input_tokens;
    own->reused_tokens += (uint64_t)usage.cached_tokens;
    status = speak(reply, held, most < room ? most : room, sink, &usage.output_tokens);
    return status == PB_OK ? tell(reply, held, &usage, sink) : status;
}

pb_status reply_run(struct llamacpp *own, struct place *place, const struct prompt *prompt,
                    const struct wish *wish, pb_sink *sink)
{
    struct reply *reply = PB_NEW(struct reply);
    struct held *held = PB_NEW(struct held);

    if (!reply || !held)
        return PB_NO_MEMORY;
    held->wish = wish;
    *reply = (struct reply){
        .own = own, .place = place, .prompt = prompt, .wish = wish, .token = LLAMA_TOKEN_NULL};
    pb_status status = run(reply, held, sink);
    if (reply->sampler)
        llama_sampler_free(reply->sampler);
    return status;
}
