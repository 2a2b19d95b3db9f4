/* anthropic.h - an instance of the anthropic llm, and what its files share.
 *
 * One generate call: body.c writes the request with messages.c and tools.c, headers.c its headers, stream.c or whole.c reads
 * the answer, event.c makes events of it, failure.c turns what went wrong into a status and a sentence.
 */
#ifndef ANTHROPIC_H
#define ANTHROPIC_H

#include <patchbay/llm.h>
#include <patchbay/upstream.h>

struct price {
    double input; /* USD per million tokens */
    double output;
    double cached;
    double cache_write;
};

enum { THINKING_ADAPTIVE, THINKING_BUDGET }; /* how a model is told to think */

struct anthropic {
    pb_upstream upstream;
    pb_str version;
    pb_list beta; /* of pb_str */
    int64_t max_tokens;
    int32_t thinking;
    struct price price;
    const pb_json *params;
    pb_list ignore; /* of pb_str */

    /* Made by create, so that a request formats nothing. */
    pb_str url;
    pb_header *whole_headers;  /* for an answer in one piece, */
    pb_header *stream_headers; /* and for a stream: they differ in Accept */
    uint32_t header_count;     /* of each */
};

/* A request that is being written. */
struct body {
    const struct anthropic *anthropic;
    const pb_llm_request *request;
    pb_json_writer writer;
    bool native; /* the client speaks this dialect */
};

/* headers.c */
/* `header_count` of them; NULL when memory is short. */
pb_header *headers_make(struct anthropic *anthropic, pb_str accept);
/* Those of a request. */
pb_status headers_set(const struct anthropic *anthropic, const pb_llm_request *request,
                      pb_http_spec *spec);

/* body.c */
/* The request's JSON text in the running scope. */
pb_status body_write(const struct anthropic *anthropic, const pb_llm_request *request, pb_str *out);
/* A parameter of the turn, else the configured one; NULL also where the model is said not to take it,
 * which is named then. */
const pb_json *param(const struct body *body, const char *name);
void write_member(pb_json_writer *writer, const char *key, pb_str value);

/* messages.c: `system` and `messages`. */
pb_status messages_write(struct body *body);

/* tools.c: `tools` and `tool_choice`. */
void tools_write(struct body *body);

/* What the block of content that comes now is. */
enum { BLOCK_OTHER, BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL };

/* What a model said so far, apart from the text, which is passed on at once. */
struct answer {
    pb_sink *sink;
    pb_str model;
    pb_usage usage;
    int64_t fresh, cache_read, cache_write; /* the three that input_tokens adds up */
    bool has_usage;
    int32_t finish; /* PB_FINISH_NONE until the model said why it stopped */
    pb_str stop;    /* the stop sequence that it met, or absent */
    int32_t block;  /* BLOCK_… */
    uint32_t calls; /* tool calls begun */
    bool arguments; /* the running one's have begun */
    bool ended;     /* message_stop */
};

/* One event to come out. Type 0: none. */
struct piece {
    int32_t type;
    uint32_t index;
    pb_str id;
    pb_str name;
    pb_str text;
    pb_str signature; /* of thinking: ends the block */
    pb_str redacted;
};

/* event.c */
/* Reads one event of a stream; the piece's strings live in `text`. */
pb_status event_read(const struct anthropic *anthropic, struct answer *answer, pb_str data,
                     pb_buf *text, struct piece *piece);
/* What a block of content says when it begins, or is whole. */
void block_begin(struct answer *answer, const pb_json *block, struct piece *piece);
void answer_note_usage(struct answer *answer, const pb_json *usage);
/* `json` has the members stop_reason and stop_sequence. */
void answer_note_stop(struct answer *answer, const pb_json *json);
/* Emits one piece; what is empty is left out. */
pb_status answer_emit(struct answer *answer, const struct piece *piece);
/* Emits usage and finish: the end of a good answer. */
pb_status answer_end(const struct anthropic *anthropic, struct answer *answer);

/* stream.c, whole.c: read the answer's body. */
pb_status stream_read(const struct anthropic *anthropic, pb_http *http, struct answer *answer,
                      pb_first_token *first);
pb_status whole_read(const struct anthropic *anthropic, pb_http *http, struct answer *answer);

/* failure.c */
pb_status failure_of_status(const struct anthropic *anthropic, pb_http *http);
/* `error`: the member of that name in an answer with status 200. */
pb_status failure_of_error(const struct anthropic *anthropic, const pb_json *error);

#endif
