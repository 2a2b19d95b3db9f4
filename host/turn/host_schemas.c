/* host_schemas.c - what the host's own operations answer, as JSON Schema: they write by hand. */
#include "turn/host_operations.h"

#include <patchbay/problem.h>

/* What all descriptions of a turn have. */
#define TURN_HEAD                                                                                  \
    "\"id\":{\"type\":\"string\"},"                                                                \
    "\"status\":{\"type\":\"string\",\"enum\":[\"running\",\"done\",\"waiting\",\"cancelled\","    \
    "\"interrupted\",\"failed\"]},"                                                                \
    "\"pipeline\":{\"type\":[\"string\",\"null\"]},"                                               \
    "\"conversation\":{\"type\":[\"string\",\"null\"],\"description\":\"The conversation that it "   \
    "belongs to.\"},"                                                                              \
    "\"request_id\":{\"type\":\"string\",\"description\":\"Of the request that began it.\"},"        \
    "\"trace_id\":{\"type\":\"string\",\"description\":\"Of the trace that it belongs to.\"},"       \
    "\"created\":{\"type\":\"string\",\"format\":\"date-time\"},"                                  \
    "\"finish\":{\"type\":\"string\",\"description\":\"Why the reply ended.\"},"                     \
    "\"answered_by\":{\"oneOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/TurnModel\"}]},"          \
    "\"usage\":{\"$ref\":\"#/$defs/TurnUsage\"},"                                                  \
    "\"timing\":{\"$ref\":\"#/$defs/TurnTiming\"},"                                                \
    "\"error\":{\"$ref\":\"#/$defs/TurnError\"}"

#define TURN_PARTS                                                                                 \
    PB_JSON_TEXT("TurnModel": {                                                                    \
        "type": "object", "description": "The model that answered.",                              \
        "properties": {"llm": {"type": "string", "description": "The configured instance."},       \
            "model": {"type": ["string", "null"], "description": "The model's own name."},         \
            "fallback": {"type": "boolean", "description": "It stood in for another."}},           \
        "required": ["fallback"]},                                                                 \
      "TurnUsage": {                                                                               \
        "type": "object", "description": "Tokens and cost of all model calls so far.",            \
        "properties": {"calls": {"type": "integer"}, "input_tokens": {"type": "integer"},          \
            "output_tokens": {"type": "integer"}, "cached_tokens": {"type": "integer"},            \
            "reasoning_tokens": {"type": "integer"}, "cost": {"type": "number"},                   \
            "currency": {"type": "string"}},                                                       \
        "required": ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost", "currency"]}, \
      "TurnTiming": {                                                                              \
        "type": "object", "description": "Milliseconds.",                                         \
        "properties": {"total_ms": {"type": ["number", "null"]}, "first_token_ms": {"type": ["number", "null"]}, \
            "host_ms": {"type": "number", "description": "What the server itself took."}},         \
        "required": ["total_ms"]},                                                                 \
      "TurnError": {                                                                               \
        "type": "object", "description": "Why it failed: a problem, and who it came from.",       \
        "properties": {"type": {"type": "string"}, "title": {"type": "string"},                    \
            "status": {"type": "integer"}, "detail": {"type": "string"},                           \
            "instance": {"type": "string"}, "retry_after": {"type": "integer"},                    \
            "from": {"type": "string", "description": "The configured instance that failed."}},    \
        "required": ["type", "title", "status", "detail"]})

const char turns_list_schema[] =
    "{\"title\":\"TurnsListResponse\",\"type\":\"object\",\"properties\":{\"turns\":{\"type\":\"array\",\"items\":"
    "{\"$ref\":\"#/$defs/TurnSummary\"},\"description\":\"The newest first.\"},\"next\":{\"type\":[\"string\","
    "\"null\"],\"description\":\"The next page's cursor; null at the end.\"}},\"required\":[\"turns\",\"next\"],"
    "\"$defs\":{\"TurnSummary\":{\"type\":\"object\",\"description\":\"A turn, shortly.\",\"properties\":"
    "{" TURN_HEAD "},\"required\":[\"id\",\"status\"]}," TURN_PARTS "}}";

const char turn_explained_schema[] =
    "{\"title\":\"TurnExplained\",\"description\":\"A turn: where its time and money went; of a kept one its "
    "reply, too.\",\"type\":\"object\",\"properties\":{" TURN_HEAD ","
    "\"stages\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/TurnSpan\"},\"description\":\"Its stages; each "
    "holds those that it ran, and what it called.\"},"
    "\"calls\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/TurnSpan\"}},"
    "\"dropped_spans\":{\"type\":\"integer\",\"description\":\"Spans that there was no room for.\"},"
    "\"message\":{\"type\":\"object\",\"description\":\"The reply of a kept turn that ended.\"},"
    "\"sources\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}},"
    "\"required\":[\"id\",\"status\"],\"$defs\":{" TURN_PARTS ","
    PB_JSON_TEXT("TurnSpan": {
        "type": "object",
        "description": "A stage or a call. What it noted (rows, attempt, model, tokens, …) stands beside its times.",
        "properties": {
            "kind": {"type": "string", "description": "Of a call: llm, database, vector_store …"},
            "name": {"type": "string"}, "branch": {"type": "integer"},
            "ms": {"type": "number", "description": "From its begin to its end."},
            "self_ms": {"type": "number", "description": "Without what it called."},
            "open": {"type": "boolean", "description": "It still runs."},
            "calls": {"type": "array", "items": {"$ref": "#/$defs/TurnSpan"}},
            "children": {"type": "array", "items": {"$ref": "#/$defs/TurnSpan"}}},
        "required": ["ms", "self_ms"]}) "}}";

const char turn_cancelled_schema[] = PB_JSON_TEXT({
    "title": "TurnCancelled", "type": "object",
    "properties": {"id": {"type": "string"}, "status": {"type": "string", "const": "cancelled"}},
    "required": ["id", "status"], "additionalProperties": false
});

const char pipelines_schema[] = PB_JSON_TEXT({
    "title": "PipelinesListResponse", "type": "object",
    "properties": {"pipelines": {"type": "array", "items": {"$ref": "#/$defs/Pipeline"}}},
    "required": ["pipelines"], "additionalProperties": false,
    "$defs": {"Pipeline": {
        "type": "object", "description": "What can be asked.",
        "properties": {
            "name": {"type": "string"},
            "description": {"type": "string"},
            "stages": {"type": "array", "items": {"type": "string"}, "description": "Its outermost stages."}},
        "required": ["name", "description", "stages"], "additionalProperties": false}}
});

const char instances_schema[] = PB_JSON_TEXT({
    "title": "InstancesListResponse", "type": "object",
    "properties": {"instances": {"type": "array", "items": {"$ref": "#/$defs/Instance"}}},
    "required": ["instances"], "additionalProperties": false,
    "$defs": {"Instance": {
        "type": "object", "description": "A configured component.",
        "properties": {
            "path": {"type": "string", "description": "Where it stands in the configuration: llms.main."},
            "kind": {"type": "string"}, "name": {"type": "string"},
            "use": {"type": "string", "description": "The component."},
            "plugin": {"type": "string"}, "version": {"type": "string"}},
        "required": ["path", "kind", "name", "use", "plugin", "version"], "additionalProperties": false}}
});

const char config_schema[] = PB_JSON_TEXT({
    "title": "Configuration", "type": "object",
    "description": "The effective configuration, as the file would say it; secrets are ***."
});

const char live_schema[] = PB_JSON_TEXT({
    "title": "Liveness", "type": "object",
    "properties": {"status": {"type": "string", "const": "ok"}},
    "required": ["status"], "additionalProperties": false
});

const char ready_schema[] = PB_JSON_TEXT({
    "title": "Readiness", "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["ready", "degraded", "not_ready"]},
        "draining": {"type": "boolean", "description": "It is about to stop."},
        "problems": {"type": "array", "items": {"$ref": "#/$defs/InstanceProblem"},
                     "description": "Components that are not well."},
        "quarantined": {"type": "array", "items": {"$ref": "#/$defs/QuarantinedPipeline"},
                        "description": "Pipelines that are kept from killing more workers."}},
    "required": ["status", "draining", "problems", "quarantined"], "additionalProperties": false,
    "$defs": {
        "InstanceProblem": {
            "type": "object",
            "properties": {"instance": {"type": "string"}, "status": {"type": "string"}, "detail": {"type": "string"}},
            "required": ["instance", "status", "detail"]},
        "QuarantinedPipeline": {
            "type": "object",
            "properties": {"pipeline": {"type": "string"}, "detail": {"type": "string"}},
            "required": ["pipeline", "detail"]}}
});
