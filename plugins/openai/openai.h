/* openai.h - instances of the openai llm and embedder, and what their files share.
 *
 * One generate call: body.c writes the request, stream.c or whole.c reads the answer into a
 * struct answer and emits it, failure.c turns what went wrong into a status and a sentence.
 * embed.c is the embedder; service.c what both know of the service behind them.
 */
#ifndef OPENAI_H
#define OPENAI_H

#include <patchbay/embedder.h>
#include <patchbay/llm.h>
#include <patchbay/upstream.h>

struct price {
    double input; /* USD per million tokens */
    double output;
    double cached;
};

/* Where and as whom to ask: the options that llm and embedder have in common. */
struct service {
    pb_upstream upstream;
    pb_str organization;
    pb_str project;
    uint32_t header_count; /* of each array that service_headers made */
};

#define SERVICE_OPTIONS(owner)                                                                     \
    PB_STR(owner, service.organization, .name = "organization", .max_length = 256,                 \
           .help = "OpenAI-Organization."),                                                        \
        PB_STR(owner, service.project, .name = "project", .max_length = 256,                       \
               .help = "OpenAI-Project.")

struct openai {
    struct service service;
    struct price price;
    const pb_json *params;

    /* Made by create, so that a request formats nothing. */
    pb_str url;
    pb_header *whole_headers;  /* for an answer in one piece, */
    pb_header *stream_headers; /* and for a stream: they differ in Accept */
};

/* service.c */
void service_check(const struct service *service, pb_diagnostics *diagnostics);
/* Once, in create: the URL of `path` there, absent when memory is short. */
pb_str service_prepare(struct service *service, const char *path);
/* What to send with each request; NULL when memory is short. */
pb_header *service_headers(struct service *service, pb_str accept);
struct embed_timeouts {
    pb_duration connect;
    pb_duration answer;
};

struct embedder {
    struct service service;
    struct embed_timeouts timeouts;
    int64_t size; /* the option `dimensions` */
    bool shorten;
    int64_t batch;
    pb_str query_prefix;
    pb_str document_prefix;

    /* Made by create. */
    size_t dimensions;
    bool ask_size; /* the service is told how long a vector is to be */
    pb_str url;
    pb_header *headers;
    pb_str space; /* "openai/<model>[/<dimensions>]" */
};

/* embed.c */
extern const pb_field embedder_options[];
void embedder_check(const void *self, pb_diagnostics *diagnostics);
pb_status embedder_create(void *self);
pb_status embedder_embed(void *self, const pb_embed_request *request, float *out);
size_t embedder_dimensions(void *self);
pb_str embedder_model(void *self);

/* What a model said so far, apart from the text, which is passed on at once. */
struct answer {
    pb_sink *sink;
    pb_str model;
    pb_usage usage;
    bool has_usage;
    bool refused;   /* it said so in a `refusal`, which clients read as filtered */
    int32_t finish; /* PB_FINISH_NONE until the model said why it stopped */
};

/* One event to come out of a chunk. */
struct piece {
    int32_t type;
    uint32_t index;
    pb_str id;
    pb_str name;
    pb_str text;
    pb_str data; /* JSON text of the event's data, or absent */
};

/* Pieces in one chunk of a stream: servers send one, seldom two, some all tool calls at once. */
enum { PIECES = 8, PIECES_MOST = 128 };

/* A chunk of a stream, taken apart. Its strings live in `text`. */
struct chunk {
    struct piece few[PIECES];
    struct piece *pieces; /* `few`, or more of them once a chunk needed more */
    size_t count, room;
    pb_buf text;
    size_t extra, extra_room; /* bytes of data beside the chunk's own strings, and room for such */
    bool plain; /* one piece of text and nothing else: the shape that repeats */
};

/* body.c, message.c: the request's JSON text in the running scope. */
pb_status body_write(const struct openai *openai, const pb_llm_request *request, pb_str *out);

pb_status message_write(pb_json_writer *writer, const pb_message *message);

/* chunk.c: reads one chunk of a stream. Nothing that it allocated stays but chunk->text. */
pb_status chunk_read(const struct openai *openai, struct answer *answer, pb_str data,
                     struct chunk *chunk);

/* answer.c */
/* Reads usage, model and finish of a chunk or a whole answer. */
void answer_note(const struct openai *openai, struct answer *answer, const pb_json *json);
/* {"logprobs": […]} of a choice, {"signature": …} of a call, as text in the running scope; absent when it has
 * none. */
pb_str data_of_choice(const pb_json *choice);
pb_str data_of_call(const pb_json *call);
/* {"signature": …} or {"redacted": …} of one of thinking_blocks, as LiteLLM calls them. */
pb_str data_of_block(const pb_json *block);
/* Emits one piece; what is empty is left out. */
pb_status answer_emit(struct answer *answer, const struct piece *piece);
/* Emits usage and finish: the end of a good answer. */
pb_status answer_end(struct answer *answer);

/* stream.c, whole.c: read the answer's body. */
pb_status stream_read(const struct openai *openai, pb_http *http, struct answer *answer,
                      pb_first_token *first);
pb_status whole_read(const struct openai *openai, pb_http *http, struct answer *answer);

/* failure.c */
pb_status failure_of_status(const struct service *service, pb_http *http);
/* `error`: the member of that name in an answer with status 200. */
pb_status failure_of_error(const struct service *service, const pb_json *error);

#endif
