/* chatgpt.c - one conversation of ChatGPT's conversations.json.
 *
 * Its messages are a tree ("mapping": id, parent, children, message); `current_node` is the end of
 * the branch that people see. What is not shown there either (system texts, hidden ones, tools and
 * what is said to them) is left out and counted.
 */
#include "conversations.h"

static const pb_str none;

static pb_time seconds(const pb_json *json, pb_time otherwise)
{
    double value = pb_json_double(json, -1);

    return value >= 0 && value < 2e11 ? (pb_time)llround(value * 1000) : otherwise;
}

/* --- the branch
 * ----------------------------------------------------------------------------------- */

/* The nodes by their ids. */
struct tree {
    const pb_json **nodes;
    size_t count;
};

static int by_key(const void *a, const void *b)
{
    const pb_json *x = *(const pb_json *const *)a, *y = *(const pb_json *const *)b;
    size_t size = x->key.size < y->key.size ? x->key.size : y->key.size;
    int order = size ? memcmp(x->key.data, y->key.data, size) : 0;

    return order ? order : (x->key.size > y->key.size) - (x->key.size < y->key.size);
}

static pb_status tree_of(const pb_json *mapping, struct tree *out)
{
    if (!(out->nodes = PB_NEW_ARRAY(const pb_json *, mapping->count + 1)))
        return PB_NO_MEMORY;
    for (const pb_json *at = mapping->child; at; at = at->next)
        out->nodes[out->count++] = at;
    qsort(out->nodes, out->count, sizeof *out->nodes, by_key);
    return PB_OK;
}

static const pb_json *node_of(const struct tree *tree, pb_str id)
{
    const pb_json wanted = {.key = id}, *key = &wanted;
    const pb_json *const *found =
        id.size ? bsearch(&key, tree->nodes, tree->count, sizeof *tree->nodes, by_key) : NULL;

    return found ? *found : NULL;
}

static const pb_json *parent_of(const struct tree *tree, const pb_json *node)
{
    return node_of(tree, pb_json_text(pb_json_get(node, "parent")));
}

/* Its end: what the export says, or else the latest message that nothing follows. */
static const pb_json *end_of(const pb_json *json, const struct tree *tree)
{
    pb_str current = pb_json_text(pb_json_get(json, "current_node"));
    const pb_json *end = NULL;
    double latest = -1;

    if (current.size)
        return node_of(tree, current);
    for (size_t i = 0; i < tree->count; i++) {
        const pb_json *children = pb_json_get(tree->nodes[i], "children");
        const pb_json *message = pb_json_get(tree->nodes[i], "message");
        double time = pb_json_double(pb_json_get(message, "create_time"), 0);
        if (children && children->count == 0 && time > latest) {
            end = tree->nodes[i];
            latest = time;
        }
    }
    return end;
}

/* --- one message
 * ---------------------------------------------------------------------------------- */

static bool is_shown(const pb_json *message)
{
    const pb_json *metadata = pb_json_get(message, "metadata");
    pb_str recipient = pb_json_text(pb_json_get(message, "recipient"));
    pb_str role = pb_json_text(pb_json_get(pb_json_get(message, "author"), "role"));
    pb_str type = pb_json_text(pb_json_get(pb_json_get(message, "content"), "content_type"));

    return (pb_str_is(role, "user") || pb_str_is(role, "assistant")) &&
           (!recipient.size || pb_str_is(recipient, "all")) &&
           (pb_str_is(type, "text") || pb_str_is(type, "multimodal_text") ||
            pb_str_is(type, "code")) &&
           !pb_json_bool(pb_json_get(metadata, "is_visually_hidden_from_conversation"), false);
}

/* All text of it; an image or file leaves a word behind, because the export has no content of it.
 */
static pb_str text_of(const pb_json *content)
{
    const pb_json *parts = pb_json_get(content, "parts");
    pb_buf buf;

    memset(&buf, 0, sizeof buf);
    pb_buf_add(&buf, pb_json_text(pb_json_get(content, "text")));
    for (const pb_json *at = parts ? parts->child : NULL; at; at = at->next) {
        pb_str text = pb_json_text(at);
        pb_str type = pb_json_text(pb_json_get(at, "content_type"));
        if (pb_str_is(type, "audio_transcription"))
            text = pb_json_text(pb_json_get(at, "text"));
        else if (type.size)
            text = pb_str_is(type, "image_asset_pointer") ? pb_lit("[image]") : pb_lit("[file]");
        if (text.size && buf.size)
            pb_buf_add(&buf, pb_lit("\n\n"));
        pb_buf_add(&buf, text);
    }
    return pb_buf_str(&buf);
}

static void read_message(const pb_json *message, pb_time created, struct message *out)
{
    pb_str role = pb_json_text(pb_json_get(pb_json_get(message, "author"), "role"));
    pb_str state = pb_json_text(pb_json_get(message, "status"));

    out->role = pb_str_is(role, "user") ? PB_ROLE_USER : PB_ROLE_ASSISTANT;
    out->text = text_of(pb_json_get(message, "content"));
    out->finish = out->role == PB_ROLE_ASSISTANT ? PB_FINISH_STOP : -1;
    out->model = pb_json_text(pb_json_get(pb_json_get(message, "metadata"), "model_slug"));
    out->created_at = seconds(pb_json_get(message, "create_time"), created);
    if (pb_str_is(state, "in_progress")) {
        out->status = INTERRUPTED;
        out->reason = pb_lit("it was not whole when it was exported");
    }
}

/* --- the conversation
 * ----------------------------------------------------------------------------- */

static pb_status count_branch(const struct tree *tree, const pb_json *end, size_t *out)
{
    for (*out = 0; end; end = parent_of(tree, end))
        if (++*out > tree->count)
            return pb_fail(PB_INVALID, "its messages go round in a circle");
    return PB_OK;
}

/* Takes one message in front of those that were taken. */
static void take_message(const pb_json *message, pb_time created, struct imported *out)
{
    struct message *room = out->messages - 1;

    if (is_shown(message)) {
        read_message(message, created, room);
        if (room->text.size) {
            out->messages = room;
            out->count++;
            return;
        }
        memset(room, 0, sizeof *room); /* an empty shell before what is shown */
    }
    out->skipped++;
}

/* Walked from the end, so it is filled from behind. */
static pb_status read_branch(const struct tree *tree, const pb_json *end, pb_time created,
                             struct imported *out)
{
    size_t length = 0;
    pb_status status = count_branch(tree, end, &length);

    if (status != PB_OK)
        return status;
    if (!(out->messages = PB_NEW_ARRAY(struct message, length + 1)))
        return PB_NO_MEMORY;
    out->messages += length;
    for (const pb_json *at = end; at; at = parent_of(tree, at)) {
        const pb_json *message = pb_json_get(at, "message");
        if (pb_json_is(message, PB_JSON_OBJECT))
            take_message(message, created, out);
    }
    return PB_OK;
}

pb_status chatgpt_read(const pb_json *json, struct imported *out)
{
    const pb_json *mapping = pb_json_get(json, "mapping");
    struct conversation *conversation = &out->conversation;
    pb_time created = seconds(pb_json_get(json, "create_time"), pb_now());
    pb_time updated = seconds(pb_json_get(json, "update_time"), created);

    conversation->title = pb_json_text(pb_json_get(json, "title"));
    conversation->titled = conversation->title.size > 0;
    conversation->created = time_text(created);
    conversation->updated = time_text(updated);
    conversation->archived = pb_json_bool(pb_json_get(json, "is_archived"), false);
    conversation->pinned = pb_json_bool(pb_json_get(json, "is_starred"), false);
    conversation->pipeline = none;
    if (!pb_json_is(mapping, PB_JSON_OBJECT))
        return pb_fail(PB_INVALID, "its mapping is no object");
    struct tree tree = {NULL, 0};
    pb_status status = tree_of(mapping, &tree);
    if (status != PB_OK)
        return status;
    const pb_json *end = end_of(json, &tree);
    if (!end)
        return pb_fail(PB_INVALID, "its current_node is not there");
    status = read_branch(&tree, end, created, out);
    if (status == PB_OK && !out->count)
        return pb_fail(PB_INVALID, "nothing is said in it");
    return status;
}
