/* operations.c - the table of the service's operations: names, addresses, what they take and give. */
#include "conversations.h"

#include <patchbay/reply_schema.h>

#define READ .scope = "conversations.read"
#define WRITE .scope = "conversations.write"
#define IN(type, table) .input = table, .input_size = sizeof(struct type)
#define ONE .output = conversation_fields, .output_size = sizeof(struct conversation)

#define TAGS                                                                                       \
    "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\",\"maxLength\":64},\"maxItems\":32}"
#define FLAG "{\"type\":[\"boolean\",\"null\"]}"

#define ID(type) PB_STR(struct type, id, .required = 1, .help = "The conversation's id.")
#define MESSAGE(type) PB_STR(struct type, message, .required = 1, .help = "The message's id.")

static const pb_field list_in[] = {
    PB_INT(struct list_in, limit, .def = "20", .min = 1, .max = 100, .help = "How many at most."),
    PB_STR(struct list_in, cursor, .max_length = 64, .help = "`next` of the page before."),
    PB_STR(struct list_in, q, .max_length = 256,
           .help = "Only those with a message that has all these words; the last may be a beginning."),
    PB_STR(struct list_in, tag, .max_length = 64, .help = "Only those with this tag."),
    PB_STR(struct list_in, pipeline, .max_length = 256, .help = "Only those of this pipeline."),
    PB_STR(struct list_in, pinned, .pattern = "true|false",
           .help = "Only those that are, or are not, pinned."),
    PB_BOOL(struct list_in, archived, .help = "Those that are archived, instead of the others."),
    PB_BOOL(struct list_in, deleted, .help = "Those that are deleted, instead of the others."),
    PB_STR(struct list_in, owner, .max_length = 256,
           .help = "Whose; another than oneself for administrators only."),
    PB_END,
};
static const pb_field list_out[] = {
    PB_LIST_OF(struct list_out, conversations, struct conversation, conversation_fields,
               .help = "The last changed first."),
    PB_STR(struct list_out, next, .help = "The next page's cursor; absent at the end."), PB_END};

static const pb_field id_in[] = {ID(id_in), PB_END};

static const pb_field messages_in[] = {
    ID(messages_in),
    PB_INT(struct messages_in, limit, .def = "50", .min = 1, .max = 200,
           .help = "How many at most."),
    PB_STR(struct messages_in, cursor, .max_length = 24, .help = "`next` of the page before."),
    PB_ENUM(struct messages_in, sort, .values = PB_VALUES("seq", "-seq"), .def = "seq",
            .help = "The first ones first, or the last ones."),
    PB_INT(struct messages_in, after, .max = 9e15, .help = "Only those behind this seq."),
    PB_INT(struct messages_in, before, .max = 9e15, .help = "Only those before this seq."),
    PB_BOOL(struct messages_in, superseded, .help = "Those that were replaced, too."),
    PB_BOOL(struct messages_in, deleted, .help = "Those that were deleted, too."),
    PB_END,
};
static const pb_field messages_out[] = {
    PB_LIST_OF(struct messages_out, messages, struct message, message_fields,
               .help = "In the order that was asked for."),
    PB_STR(struct messages_out, next, .help = "The next page's cursor; absent at the end."),
    PB_END};

static const pb_field message_in[] = {ID(message_in), MESSAGE(message_in), PB_END};

static const pb_field update_in[] = {
    ID(update_in),
    PB_STR(struct update_in, title, .max_length = 400, .help = "A title that stays."),
    PB_JSON(struct update_in, tags, .schema = TAGS, .help = "All its tags: at most 32, of 64 bytes each."),
    PB_JSON(struct update_in, pinned, .schema = FLAG, .help = "true or false."),
    PB_JSON(struct update_in, archived, .schema = FLAG, .help = "true or false."),
    PB_END,
};

static const pb_field fork_in[] = {
    ID(fork_in),
    PB_STR(struct fork_in, message, .help = "The last message to copy; left out: all are."),
    PB_STR(struct fork_in, title, .max_length = 400, .help = "The copy's title; else the same."),
    PB_END,
};

static const pb_field regenerate_in[] = {
    ID(again_in),
    PB_STR(struct again_in, message,
           .help = "The reply to make again, or what the user said; left out: the last."),
    PB_END};
static const pb_field edit_in[] = {
    ID(again_in), MESSAGE(again_in),
    PB_STR(struct again_in, text, .required = 1, .max_length = 1048576,
           .help = "What the user says instead."),
    PB_END};

static const pb_field export_in[] = {
    ID(export_in),
    PB_ENUM(struct export_in, format, .values = PB_VALUES("json", "markdown"), .def = "json",
            .help = "What can be imported again, or what people read."),
    PB_END};

static const char turn_schema[] = "{\"$ref\":\"#/$defs/Turn\",\"$defs\":{" PB_TURN_SCHEMAS "}}";
static const int32_t conflicts[] = {PB_CONFLICT, 0};
static const int32_t turn_errors[] = {PB_CONFLICT,  PB_UNPROCESSABLE, PB_RATE_LIMITED, PB_CANCELLED,
                                      PB_BAD_UPSTREAM, PB_TIMEOUT,    PB_NO_SPACE,     0};

/* What export writes and import reads, but for other people's documents. */
static const char export_schema[] = PB_JSON_TEXT({
    "title": "ConversationsExport", "type": "object",
    "properties": {
        "format": {"type": "string", "const": "patchbay.conversations/1"},
        "conversations": {"type": "array", "items": {"$ref": "#/$defs/ExportedConversation"}}},
    "required": ["format", "conversations"], "additionalProperties": false,
    "$defs": {
        "ExportedConversation": {
            "type": "object",
            "description": "Its title, pipeline, tags and times as they are told elsewhere, with all its messages.",
            "properties": {"messages": {"type": "array", "items": {"type": "object"}}},
            "required": ["messages"]}}
});

static const char import_in_schema[] = PB_JSON_TEXT({
    "title": "ConversationsImportRequest",
    "description": "What conversations.export gave, a conversation of it, or ChatGPT's conversations.json.",
    "oneOf": [
        {"type": "array", "items": {"type": "object"}},
        {"type": "object", "properties": {
            "conversations": {"type": "array", "items": {"type": "object"}},
            "pipeline": {"type": "string", "description": "Who goes on with what names no pipeline of this server."}}}]
});

static const char import_schema[] = PB_JSON_TEXT({
    "title": "ConversationsImportResponse", "type": "object",
    "properties": {
        "items": {"type": "array", "items": {"$ref": "#/$defs/ImportedConversation"}, "description": "In the order that they came."},
        "imported": {"type": "integer", "description": "How many were taken."}},
    "required": ["items", "imported"], "additionalProperties": false,
    "$defs": {
        "ImportedConversation": {
            "type": "object",
            "properties": {
                "title": {"type": ["string", "null"]},
                "id": {"type": "string", "description": "Its id here."},
                "messages": {"type": "integer"},
                "skipped": {"type": "integer", "description": "Messages that are not shown there either."},
                "error": {"type": "string", "description": "Why it was not taken."}},
            "required": ["title"]}}
});

const pb_operation conversations_operations[] = {
    {PB_OPERATION("conversations.list", "GET", "/v1/conversations",
                  "Conversations of oneself, the last changed first."),
     .description = "Those that are archived or deleted are left out unless asked for. With `q` by the words of their messages.",
     READ, IN(list_in, list_in), .output = list_out, .output_size = sizeof(struct list_out),
     .handle = list_handle},
    {PB_OPERATION("conversations.get", "GET", "/v1/conversations/{id}", "One conversation."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}",
     READ, IN(id_in, id_in), ONE, .flags = PB_OPERATION_REVISIONS, .handle = get_handle},
    {PB_OPERATION("conversations.update", "PATCH", "/v1/conversations/{id}",
                  "Names, tags, pins or archives a conversation."),
     .description = "Only what is given changes; a title that was set stays, one that was not follows the first message.", .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"title\": \"Plugins in C\", \"pinned\": true}",
     WRITE, IN(update_in, update_in), ONE, .flags = PB_OPERATION_REVISIONS, .handle = update_handle},
    {PB_OPERATION("conversations.delete", "DELETE", "/v1/conversations/{id}",
                  "Deletes a conversation; it can be restored."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}",
     WRITE, IN(id_in, id_in), .flags = PB_OPERATION_REVISIONS, .handle = delete_handle},
    {PB_OPERATION("conversations.restore", "POST", "/v1/conversations/{id}/restore",
                  "Brings a deleted conversation back."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}",
     WRITE, IN(id_in, id_in), ONE, .flags = PB_OPERATION_REVISIONS, .handle = restore_handle},
    {PB_OPERATION("conversations.fork", "POST", "/v1/conversations/{id}/fork",
                  "Copies a conversation up to one of its messages into a new one."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"message\": \"0193f3c2-7a60-7b11-8f0a-2c9d4e5f6a7b\"}",
     WRITE, IN(fork_in, fork_in), ONE, .handle = fork_handle},
    {PB_OPERATION("conversations.regenerate", "POST", "/v1/conversations/{id}/regenerate",
                  "Has a reply made again; what came of it before is kept, but not shown."),
     .description = "Runs a turn of the conversation's pipeline, and answers it whole. Without `message` the last reply is made again.", .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", .output_schema = turn_schema, .errors = turn_errors, .flags = PB_OPERATION_NO_TOOL,
     WRITE, IN(again_in, regenerate_in), .raw = regenerate_raw},
    {PB_OPERATION("conversations.export", "GET", "/v1/conversations/{id}/export",
                  "A whole conversation as one document."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"format\": \"markdown\"}", .output_type = "application/json, text/markdown", .output_schema = export_schema,
     READ, IN(export_in, export_in), .raw = export_raw},
    {PB_OPERATION("conversations.import", "POST", "/v1/conversations/import",
                  "Takes in what was exported here, or ChatGPT's conversations.json."),
     .description = "One that is not sound is reported and the others are taken all the same. A conversation whose pipeline is not configured here continues with `pipeline`.",
     .input_schema = import_in_schema, .output_schema = import_schema,
     .input_example = "{\"conversations\": [{\"title\": \"Hello\", \"messages\": [{\"role\": \"user\", \"text\": "
                      "\"Hi\"}]}]}",
     WRITE, .raw = import_raw},
    {PB_OPERATION("messages.list", "GET", "/v1/conversations/{id}/messages",
                  "A conversation's messages, page by page."),
     .description = "Those that were replaced or deleted are left out unless asked for.", .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}",
     READ, IN(messages_in, messages_in), .output = messages_out,
     .output_size = sizeof(struct messages_out), .handle = messages_handle},
    {PB_OPERATION("messages.get", "GET", "/v1/conversations/{id}/messages/{message}",
                  "One message."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"message\": \"0193f3c2-7a60-7b11-8f0a-2c9d4e5f6a7b\"}",
     READ, IN(message_in, message_in), .output = message_fields,
     .output_size = sizeof(struct message), .handle = message_handle},
    {PB_OPERATION("messages.delete", "DELETE", "/v1/conversations/{id}/messages/{message}",
                  "Deletes one message; models do not see it any more. It can be restored."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"message\": \"0193f3c2-7a60-7b11-8f0a-2c9d4e5f6a7b\"}", .errors = conflicts,
     WRITE, IN(message_in, message_in), .handle = message_delete_handle},
    {PB_OPERATION("messages.restore", "POST", "/v1/conversations/{id}/messages/{message}/restore",
                  "Brings a deleted message back."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"message\": \"0193f3c2-7a60-7b11-8f0a-2c9d4e5f6a7b\"}", .errors = conflicts,
     WRITE, IN(message_in, message_in), .output = message_fields,
     .output_size = sizeof(struct message), .handle = message_restore_handle},
    {PB_OPERATION("messages.edit", "POST", "/v1/conversations/{id}/messages/{message}/edit",
                  "Says something differently, and has it answered; what followed is kept, but not "
                  "shown."),
     .description = "Runs a turn of the conversation's pipeline with the new text, and answers it whole.", .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"message\": "
                      "\"0193f3c2-7a60-7b11-8f0a-2c9d4e5f6a7b\", \"text\": \"In C, please.\"}", .output_schema = turn_schema, .errors = turn_errors, .flags = PB_OPERATION_NO_TOOL,
     WRITE, IN(again_in, edit_in), .raw = edit_raw},
    PB_OPERATION_END,
};
