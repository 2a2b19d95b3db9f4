/* known.c - what a template may name: facts about the turn, its variables, the stage's own.
 *
 * Of one name the first added is found. Facts come first, because a client may send variables; then
 * the turn's variables, because the stage's own are defaults.
 */
#include "prompt.h"

#include <time.h>

const pb_str known_names[] = {PB_LIT("question"), PB_LIT("date"),      PB_LIT("time"),
                              PB_LIT("pipeline"), PB_LIT("principal"), PB_LIT("metadata")};
const size_t known_count = sizeof known_names / sizeof *known_names;

static const pb_str none;

static bool add_text(pb_json *object, pb_str name, pb_str text)
{
    return pb_json_add(object, name, pb_json_string(text)) != NULL;
}

static bool add_moment(pb_json *object)
{
    time_t now = (time_t)(pb_now() / 1000);
    struct tm utc;

    gmtime_r(&now, &utc);
    pb_str date = pb_printf("%04d-%02d-%02d", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
    pb_str hour = pb_printf("%02d:%02d UTC", utc.tm_hour, utc.tm_min);
    return date.data && hour.data && add_text(object, pb_lit("date"), date) &&
           add_text(object, pb_lit("time"), hour);
}

static bool add_principal(pb_json *object, const pb_principal *principal)
{
    pb_json *who = pb_json_add(object, pb_lit("principal"), pb_json_new(PB_JSON_OBJECT, none));
    bool added = add_text(who, pb_lit("id"), principal->id) &&
                 add_text(who, pb_lit("name"), principal->name) &&
                 add_text(who, pb_lit("tenant"), principal->tenant);
    pb_json *roles = pb_json_add(who, pb_lit("roles"), pb_json_new(PB_JSON_ARRAY, none));

    for (uint32_t i = 0; added && i < principal->role_count; i++)
        added = add_text(roles, none, principal->roles[i]);
    return added && roles;
}

/* The turn's variables that the template names. */
static bool add_turn_variables(pb_json *object, pb_turn *turn, const struct template_node *nodes)
{
    for (; nodes; nodes = nodes->next) {
        if (nodes->type == NODE_TEXT)
            continue;
        pb_str name = pb_str_slice(nodes->text, 0, pb_str_find(nodes->text, '.'));
        const pb_json *value = name.size ? pb_turn_variable(turn, name) : NULL;
        if (value && !pb_json_member(object, name) && !pb_json_add_copy(object, name, value))
            return false;
        if (!add_turn_variables(object, turn, nodes->child))
            return false;
    }
    return true;
}

const pb_json *known_to(const struct prompt *prompt, pb_turn *turn)
{
    const pb_turn_info *info = pb_turn_info_of(turn);
    const pb_message *question = pb_turn_question(turn);
    pb_json *object = pb_json_new(PB_JSON_OBJECT, none);
    bool added = object && add_text(object, pb_lit("question"), question ? question->text : none) &&
                 add_text(object, pb_lit("pipeline"), info->pipeline) && add_moment(object) &&
                 add_principal(object, info->principal);

    if (added) /* null keeps a variable from taking the place */
        added =
            info->metadata
                ? pb_json_add_copy(object, pb_lit("metadata"), info->metadata) != NULL
                : pb_json_add(object, pb_lit("metadata"), pb_json_new(PB_JSON_NULL, none)) != NULL;
    added = added && add_turn_variables(object, turn, prompt->nodes);
    for (const pb_json *at = prompt->variables ? prompt->variables->child : NULL; added && at;
         at = at->next)
        if (!pb_json_member(object, at->key))
            added = pb_json_add_copy(object, at->key, at) != NULL;
    return added ? object : NULL;
}
