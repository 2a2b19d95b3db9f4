/* exchange.c - stored rows as messages for a model, with every tool call beside its results.
 *
 * A reply that ran tools here is one row: its text, and in `steps` after how many bytes of it which
 * calls were made and what came of them. So a tool exchange is read, cut and deleted as one.
 */
#include "conversations.h"

static const pb_str absent;

pb_status messages_add(struct messages *messages, const pb_message *message)
{
    if (!message)
        return PB_NO_MEMORY;
    if (messages->count == messages->room) {
        size_t room = messages->room ? messages->room * 2 : 64;
        const pb_message **items = (const pb_message **)pb_grow(
            messages->items, messages->room * sizeof *items, room * sizeof *items);
        if (!items)
            return PB_NO_MEMORY;
        messages->items = items;
        messages->room = room;
    }
    messages->items[messages->count++] = message;
    return PB_OK;
}

int64_t exchange_tokens(size_t bytes, pb_str extra)
{
    size_t more = extra.size;
    int64_t fixed = 4;

    if (more > 8192) { /* something inline: an image, a file */
        fixed += 1000;
        more = 0;
    }
    return fixed + (int64_t)((bytes + more + 3) / 4);
}

/* --- expanding -------------------------------------------------------------------------------- */

static pb_status add_results(const pb_json *results, struct messages *out)
{
    pb_status status = PB_OK;

    for (const pb_json *at = results ? results->child : NULL; at && status == PB_OK;
         at = at->next) {
        pb_message *message = pb_message_new(PB_ROLE_TOOL, pb_json_text(pb_json_get(at, "text")));
        if (message) {
            message->tool_call_id = pb_json_text(pb_json_get(at, "id"));
            message->name = pb_json_text(pb_json_get(at, "name"));
        }
        status = messages_add(out, message);
    }
    return status;
}

/* One round of tools: what was said before, with the calls, and their results. *from moves on. */
static pb_status add_step(const pb_json *step, pb_str text, size_t *from, struct messages *out)
{
    int64_t at = pb_json_int(pb_json_get(step, "at"), 0);
    size_t upto = at > 0 && (size_t)at <= text.size ? (size_t)at : *from;
    pb_str said = upto > *from ? pb_str_slice(text, *from, upto - *from) : absent;
    pb_message *message = pb_message_new(PB_ROLE_ASSISTANT, said);

    if (!message)
        return PB_NO_MEMORY;
    pb_status status = calls_read(pb_json_get(step, "calls"), message);
    if (status == PB_OK)
        status = messages_add(out, message);
    if (status == PB_OK)
        status = add_results(pb_json_get(step, "results"), out);
    if (upto > *from)
        *from = upto;
    return status;
}

pb_status exchange_expand(int32_t role, pb_str text, pb_str extra, struct messages *out)
{
    const pb_json *json = NULL;
    size_t from = 0;
    pb_status status = extra.size ? pb_json_parse(extra, &json) : (pb_status)PB_OK;
    const pb_json *steps = pb_json_get(json, "steps");

    for (const pb_json *at = steps ? steps->child : NULL; at && status == PB_OK; at = at->next)
        status = add_step(at, text, &from, out);
    if (status != PB_OK)
        return status;
    pb_str rest = from ? pb_str_slice(text, from, text.size) : text;
    pb_message *message = pb_message_new(role, rest);
    if (!message)
        return PB_NO_MEMORY;
    if ((status = extra_read(json, message)) != PB_OK)
        return status;
    if (role == PB_ROLE_ASSISTANT && !rest.size && !message->tool_call_count)
        return PB_OK; /* a reply that came to nothing */
    return messages_add(out, message);
}

/* --- mending ---------------------------------------------------------------------------------- */

static bool answers(const pb_message *message, const pb_message *calling)
{
    for (size_t i = 0; i < calling->tool_call_count; i++)
        if (pb_str_equal(calling->tool_calls[i]->id, message->tool_call_id))
            return true;
    return false;
}

/* The results behind `at` that belong to its calls; *whole: none is missing. */
static size_t results_behind(const struct messages *messages, size_t at, bool *whole)
{
    const pb_message *calling = messages->items[at];
    size_t count = 0;

    while (at + 1 + count < messages->count &&
           messages->items[at + 1 + count]->role == PB_ROLE_TOOL &&
           answers(messages->items[at + 1 + count], calling))
        count++;
    *whole = count >= calling->tool_call_count;
    return count;
}

static const pb_message *without_calls(const pb_message *message)
{
    pb_message *copy = message->text.size ? PB_NEW(pb_message) : NULL;

    if (copy) {
        *copy = *message;
        copy->tool_calls = NULL;
        copy->tool_call_count = 0;
    }
    return copy;
}

pb_status exchange_mend(struct messages *messages, size_t fresh)
{
    size_t kept = 0;

    for (size_t i = 0; i < messages->count;) {
        const pb_message *message = messages->items[i];
        size_t results = 0;
        bool whole = true;
        if (message->role == PB_ROLE_TOOL) { /* those with their call were taken along */
            if (i >= fresh)
                return pb_fail_at(PB_INVALID, "/messages",
                                  "the result of a tool answers no call of this conversation");
            i++;
            continue;
        }
        if (message->role == PB_ROLE_ASSISTANT && message->tool_call_count)
            results = results_behind(messages, i, &whole);
        if (!whole && i + results >= fresh && results)
            return pb_fail_at(PB_INVALID, "/messages",
                              "some calls of the reply before have no result");
        if (!whole)
            message = without_calls(message);
        if (message)
            messages->items[kept++] = message;
        for (size_t j = 1; whole && j <= results; j++)
            messages->items[kept++] = messages->items[i + j];
        i += 1 + results;
    }
    messages->count = kept;
    return PB_OK;
}
