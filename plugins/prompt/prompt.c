/* prompt - puts a rendered template in front of the model.
 *
 * What the template may name: known.c. It is read and parsed when the instance is made.
 */
#include "prompt.h"

#include <sys/stat.h>

static const pb_field prompt_options[] = {
    PB_PATH(struct prompt, file, .name = "template", .help = "File with a mustache template."),
    PB_STR(struct prompt, text, .help = "Or the template itself."),
    PB_JSON(struct prompt, variables,
            .help = "Values for the template: a map. Variables of the turn win."),
    PB_ENUM(
        struct prompt, place, .values = PB_VALUES("replace", "before", "after"), .def = "before",
        .help = "Where a system prompt goes that the request has one too: instead of it, before "
                "it, or after it."),
    PB_ENUM(struct prompt, as, .values = PB_VALUES("system", "user"), .def = "system",
            .help = "As a system prompt, or in the place of the user's last message."),
    PB_ENUM(struct prompt, escape, .values = PB_VALUES("none", "html", "json"), .def = "none",
            .help = "How {{values}} are written; {{{these}}} never are escaped."),
    PB_SIZE(struct prompt, max_length, .def = "256KiB", .min = 1, .max = RENDER_MOST,
            .help = "Longest rendered prompt."),
    PB_END,
};

/* --- the template ----------------------------------------------------------------------------- */

static pb_status read_file(pb_str path, pb_str *out)
{
    struct stat about;
    FILE *file =
        stat(path.data, &about) == 0 && S_ISREG(about.st_mode) ? fopen(path.data, "rb") : NULL;
    pb_buf text;
    size_t got;

    memset(&text, 0, sizeof text);
    if (!file)
        return pb_fail(PB_NOT_FOUND, "the template '%.*s' cannot be read", PB_ARG(path));
    do {
        char *room = pb_buf_room(&text, 4096);
        got = room ? fread(room, 1, 4096, file) : 0;
        text.size += got;
    } while (got && text.size <= RENDER_MOST);
    bool broken = ferror(file) != 0;
    fclose(file);
    if (broken)
        return pb_fail(PB_NOT_FOUND, "the template '%.*s' cannot be read", PB_ARG(path));
    if (text.size > RENDER_MOST)
        return pb_fail(PB_TOO_LARGE, "the template '%.*s' is longer than 1 MiB", PB_ARG(path));
    *out = pb_str_make(text.data ? text.data : "", text.size);
    if (pb_str_starts(*out, pb_lit("\xEF\xBB\xBF"))) /* an editor's byte order mark */
        *out = pb_str_slice(*out, 3, out->size);
    return pb_buf_status(&text);
}

/* Reads and parses; the sentence of a failure names the file. */
static pb_status load(const struct prompt *prompt, struct template_node **nodes)
{
    pb_str text = prompt->text;
    pb_status status = PB_OK;

    if (prompt->file.size)
        status = read_file(prompt->file, &text);
    if (status != PB_OK)
        return status;
    status = template_parse(text, nodes);
    if (status == PB_INVALID && prompt->file.size) {
        pb_str why = pb_copy(pb_error_last()->sentence);
        return pb_fail(PB_INVALID, "'%.*s', %.*s", PB_ARG(prompt->file), PB_ARG(why));
    }
    return status;
}

static void prompt_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct prompt *prompt = self;
    struct template_node *nodes;

    if (prompt->variables && !pb_json_is(prompt->variables, PB_JSON_OBJECT))
        pb_problem(diagnostics, "variables", "variables must be a map");
    for (size_t i = 0; i < known_count; i++)
        if (pb_json_member(prompt->variables, known_names[i]))
            pb_problem(diagnostics, "variables",
                       "'%.*s' is known to every template; give the variable another name",
                       PB_ARG(known_names[i]));
    if (prompt->as == AS_USER && prompt->place != PLACE_BEFORE)
        pb_problem(diagnostics, "place", "'place' is about system prompts, and 'as' says user");
    if (!prompt->file.size == !prompt->text.size) {
        pb_problem(diagnostics, "", "give either 'template' (a file) or 'text'");
        return;
    }
    if (load(prompt, &nodes) != PB_OK)
        pb_problem(diagnostics, prompt->file.size ? "template" : "text", "%.*s",
                   PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

static pb_status prompt_create(void *self)
{
    struct prompt *prompt = self;
    return load(prompt, &prompt->nodes);
}

/* --- where it goes ---------------------------------------------------------------------------- */

static pb_status place_system(const struct prompt *prompt, pb_turn *turn, pb_str text)
{
    size_t count = 0, kept = 0, lead = 0;
    const pb_message *const *before = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1);
    const pb_message *message = pb_message_new(PB_ROLE_SYSTEM, text);

    if (!all || !message)
        return PB_NO_MEMORY;
    while (prompt->place == PLACE_AFTER && lead < count && before[lead]->role == PB_ROLE_SYSTEM)
        all[kept++] = before[lead++];
    if (text.size)
        all[kept++] = message;
    for (size_t i = lead; i < count; i++)
        if (prompt->place != PLACE_REPLACE || before[i]->role != PB_ROLE_SYSTEM)
            all[kept++] = before[i];
    return pb_turn_set_messages(turn, all, kept);
}

/* The message's images and files stay; one part of text, the new one, stands before them. */
static pb_status replace_text(pb_message *message, pb_str text)
{
    const pb_part **parts = PB_NEW_ARRAY(const pb_part *, message->part_count + 1);
    pb_part *words = PB_NEW(pb_part);
    size_t kept = 0;

    if (!parts || !words)
        return PB_NO_MEMORY;
    words->size = (uint32_t)sizeof *words;
    words->type = PB_PART_TEXT;
    words->text = text;
    parts[kept++] = words;
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i]->type != PB_PART_TEXT)
            parts[kept++] = message->parts[i];
    message->parts = kept > 1 ? parts : NULL;
    message->part_count = kept > 1 ? kept : 0;
    message->text = text;
    message->source = NULL;
    return PB_OK;
}

static pb_status place_question(pb_turn *turn, pb_str text)
{
    size_t count = 0;
    const pb_message *const *before = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1);
    pb_message *message = pb_message_new(PB_ROLE_USER, text);
    size_t at = count;

    if (!all || !message)
        return PB_NO_MEMORY;
    while (at && before[at - 1]->role != PB_ROLE_USER)
        at--;
    for (size_t i = 0; i < count; i++)
        all[i] = before[i];
    if (at)
        memcpy(message, before[at - 1],
               before[at - 1]->size < sizeof *message ? before[at - 1]->size : sizeof *message);
    pb_status status = replace_text(message, text);
    all[at ? at - 1 : count++] = message;
    return status == PB_OK ? pb_turn_set_messages(turn, all, count) : status;
}

static pb_status prompt_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct prompt *prompt = self;
    struct template_render how = {.escape = prompt->escape, .most = (size_t)prompt->max_length};
    pb_buf text;

    memset(&text, 0, sizeof text);
    how.root = known_to(prompt, turn);
    if (!how.root)
        return PB_NO_MEMORY;
    pb_status status = template_render(prompt->nodes, &how, &text);
    if (status != PB_OK)
        return status;
    pb_str rendered = pb_str_trim(pb_buf_str(&text));
    if (prompt->as == AS_SYSTEM)
        status = place_system(prompt, turn, rendered);
    else if (rendered.size)
        status = place_question(turn, rendered);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

PB_PLUGIN("prompt", "0.1.0", "Apache-2.0", "Puts a rendered template in front of the model.",
          PB_STAGE("prompt", struct prompt, prompt_options, .check = prompt_check,
                   .create = prompt_create, .run = prompt_run));
