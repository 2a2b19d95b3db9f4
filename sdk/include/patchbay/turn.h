/* turn.h - a chat turn: its messages, parameters and variables, and the events that stream back.
 *
 * A turn belongs to the transport that made it. Whatever a function below hands out is borrowed and
 * lives until the turn is freed; whatever it is given it copies shallowly: the struct is copied, the
 * strings and trees that it points to must live as long as the turn (memory of the running stage
 * does). Messages are immutable: to change one, put another in its place.
 */
#ifndef PATCHBAY_TURN_H
#define PATCHBAY_TURN_H

#include <patchbay/json.h>
#include <patchbay/log.h>
#include <patchbay/passage.h>
#include <patchbay/task.h>

/* --- messages --------------------------------------------------------------------------------- */

enum { PB_ROLE_SYSTEM = 0, PB_ROLE_USER = 1, PB_ROLE_ASSISTANT = 2, PB_ROLE_TOOL = 3 };

enum {
    PB_PART_TEXT = 0,
    PB_PART_IMAGE = 1,
    PB_PART_FILE = 2,
    PB_PART_AUDIO = 3,
    PB_PART_THINKING = 4, /* of the assistant: text, and in `content` the signature with which the model's
                             service knows it again; without text it is redacted */
};

/* One part of a message that is more than text. */
typedef struct pb_part {
    uint32_t size;
    int32_t type;   /* PB_PART_… */
    pb_str text;    /* of a text part */
    pb_str mime;    /* "image/png" */
    pb_str name;    /* a file's name, or absent */
    pb_str url;     /* where the content is, or absent when `content` has it */
    pb_str content; /* base64 as it was sent, or absent */
    const pb_json *source; /* the part as the client wrote it in its message's dialect, or NULL */
} pb_part;

/* A call that a model wants made. */
typedef struct pb_tool_call {
    uint32_t size;
    uint32_t index;   /* its place among the calls of one message */
    pb_str id;        /* the model's name for this call; the result carries it back */
    pb_str name;      /* the function */
    pb_str arguments; /* JSON text, as the model wrote it: may be malformed */
    pb_str signature; /* what the model's service wants back with it, or absent */
} pb_tool_call;

struct pb_message {
    uint32_t size;
    int32_t role;    /* PB_ROLE_… */
    pb_str text;     /* all text parts joined by a blank line; may be absent with tool calls */
    pb_str name;     /* the speaker's or tool's name, or absent */
    pb_str tool_call_id; /* of PB_ROLE_TOOL: the call that this answers */
    const pb_part *const *parts; /* NULL when `text` says all */
    size_t part_count;
    const pb_tool_call *const *tool_calls; /* of PB_ROLE_ASSISTANT, or NULL */
    size_t tool_call_count;
    const pb_json *source; /* the message as the client wrote it in `dialect`, or NULL; an llm of the
                              same dialect sends it unchanged. Not copied to a changed message. Anthropic's
                              dialect has no messages of the roles system and tool: there it is the value
                              of `system`, and the block tool_result */
    pb_str dialect;        /* "openai", "anthropic", or absent */
};

/* The turn's messages, oldest first, as a model will see them. */
static inline const pb_message *const *pb_turn_messages(pb_turn *turn, size_t *count)
{
    return PB_CALL(turn_messages)(turn, count);
}

/* Replaces all messages; the structs are copied. PB_OK or PB_NO_MEMORY. Does not park. */
static inline pb_status pb_turn_set_messages(pb_turn *turn, const pb_message *const *messages,
                                             size_t count)
{
    return PB_CALL(turn_set_messages)(turn, messages, count);
}

/* A zeroed message in the running scope; `text` is borrowed. NULL when memory is short. */
static inline pb_message *pb_message_new(int32_t role, pb_str text)
{
    pb_message *message = PB_NEW(pb_message);
    if (message) {
        message->size = (uint32_t)sizeof *message;
        message->role = role;
        message->text = text;
    }
    return message;
}

/* The last message of the user, or NULL. */
static inline const pb_message *pb_turn_question(pb_turn *turn)
{
    size_t count = 0;
    const pb_message *const *messages = pb_turn_messages(turn, &count);
    while (count--)
        if (messages[count]->role == PB_ROLE_USER)
            return messages[count];
    return NULL;
}

/* --- what else a turn knows ------------------------------------------------------------------- */

/* Who asks. Made by an auth component; borrowed. */
struct pb_principal {
    uint32_t size;
    uint32_t role_count;
    pb_str id;           /* unique within the tenant: "key:ci", "user:0193…" */
    pb_str tenant;       /* "default" where there is only one; no '/', no control characters */
    pb_str name;         /* for people */
    pb_str scheme;       /* the auth instance that vouches */
    const pb_str *roles; /* role_count of them */
    const pb_str *scopes;
    size_t scope_count; /* no scopes at all: everything is allowed */
};

/* May this principal do what needs `scope`? An empty scope is always allowed. */
static inline bool pb_principal_may(const pb_principal *principal, pb_str scope)
{
    if (scope.size == 0)
        return true;
    if (!principal)
        return false;
    if (principal->scope_count == 0)
        return true;
    for (size_t i = 0; i < principal->scope_count; i++)
        if (pb_str_equal(principal->scopes[i], scope))
            return true;
    return false;
}

struct pb_turn_info {
    uint32_t size;
    int32_t branch;                /* 0, or which branch of a parallel stage this view is, from 1 */
    pb_str id;                     /* UUIDv7 */
    pb_str request_id;             /* of the request that made it, or absent */
    pb_str pipeline;               /* its name in the configuration */
    const pb_principal *principal; /* never NULL */
    const pb_json *metadata;       /* an object as the client sent it, or NULL */
    pb_time created;
    pb_str dialect;                /* whose names the other parameters have ("openai"), or absent */
    uint32_t stream;               /* 1: somebody reads along; 0: the reply is wanted whole */
    uint32_t conversation_new;     /* 1: `conversation` is not stored yet */
    pb_str conversation;           /* UUID of the conversation that it belongs to, or absent */
    pb_str reply;                  /* UUID that the reply gets as a message */
    pb_str replaces;               /* UUID of the message that it regenerates or edits, or absent */
    pb_str remote;                 /* the client's address, or absent */
    pb_str trace;                  /* as a W3C traceparent: goes with what the turn asks of others */
};

static inline const pb_turn_info *pb_turn_info_of(pb_turn *turn)
{
    return PB_CALL(turn_info)(turn);
}

/* Generation parameters: an object with the names of llm.h ("temperature", "tools", …); never NULL. */
static inline const pb_json *pb_turn_params(pb_turn *turn)
{
    return PB_CALL(turn_params)(turn);
}

/* Sets one parameter; a NULL value removes it. */
static inline pb_status pb_turn_set_param(pb_turn *turn, pb_str name, const pb_json *value)
{
    return PB_CALL(turn_set_param)(turn, name, value);
}

/* Variables: named values that stages leave for one another and for templates. NULL: not set. */
static inline const pb_json *pb_turn_variable(pb_turn *turn, pb_str name)
{
    return PB_CALL(turn_variable)(turn, name);
}

static inline pb_status pb_turn_set_variable(pb_turn *turn, pb_str name, const pb_json *value)
{
    return PB_CALL(turn_set_variable)(turn, name, value);
}

/* The passages of documents that the model is to answer from, best first; NULL: none were looked for.
 * generate hands them to the model with the request. */
static inline const pb_passages *pb_turn_passages(pb_turn *turn)
{
    return PB_CALL(turn_passages)(turn);
}

/* Sets them; the struct is copied, the list and what it points to must live as long as the turn. */
static inline pb_status pb_turn_set_passages(pb_turn *turn, const pb_passages *passages)
{
    return PB_CALL(turn_set_passages)(turn, passages);
}

/* --- events ----------------------------------------------------------------------------------- */

enum {
    PB_EVENT_TEXT = 1,        /* text: the next piece of the reply; data: NULL, or what is known of its
                                 tokens: {"logprobs": […]} as OpenAI writes logprobs.content */
    PB_EVENT_THINKING = 2,    /* text: the next piece of the model's reasoning; data: NULL, or at the end
                                 of a block {"signature": "…"} or {"redacted": "…"} */
    PB_EVENT_TOOL_CALL = 3,   /* index, id and name (on the first), text: the next piece of the
                                 arguments' JSON; data: NULL, or {"signature": "…"} */
    PB_EVENT_TOOL_RESULT = 4, /* id, name, text: the result */
    PB_EVENT_SOURCE = 5,      /* data: a source as in the native API */
    PB_EVENT_USAGE = 6,       /* usage: of one model call */
    PB_EVENT_FINISH = 7,      /* finish, text: the model's name, name: the text of `stop` that ended it, or
                                 absent; from an llm to generate only */
    PB_EVENT_STAGE = 8,       /* name, text: "begin" or "end"; only where the client asked */
    PB_EVENT_CUSTOM = 9,      /* name, data: anything; unknown names pass unchanged */
    PB_EVENT_DONE = 10,       /* result: the turn is over; emitted by the host alone, once */
};

enum {
    PB_FINISH_NONE = 0,
    PB_FINISH_STOP = 1,
    PB_FINISH_LENGTH = 2,
    PB_FINISH_TOOL_CALLS = 3,
    PB_FINISH_FILTER = 4,
};

struct pb_usage {
    uint32_t size;
    uint32_t calls; /* model calls that these figures add up */
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cached_tokens;    /* of the input */
    int64_t reasoning_tokens; /* of the output */
    double cost;              /* USD; 0 where no price is configured */
};

/* How a turn ended. */
struct pb_turn_result {
    uint32_t size;
    pb_status status;       /* PB_OK, PB_CANCELLED, or what failed */
    int32_t finish;         /* PB_FINISH_… */
    uint32_t fallback;      /* 1: another than the first model answered */
    const pb_error *error;  /* when status is not PB_OK */
    pb_usage usage;         /* of all model calls of the turn */
    pb_str llm;             /* the instance that answered, or absent */
    pb_str model;           /* the model's name as it gave it, or absent */
    pb_duration total;      /* from the turn's beginning to its end */
    pb_duration first_text; /* to the first text, or 0 when there was none */
    uint32_t interrupted;   /* 1: the worker died, nobody goes on with it */
    uint32_t reserved;
    pb_str stop; /* the text of the parameter `stop` that ended the reply, where the model told it */
};

/* A tool call, or its result, that is made and answered here, not by the client: a dialect that has
 * no word for it leaves it out. */
#define PB_EVENT_LOCAL 1u

/* An event is borrowed by the sink until emit returns. Unknown types are passed on unchanged. */
struct pb_event {
    uint32_t size;
    int32_t type;
    int32_t branch; /* 0, or the branch of a parallel stage that speaks; the host sets it */
    int32_t finish;
    uint32_t index;
    uint32_t flags; /* PB_EVENT_LOCAL */
    pb_str text;
    pb_str id;
    pb_str name;
    const pb_json *data;
    const pb_usage *usage;
    const pb_turn_result *result;
    uint64_t number; /* of a turn whose events are kept: its place among them, from 1; else 0 */
};

/* Where events go. Embed it as the first member of your own struct:
 *
 *     struct louder { pb_sink base; … };
 *     static pb_status louder_emit(pb_sink *sink, const pb_event *event)
 *     {   struct louder *louder = (struct louder *)sink;  …
 *         return pb_pass(sink, event); }
 *
 * emit may park (back-pressure) and returns a status that the emitter returns unchanged. */
struct pb_sink {
    uint32_t size;
    uint32_t reserved;
    pb_status (*emit)(pb_sink *sink, const pb_event *event);
    pb_sink *below; /* where pb_pass goes; the host sets it in pb_run_next_with */
};

/* Hands an event to a sink. Parks as the sink does. */
static inline pb_status pb_sink_emit(pb_sink *sink, const pb_event *event)
{
    return sink->emit(sink, event);
}

/* For a sink: hands the event on to the one below. */
static inline pb_status pb_pass(pb_sink *sink, const pb_event *event)
{
    return sink->below ? sink->below->emit(sink->below, event) : (pb_status)PB_OK;
}

/* Sends an event down to the client, through the sinks of the stages above. May park (the client
 * reads slowly). PB_OK, PB_CANCELLED (the client is gone) or PB_TIMEOUT. */
static inline pb_status pb_emit(pb_turn *turn, const pb_event *event)
{
    return PB_CALL(emit)(turn, event);
}

/* The sink that pb_emit(turn, …) uses now; borrowed until the running stage returns. */
static inline pb_sink *pb_turn_sink(pb_turn *turn)
{
    return PB_CALL(turn_sink)(turn);
}

static inline pb_event pb_event_make(int32_t type)
{
    pb_event event;
    memset(&event, 0, sizeof event);
    event.size = (uint32_t)sizeof event;
    event.type = type;
    return event;
}

/* Is it a piece of the reply, which cannot be taken back once a client saw it? What only tells how
 * the turn goes is none (stages, usage, a finish), and an empty piece of text neither, unless it brings
 * data. */
static inline bool pb_event_speaks(const pb_event *event)
{
    switch (event->type) {
    case PB_EVENT_TEXT:
    case PB_EVENT_THINKING:
        return event->text.size > 0 || event->data;
    case PB_EVENT_USAGE:
    case PB_EVENT_FINISH:
    case PB_EVENT_STAGE:
    case PB_EVENT_DONE:
        return false;
    default:
        return true;
    }
}

/* Emits a piece of the reply. */
static inline pb_status pb_emit_text(pb_turn *turn, pb_str text)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT);
    event.text = text;
    return text.size ? pb_emit(turn, &event) : (pb_status)PB_OK;
}

/* Emits an event of your own: `name` like "weather.card"; data is any JSON. */
static inline pb_status pb_emit_custom(pb_turn *turn, pb_str name, const pb_json *data)
{
    pb_event event = pb_event_make(PB_EVENT_CUSTOM);
    event.name = name;
    event.data = data;
    return pb_emit(turn, &event);
}

/* A header of the HTTP answer, where the transport has such and it is not out yet ("RateLimit"): it
 * goes out with the first event. One of the same name is replaced. The strings are copied. PB_INVALID
 * for bytes that no header has, PB_TOO_LARGE beyond 32 of them, PB_NO_MEMORY. Does not park. */
static inline pb_status pb_turn_set_header(pb_turn *turn, pb_str name, pb_str value)
{
    return PB_CALL(turn_set_header)(turn, name, value);
}

/* How the turn stands now: usage, finish, which model answered last. Strings live as long as the turn;
 * `status` is PB_OK. For who stores or settles what was said. Does not park. */
static inline void pb_turn_so_far(pb_turn *turn, pb_turn_result *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    PB_CALL(turn_so_far)(turn, out);
}

/* --- trace ------------------------------------------------------------------------------------ */

/* Stages, model, tool and query calls are spans by themselves; these add your own, inside the one
 * that runs. `kind` groups ("cache"), `name` tells ("lookup"). Spans end in reverse order in the
 * task that began them. No content in notes. A NULL span is taken and does nothing. */
static inline pb_span *pb_span_begin(pb_str kind, pb_str name)
{
    return PB_CALL(span_begin)(kind, name);
}

static inline void pb_span_note(pb_span *span, pb_str name, pb_str value)
{
    PB_CALL(span_note)(span, name, value);
}

static inline void pb_span_end(pb_span *span, pb_status status)
{
    PB_CALL(span_end)(span, status);
}

#endif
