/* schema_responses.c - what POST /v1/responses and its neighbours take and answer, for the reference. */
#include "openai/responses.h"

#define INPUT_PARTS                                                                                \
    PB_JSON_TEXT("ResponseInputText": {"type": "object", "required": ["type", "text"],             \
        "properties": {"type": {"const": "input_text"}, "text": {"type": "string"}}},              \
    "ResponseInputImage": {"type": "object", "required": ["type", "image_url"],                    \
        "properties": {"type": {"const": "input_image"},                                           \
            "image_url": {"type": "string", "minLength": 1},                                       \
            "detail": {"enum": ["auto", "low", "high"]}}},                                         \
    "ResponseInputFile": {"type": "object", "required": ["type", "file_data"],                     \
        "properties": {"type": {"const": "input_file"}, "filename": {"type": "string"},            \
            "file_data": {"type": "string", "minLength": 1}}},                                     \
    "ResponseInputFileUrl": {"type": "object", "required": ["type", "file_url"],                   \
        "properties": {"type": {"const": "input_file"}, "file_data": {"type": "null"},             \
            "file_url": {"type": "string", "minLength": 1}}},                                      \
    "ResponseInputContent": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"oneOf": [  \
        {"$ref": "#/$defs/ResponseInputText"}, {"$ref": "#/$defs/ResponseInputImage"},             \
        {"$ref": "#/$defs/ResponseInputFile"}, {"$ref": "#/$defs/ResponseInputFileUrl"}]}}]})

#define OUTPUT_PARTS                                                                               \
    PB_JSON_TEXT("ResponseOutputText": {"type": "object", "required": ["type", "text"],            \
        "properties": {"type": {"const": "output_text"}, "text": {"type": "string"},               \
            "annotations": {"type": "array"}, "logprobs": {"type": "array"}}},                     \
    "ResponseReasoning": {"type": "object", "required": ["type", "summary"],                       \
        "properties": {"type": {"const": "reasoning"}, "id": {"type": "string"},                   \
            "summary": {"type": "array", "items": {"type": "object", "required": ["type", "text"], \
                "properties": {"type": {"const": "summary_text"}, "text": {"type": "string"}}}},   \
            "encrypted_content": {"type": ["string", "null"],                                      \
                "description": "What the model's service wants back: send it as it came."}}},      \
    "ResponseFunctionCall": {"type": "object",                                                     \
        "required": ["type", "call_id", "name", "arguments"],                                      \
        "properties": {"type": {"const": "function_call"}, "id": {"type": "string"},               \
            "status": {"type": "string"}, "call_id": {"type": "string"},                           \
            "name": {"type": "string"}, "arguments": {"type": "string"}}},                         \
    "ResponseFunctionCallOutput": {"type": "object",                                               \
        "required": ["type", "call_id", "output"],                                                 \
        "properties": {"type": {"const": "function_call_output"}, "id": {"type": "string"},        \
            "status": {"type": "string"}, "call_id": {"type": "string"},                           \
            "output": {"$ref": "#/$defs/ResponseInputContent"}}})

const char schema_response_in[] = PB_JSON_TEXT({"title": "ResponseRequest", "type": "object",
    "required": ["model", "input"],
    "description": "Members that have no effect here are named in the header Patchbay-Ignored.",
    "properties": {
        "model": {"type": "string", "description": "A pipeline."},
        "input": {"oneOf": [{"type": "string"},
            {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ResponseInputItem"}}]},
        "instructions": {"type": ["string", "null"]},
        "stream": {"type": ["boolean", "null"]},
        "store": {"type": ["boolean", "null"],
            "description": "Where the pipeline keeps conversations, unless false."},
        "previous_response_id": {"type": ["string", "null"],
            "description": "A stored response that this one goes on from."},
        "conversation": {"description": "A conversation that the turn belongs to.",
            "oneOf": [{"type": ["string", "null"]}, {"type": "object", "required": ["id"],
                "properties": {"id": {"type": "string"}}}]},
        "background": {"enum": [false, null]},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
        "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "max_output_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 1000000000},
        "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20},
        "parallel_tool_calls": {"type": ["boolean", "null"]},
        "metadata": {"type": ["object", "null"]},
        "user": {"type": ["string", "null"]},
        "service_tier": {"type": ["string", "null"]},
        "prompt_cache_key": {"type": ["string", "null"]},
        "prompt_cache_retention": {"type": ["string", "null"]},
        "safety_identifier": {"type": ["string", "null"]},
        "truncation": {"type": ["string", "null"]},
        "include": {"type": ["array", "null"], "items": {"type": "string"}},
        "reasoning": {"type": ["object", "null"],
            "properties": {"effort": {"type": ["string", "null"]}}},
        "text": {"type": ["object", "null"], "properties": {
            "verbosity": {"type": ["string", "null"]},
            "format": {"oneOf": [{"type": "null"},
                {"type": "object", "required": ["type"],
                    "properties": {"type": {"enum": ["text", "json_object"]}}},
                {"type": "object", "required": ["type", "name", "schema"],
                    "properties": {"type": {"const": "json_schema"}, "name": {"type": "string"},
                        "schema": {"type": "object"}, "strict": {"type": ["boolean", "null"]},
                        "description": {"type": "string"}}}]}}},
        "tools": {"type": ["array", "null"], "maxItems": 128, "items": {"type": "object",
            "required": ["type", "name"], "properties": {"type": {"const": "function"},
                "name": {"type": "string"}, "description": {"type": ["string", "null"]},
                "parameters": {"type": ["object", "null"]},
                "strict": {"type": ["boolean", "null"]}}}},
        "tool_choice": {"oneOf": [{"enum": ["none", "auto", "required", null]},
            {"type": "object", "required": ["type", "name"],
                "properties": {"type": {"const": "function"}, "name": {"type": "string"}}},
            {"type": "object", "required": ["type"],
                "properties": {"type": {"const": "allowed_tools"}}}]},
        "stream_options": {"type": ["object", "null"]},
        "prompt": {"type": "null"}},
    "$defs": ) "{" INPUT_PARTS "," OUTPUT_PARTS "," PB_JSON_TEXT(
    "ResponseInputMessage": {"type": "object", "required": ["role", "content"], "properties": {
        "type": {"const": "message"}, "id": {"type": "string"},
        "role": {"enum": ["user", "system", "developer"]},
        "content": {"$ref": "#/$defs/ResponseInputContent"}}},
    "ResponseAssistantMessage": {"type": "object", "required": ["role", "content"], "properties": {
        "type": {"const": "message"}, "id": {"type": "string"}, "role": {"const": "assistant"},
        "content": {"oneOf": [{"type": "string"},
            {"type": "array", "items": {"$ref": "#/$defs/ResponseOutputText"}}]}}},
    "ResponseItemReference": {"type": "object", "required": ["type", "id"], "properties": {
        "type": {"const": "item_reference"}, "id": {"type": "string"}}},
    "ResponseInputItem": {"oneOf": [{"$ref": "#/$defs/ResponseInputMessage"},
        {"$ref": "#/$defs/ResponseAssistantMessage"}, {"$ref": "#/$defs/ResponseReasoning"},
        {"$ref": "#/$defs/ResponseFunctionCall"}, {"$ref": "#/$defs/ResponseFunctionCallOutput"},
        {"$ref": "#/$defs/ResponseItemReference"}]}) "}}";

const char schema_response_out[] = PB_JSON_TEXT({"title": "Response", "type": "object",
    "required": ["id", "object", "created_at", "status", "error", "incomplete_details", "model",
        "output", "tools", "tool_choice", "parallel_tool_calls", "usage"],
    "properties": {
        "id": {"type": "string"}, "object": {"const": "response"},
        "created_at": {"type": "integer"},
        "status": {"enum": ["in_progress", "completed", "incomplete", "failed", "cancelled"]},
        "background": {"const": false},
        "error": {"type": ["object", "null"], "properties": {"code": {"type": "string"},
            "message": {"type": "string"}}},
        "incomplete_details": {"type": ["object", "null"],
            "properties": {"reason": {"enum": ["max_output_tokens", "content_filter"]}}},
        "model": {"type": ["string", "null"]},
        "output": {"type": "array", "items": {"oneOf": [{"$ref": "#/$defs/ResponseReasoning"},
            {"$ref": "#/$defs/ResponseFunctionCall"}, {"$ref": "#/$defs/ResponseOutputMessage"}]}},
        "previous_response_id": {"type": ["string", "null"]},
        "conversation": {"type": "object", "properties": {"id": {"type": "string"}}},
        "instructions": {"type": ["string", "null"]},
        "tools": {"type": "array"}, "tool_choice": {},
        "parallel_tool_calls": {"type": "boolean"},
        "store": {"type": "boolean"}, "truncation": {"type": "string"},
        "usage": {"type": ["object", "null"], "properties": {"input_tokens": {"type": "integer"},
            "output_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"},
            "input_tokens_details": {"type": "object"},
            "output_tokens_details": {"type": "object"}}},
        "sources": {"type": "array", "items": {"type": "object"}},
        "patchbay": {"type": "object"}},
    "$defs": ) "{" INPUT_PARTS "," OUTPUT_PARTS "," PB_JSON_TEXT(
    "ResponseOutputMessage": {"type": "object", "required": ["id", "type", "role", "content"],
        "properties": {"id": {"type": "string"}, "type": {"const": "message"},
            "status": {"type": "string"}, "role": {"const": "assistant"},
            "content": {"type": "array", "items": {"$ref": "#/$defs/ResponseOutputText"}}}}) "}}";

const char schema_response_deleted[] = PB_JSON_TEXT({"title": "ResponseDeleted", "type": "object",
    "required": ["id", "object", "deleted"], "properties": {"id": {"type": "string"},
        "object": {"const": "response"}, "deleted": {"const": true}}});

const char schema_response_items[] = PB_JSON_TEXT({"title": "ResponseItems", "type": "object",
    "required": ["object", "data", "first_id", "last_id", "has_more"], "properties": {
        "object": {"const": "list"}, "data": {"type": "array", "items": {"type": "object"}},
        "first_id": {"type": ["string", "null"]}, "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"}}});

const char schema_response_event[] = PB_JSON_TEXT({"title": "ResponseEvent", "type": "object",
    "description": "`data` of an event; the event's name is its `type`.",
    "required": ["type", "sequence_number"], "properties": {
        "sequence_number": {"type": "integer"},
        "type": {"enum": ["response.created", "response.in_progress", "response.output_item.added",
            "response.content_part.added", "response.output_text.delta",
            "response.output_text.done", "response.content_part.done",
            "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done", "response.reasoning_summary_part.done",
            "response.function_call_arguments.delta", "response.function_call_arguments.done",
            "response.output_item.done", "response.completed", "response.incomplete",
            "response.failed", "error"]}}});

const char example_response_in[] = PB_JSON_TEXT({"model": "support",
    "instructions": "Be brief.", "input": "How do I write a plugin?"});
const char example_response_out[] = PB_JSON_TEXT({
    "id": "resp_0193f3c27a517d209c3e5b1f6f0e2a44", "object": "response", "created_at": 1767225600,
    "status": "completed", "background": false, "error": null, "incomplete_details": null,
    "model": "support", "output": [{"id": "msg_0193f3c27a517d209c3e5b1f6f0e2a4400", "type": "message",
        "status": "completed", "role": "assistant", "content": [{"type": "output_text",
            "text": "Begin with a table of options.", "annotations": [], "logprobs": []}]}],
    "previous_response_id": null, "instructions": "Be brief.", "parallel_tool_calls": true,
    "tool_choice": "auto", "tools": [], "store": false, "truncation": "disabled",
    "usage": {"input_tokens": 12, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 19}});

const int32_t stored_errors[] = {PB_NOT_FOUND, PB_CONFLICT, PB_NO_SPACE, PB_TIMEOUT,
                                 PB_CANCELLED, 501,         0};
