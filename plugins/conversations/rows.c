/* rows.c - rows as they are shown: one struct for a conversation, one for a message, with the
 * tables that write them. */
#include "conversations.h"

const char *const role_names[] = {"system", "user", "assistant", "tool", NULL};
const char *const status_names[] = {"done", "running", "cancelled", "interrupted", "failed", NULL};
const char *const finish_names[] = {"none", "stop", "length", "tool_calls", "filter", NULL};

#define TEXT    "{\"type\":\"string\"}"
#define OBJECT  "{\"type\":\"object\"}"
#define OBJECTS "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"

const pb_field conversation_fields[] = {
    PB_STR(struct conversation, id, .required = 1, .help = "Its id."),
    PB_STR(struct conversation, title,
           .help = "The first line of the first message, until it is set."),
    PB_STR(struct conversation, pipeline, .required = 1, .help = "The pipeline that its turns went through."),
    PB_STR(struct conversation, created, .required = 1, .help = "When it began."),
    PB_STR(struct conversation, updated, .required = 1, .help = "When its last turn ended."),
    PB_BOOL(struct conversation, pinned, .help = "Marked as important."),
    PB_BOOL(struct conversation, archived, .help = "Out of the way."),
    PB_BOOL(struct conversation, deleted, .help = "Deleted; it can be restored."),
    PB_LIST(struct conversation, tags, PB_KIND_STR, .help = "Words to find it by."),
    PB_STR(struct conversation, turn, .help = "The turn that runs in it now."),
    PB_STR(struct conversation, forked_from, .help = "The conversation that it was copied from."),
    PB_STR(struct conversation, owner, .help = "Whose it is."),
    PB_INT(struct conversation, revision, .help = "Grows with each edit; see If-Match."),
    PB_END,
};

const pb_field message_fields[] = {
    PB_STR(struct message, id, .required = 1, .help = "Its id."),
    PB_INT(struct message, seq, .help = "Its place in the conversation; there may be gaps."),
    PB_ENUM(struct message, role, .required = 1, .values = role_names, .help = "Who speaks."),
    PB_STR(struct message, text, .help = "All text of it."),
    PB_JSON(struct message, name, .schema = TEXT, .help = "The speaker's or tool's name."),
    PB_JSON(struct message, tool_call_id, .schema = TEXT, .help = "The call that this answers."),
    PB_JSON(struct message, parts, .schema = OBJECTS, .help = "What it has beside text: images, files."),
    PB_JSON(struct message, tool_calls, .schema = OBJECTS, .help = "Calls that the client makes."),
    PB_JSON(struct message, steps, .schema = OBJECTS, .help = "Calls that were made here, with their results."),
    PB_JSON(struct message, sources, .schema = OBJECTS, .help = "What the reply is based on."),
    PB_JSON(struct message, thinking, .schema = TEXT, .help = "The model's reasoning."),
    PB_ENUM(struct message, status, .required = 1, .values = status_names, .help = "How it ended."),
    PB_STR(struct message, reason, .help = "Why it is not whole."),
    PB_STR(struct message, turn, .help = "The turn that it was said in."),
    PB_STR(struct message, llm, .help = "The instance that answered."),
    PB_STR(struct message, model, .help = "The model's own name."),
    PB_JSON(struct message, usage, .schema = OBJECT, .help = "Tokens and cost of the turn."),
    PB_INT(struct message, latency_ms, .help = "Time of the whole turn; 0: not known."),
    PB_ENUM(struct message, finish, .values = finish_names, .help = "Why the model stopped."),
    PB_STR(struct message, created, .required = 1, .help = "When it was said."),
    PB_BOOL(struct message, superseded, .help = "Replaced by another; not shown to models."),
    PB_BOOL(struct message, deleted, .help = "Deleted; it can be restored."),
    PB_END,
};

static pb_str id_of(const pb_value *value)
{
    return value->type == PB_VALUE_BYTES && value->text.size == ID_SIZE
               ? pb_uuid_text(value->text.data)
               : pb_str_make(NULL, 0);
}

static pb_str text_of(const pb_value *value)
{
    return value->type == PB_VALUE_TEXT ? value->text : pb_str_make(NULL, 0);
}

static bool is_there(const pb_value *value)
{
    return value->type != PB_VALUE_NULL;
}

static pb_status tags_of(pb_str json, pb_list *out)
{
    const pb_json *tags = NULL;
    pb_status status = json.size ? pb_json_parse(json, &tags) : (pb_status)PB_OK;

    if (status != PB_OK || !tags || !tags->count)
        return status;
    if (!(out->items = PB_NEW_ARRAY(pb_str, tags->count)))
        return PB_NO_MEMORY;
    for (const pb_json *at = tags->child; at; at = at->next)
        PB_ITEM(*out, pb_str, out->count++) = pb_json_text(at);
    return PB_OK;
}

pb_status conversation_read(const pb_rows *rows, size_t row, struct conversation *out)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    memset(out, 0, sizeof *out);
    out->key = cell[0].integer;
    out->uuid = cell[1].text;
    out->id = id_of(&cell[1]);
    out->title = text_of(&cell[2]);
    out->pipeline = text_of(&cell[3]);
    out->created = time_text(cell[4].integer);
    out->updated_at = cell[5].integer;
    out->updated = time_text(cell[5].integer);
    out->pinned = cell[6].integer != 0;
    out->archived = is_there(&cell[7]);
    out->deleted = is_there(&cell[8]);
    out->tags_json = text_of(&cell[9]);
    if (is_there(&cell[10]) && pb_node_alive(cell[11].text))
        out->turn = id_of(&cell[10]);
    out->forked_from = id_of(&cell[12]);
    out->owner = text_of(&cell[13]);
    out->titled = cell[14].integer != 0;
    out->revision = cell[15].integer;
    return tags_of(out->tags_json, &out->tags);
}

/* --- messages -----------------------------------------------------------------------------------
 */

static const pb_json *usage_of(const struct message *message)
{
    static const pb_str none;
    pb_json *usage = pb_json_new(PB_JSON_OBJECT, none);

    (void)pb_json_add(usage, pb_lit("input_tokens"), pb_json_number((double)message->input_tokens));
    (void)pb_json_add(usage, pb_lit("output_tokens"),
                      pb_json_number((double)message->output_tokens));
    (void)pb_json_add(usage, pb_lit("cached_tokens"),
                      pb_json_number((double)message->cached_tokens));
    (void)pb_json_add(usage, pb_lit("cost"), pb_json_number(message->cost));
    (void)pb_json_add(usage, pb_lit("currency"), pb_json_string(pb_lit("USD")));
    return usage;
}

static pb_status read_extra(struct message *out)
{
    const pb_json *extra = NULL;
    pb_status status = out->extra.size ? pb_json_parse(out->extra, &extra) : (pb_status)PB_OK;

    out->name = pb_json_get(extra, "name");
    out->tool_call_id = pb_json_get(extra, "tool_call_id");
    out->parts = pb_json_get(extra, "parts");
    out->tool_calls = pb_json_get(extra, "tool_calls");
    out->steps = pb_json_get(extra, "steps");
    out->sources = pb_json_get(extra, "sources");
    out->thinking = pb_json_get(extra, "thinking");
    return status;
}

pb_status message_read(const pb_rows *rows, size_t row, struct message *out)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    memset(out, 0, sizeof *out);
    out->key = cell[0].integer;
    out->seq = cell[1].integer;
    out->uuid = cell[2].text;
    out->id = id_of(&cell[2]);
    out->role = (int32_t)cell[3].integer;
    out->text = text_of(&cell[4]);
    out->extra = text_of(&cell[5]);
    out->status = (int32_t)cell[6].integer;
    out->reason = text_of(&cell[7]);
    out->turn = id_of(&cell[8]);
    out->node = text_of(&cell[9]);
    out->llm = text_of(&cell[10]);
    out->model = text_of(&cell[11]);
    out->input_tokens = cell[12].integer;
    out->output_tokens = cell[13].integer;
    out->cached_tokens = cell[14].integer;
    out->cost = cell[15].real;
    if (is_there(&cell[12]))
        out->usage = usage_of(out);
    out->latency_ms = cell[16].integer;
    out->finish = is_there(&cell[17]) ? (int32_t)cell[17].integer : -1;
    out->created_at = cell[18].integer;
    out->created = time_text(cell[18].integer);
    out->superseded = is_there(&cell[19]);
    out->deleted = is_there(&cell[20]);
    return read_extra(out);
}

pb_status message_settle(pb_instance *database, int64_t conversation, struct message *message)
{
    if (message->status != RUNNING || pb_node_alive(message->node))
        return PB_OK;
    uint8_t turn[ID_SIZE];
    if (!pb_uuid_bytes(message->turn, turn))
        return PB_OK;
    pb_status status =
        take_over(database, &(struct held){conversation, id_value(turn).text, message->node, NULL});
    message->status = INTERRUPTED;
    message->reason = pb_lit("the worker that wrote it ended");
    return status;
}
