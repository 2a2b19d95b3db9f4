/* schema.c - what POST /v1/turns takes and answers, and its events, as JSON Schema: the bodies are read and
 * written by hand, so these must be kept true. Schemathesis compares.
 */
#include "native/native.h"

#include <patchbay/reply_schema.h>

/* --- the request ------------------------------------------------------------------------------ */

const char turn_input_schema[] = PB_JSON_TEXT({
    "title": "TurnRequest",
    "type": "object",
    "properties": {
        "pipeline": {"type": ["string", "null"], "description": "Who is asked; left out: the first."},
        "conversation": {"type": ["string", "null"], "format": "uuid",
                         "description": "The conversation that it continues; left out or null: a new one, where the pipeline keeps any."},
        "replaces": {"type": ["string", "null"], "format": "uuid",
                     "description": "A message that is edited (the user's: `message` has the new text) or made again (a reply, without `message`)."},
        "message": {"description": "What the user says: text, or a list of parts. Needed unless `replaces` names a reply.",
                    "oneOf": [{"type": "string", "minLength": 1},
                              {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/MessagePart"}},
                              {"type": "null"}]},
        "stream": {"type": ["boolean", "null"], "default": false, "description": "Answer with server-sent events."},
        "stream_stages": {"type": ["boolean", "null"], "default": false, "description": "With events of stages, too."},
        "detach": {"type": ["boolean", "null"], "default": false,
                   "description": "The turn goes on when its client leaves; without `stream` it is answered with 202 at once."},
        "overrides": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/TurnOverrides"}],
                      "description": "Parameters of generation, instead of the pipeline's."},
        "variables": {"type": ["object", "null"], "description": "Values for templates of the pipeline."},
        "metadata": {"type": ["object", "null"], "description": "Kept with the turn, for stages."}},
    "additionalProperties": false,
    "$defs": {
        "MessagePart": {
            "type": "object",
            "description": "Text; or an image, a file or audio by `url` or as `content` with its `mime`.",
            "properties": {
                "type": {"type": "string", "enum": ["text", "image", "file", "audio"]},
                "text": {"type": ["string", "null"]},
                "mime": {"type": ["string", "null"], "description": "Its media type: image/png."},
                "name": {"type": ["string", "null"], "description": "Its file name."},
                "url": {"type": ["string", "null"]},
                "content": {"type": ["string", "null"], "description": "Its bytes in base64."}},
            "required": ["type"]},
        "TurnOverrides": {
            "type": "object",
            "description": "Parameters of generation, instead of the pipeline's.",
            "properties": {
                "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
                "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                "max_tokens": {"type": ["integer", "null"], "minimum": 1},
                "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
                "seed": {"type": ["integer", "null"]},
                "presence_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
                "frequency_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
                "stop": {"oneOf": [{"type": "null"}, {"type": "string"},
                                   {"type": "array", "items": {"type": "string"}, "maxItems": 4}]},
                "response_format": {"type": ["object", "null"], "description": "As in OpenAI's chat completions."},
                "tools": {"type": ["array", "null"], "items": {"type": "object"}, "maxItems": 128,
                          "description": "Functions that the client offers, as in OpenAI's chat completions."},
                "tool_choice": {"type": ["string", "object", "null"]},
                "parallel_tool_calls": {"type": ["boolean", "null"]},
                "reasoning_effort": {"type": ["string", "null"]},
                "logprobs": {"type": ["boolean", "null"]},
                "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20},
                "user": {"type": ["string", "null"]}},
            "additionalProperties": false}}
});

const char turn_input_example[] = PB_JSON_TEXT({"message": "How do I write a plugin?", "stream": false});

/* --- the answer ------------------------------------------------------------------------------- */

const char turn_output_schema[] = "{\"$ref\":\"#/$defs/Turn\",\"$defs\":{" PB_TURN_SCHEMAS "}}";

const char turn_output_example[] = PB_JSON_TEXT({
    "id": "0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44", "status": "done", "conversation": null,
    "pipeline": "support",
    "message": {"role": "assistant", "text": "With one struct and one macro [1].", "finish": "stop"},
    "sources": [{"index": 1, "document": "sdk/README.md", "heading": "A whole plugin", "lines": [7, 41], "score": 0.83}],
    "answered_by": {"llm": "main", "model": "gpt-4o-mini", "fallback": false},
    "usage": {"input_tokens": 812, "output_tokens": 120, "cached_tokens": 0, "reasoning_tokens": 0,
              "cost": 0.00019, "currency": "USD"},
    "timing": {"total_ms": 941.2, "first_token_ms": 310.4}
});

/* --- events ----------------------------------------------------------------------------------- */

#define DELTA(title, name, sentence)                                                               \
    "\"" title "\":{\"type\":\"object\",\"description\":\"" sentence "\",\"properties\":"           \
    "{\"event\":{\"type\":\"string\",\"const\":\"" name "\"},\"data\":{\"type\":\"object\",\"properties\":" \
    "{\"delta\":{\"type\":\"string\"},\"branch\":{\"type\":\"integer\"}},\"required\":[\"delta\"]}},"  \
    "\"required\":[\"event\",\"data\"]}"
#define WHOLE(title, name, part, sentence)                                                         \
    "\"" title "\":{\"type\":\"object\",\"description\":\"" sentence "\",\"properties\":"           \
    "{\"event\":{\"type\":\"string\",\"const\":\"" name "\"},\"data\":{\"$ref\":\"" part "\"}},"      \
    "\"required\":[\"event\",\"data\"]}"

#define EVENTS                                                                                     \
    PB_JSON_TEXT("TurnBeginEvent": {                                                               \
        "type": "object", "description": "The first event: the turn, and the id to cancel it by.", \
        "properties": {"event": {"type": "string", "const": "turn"},                               \
            "data": {"type": "object", "properties": {"id": {"type": "string"},                    \
                "conversation": {"type": ["string", "null"]}, "pipeline": {"type": "string"}},     \
                "required": ["id", "conversation", "pipeline"]}}, "required": ["event", "data"]},  \
      "TurnToolCallEvent": {                                                                       \
        "type": "object", "description": "A tool is called: here (`local`), or the client is asked to.", \
        "properties": {"event": {"type": "string", "const": "tool.call"},                          \
            "data": {"type": "object", "properties": {"id": {"type": ["string", "null"]},          \
                "name": {"type": ["string", "null"]}, "arguments": {"type": ["string", "null"]},   \
                "signature": {"type": "string"}, "local": {"type": "boolean"}, "branch": {"type": "integer"}}, \
                "required": ["id", "name", "arguments", "local"]}}, "required": ["event", "data"]}, \
      "TurnToolResultEvent": {                                                                     \
        "type": "object", "description": "What a tool that was called here gave.",                \
        "properties": {"event": {"type": "string", "const": "tool.result"},                        \
            "data": {"type": "object", "properties": {"id": {"type": "string"},                    \
                "name": {"type": ["string", "null"]}, "result": {"type": ["string", "null"]},      \
                "data": {}, "branch": {"type": "integer"}}, "required": ["name", "result"]}},      \
        "required": ["event", "data"]},                                                            \
      "TurnStageEvent": {                                                                          \
        "type": "object", "description": "A stage begins or ends; with `stream_stages`.",         \
        "properties": {"event": {"type": "string", "const": "stage"},                              \
            "data": {"type": "object", "properties": {"id": {"type": "string"},                    \
                "name": {"type": ["string", "null"]}, "state": {"type": ["string", "null"]},       \
                "data": {}, "branch": {"type": "integer"}}, "required": ["name", "state"]}},       \
        "required": ["event", "data"]},                                                            \
      "TurnCustomEvent": {                                                                         \
        "type": "object", "description": "What a stage of the pipeline tells.",                   \
        "properties": {"event": {"type": "string", "const": "custom"},                             \
            "data": {"type": "object", "properties": {"id": {"type": "string"},                    \
                "name": {"type": ["string", "null"]}, "data": {}, "branch": {"type": "integer"}},  \
                "required": ["name"]}}, "required": ["event", "data"]})

const char turn_event_schema[] =
    "{\"title\":\"TurnEvent\",\"description\":\"An event of a turn. `event` and `data` are the fields of "
    "the server-sent event; its `id` resumes the stream.\",\"oneOf\":["
    "{\"$ref\":\"#/$defs/TurnBeginEvent\"},{\"$ref\":\"#/$defs/TurnTextEvent\"},"
    "{\"$ref\":\"#/$defs/TurnThinkingEvent\"},{\"$ref\":\"#/$defs/TurnToolCallEvent\"},"
    "{\"$ref\":\"#/$defs/TurnToolResultEvent\"},{\"$ref\":\"#/$defs/TurnSourceEvent\"},"
    "{\"$ref\":\"#/$defs/TurnStageEvent\"},{\"$ref\":\"#/$defs/TurnCustomEvent\"},"
    "{\"$ref\":\"#/$defs/TurnUsageEvent\"},{\"$ref\":\"#/$defs/TurnDoneEvent\"},"
    "{\"$ref\":\"#/$defs/TurnErrorEvent\"}],"
    "\"discriminator\":{\"propertyName\":\"event\",\"mapping\":{"
    "\"turn\":\"#/$defs/TurnBeginEvent\",\"text\":\"#/$defs/TurnTextEvent\","
    "\"thinking\":\"#/$defs/TurnThinkingEvent\",\"tool.call\":\"#/$defs/TurnToolCallEvent\","
    "\"tool.result\":\"#/$defs/TurnToolResultEvent\",\"source\":\"#/$defs/TurnSourceEvent\","
    "\"stage\":\"#/$defs/TurnStageEvent\",\"custom\":\"#/$defs/TurnCustomEvent\","
    "\"usage\":\"#/$defs/TurnUsageEvent\",\"done\":\"#/$defs/TurnDoneEvent\","
    "\"error\":\"#/$defs/TurnErrorEvent\"}},"
    "\"$defs\":{" EVENTS ","
    DELTA("TurnTextEvent", "text", "More of the reply.") ","
    DELTA("TurnThinkingEvent", "thinking", "More of the model's reasoning.") ","
    WHOLE("TurnSourceEvent", "source", "#/$defs/Source", "A source of the reply.") ","
    WHOLE("TurnUsageEvent", "usage", "#/$defs/Usage", "What it took.") ","
    WHOLE("TurnDoneEvent", "done", "#/$defs/Turn", "The end: the whole turn without its text.") ","
    WHOLE("TurnErrorEvent", "error", "#/$defs/Problem", "The end, where it failed.") ","
    PB_TURN_SCHEMAS "}}";

/* --- headers, errors -------------------------------------------------------------------------- */

const pb_header_help turn_request_headers[] = {
    {"Idempotency-Key", "Names the request: sent again, it gets what the first one got."},
    {NULL, NULL},
};
const pb_header_help turn_answer_headers[] = {
    {"X-Patchbay-Turn", "The turn's id."},
    {"Patchbay-Conversation", "The conversation that it belongs to, if any."},
    {"Patchbay-Ignored", "Parameters that had no effect, with commas between."},
    {"Location", "With 202: where the turn is."},
    {NULL, NULL},
};
const pb_header_help events_request_headers[] = {
    {"Last-Event-ID", "Goes on behind this event; browsers send it by themselves."},
    {NULL, NULL},
};
const int32_t turn_answers[] = {200, 202, 0};
const int32_t events_answers[] = {200, 204, 0};
const int32_t turn_errors[] = {PB_NOT_FOUND,    PB_CONFLICT,     PB_UNPROCESSABLE, PB_RATE_LIMITED,
                               PB_CANCELLED,    501,             PB_BAD_UPSTREAM,  PB_TIMEOUT,
                               PB_NO_SPACE,     0};
const int32_t events_errors[] = {PB_CANCELLED, 501, 0};
