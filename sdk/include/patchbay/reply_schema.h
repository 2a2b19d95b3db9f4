/* reply_schema.h - what reply.h writes, as JSON Schema: parts for the "$defs" of an operation whose answer is a
 * turn.
 *
 *     .output_schema = "{\"$ref\":\"#/$defs/Turn\",\"$defs\":{" PB_TURN_SCHEMAS "}}"
 */
#ifndef PATCHBAY_REPLY_SCHEMA_H
#define PATCHBAY_REPLY_SCHEMA_H

#include <patchbay/problem.h>
#include <patchbay/service.h>

#define PB_USAGE_SCHEMA                                                                                      \
    PB_JSON_TEXT("Usage": {                                                                        \
        "type": "object", "description": "Tokens and cost of all model calls of a turn.",         \
        "properties": {                                                                            \
            "input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"},             \
            "cached_tokens": {"type": "integer", "description": "Of the input, those that the service had kept."}, \
            "reasoning_tokens": {"type": "integer", "description": "Of the output, those of its reasoning."}, \
            "cost": {"type": "number"}, "currency": {"type": "string", "const": "USD"}},           \
        "required": ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost", "currency"]})

#define PB_SOURCE_SCHEMA                                                                                     \
    PB_JSON_TEXT("Source": {                                                                       \
        "type": "object", "description": "A passage of a document that the reply may cite as [n].", \
        "properties": {                                                                            \
            "index": {"type": "integer", "description": "Its number in the reply: [1]."},          \
            "document": {"type": "string", "description": "The document's name."},                 \
            "passage": {"type": "string", "description": "The passage's id."},                     \
            "collection": {"type": "string"}, "title": {"type": "string"},                         \
            "heading": {"type": "string", "description": "The headings above it."},                \
            "url": {"type": "string"}, "quote": {"type": "string", "description": "What it says."}, \
            "lines": {"type": "array", "items": {"type": "integer"}, "description": "First and last line."}, \
            "page": {"type": ["integer", "null"]}, "score": {"type": "number"}}})

#define PB_TOOL_CALL_SCHEMA                                                                                  \
    PB_JSON_TEXT("ToolCall": {                                                                     \
        "type": "object", "description": "A call that the client is asked to make.",              \
        "properties": {                                                                            \
            "id": {"type": ["string", "null"]}, "name": {"type": ["string", "null"]},              \
            "arguments": {"type": ["string", "null"], "description": "JSON, as the model wrote it."}, \
            "signature": {"type": "string", "description": "What the model's service wants back with it."}}, \
        "required": ["id", "name", "arguments"]})

#define PB_REPLY_SCHEMA                                                                                      \
    PB_JSON_TEXT("Reply": {                                                                        \
        "type": "object", "description": "What was answered.",                                    \
        "properties": {                                                                            \
            "id": {"type": "string", "description": "The message's id, where a conversation keeps it."}, \
            "role": {"type": "string", "const": "assistant"},                                      \
            "text": {"type": "string"}, "thinking": {"type": "string"},                            \
            "tool_calls": {"type": "array", "items": {"$ref": "#/$defs/ToolCall"}},                \
            "finish": {"type": ["string", "null"], "enum": ["stop", "length", "tool_calls", "filter", null], \
                       "description": "Why it ended."}},                                           \
        "required": ["role", "finish"]})

#define PB_TURN_SCHEMA                                                                                       \
    PB_JSON_TEXT("Turn": {                                                                         \
        "type": "object", "description": "A turn: a question, and what became of it.",            \
        "properties": {                                                                            \
            "id": {"type": "string"},                                                              \
            "status": {"type": "string", "enum": ["running", "done", "waiting", "cancelled", "interrupted", "failed"]}, \
            "conversation": {"type": ["string", "null"], "description": "The conversation that it belongs to."}, \
            "pipeline": {"type": "string"},                                                        \
            "message": {"$ref": "#/$defs/Reply"},                                                  \
            "sources": {"type": "array", "items": {"$ref": "#/$defs/Source"}},                     \
            "answered_by": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/AnsweredBy"}]},          \
            "usage": {"$ref": "#/$defs/Usage"},                                                    \
            "timing": {"$ref": "#/$defs/Timing"},                                                  \
            "error": {"$ref": "#/$defs/Problem", "description": "Why it failed."}},    \
        "required": ["id", "status", "conversation", "pipeline"]},                                 \
      "AnsweredBy": {                                                                              \
        "type": "object", "description": "The model that answered.",                              \
        "properties": {                                                                            \
            "llm": {"type": "string", "description": "The configured instance."},                  \
            "model": {"type": ["string", "null"], "description": "The model's own name."},         \
            "fallback": {"type": "boolean", "description": "It stood in for another."}},           \
        "required": ["llm", "model", "fallback"]},                                                 \
      "Timing": {                                                                                  \
        "type": "object", "description": "Milliseconds; null: there was no such moment.",         \
        "properties": {"total_ms": {"type": ["number", "null"]}, "first_token_ms": {"type": ["number", "null"]}}, \
        "required": ["total_ms", "first_token_ms"]})

/* All of them. */
#define PB_TURN_SCHEMAS                                                                            \
    PB_USAGE_SCHEMA "," PB_SOURCE_SCHEMA "," PB_TOOL_CALL_SCHEMA "," PB_REPLY_SCHEMA               \
                    "," PB_TURN_SCHEMA "," PB_PROBLEM_SCHEMAS

#endif
