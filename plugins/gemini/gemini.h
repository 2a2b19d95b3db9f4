/* gemini.h - an instance of the gemini llm, and what its files share.
 *
 * One generate call: body.c writes the request with config.c, contents.c and tools.c, stream.c reads the
 * answer, chunk.c makes events of each piece of it, failure.c turns what went wrong into a status and a
 * sentence.
 */
#ifndef GEMINI_H
#define GEMINI_H

#include <patchbay/llm.h>
#include <patchbay/secret.h>
#include <patchbay/upstream.h>

struct price {
    double input; /* USD per million tokens */
    double output;
    double cached;
};

enum { THINKING_LEVEL, THINKING_BUDGET }; /* how a model is told to think */

struct gemini {
    pb_upstream upstream;
    struct price price;
    int32_t thinking;
    bool thoughts;
    const pb_json *params;
    pb_list ignore; /* of pb_str */

    /* Made by create, so that a request formats nothing. */
    pb_str whole_url, stream_url;
    pb_header *headers;
    uint32_t header_count;
};

/* A request that is being written. */
struct body {
    const struct gemini *gemini;
    const pb_llm_request *request;
    pb_json_writer writer;
    pb_str model;
    bool native; /* the client speaks this dialect */
};

/* A signature of this service's models, as it travels through other dialects: its name in front tells
 * other services that it is not theirs. */
#define SIGNATURE "gemini:"
/* So begin the ids of calls to which the model gave none. */
#define OWN_ID "gemini-"

/* body.c */
/* The URL of a model, absent when memory is short. */
pb_str model_url(const struct gemini *gemini, pb_str model, bool stream);
/* The request's JSON text in the running scope. */
pb_status body_write(const struct gemini *gemini, const pb_llm_request *request, pb_str *out);
/* A parameter of the turn, else the configured one; NULL also where the model is said not to take it,
 * which is named then. */
const pb_json *param(const struct body *body, const char *name);
void write_member(pb_json_writer *writer, const char *key, pb_str value);

/* config.c: `generationConfig`. */
void config_write(struct body *body);

/* contents.c: `systemInstruction` and `contents`. */
pb_status contents_write(struct body *body);

/* tools.c: `tools` and `toolConfig`. */
void tools_write(struct body *body);

/* What a model said so far, apart from the text, which is passed on at once. */
struct answer {
    pb_sink *sink;
    pb_str model;
    pb_usage usage;
    bool has_usage;
    int32_t finish; /* PB_FINISH_NONE until the model said why it stopped */
    uint32_t calls; /* tool calls so far */
};

/* One event to come out. */
struct piece {
    int32_t type;
    uint32_t index;
    pb_str id;
    pb_str name;
    pb_str text;
    const pb_json *data;
};

enum { PIECES_MOST = 160 };

/* A GenerateContentResponse, taken apart. What its pieces point to is in `kept`. */
struct chunk {
    size_t count;
    pb_str model;
    pb_buf kept;
    struct piece pieces[PIECES_MOST];
};

/* chunk.c */
/* Reads a whole answer, or one piece of a stream. Nothing that it allocated stays but chunk->kept. */
pb_status chunk_read(const struct gemini *gemini, struct answer *answer, struct chunk *chunk,
                     pb_str data);
pb_status chunk_emit(struct answer *answer, const struct chunk *chunk);
/* Emits usage and finish: the end of a good answer. */
pb_status answer_end(const struct gemini *gemini, struct answer *answer);

/* logprobs.c: a candidate's logprobsResult as {"logprobs": […]} in OpenAI's form, or NULL. */
const pb_json *logprobs_read(const pb_json *candidate);

/* stream.c: read the answer's body. */
pb_status stream_read(const struct gemini *gemini, pb_http *http, struct answer *answer,
                      pb_first_token *first);
pb_status whole_read(const struct gemini *gemini, pb_http *http, struct answer *answer);

/* failure.c */
pb_status failure_of_status(const struct gemini *gemini, pb_http *http);
/* `error`: a google.rpc.Status in an answer with status 200. */
pb_status failure_of_error(const struct gemini *gemini, const pb_json *error);

#endif
