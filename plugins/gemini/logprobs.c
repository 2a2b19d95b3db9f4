/* logprobs.c - {"chosenCandidates": […], "topCandidates": […]} as OpenAI writes logprobs.content. */
#include "gemini.h"

static const pb_str none;

static pb_json *token_of(const pb_json *candidate)
{
    pb_json *token = pb_json_new(PB_JSON_OBJECT, none);

    pb_json_add(token, pb_lit("token"),
                pb_json_string(pb_json_text(pb_json_get(candidate, "token"))));
    pb_json_add_copy(token, pb_lit("logprob"), pb_json_get(candidate, "logProbability"));
    pb_json_add(token, pb_lit("bytes"), pb_json_new(PB_JSON_NULL, none));
    return token;
}

const pb_json *logprobs_read(const pb_json *candidate)
{
    const pb_json *result = pb_json_get(candidate, "logprobsResult");
    const pb_json *chosen = pb_json_get(result, "chosenCandidates");
    const pb_json *top = pb_json_get(result, "topCandidates");
    pb_json *data = pb_json_new(PB_JSON_OBJECT, none);
    pb_json *list = pb_json_add(data, pb_lit("logprobs"), pb_json_new(PB_JSON_ARRAY, none));
    size_t index = 0;

    if (!pb_json_is(chosen, PB_JSON_ARRAY) || !chosen->count)
        return NULL;
    for (const pb_json *at = chosen->child; at; at = at->next, index++) {
        const pb_json *others = pb_json_get(pb_json_at(top, index), "candidates");
        pb_json *token = pb_json_add(list, none, token_of(at));
        pb_json *best =
            pb_json_add(token, pb_lit("top_logprobs"), pb_json_new(PB_JSON_ARRAY, none));
        for (const pb_json *other = others ? others->child : NULL; other; other = other->next)
            pb_json_add(best, none, token_of(other));
    }
    return list ? data : NULL;
}
