/* wish.c - parameters of a turn, and of the option `params`, as libllama's samplers. */
#include "llamacpp.h"

/* JSON as text. Source: RFC 8259; llama.cpp grammars/README.md for how it is written. */
static const char json_grammar[] =
    "root ::= object\n"
    "value ::= object | array | string | number | \"true\" | \"false\" | \"null\"\n"
    "object ::= \"{\" ws ( string ws \":\" ws value ws ( \",\" ws string ws \":\" ws value ws )* "
    ")? \"}\"\n"
    "array ::= \"[\" ws ( value ws ( \",\" ws value ws )* )? \"]\"\n"
    "string ::= \"\\\"\" ( [^\"\\\\\\x7F\\x00-\\x1F] | \"\\\\\" ( [\"\\\\/bfnrt] | \"u\" hex hex "
    "hex hex ) )* \"\\\"\"\n"
    "hex ::= [0-9a-fA-F]\n"
    "number ::= \"-\"? ( \"0\" | [1-9] [0-9]* ) ( \".\" [0-9]+ )? ( [eE] [-+]? [0-9]+ )?\n"
    "ws ::= [ \\n]?\n";

static const pb_json *param(const struct llamacpp *own, const pb_json *params, const char *name)
{
    const pb_json *value = pb_json_get(params, name);

    return value && value->type != PB_JSON_NULL ? value : pb_json_get(own->params, name);
}

static pb_status number(const pb_json *value, const char *name, double min, double max, double *out)
{
    if (!value)
        return PB_OK;
    double given = pb_json_double(value, NAN);
    if (!(given >= min && given <= max))
        return pb_fail(PB_INVALID, "'%s' must be a number from %g to %g", name, min, max);
    *out = given;
    return PB_OK;
}

static pb_status add_stop(struct wish *wish, const pb_json *value)
{
    pb_str text = pb_json_text(value);

    if (text.size == 0 || text.size > LLAMACPP_PIECE)
        return pb_fail(PB_INVALID, "'stop' must be a text of 1 to %d bytes, or a list of such",
                       LLAMACPP_PIECE);
    if (wish->stop_count == LLAMACPP_STOPS)
        return pb_fail(PB_INVALID, "'stop' has more than %d texts", LLAMACPP_STOPS);
    wish->stops[wish->stop_count++] = text;
    return PB_OK;
}

static pb_status read_stops(struct wish *wish, const pb_json *value)
{
    pb_status status = PB_OK;

    if (!pb_json_is(value, PB_JSON_ARRAY))
        return value ? add_stop(wish, value) : (pb_status)PB_OK;
    for (const pb_json *at = value->child; at && status == PB_OK; at = at->next)
        status = add_stop(wish, at);
    return status;
}

/* What a reply would be wrong without, and what only would be different. */
static pb_status read_rest(const struct llamacpp *own, const pb_json *params, struct wish *out)
{
    static const char *const without[] = {"model", "logprobs", "top_logprobs", "reasoning_effort"};
    pb_str format = pb_json_text(pb_json_get(param(own, params, "response_format"), "type"));
    const pb_json *tools = param(own, params, "tools");

    out->json = pb_str_is(format, "json_object");
    if (format.size && !out->json && !pb_str_is(format, "text"))
        return pb_fail(PB_UNSUPPORTED, "'response_format' may be 'text' or 'json_object' here");
    if (tools && tools->count &&
        !pb_str_is(pb_json_text(param(own, params, "tool_choice")), "none"))
        return pb_fail(PB_UNSUPPORTED, "models in the process (llamacpp) are given no tools");
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        const pb_json *value = pb_json_get(params, without[i]);
        if (value && value->type != PB_JSON_NULL && value->type != PB_JSON_FALSE)
            pb_llm_ignore(pb_str_of(without[i]));
    }
    return PB_OK;
}

pb_status wish_read(const struct llamacpp *own, const pb_json *params, struct wish *out)
{
    const pb_json *longest = param(own, params, "max_completion_tokens");
    const pb_json *seed = param(own, params, "seed");
    double max_tokens = 0;

    *out = (struct wish){.temperature = 0.8, .top_p = 0.95, .seed = LLAMA_DEFAULT_SEED};
    pb_status status =
        number(param(own, params, "temperature"), "temperature", 0, 2, &out->temperature);
    if (status == PB_OK)
        status = number(param(own, params, "top_p"), "top_p", 0, 1, &out->top_p);
    if (status == PB_OK)
        status = number(param(own, params, "presence_penalty"), "presence_penalty", -2, 2,
                        &out->presence);
    if (status == PB_OK)
        status = number(param(own, params, "frequency_penalty"), "frequency_penalty", -2, 2,
                        &out->frequency);
    if (status == PB_OK)
        status = number(longest ? longest : param(own, params, "max_tokens"), "max_tokens", 1, 1e9,
                        &max_tokens);
    out->max_tokens = (int64_t)max_tokens;
    if (seed) /* any number; the sampler has 32 bits of it */
        out->seed = (uint32_t)(uint64_t)pb_json_int(seed, 0);
    if (status == PB_OK)
        status = read_stops(out, param(own, params, "stop"));
    return status == PB_OK ? read_rest(own, params, out) : status;
}

static struct llama_sampler *penalties(const struct llamacpp *own, const struct wish *wish)
{
    enum { LOOKS_BACK = 64 };
#ifdef LLAMACPP_PENALTIES_OF_VOCABULARY
    return llama_sampler_init_penalties(llama_vocab_n_tokens(own->vocab), LOOKS_BACK, 1.0F,
                                        (float)wish->frequency, (float)wish->presence);
#else
    (void)own;
    return llama_sampler_init_penalties(LOOKS_BACK, 1.0F, (float)wish->frequency,
                                        (float)wish->presence);
#endif
}

/* What a sampler is made of can be short of memory. */
static bool add(struct llama_sampler *chain, struct llama_sampler *one)
{
    if (one)
        llama_sampler_chain_add(chain, one);
    return one != NULL;
}

struct llama_sampler *wish_sampler(const struct llamacpp *own, const struct wish *wish)
{
    struct llama_sampler *chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    bool whole = chain != NULL;

    if (whole && wish->json)
        whole = add(chain, llama_sampler_init_grammar(own->vocab, json_grammar, "root"));
    if (whole && (wish->presence != 0 || wish->frequency != 0))
        whole = add(chain, penalties(own, wish));
    if (whole && wish->temperature <= 0)
        whole = add(chain, llama_sampler_init_greedy());
    else if (whole)
        whole = add(chain, llama_sampler_init_top_k(40)) &&
                add(chain, llama_sampler_init_top_p((float)wish->top_p, 1)) &&
                add(chain, llama_sampler_init_temp((float)wish->temperature)) &&
                add(chain, llama_sampler_init_dist(wish->seed));
    if (chain && !whole)
        llama_sampler_free(chain);
    return whole ? chain : NULL;
}
