/* openai.h - an instance of the openai llm and what its files share.
 *
 * One generate call: body.c writes the request, stream.c or whole.c reads the answer into a
 * struct answer and emits it, failure.c turns what went wrong into a status and a sentence.
 */
#ifndef OPENAI_H
#define OPENAI_H

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

struct openai {
    pb_str base_url;
    pb_secret api_key;
    pb_str model;
    pb_str organization;
    pb_str project;
    pb_map headers; /* of pb_secret: such headers carry keys more often than not */
    struct price price;
    struct timeouts timeouts;
    pb_str ca_file;
    pb_secret proxy;
    const pb_json *params;
    int64_t max_body;
    int64_t max_event;

    /* Made by create, so that a request formats nothing. */
    pb_str key; /* trimmed, or absent */
    pb_str url;
    pb_header *whole_headers;  /* for an answer in one piece, */
    pb_header *stream_headers; /* and for a stream: they differ in Accept */
    uint32_t header_count;     /* of each */
};

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
};

/* Pieces in one chunk of a stream: servers send one, seldom two, some all tool calls at once. */
enum { PIECES = 3, PIECES_MOST = 128 };

/* A chunk of a stream, taken apart. Its strings live in `text`. */
struct chunk {
    struct piece few[PIECES];
    struct piece *pieces; /* `few`, or more of them once a chunk needed more */
    size_t count, room;
    pb_buf text;
    bool plain; /* one piece of text and nothing else: the shape that repeats */
};

/* body.c: the request's JSON text in the running scope. */
pb_status body_write(const struct openai *openai, const pb_llm_request *request, pb_str *out);

/* chunk.c: reads one chunk of a stream. Nothing that it allocated stays but chunk->text. */
pb_status chunk_read(const struct openai *openai, struct answer *answer, pb_str data,
                     struct chunk *chunk);
/* Reads usage, model and finish of a chunk or a whole answer. */
void answer_note(const struct openai *openai, struct answer *answer, const pb_json *json);
/* Emits one piece; what is empty is left out. */
pb_status answer_emit(struct answer *answer, const struct piece *piece);
/* Emits usage and finish: the end of a good answer. */
pb_status answer_end(struct answer *answer);

/* stream.c, whole.c: read the answer's body. */
pb_status stream_read(const struct openai *openai, pb_http *http, struct answer *answer,
                      pb_duration *deadline);
pb_status whole_read(const struct openai *openai, pb_http *http, struct answer *answer);

/* failure.c */
pb_status failure_of_status(const struct openai *openai, pb_http *http);
/* `error`: the member of that name in an answer with status 200. */
pb_status failure_of_error(const struct openai *openai, const pb_json *error);
/* A status of reading the body, with the sentence that fits a model. */
pb_status failure_of_read(const struct openai *openai, pb_status status);
/* The value of Retry-After or Retry-After-Ms as a duration; 0: none or senseless. */
pb_duration retry_after(pb_str seconds_or_date, pb_str milliseconds, pb_time now);

#endif
