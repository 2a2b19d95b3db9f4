/* prompt - puts a rendered template in front of the model.
 *
 * The template knows: `question`, `date`, `time`, `pipeline`, `principal` (id, name, tenant, roles),
 * `metadata`, the stage's own `variables`, and every variable of the turn; the turn's win.
 */
#include "template.h"

#include <patchbay/stage.h>

#include <time.h>

enum { PLACE_REPLACE, PLACE_BEFORE, PLACE_AFTER };
enum { AS_SYSTEM, AS_USER };

struct prompt {
    pb_str file;
    pb_str text;
    const pb_json *variables;
    int32_t place;
    int32_t as;
    int32_t escape;
    int64_t max_length;
    struct template_node *nodes; /* parsed in create */
};

static const pb_field prompt_options[] = {
    PB_PATH(struct prompt, file, .name = "template", .help = "File with a mustache template."),
    PB_STR(struct prompt, text, .help = "Or the template itself."),
    PB_JSON(struct prompt, variables, .help = "Values for the template: a map."),
    PB_ENUM(struct prompt, place, .values = PB_VALUES("replace", "before", "after"),
            .def = "before",
            .help = "Where a system prompt goes that the request has one too: instead of it, before "
                    "it, or after it."),
    PB_ENUM(struct prompt, as, .values = PB_VALUES("system", "user"), .def = "system",
            .help = "As a system prompt, or in the place of the user's last message."),
    PB_ENUM(struct prompt, escape, .values = PB_VALUES("none", "html", "json"), .def = "none",
            .help = "How {{values}} are escaped; {{{these}}} never are."),
    PB_SIZE(struct prompt, max_length, .def = "256KiB", .min = 1, .max = RENDER_MOST,
            .help = "Longest rendered prompt."),
    PB_END,
};

static pb_status read_file(pb_str path, pb_str *out)
{
    FILE *file = fopen(path.data, "rb");
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
    fclose(file);
    if (text.size > RENDER_MOST)
        return pb_fail(PB_TOO_LARGE, "the template '%.*s' is longer than 1 MiB", PB_ARG(path));
    *out = pb_str_make(text.data ? text.data : "", text.size);
    return pb_buf_status(&text);
}

static void prompt_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct prompt *prompt = self;
    struct template_node *nodes;
    pb_str text = prompt->text;

    if (!prompt->file.size == !prompt->text.size) {
        pb_problem(diagnostics, "", "give either 'template' (a file) or 'text'");
        return;
    }
    if (prompt->variables && !pb_json_is(prompt->variables, PB_JSON_OBJECT))
        pb_problem(diagnostics, "variables", "variables are a map");
    if ((prompt->file.size && read_file(prompt->file, &text) != PB_OK) ||
        template_parse(text, &nodes) != PB_OK)
        pb_problem(diagnostics, prompt->file.size ? "template" : "text", "%.*s",
                   PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

static pb_status prompt_create(void *self)
{
    struct prompt *prompt = self;
    pb_status status = PB_OK;

    if (prompt->file.size)
        status = read_file(prompt->file, &prompt->text);
    if (status == PB_OK)
        status = template_parse(prompt->text, &prompt->nodes);
    if (status == PB_INVALID && prompt->file.size)
        return pb_fail(PB_INVALID, "%.*s: %s", PB_ARG(prompt->file),
                       pb_copy(pb_error_last()->sentence).data);
    return status;
}

/* --- what the template knows ------------------------------------------------------------------ */

static void add_text(pb_json *object, pb_str name, pb_str text)
{
    pb_json_add(object, name, pb_json_string(text));
}

static void add_moment(pb_json *object)
{
    time_t now = (time_t)(pb_now() / 1000);
    struct tm utc;

    gmtime_r(&now, &utc);
    add_text(object, pb_lit("date"),
             pb_printf("%04d-%02d-%02d", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday));
    add_text(object, pb_lit("time"), pb_printf("%02d:%02d UTC", utc.tm_hour, utc.tm_min));
}

static void add_principal(pb_json *object, const pb_principal *principal)
{
    pb_str none = pb_str_make(NULL, 0);
    pb_json *who =
        pb_json_add(object, pb_lit("principal"), pb_json_new(PB_JSON_OBJECT, none));
    pb_json *roles;

    add_text(who, pb_lit("id"), principal->id);
    add_text(who, pb_lit("name"), principal->name);
    add_text(who, pb_lit("tenant"), principal->tenant);
    roles = pb_json_add(who, pb_lit("roles"), pb_json_new(PB_JSON_ARRAY, none));
    for (uint32_t i = 0; i < principal->role_count; i++)
        add_text(roles, none, principal->roles[i]);
}

static void add_members(pb_json *object, const pb_json *from)
{
    for (const pb_json *at = pb_json_is(from, PB_JSON_OBJECT) ? from->child : NULL; at;
         at = at->next) {
        pb_json *copy = PB_NEW(pb_json);
        if (copy)
            *copy = *at;
        pb_json_add(object, at->key, copy);
    }
}

/* The turn's variables that the template names. */
static void add_turn_variables(pb_json *object, pb_turn *turn, const struct template_node *nodes)
{
    for (; nodes; nodes = nodes->next) {
        if (nodes->type == NODE_TEXT)
            continue;
        pb_str name = pb_str_slice(nodes->text, 0, pb_str_find(nodes->text, '.'));
        const pb_json *value = name.size ? pb_turn_variable(turn, name) : NULL;
        pb_json *copy = value ? PB_NEW(pb_json) : NULL;
        if (copy) {
            *copy = *value;
            pb_json_add(object, name, copy);
        }
        add_turn_variables(object, turn, nodes->child);
    }
}

static pb_json *known_to(const struct prompt *prompt, pb_turn *turn)
{
    const pb_turn_info *info = pb_turn_info_of(turn);
    const pb_message *question = pb_turn_question(turn);
    pb_json *object = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));

    if (!object)
        return NULL;
    add_turn_variables(object, turn, prompt->nodes); /* the first of a name is found */
    add_members(object, prompt->variables);
    if (question)
        add_text(object, pb_lit("question"), question->text);
    add_text(object, pb_lit("pipeline"), info->pipeline);
    add_moment(object);
    add_principal(object, info->principal);
    if (info->metadata) {
        pb_json *copy = PB_NEW(pb_json);
        if (copy)
            *copy = *info->metadata;
        pb_json_add(object, pb_lit("metadata"), copy);
    }
    return object;
}

/* --- where it goes ---------------------------------------------------------------------------- */

static pb_status place_system(const struct prompt *prompt, pb_turn *turn, pb_str text)
{
    size_t count = 0, kept = 0;
    const pb_message *const *before = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1);
    const pb_message *message = pb_message_new(PB_ROLE_SYSTEM, text);
    size_t lead = 0; /* system messages at the beginning */

    if (!all || !message)
        return PB_NO_MEMORY;
    while (lead < count && before[lead]->role == PB_ROLE_SYSTEM)
        lead++;
    if (prompt->place != PLACE_AFTER)
        all[kept++] = message;
    for (size_t i = prompt->place == PLACE_REPLACE ? lead : 0; i < count; i++) {
        if (prompt->place == PLACE_AFTER && i == lead)
            all[kept++] = message;
        all[kept++] = before[i];
    }
    if (prompt->place == PLACE_AFTER && lead == count)
        all[kept++] = message;
    return pb_turn_set_messages(turn, all, kept);
}

static pb_status place_question(pb_turn *turn, pb_str text)
{
    size_t count = 0;
    const pb_message *const *before = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1);
    pb_message *message = PB_NEW(pb_message);
    size_t at = count;

    if (!all || !message)
        return PB_NO_MEMORY;
    memcpy(all, before, count * sizeof *all);
    while (at && all[at - 1]->role != PB_ROLE_USER)
        at--;
    *message = at ? *all[at - 1] : *message;
    message->size = (uint32_t)sizeof *message;
    message->role = PB_ROLE_USER;
    message->text = text;
    message->source = NULL;
    all[at ? at - 1 : count++] = message;
    return pb_turn_set_messages(turn, all, count);
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
    if (prompt->as == AS_USER)
        status = place_question(turn, rendered);
    else if (rendered.size)
        status = place_system(prompt, turn, rendered);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

PB_PLUGIN("prompt", "0.1.0", "Apache-2.0", "Puts a rendered template in front of the model.",
          PB_STAGE("prompt", struct prompt, prompt_options, .check = prompt_check,
                   .create = prompt_create, .run = prompt_run));
