/* operations.c - the table of the service's operations: names, addresses, what they take and give. */
#include "conversations.h"

#define READ .scope = "conversations.read"
#define WRITE .scope = "conversations.write"
#define IN(type, table) .input = table, .input_size = sizeof(struct type)
#define ONE .output = conversation_fields, .output_size = sizeof(struct conversation)

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
    PB_JSON(struct update_in, tags, .help = "All its tags: at most 32, of 64 bytes each."),
    PB_JSON(struct update_in, pinned, .help = "true or false."),
    PB_JSON(struct update_in, archived, .help = "true or false."),
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

const pb_operation conversations_operations[] = {
    {PB_OPERATION("conversations.list", "GET", "/v1/conversations",
                  "Conversations of oneself, the last changed first."),
     READ, IN(list_in, list_in), .output = list_out, .output_size = sizeof(struct list_out),
     .handle = list_handle},
    {PB_OPERATION("conversations.get", "GET", "/v1/conversations/{id}", "One conversation."),
     READ, IN(id_in, id_in), ONE, .flags = PB_OPERATION_REVISIONS, .handle = get_handle},
    {PB_OPERATION("conversations.update", "PATCH", "/v1/conversations/{id}",
                  "Names, tags, pins or archives a conversation."),
     WRITE, IN(update_in, update_in), ONE, .flags = PB_OPERATION_REVISIONS, .handle = update_handle},
    {PB_OPERATION("conversations.delete", "DELETE", "/v1/conversations/{id}",
                  "Deletes a conversation; it can be restored."),
     WRITE, IN(id_in, id_in), .flags = PB_OPERATION_REVISIONS, .handle = delete_handle},
    {PB_OPERATION("conversations.restore", "POST", "/v1/conversations/{id}/restore",
                  "Brings a deleted conversation back."),
     WRITE, IN(id_in, id_in), ONE, .flags = PB_OPERATION_REVISIONS, .handle = restore_handle},
    {PB_OPERATION("conversations.fork", "POST", "/v1/conversations/{id}/fork",
                  "Copies a conversation up to one of its messages into a new one."),
     WRITE, IN(fork_in, fork_in), ONE, .handle = fork_handle},
    {PB_OPERATION("conversations.regenerate", "POST", "/v1/conversations/{id}/regenerate",
                  "Has a reply made again; what came of it before is kept, but not shown."),
     WRITE, IN(again_in, regenerate_in), .raw = regenerate_raw},
    {PB_OPERATION("conversations.export", "GET", "/v1/conversations/{id}/export",
                  "A whole conversation as one document."),
     READ, IN(export_in, export_in), .raw = export_raw},
    {PB_OPERATION("conversations.import", "POST", "/v1/conversations/import",
                  "Takes in what was exported here, or ChatGPT's conversations.json."),
     WRITE, .raw = import_raw},
    {PB_OPERATION("messages.list", "GET", "/v1/conversations/{id}/messages",
                  "A conversation's messages, page by page."),
     READ, IN(messages_in, messages_in), .output = messages_out,
     .output_size = sizeof(struct messages_out), .handle = messages_handle},
    {PB_OPERATION("messages.get", "GET", "/v1/conversations/{id}/messages/{message}",
                  "One message."),
     READ, IN(message_in, message_in), .output = message_fields,
     .output_size = sizeof(struct message), .handle = message_handle},
    {PB_OPERATION("messages.delete", "DELETE", "/v1/conversations/{id}/messages/{message}",
                  "Deletes one message; models do not see it any more. It can be restored."),
     WRITE, IN(message_in, message_in), .handle = message_delete_handle},
    {PB_OPERATION("messages.restore", "POST", "/v1/conversations/{id}/messages/{message}/restore",
                  "Brings a deleted message back."),
     WRITE, IN(message_in, message_in), .output = message_fields,
     .output_size = sizeof(struct message), .handle = message_restore_handle},
    {PB_OPERATION("messages.edit", "POST", "/v1/conversations/{id}/messages/{message}/edit",
                  "Says something differently, and has it answered; what followed is kept, but not "
                  "shown."),
     WRITE, IN(again_in, edit_in), .raw = edit_raw},
    PB_OPERATION_END,
};
