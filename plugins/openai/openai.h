/* openai.h - instances of the openai llm and embedder, and what their files share.
 *
 * One generate call: body.c writes the request, stream.c or whole.c reads the answer into a
 * struct answer and emits it, failure.c turns what went wrong into a status and a sentence.
 * embed.c is the embedder; service.c what both know of the service behind them.
 */
#ifndef OPENAI_H
#define OPENAI_H

#include <patchbay/embedder.h>
#include <patchbay/http.h>
#include <patchbay/llm.h>

struct price {
    double input; /* USD per million tokens */
    double output;
    double cached;
};

struct timeouts {
    pb_duration connect;
    pb_duration first_token;
    pb_duration between_tokens;
    pb_duration answer;
};

/* Where and as whom to ask: the options that llm and embedder have in common. */
struct service {
    pb_str base_url;
    pb_secret api_key;
    pb_str model;
    pb_str organization;
    pb_str project;
    pb_map headers; /* of pb_secret: such headers carry keys more often than not */
    pb_str ca_file;
    pb_secret proxy;
    int64_t max_body;
    pb_str key;            /* trimmed, or absent; made by service_prepare */
    uint32_t header_count; /* of each array that service_headers made */
};

#define SERVICE_OPTIONS(owner, added)                                                              \
    PB_STR(owner, service.base_url, .name = "base_url", .def = "https://api.openai.com/v1",        \
           .pattern = "https?://.+", .max_length = 2048,                                           \
           .help = "Where the API is; " added " is added."),                                       \
        PB_SECRET(owner, service.api_key, .name = "api_key",                                       \
                  .help = "Sent as bearer token; local servers need none."),                       \
        PB_STR(owner, service.model, .name = "model", .required = 1, .max_length = 256,            \
               .help = "The model's name at that service."),                                       \
        PB_STR(owner, service.organization, .name = "organization", .max_length = 256,             \
               .help = "OpenAI-Organization."),                                                    \
        PB_STR(owner, service.project, .name = "project", .max_length = 256,                       \
               .help = "OpenAI-Project."),                                                         \
        PB_MAP(owner, service.headers, PB_KIND_SECRET, .name = "headers", .max_length = 32,        \
               .help = "More headers; shown masked, because they often carry keys."),              \
        PB_PATH(owner, service.ca_file, .name = "ca_file",                                         \
                .help = "PEM of authorities to trust instead of the system's."),                   \
        PB_SECRET(owner, service.proxy, .name = "proxy", .pattern = "https?://.+",                 \
                  .help = "http://host:port; shown masked, because it may hold a password."),      \
        PB_SIZE(owner, service.max_body, .name = "max_body", .def = "64MiB", .min = 1024,          \
                .help = "Longest answer.")

struct openai {
    struct service service;
    struct price price;
    struct timeouts timeouts;
    const pb_json *params;
    int64_t max_event;

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
/* A POST of the service's; the caller adds its body, headers and times. */
pb_http_spec service_post(const struct service *service, pb_str url, const pb_header *headers);

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
                      pb_duration *deadline);
pb_status whole_read(const struct openai *openai, pb_http *http, struct answer *answer);

/* failure.c */
pb_status failure_of_status(const struct service *service, pb_http *http);
/* `error`: the member of that name in an answer with status 200. */
pb_status failure_of_error(const struct service *service, const pb_json *error);
/* A status of reading the body, with the sentence that fits a model. */
pb_status failure_of_read(const struct service *service, pb_status status);
/* The value of Retry-After or Retry-After-Ms as a duration; 0: none or senseless. */
pb_duration retry_after(pb_str seconds_or_date, pb_str milliseconds, pb_time now);

#endif
