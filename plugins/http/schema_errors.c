/* schema_errors.c - errors in the shapes of the dialects, as JSON Schema for the reference. */
#include "http.h"

const char openai_error_schema[] = PB_JSON_TEXT({
    "title": "OpenAIError", "type": "object", "description": "What went wrong, as OpenAI's API tells it.",
    "properties": {"error": {"$ref": "#/$defs/OpenAIErrorDetail"}},
    "required": ["error"],
    "$defs": {"OpenAIErrorDetail": {
        "type": "object",
        "properties": {
            "message": {"type": "string", "description": "What is wrong, and what would be right."},
            "type": {"type": "string"},
            "param": {"type": ["string", "null"], "description": "The field at fault: messages[0].role."},
            "code": {"type": ["string", "null"]}},
        "required": ["message", "type", "param", "code"]}}
});

const char anthropic_error_schema[] = PB_JSON_TEXT({
    "title": "AnthropicError", "type": "object", "description": "What went wrong, as Anthropic's API tells it.",
    "properties": {
        "type": {"type": "string", "const": "error"},
        "error": {"$ref": "#/$defs/AnthropicErrorDetail"},
        "request_id": {"type": ["string", "null"]}},
    "required": ["type", "error"],
    "$defs": {"AnthropicErrorDetail": {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "message": {"type": "string", "description": "What is wrong, and what would be right."},
            "details": {"type": "object", "description": "Each field at fault, in `errors`."}},
        "required": ["type", "message"]}}
});
