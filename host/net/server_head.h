/* server_head.h - reading requests: the head at one go, the body as it comes. Knows no connection,
 * so that fuzzers feed exactly what runs.
 *
 * llhttp (strict) parses; what it still allows and what proxies disagree about is refused here:
 * bare CR or LF, NUL, folded lines, a second Host, anything but one plain "chunked".
 */
#ifndef HOST_NET_SERVER_HEAD_H
#define HOST_NET_SERVER_HEAD_H

#include <llhttp.h>
#include <patchbay/http.h>

enum { HEAD_HEADERS_MOST = 128 };

/* A parsed head. Strings point into the bytes that were parsed. */
struct request_head {
    pb_str method, target, path, query;
    pb_header headers[HEAD_HEADERS_MOST];
    uint32_t header_count;
    int64_t content_length; /* 0 when there is no body */
    bool chunked;
    bool keep_alive;
    bool old;  /* HTTP/1.0 */
    bool head; /* HEAD: the answer has no body */
    bool expects_continue;
    pb_str id;       /* X-Request-Id when it is valid, else absent */
    pb_str trace;    /* traceparent, the same */
    llhttp_t parser; /* at the head's end: the body reader goes on from here */
    int status;      /* why it was refused: 400 …, with a sentence */
    const char *sentence;
};

/* The size of the head in data[0..size) with its empty line, 0 when it has not all come. Looks at
 * what is new from `*scanned` on and moves it. */
size_t head_size(const char *data, size_t size, size_t *scanned);

/* Bytes of empty lines in front, which are skipped. */
size_t head_blank(const char *data, size_t size);

/* Parses a whole head. False: `status` and `sentence` are set. */
bool head_parse(const char *data, size_t size, struct request_head *out);

/* Can this be the beginning of a request? False for TLS on a plain port and such. */
bool head_plausible(const char *data, size_t size);

enum body_result { BODY_MORE, BODY_DONE, BODY_MALFORMED, BODY_TOO_LARGE, BODY_NO_MEMORY };

/* A body on its way in. Start with all zero. */
struct body_reader {
    enum body_result result;
    bool chunked;
    int64_t left; /* without chunks: bytes to come */
    int64_t most;
    int64_t given;   /* bytes that were taken out (body_take) */
    uint64_t extra;  /* bytes that only frame chunks */
    llhttp_t parser; /* for chunks only */
    char *data;      /* malloc'd, with a NUL behind it; NULL while empty */
    size_t size, capacity;
};

void body_begin(struct body_reader *body, const struct request_head *head, int64_t most);

/* Takes what belongs to the body and returns how many bytes that were; the rest is the next
 * request's. */
size_t body_feed(struct body_reader *body, const char *data, size_t size);
void body_free(struct body_reader *body);

/* What has come so far, malloc'd, or NULL; the reader goes on without it. */
char *body_take(struct body_reader *body, size_t *size);

/* From now on not more than this: BODY_TOO_LARGE when what came, or what was announced, is. */
void body_limit(struct body_reader *body, int64_t most);

#endif
