/* http.h - an instance of the http transport, one exchange with a client, and what the files share.
 *
 * The life of a request: routes.c finds its operation, access.c decides who asks and from where,
 * fields.c reads the body and gathers what is wrong with it, a dialect (native/, openai/, anthropic/)
 * runs a turn, kept.c launches those that outlive their connection, answer.c writes the answer.
 */
#ifndef HTTP_H
#define HTTP_H

#include <patchbay/http_server.h>
#include <patchbay/reply.h>
#include <patchbay/service.h>
#include <patchbay/transport.h>

struct range;

struct cors {
    pb_list origins; /* of pb_str */
    bool credentials;
    pb_duration max_age;
};

struct tls {
    pb_str certificate;
    pb_str key;
    pb_duration hsts;
};

struct unix_socket {
    pb_str mode;
    pb_str group;
};

struct limits {
    int64_t header;
    int64_t body;
    int64_t upload;
    int64_t reply;
    int64_t connections;
    int64_t connections_per_address;
    pb_duration header_timeout;
    pb_duration body_timeout;
    pb_duration write_timeout;
    pb_duration keepalive_timeout;
    pb_duration heartbeat;
};

struct http {
    pb_str listen;
    struct unix_socket socket;
    pb_list pipelines; /* of pb_str */
    pb_list auth;      /* of pb_instance * */
    pb_list embedders; /* of pb_instance * */
    struct cors cors;
    struct tls tls;
    bool insecure;
    struct limits limits;
    pb_list trusted_proxies; /* of pb_str */
    int32_t proxy_header;

    /* Made by create and start. */
    pb_pipeline **found; /* one for each name in `pipelines` */
    pb_listener *listener;
    pb_time started;
    struct range *ranges; /* of trusted proxies */
    size_t range_count;
    pb_str max_age; /* of a preflight's answer, in seconds */
    pb_str hsts;    /* Strict-Transport-Security, or absent */
};

enum { FAULTS = 16 };

/* Where an exchange's events come from: a turn that runs in its task, or one that is kept and
 * followed. */
struct source {
    pb_turn *turn;     /* or NULL: */
    pb_launched about; /* the kept turn */
    uint64_t after;    /* the last event that the client has */
    bool kept;
    bool resumed; /* the client has seen the beginning, as `after` says */
    bool reread;  /* the stream tells of a turn: that it failed is an event, not the answer's status
                   */
    pb_turn_info info; /* of either */
};

struct exchange;

/* How one of the APIs speaks of what went wrong. */
struct dialect {
    bool params;      /* names one field as "messages[0].role"; else all, by JSON pointers */
    bool dots;        /* with `params`: as "messages.0.role", and tells how many more there are */
    const char *type; /* of an error's document */
    pb_str id_header; /* tells the request's id beside X-Request-Id, or absent */
    pb_str heartbeat; /* what goes into a silent stream; absent: a comment */
    /* The whole document; `status` is that of HTTP. */
    void (*error)(pb_json_writer *writer, const struct exchange *exchange, const pb_error *error,
                  int32_t status);
};
extern const struct dialect native_dialect;    /* native/problem.c: RFC 9457 */
extern const struct dialect openai_dialect;    /* openai/error.c */
extern const struct dialect anthropic_dialect; /* anthropic/error.c */

/* A request and what became known of it. On the handler's stack. */
struct exchange {
    struct http *http;
    struct inside *inside; /* NULL: on a connection */
    pb_request *request;
    const struct dialect *dialect; /* never NULL */
    bool begun;  /* the header is out: only the stream can tell of errors */
    bool answered;
    bool unable;           /* nothing is configured that could keep a turn: 501 */
    bool late;             /* the body did not come in time: the client's fault, 408 */
    bool refused_coding;   /* 415 by its Content-Encoding */
    bool refused_type;     /* 415 by its Content-Type */
    bool must_pack;        /* the client takes no plain bytes */
    bool unpacked;         /* `body` is the request's, as it was before it was compressed */
    pb_str body;
    struct source *source; /* the turn that answers, once there is one */
    pb_str location;       /* of 202, or absent */
    pb_str allow;          /* for 405 */
    pb_str origin;         /* the Origin that may read the answer, or absent */
    pb_str code;           /* OpenAI's code where it says more than the status, or absent */
    pb_principal principal;
    pb_operation_match match;
    pb_field_error *faults; /* room for FAULTS once there is one */
    size_t fault_count;
    pb_field_error no_memory; /* stands for all where there is no room */
};

typedef pb_status handler(struct exchange *exchange);

/* routes.c */
pb_status http_handle(void *self, pb_request *request);
/* What this transport serves itself; described.c. */
extern const pb_operation http_operations[];
enum { OPERATION_CHAT, OPERATION_MODELS, OPERATION_MODEL, OPERATION_TURN, OPERATION_EVENTS,
       OPERATION_MESSAGES, OPERATION_COUNT, OPERATION_RESPONSE, OPERATION_RESPONSE_GET,
       OPERATION_RESPONSE_DELETE, OPERATION_RESPONSE_ITEMS, OPERATION_EMBEDDINGS };

/* schema_errors.c: for the reference. */
extern const char openai_error_schema[], anthropic_error_schema[];
/* Calls the which-th of them (OPERATION_…) in the process; for the `raw` of their descriptions. */
pb_status http_call(void *self, const pb_call *call, pb_content *out, size_t which);

/* operations.c: calls an operation of the host or a service and answers. */
pb_status operation_run(struct exchange *exchange, const pb_operation *operation);

/* inside.c: the own operations without a connection. */
struct route {
    const pb_operation *operation;
    handler *handle;
    const struct dialect *dialect;
};
pb_status inside_run(void *self, const pb_call *call, pb_content *out, const struct route *route);
/* For answer.c and fields.c. */
pb_status inside_begin(struct exchange *exchange, int32_t status, const pb_header *headers,
                       size_t count);
pb_status inside_write(struct exchange *exchange, pb_str bytes);
pb_status inside_body(const struct exchange *exchange, pb_str *out);

/* access.c */
bool address_is_loopback(pb_str listen);
pb_status access_check_host(const struct exchange *exchange);
/* A body that is no JSON: a web page of elsewhere could send it without being asked. */
pb_status access_check_page(const struct exchange *exchange);
pb_status access_authenticate(struct exchange *exchange);
void access_origin(struct exchange *exchange);
pb_status access_preflight(struct exchange *exchange);

/* GET and HEAD. */
bool exchange_reads(const struct exchange *exchange);

/* answer.c: whole answers, and the header of streams. Return what pb_respond returned. */
pb_status answer(struct exchange *exchange, int32_t status, const char *type, pb_str body);
pb_status answer_begin(struct exchange *exchange);
/* pb_respond_overdue, where there is a connection. */
void answer_overdue(struct exchange *exchange, pb_duration after, void (*fn)(void *arg), void *arg);
/* More of what was begun, and its end. */
pb_status answer_write(struct exchange *exchange, pb_str bytes);
pb_status answer_end(struct exchange *exchange);
/* What an operation answered, whole; the header of what content->send writes. */
pb_status answer_content(struct exchange *exchange, const pb_content *content);
pb_status answer_begin_content(struct exchange *exchange, const pb_content *content);
/* Nothing to tell: 204. */
pb_status answer_nothing(struct exchange *exchange);
/* The running task's error (or `error`), in the dialect of the exchange. */
pb_status answer_error(struct exchange *exchange);
pb_status answer_failure(struct exchange *exchange, const pb_error *error);
/* The HTTP status that an error has here. */
int32_t answer_status(const struct exchange *exchange, const pb_error *error);

/* fields.c */
/* PB_UNSUPPORTED: the body says that it is no JSON, or does not say what it is and may be a web page's. */
pb_status body_check_type(struct exchange *exchange);
/* Whole, and unpacked. */
pb_status body_read(struct exchange *exchange, pb_str *out);
pb_status body_json(struct exchange *exchange, const pb_json **out);
/* Where a field is in the body: a path on the reader's stack, written as a JSON pointer only when
 * something is wrong there. */
struct place {
    const struct place *up; /* NULL: the body itself */
    pb_str name;            /* absent: an element of a list */
    size_t index;
};
#define AT(up, literal)      (&(struct place){(up), pb_lit(literal), 0})
#define AT_NAME(up, str)     (&(struct place){(up), (str), 0})
#define AT_INDEX(up, number) (&(struct place){(up), {NULL, 0}, (number)})
/* Notes what is wrong with a field; reading goes on, so that all is said at once. */
PB_PRINTF(3, 4)
void fault(struct exchange *exchange, const struct place *place, const char *format, ...);
/* PB_OK, or PB_INVALID with a sentence when there were faults. */
pb_status faults_status(struct exchange *exchange);
/* "/messages/0/role" as "messages[0].role", in the running scope. */
pb_str pointer_as_param(pb_str pointer);
/* The same as "messages.0.role". */
pb_str pointer_as_dots(pb_str pointer);
bool read_bool(struct exchange *exchange, const pb_json *json, const char *name, bool otherwise);
/* Percent-decodes into the running scope; invalid escapes stay. */
pb_str percent_decode(pb_str text);
/* The pipeline that this listener offers under `name`, or NULL. */
pb_pipeline *pipeline_named(const struct http *http, pb_str name);

/* params.c: checks one generation parameter. False: no parameter has that name. */
bool param_check(struct exchange *exchange, const pb_json *value, const struct place *place);
/* What a member of a request must be. */
enum param_type {
    PARAM_NUMBER,
    PARAM_INTEGER,
    PARAM_BOOLEAN,
    PARAM_TEXT,
    PARAM_OBJECT,
    PARAM_LIST,
    PARAM_ANY, /* but null */
    PARAM_TOOLS,
    PARAM_STOP,
    PARAM_CHOICE,
    PARAM_FORMAT
};
struct param {
    pb_str name;
    enum param_type type;
    double min;
    double max;
};
/* The same with a table of one's own; null is fine for all. */
bool param_check_in(struct exchange *exchange, const struct param *table, size_t count,
                    const pb_json *value, const struct place *place);

/* parts.c */
struct messages {
    const pb_message **list;
    size_t count;
};
/* Is it there, and not null? */
bool json_given(const pb_json *json);
/* The text member `name`; member_text: absent is fine. */
pb_str member_text(struct exchange *exchange, const pb_json *json, const struct place *place,
                   const char *name);
pb_str member_needed(struct exchange *exchange, const pb_json *json, const struct place *place,
                     const char *name);
/* "data:image/png;base64,…" is taken apart; any other URL stays one. */
void part_read_url(pb_part *part, pb_str url);
/* The same of a file's content, which some send as bare base64. */
void part_read_file(pb_part *part, pb_str data);
/* Puts `parts` in front of those that the message has; its text becomes a part where it had none. */
void parts_add_front(pb_message *message, const pb_part *const *parts, size_t count);
/* One part of a message in the words of a dialect. False: no such type. */
typedef bool part_reader(struct exchange *exchange, const pb_json *json, const struct place *place,
                         pb_part *part);
/* Reads a list of parts: all text parts joined as text, and the parts when there are others. */
void parts_read(struct exchange *exchange, const pb_json *list, const struct place *place,
                part_reader *reader, pb_message *message);

/* kept.c */
/* The header Idempotency-Key: sets key and digest, or leaves them absent. PB_INVALID: malformed. */
pb_status kept_read_key(struct exchange *exchange, pb_turn_spec *spec);
/* Makes the turn, or launches it when it has a key or is detached, and sets exchange->source. */
pb_status source_begin(struct exchange *exchange, const pb_turn_spec *spec, bool detach,
                       struct source *source);
/* Hands its events to `sink`, to the end. */
pb_status source_run(struct exchange *exchange, pb_sink *sink);
/* Takes over what following told of the turn: before the first event is written. */
void source_describe(struct source *source);
/* Answers a failure that is not answered yet, and frees the turn. */
pb_status source_end(struct exchange *exchange, pb_status status);

#endif
