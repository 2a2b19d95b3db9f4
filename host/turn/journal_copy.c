/* journal_copy.c - a spec with all that it points to, so that a launched turn outlives who asked.
 */
#include "turn/journal.h"

struct copier {
    bool failed; /* memory was short: one look at the end is enough */
};

static void *room(struct copier *copier, size_t size)
{
    void *memory = pb_alloc(size ? size : 1);

    copier->failed = copier->failed || !memory;
    return memory;
}

static pb_str text(struct copier *copier, pb_str from)
{
    pb_str copy = pb_copy(from);

    copier->failed = copier->failed || (from.data && !copy.data);
    return copy;
}

/* The parser bounds how deep it is. */
static pb_json *json(struct copier *copier, const pb_json *from)
{
    pb_json *copy = from ? room(copier, sizeof *copy) : NULL;

    if (!copy)
        return NULL;
    *copy = *from;
    copy->key = text(copier, from->key);
    copy->text = text(copier, from->text);
    copy->child = NULL;
    copy->next = NULL;
    copy->last = NULL;
    for (const pb_json *at = from->child; at && !copier->failed; at = at->next) {
        pb_json *child = json(copier, at);
        if (!child)
            break;
        if (copy->last)
            copy->last->next = child;
        else
            copy->child = child;
        copy->last = child;
    }
    return copy;
}

static const pb_part *part(struct copier *copier, const pb_part *from)
{
    pb_part *copy = room(copier, sizeof *copy);

    if (copy)
        *copy = (pb_part){.size = sizeof *copy,
                          .type = from->type,
                          .text = text(copier, from->text),
                          .mime = text(copier, from->mime),
                          .name = text(copier, from->name),
                          .url = text(copier, from->url),
                          .content = text(copier, from->content)};
    return copy;
}

static const pb_tool_call *call(struct copier *copier, const pb_tool_call *from)
{
    pb_tool_call *copy = room(copier, sizeof *copy);

    if (copy)
        *copy = (pb_tool_call){.size = sizeof *copy,
                               .index = from->index,
                               .id = text(copier, from->id),
                               .name = text(copier, from->name),
                               .arguments = text(copier, from->arguments)};
    return copy;
}

static const pb_message *message(struct copier *copier, const pb_message *from)
{
    pb_message *copy = room(copier, sizeof *copy);
    const pb_part **parts = room(copier, from->part_count * sizeof *parts);
    const pb_tool_call **calls = room(copier, from->tool_call_count * sizeof *calls);

    if (!copy || !parts || !calls)
        return NULL;
    for (size_t i = 0; i < from->part_count; i++)
        parts[i] = part(copier, from->parts[i]);
    for (size_t i = 0; i < from->tool_call_count; i++)
        calls[i] = call(copier, from->tool_calls[i]);
    *copy = (pb_message){.size = sizeof *copy,
                         .role = from->role,
                         .text = text(copier, from->text),
                         .name = text(copier, from->name),
                         .tool_call_id = text(copier, from->tool_call_id),
                         .parts = from->parts ? parts : NULL,
                         .part_count = from->part_count,
                         .tool_calls = from->tool_calls ? calls : NULL,
                         .tool_call_count = from->tool_call_count,
                         .source = json(copier, from->source),
                         .dialect = text(copier, from->dialect)};
    return copy;
}

static const pb_str *texts(struct copier *copier, const pb_str *from, size_t count)
{
    pb_str *copy = room(copier, count * sizeof *copy);

    for (size_t i = 0; copy && i < count; i++)
        copy[i] = text(copier, from[i]);
    return copy;
}

static const pb_principal *principal(struct copier *copier, const pb_principal *from)
{
    pb_principal *copy = from ? room(copier, sizeof *copy) : NULL;

    if (copy)
        *copy = (pb_principal){.size = sizeof *copy,
                               .role_count = from->role_count,
                               .id = text(copier, from->id),
                               .tenant = text(copier, from->tenant),
                               .name = text(copier, from->name),
                               .scheme = text(copier, from->scheme),
                               .roles = texts(copier, from->roles, from->role_count),
                               .scopes = texts(copier, from->scopes, from->scope_count),
                               .scope_count = from->scope_count};
    return copy;
}

pb_status journal_copy(const pb_turn_spec *from, pb_turn_spec *to)
{
    struct copier copier = {0};
    const pb_message **messages = room(&copier, from->message_count * sizeof *messages);

    *to = *from;
    for (size_t i = 0; messages && i < from->message_count; i++)
        messages[i] = message(&copier, from->messages[i]);
    to->messages = messages;
    to->principal = principal(&copier, from->principal);
    to->params = json(&copier, from->params);
    to->variables = json(&copier, from->variables);
    to->metadata = json(&copier, from->metadata);
    to->dialect = text(&copier, from->dialect);
    to->request_id = text(&copier, from->request_id);
    to->transport = text(&copier, from->transport);
    to->conversation = text(&copier, from->conversation);
    to->replaces = text(&copier, from->replaces);
    to->remote = text(&copier, from->remote);
    to->key = text(&copier, from->key);
    to->digest = text(&copier, from->digest);
    return copier.failed ? PB_NO_MEMORY : PB_OK;
}
