/* sanitize - cleans what the user wrote and refuses what is too long, before anything else sees it.
 *
 * Only messages of the user are looked at. One that needs no change stays as it is; a changed one
 * loses its source, so that no model gets the original.
 */
#include "clean.h"

#include <patchbay/stage.h>

struct sanitize {
    int64_t max_length;
    int64_t max_messages;
    bool strip_control;
    bool strip_invisible;
    int32_t html;
    bool allow_empty;
};

static const pb_field sanitize_options[] = {
    PB_SIZE(struct sanitize, max_length, .def = "32KiB",
            .help =
                "Longest message of the user as it came; 0: no limit. A longer one is refused."),
    PB_INT(struct sanitize, max_messages, .max = 100000,
           .help = "Most messages in one request; 0: no limit."),
    PB_BOOL(struct sanitize, strip_control, .def = "true",
            .help = "Take out control characters but tab and newline; \\r\\n becomes \\n."),
    PB_BOOL(struct sanitize, strip_invisible, .def = "true",
            .help = "Take out characters that hide text or turn its direction."),
    PB_ENUM(struct sanitize, html, .values = PB_VALUES("keep", "strip", "escape"), .def = "keep",
            .help = "HTML: let it be, take tags, comments, scripts and styles out, or write < > & "
                    "as &lt; &gt; &amp;."),
    PB_BOOL(struct sanitize, allow_empty, .def = "false",
            .help = "Let a message of the user through that has nothing in it."),
    PB_END,
};

/* The message with cleaned text; the message itself when nothing changes; NULL: no memory. */
static const pb_message *cleaned(const struct clean *clean, const pb_message *message)
{
    pb_str text = clean_text(clean, message->text);
    const pb_part **parts = NULL;

    if (message->text.size && !text.data)
        return NULL;
    for (size_t i = 0; i < message->part_count; i++) {
        const pb_part *part = message->parts[i];
        pb_str part_text = clean_text(clean, part->text);
        if (part->text.size && !part_text.data)
            return NULL;
        if (part_text.data == part->text.data)
            continue;
        pb_part *copy = PB_NEW(pb_part);
        if (!parts && (parts = PB_NEW_ARRAY(const pb_part *, message->part_count)))
            memcpy(parts, message->parts, message->part_count * sizeof *parts);
        if (!copy || !parts)
            return NULL;
        *copy = *part;
        copy->text = part_text;
        parts[i] = copy;
    }
    if (text.data == message->text.data && !parts)
        return message;
    pb_message *copy = PB_NEW(pb_message);
    if (!copy)
        return NULL;
    *copy = *message;
    copy->text = text;
    copy->source = NULL;
    if (parts)
        copy->parts = parts;
    return copy;
}

static bool is_empty(const pb_message *message)
{
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i]->type != PB_PART_TEXT || pb_str_trim(message->parts[i]->text).size)
            return false;
    return pb_str_trim(message->text).size == 0;
}

/* The message as it goes on, in *out; PB_TOO_LARGE or PB_INVALID when it does not. */
static pb_status take(const struct sanitize *sanitize, const pb_message *message, size_t index,
                      const pb_message **out)
{
    struct clean clean = {sanitize->strip_control, sanitize->strip_invisible, sanitize->html};
    char pointer[40];

    snprintf(pointer, sizeof pointer, "/messages/%zu", index);
    if (sanitize->max_length && (int64_t)message->text.size > sanitize->max_length)
        return pb_fail_at(PB_TOO_LARGE, pointer,
                          "the message has %zu bytes; at most %lld are allowed", message->text.size,
                          (long long)sanitize->max_length);
    *out = cleaned(&clean, message);
    if (!*out)
        return PB_NO_MEMORY;
    if (!sanitize->allow_empty && is_empty(*out))
        return pb_fail_at(PB_INVALID, pointer, "the message is empty; write something");
    return PB_OK;
}

static pb_status sanitize_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct sanitize *sanitize = self;
    size_t count = 0;
    const pb_message *const *messages = pb_turn_messages(turn, &count);
    const pb_message **changed = NULL;

    if (sanitize->max_messages && (int64_t)count > sanitize->max_messages)
        return pb_fail_at(PB_TOO_LARGE, "/messages",
                          "there are %zu messages; at most %lld are allowed", count,
                          (long long)sanitize->max_messages);
    for (size_t i = 0; i < count; i++) {
        if (messages[i]->role != PB_ROLE_USER)
            continue;
        const pb_message *clear = NULL;
        pb_status status = take(sanitize, messages[i], i, &clear);
        if (status != PB_OK)
            return status;
        if (clear == messages[i])
            continue;
        if (!changed) {
            changed = PB_NEW_ARRAY(const pb_message *, count);
            if (!changed)
                return PB_NO_MEMORY;
            memcpy(changed, messages, count * sizeof *changed);
        }
        changed[i] = clear;
    }
    if (changed) {
        pb_status status = pb_turn_set_messages(turn, changed, count);
        if (status != PB_OK)
            return status;
    }
    return pb_run_next(next, turn);
}

PB_PLUGIN("sanitize", "0.1.0", "Apache-2.0", "Cleans and limits what users write.",
          PB_STAGE("sanitize", struct sanitize, sanitize_options, .run = sanitize_run));
