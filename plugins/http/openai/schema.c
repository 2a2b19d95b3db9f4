/* schema.c - what chat completions, embeddings and models take and answer, for the reference. */
#include "openai/openai.h"

/* --- chat completions ------------------------------------------------------------------------- */

#define CHAT_PARTS                                                                                 \
    PB_JSON_TEXT("ChatTextPart": {"type": "object", "required": ["type", "text"],                  \
        "properties": {"type": {"const": "text"}, "text": {"type": "string"}}},                    \
    "ChatImagePart": {"type": "object", "required": ["type", "image_url"],                         \
        "properties": {"type": {"const": "image_url"},                                             \
            "image_url": {"type": "object", "required": ["url"], "properties": {                   \
                "url": {"type": "string", "description": "https://… or data:image/png;base64,…"},  \
                "detail": {"enum": ["auto", "low", "high"]}}}}},                                   \
    "ChatAudioPart": {"type": "object", "required": ["type", "input_audio"],                       \
        "properties": {"type": {"const": "input_audio"},                                           \
            "input_audio": {"type": "object", "required": ["data", "format"], "properties": {      \
                "data": {"type": "string"}, "format": {"enum": ["wav", "mp3"]}}}}},                \
    "ChatFilePart": {"type": "object", "required": ["type", "file"],                               \
        "properties": {"type": {"const": "file"},                                                  \
            "file": {"type": "object", "required": ["file_data"], "properties": {                  \
                "filename": {"type": "string"},                                                    \
                "file_data": {"type": "string", "minLength": 1,                                    \
                    "description": "data:application/pdf;base64,…"}}}}},                           \
    "ChatPart": {"oneOf": [{"$ref": "#/$defs/ChatTextPart"}, {"$ref": "#/$defs/ChatImagePart"},    \
        {"$ref": "#/$defs/ChatAudioPart"}, {"$ref": "#/$defs/ChatFilePart"}]},                     \
    "ChatContent": {"oneOf": [{"type": "string"},                                                  \
        {"type": "array", "items": {"$ref": "#/$defs/ChatPart"}}]})

#define CHAT_CALL                                                                                  \
    PB_JSON_TEXT("ChatToolCall": {"type": "object", "required": ["id", "type", "function"],        \
        "properties": {"id": {"type": "string"}, "type": {"const": "function"},                    \
            "function": {"type": "object", "required": ["name", "arguments"], "properties": {      \
                "name": {"type": "string"},                                                        \
                "arguments": {"type": "string", "description": "JSON, as the model wrote it."}}},  \
            "extra_content": {"type": "object",                                                    \
                "description": "What the model's service wants back with the call: send it as it came."}}})

#define CHAT_MESSAGES                                                                              \
    PB_JSON_TEXT("ChatSystemMessage": {"type": "object", "required": ["role", "content"],          \
        "properties": {"role": {"enum": ["system", "developer"]}, "name": {"type": "string"},      \
            "content": {"$ref": "#/$defs/ChatContent"}}},                                          \
    "ChatUserMessage": {"type": "object", "required": ["role", "content"],                         \
        "properties": {"role": {"const": "user"}, "name": {"type": "string"},                      \
            "content": {"$ref": "#/$defs/ChatContent"}}},                                          \
    "ChatAssistantMessage": {"type": "object", "required": ["role"],                               \
        "properties": {"role": {"const": "assistant"}, "name": {"type": "string"},                 \
            "content": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/ChatContent"}]},             \
            "tool_calls": {"type": "array", "items": {"$ref": "#/$defs/ChatToolCall"}},            \
            "reasoning_content": {"type": ["string", "null"]},                                     \
            "thinking_blocks": {"type": ["array", "null"], "items": {"type": "object"},            \
                "description": "Reasoning that its model signed: send it as it came."}}},          \
    "ChatToolMessage": {"type": "object", "required": ["role", "tool_call_id", "content"],         \
        "properties": {"role": {"const": "tool"}, "tool_call_id": {"type": "string"},              \
            "content": {"$ref": "#/$defs/ChatContent"}}},                                          \
    "ChatMessage": {"oneOf": [{"$ref": "#/$defs/ChatSystemMessage"},                               \
        {"$ref": "#/$defs/ChatUserMessage"}, {"$ref": "#/$defs/ChatAssistantMessage"},             \
        {"$ref": "#/$defs/ChatToolMessage"}]})

const char schema_chat_in[] = PB_JSON_TEXT({"title": "ChatRequest", "type": "object",
    "required": ["model", "messages"],
    "description": "Members that are not named here go unchanged to a model that speaks this dialect; for any other they are named in the header Patchbay-Ignored.",
    "properties": {
        "model": {"type": "string", "description": "A pipeline."},
        "messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ChatMessage"}},
        "stream": {"type": ["boolean", "null"]},
        "stream_options": {"type": ["object", "null"],
            "properties": {"include_usage": {"type": ["boolean", "null"]}}},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
        "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "max_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 1000000000},
        "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 1000000000},
        "seed": {"type": ["integer", "null"], "minimum": -9000000000000000000,
            "maximum": 9000000000000000000},
        "presence_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
        "frequency_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
        "stop": {"oneOf": [{"type": ["string", "null"]},
            {"type": "array", "maxItems": 4, "items": {"type": "string"}}]},
        "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 1},
        "logprobs": {"type": ["boolean", "null"]},
        "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20},
        "response_format": {"type": ["object", "null"], "required": ["type"], "properties": {
            "type": {"enum": ["text", "json_object", "json_schema"]},
            "json_schema": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "minLength": 1}, "description": {"type": "string"},
                "schema": {"type": "object"}, "strict": {"type": ["boolean", "null"]}}}},
            "if": {"type": "object", "required": ["type"],
                "properties": {"type": {"const": "json_schema"}}},
            "then": {"required": ["json_schema"]}},
        "tools": {"type": ["array", "null"], "maxItems": 128, "items": {"type": "object",
            "required": ["type", "function"], "properties": {"type": {"const": "function"},
                "function": {"type": "object", "required": ["name"], "properties": {
                    "name": {"type": "string", "minLength": 1}, "description": {"type": "string"},
                    "parameters": {"type": "object"}, "strict": {"type": ["boolean", "null"]}}}}}},
        "tool_choice": {"oneOf": [{"enum": ["none", "auto", "required", null]},
            {"type": "object", "required": ["type"],
                "properties": {"type": {"type": "string", "minLength": 1}}}]},
        "parallel_tool_calls": {"type": ["boolean", "null"]},
        "reasoning_effort": {"type": ["string", "null"]},
        "user": {"type": ["string", "null"]},
        "metadata": {"type": ["object", "null"], "properties": {
            "conversation": {"type": ["string", "null"], "minLength": 1,
                "description": "The conversation that the turn belongs to, or \"new\"."}}},
        "store": {"type": ["boolean", "null"]},
        "logit_bias": {"type": ["object", "null"]},
        "prediction": {"type": ["object", "null"]},
        "service_tier": {"type": ["string", "null"]},
        "verbosity": {"type": ["string", "null"]},
        "prompt_cache_key": {"type": ["string", "null"]},
        "prompt_cache_retention": {"type": ["string", "null"]},
        "safety_identifier": {"type": ["string", "null"]},
        "web_search_options": {"type": ["object", "null"]},
        "functions": {"type": ["array", "null"]},
        "modalities": {"type": ["array", "null"], "minItems": 1, "maxItems": 1,
            "items": {"const": "text"}},
        "audio": {"type": "null"}},
    "$defs": ) "{" CHAT_PARTS "," CHAT_CALL "," CHAT_MESSAGES "}}";

#define CHAT_USAGE                                                                                 \
    PB_JSON_TEXT("ChatUsage": {"type": "object",                                                   \
        "required": ["prompt_tokens", "completion_tokens", "total_tokens"],                        \
        "properties": {"prompt_tokens": {"type": "integer"},                                       \
            "completion_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"},         \
            "prompt_tokens_details": {"type": "object", "properties": {                            \
                "cached_tokens": {"type": "integer"}}},                                            \
            "completion_tokens_details": {"type": "object", "properties": {                        \
                "reasoning_tokens": {"type": "integer"}}}}})

const char schema_chat_out[] = PB_JSON_TEXT({"title": "ChatCompletion", "type": "object",
    "required": ["id", "object", "created", "model", "choices", "usage", "patchbay"],
    "properties": {
        "id": {"type": "string"}, "object": {"const": "chat.completion"},
        "created": {"type": "integer"}, "model": {"type": "string"},
        "choices": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "object",
            "required": ["index", "message", "finish_reason", "logprobs"], "properties": {
                "index": {"const": 0},
                "finish_reason": {"enum": ["stop", "length", "tool_calls", "content_filter"]},
                "logprobs": {"type": ["object", "null"], "properties": {
                    "content": {"type": "array"}, "refusal": {"type": "null"}}},
                "message": {"type": "object", "required": ["role", "content", "refusal"],
                    "properties": {"role": {"const": "assistant"},
                        "content": {"type": ["string", "null"]}, "refusal": {"type": "null"},
                        "reasoning_content": {"type": "string"},
                        "thinking_blocks": {"type": "array", "items": {"type": "object"}},
                        "tool_calls": {"type": "array",
                            "items": {"$ref": "#/$defs/ChatToolCall"}}}}}}},
        "usage": {"$ref": "#/$defs/ChatUsage"},
        "sources": {"type": "array", "description": "What the reply is based on, as in the native API.",
            "items": {"type": "object"}},
        "patchbay": {"type": "object", "required": ["turn"], "properties": {
            "turn": {"type": "string"}, "llm": {"type": ["string", "null"]},
            "model": {"type": ["string", "null"]}, "fallback": {"type": "boolean"}}}},
    "$defs": ) "{" CHAT_CALL "," CHAT_USAGE "}}";

const char example_chat_in[] = PB_JSON_TEXT({"model": "support",
    "messages": [{"role": "user", "content": "How do I write a plugin?"}], "temperature": 0.2});
const char example_chat_out[] = PB_JSON_TEXT({
    "id": "chatcmpl-0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44", "object": "chat.completion",
    "created": 1767225600, "model": "support",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Begin with a table of options.",
        "refusal": null}, "logprobs": null, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0}},
    "patchbay": {"turn": "0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44", "llm": "main", "model": "gpt-4o-mini",
        "fallback": false}});

/* --- embeddings, models ----------------------------------------------------------------------- */

const char schema_embeddings_in[] = PB_JSON_TEXT({"title": "EmbeddingsRequest", "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": {"type": "string", "description": "An embedder."},
        "input": {"oneOf": [{"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "maxItems": 2048,
                "items": {"type": "string", "minLength": 1}}]},
        "encoding_format": {"enum": ["float", "base64", null],
            "description": "base64: little-endian floats of 32 bits."},
        "dimensions": {"type": ["integer", "null"], "description": "The embedder's own; others are refused."},
        "user": {"type": ["string", "null"]}}});
const char schema_embeddings_out[] = PB_JSON_TEXT({"title": "Embeddings", "type": "object",
    "required": ["object", "data", "model", "usage"],
    "properties": {"object": {"const": "list"}, "model": {"type": "string"},
        "data": {"type": "array", "items": {"type": "object",
            "required": ["object", "index", "embedding"], "properties": {
                "object": {"const": "embedding"}, "index": {"type": "integer"},
                "embedding": {"oneOf": [{"type": "string"},
                    {"type": "array", "items": {"type": "number"}}]}}}},
        "usage": {"type": "object", "required": ["prompt_tokens", "total_tokens"], "properties": {
            "prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}}}});
const char example_embeddings_in[] =
    PB_JSON_TEXT({"model": "words", "input": ["How do I write a plugin?", "Where are the logs?"]});

#define MODEL                                                                                      \
    PB_JSON_TEXT("type": "object", "required": ["id", "object", "created", "owned_by"],            \
        "properties": {"id": {"type": "string"}, "object": {"const": "model"},                     \
            "created": {"type": "integer"}, "owned_by": {"const": "patchbay"},                     \
            "description": {"type": "string"}})

const char schema_model[] = "{\"title\":\"Model\"," MODEL "}";
const char schema_models[] =
    "{\"title\":\"Models\",\"type\":\"object\",\"required\":[\"object\",\"data\"],\"properties\":{"
    "\"object\":{\"const\":\"list\"},\"data\":{\"type\":\"array\",\"items\":{" MODEL "}}}}";

const int32_t chat_errors[] = {PB_NOT_FOUND,    PB_CONFLICT,   PB_UNPROCESSABLE, PB_RATE_LIMITED,
                               PB_CANCELLED,    501,           PB_BAD_UPSTREAM,  PB_TIMEOUT,
                               PB_NO_SPACE,     0};
const int32_t model_errors[] = {PB_NOT_FOUND, 0};
const int32_t embeddings_errors[] = {PB_NOT_FOUND, PB_RATE_LIMITED, PB_CANCELLED,
                                     PB_BAD_UPSTREAM, PB_TIMEOUT, 0};
