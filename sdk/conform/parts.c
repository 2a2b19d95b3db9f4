/* parts.c - see parts.h. The model repeats the last question in pieces and waits between them, each
 * question for a time of its own: turns that run at once overlap. */
#define pb_host_table    pb_host_table_parts /* the program may hold other static plugins */
#define PB_PLUGIN_SYMBOL conform_parts

#include "parts.h"

#include <patchbay/classifier.h>
#include <patchbay/embedder.h>
#include <patchbay/llm.h>
#include <patchbay/reranker.h>
#include <patchbay/retriever.h>
#include <patchbay/tool.h>
#include <stdio.h>

struct none {
    bool unused;
};

static const pb_field no_options[] = {PB_END};

static uint32_t number_of(pb_str text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 16777619u;
    return hash;
}

/* --- a model ------------------------------------------------------------------------------------
 */

static pb_str question_of(const pb_llm_request *request)
{
    for (size_t i = request->message_count; i-- > 0;)
        if (request->messages[i]->role == PB_ROLE_USER)
            return request->messages[i]->text;
    return pb_lit("nothing");
}

static pb_status echo_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    pb_str question = question_of(request);
    uint32_t number = number_of(question);
    pb_usage usage = {.size = sizeof usage, .calls = 1, .input_tokens = 3, .output_tokens = 3};
    pb_event text = pb_event_make(PB_EVENT_TEXT), count = pb_event_make(PB_EVENT_USAGE);
    pb_event finish = pb_event_make(PB_EVENT_FINISH);
    pb_status status = PB_OK;

    (void)self;
    for (unsigned i = 0; status == PB_OK && i < 3; i++) {
        text.text = i == 0 ? pb_lit("You said: ") : i == 1 ? question : pb_lit(".");
        if (text.text.size)
            status = pb_sink_emit(sink, &text);
        if (status == PB_OK)
            status = pb_sleep((1 + (number >> (i * 4)) % 16) * PB_MILLISECOND);
    }
    count.usage = &usage;
    finish.finish = PB_FINISH_STOP;
    finish.text = pb_lit("echo-1");
    if (status == PB_OK)
        status = pb_sink_emit(sink, &count);
    return status == PB_OK ? pb_sink_emit(sink, &finish) : status;
}

/* --- what finds and orders ----------------------------------------------------------------------
 */

enum { DIMENSIONS = 8 };

static pb_status embed(void *self, const pb_embed_request *request, float *out)
{
    (void)self;
    for (size_t i = 0; i < request->count; i++) {
        uint32_t number = number_of(request->texts[i]);
        memset(&out[i * DIMENSIONS], 0, DIMENSIONS * sizeof *out);
        out[i * DIMENSIONS + number % DIMENSIONS] = 1;
    }
    return pb_step();
}

static size_t embed_dimensions(void *self)
{
    (void)self;
    return DIMENSIONS;
}

static pb_str embed_model(void *self)
{
    (void)self;
    return pb_lit("conform/echo-1");
}

static pb_status retrieve(void *self, const pb_retrieve_request *request, pb_passages *out)
{
    pb_passage *passage = pb_passage_new(pb_printf("About %.*s.", PB_ARG(request->query)));
    const pb_passage **items = PB_NEW(const pb_passage *);

    (void)self;
    if (!passage || !items)
        return PB_NO_MEMORY;
    passage->id = passage->document_id = pb_lit("conform-1");
    passage->document = pb_lit("conform.txt");
    passage->collection = pb_lit("conform");
    passage->score = 1;
    items[0] = passage;
    out->items = items;
    out->count = 1;
    return pb_sleep((1 + number_of(request->query) % 16) * PB_MILLISECOND);
}

static pb_status rerank(void *self, pb_str query, const pb_passages *in, pb_passages *out)
{
    (void)self;
    (void)query;
    out->items = in->items;
    out->count = in->count;
    return PB_OK;
}

static pb_status classify(void *self, const pb_classify_request *request, pb_labels *out)
{
    (void)self;
    (void)request;
    out->count = 0;
    return PB_OK;
}

/* --- a tool -------------------------------------------------------------------------------------
 */

static pb_status tool_list(void *self, pb_tool_list *out)
{
    pb_tool_function *function = PB_NEW(pb_tool_function);
    const pb_tool_function **functions = PB_NEW(const pb_tool_function *);

    (void)self;
    if (!function || !functions)
        return PB_NO_MEMORY;
    *function = (pb_tool_function){.size = sizeof *function,
                                   .name = pb_lit("echo"),
                                   .description = pb_lit("Gives back what it is given.")};
    pb_status status = pb_json_parse(pb_lit("{\"type\": \"object\"}"), &function->parameters);
    functions[0] = function;
    out->functions = functions;
    out->count = 1;
    return status;
}

static pb_status tool_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out)
{
    (void)self;
    if (!pb_str_is(name, "echo"))
        return pb_fail(PB_NOT_FOUND, "there is no function '%.*s'", PB_ARG(name));
    *out = arguments;
    return PB_OK;
}

PB_PLUGIN("conform-parts", "1.0.0", "Apache-2.0", "Parts for a plugin that is tested.",
          PB_LLM("conform-parts", struct none, no_options, .generate = echo_generate),
          PB_EMBEDDER("conform-parts", struct none, no_options, .embed = embed,
                      .dimensions = embed_dimensions, .model = embed_model),
          PB_RETRIEVER("conform-parts", struct none, no_options, .retrieve = retrieve),
          PB_RERANKER("conform-parts", struct none, no_options, .rerank = rerank),
          PB_CLASSIFIER("conform-parts", struct none, no_options, .classify = classify),
          PB_TOOL("conform-parts", struct none, no_options, .list = tool_list, .call = tool_call));
