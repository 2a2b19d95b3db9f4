/* condition.c - see condition.h. Expressions are PCRE2's, with limits on the work for one match: a
 * question that makes an expression go wild must not hold up the turns of the others.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "condition.h"

#include <pcre2.h>

/* PCRE2 counts its steps anew at each place where a match could begin, so these are looked at in
 * windows, and the clock in between. */
enum { STEPS_AT_ONE_PLACE = 20000, PLACES = 512, DEPTH_LIMIT = 1000, HEAP_KIB = 2048 };
static const pb_duration work_limit = 20 * 1000 * 1000;

static const pb_field input_fields[] = {
    PB_STR(struct input_condition, matches,
           .help = "Perl-compatible expression that the question must match somewhere."),
    PB_LIST(struct input_condition, contains, PB_KIND_STR,
            .help = "Words of which one must be in the question; letter case does not count."),
    PB_SIZE(struct input_condition, longer_than,
            .help = "The question has more bytes than this; 0: no matter."),
    PB_SIZE(struct input_condition, shorter_than,
            .help = "The question has fewer bytes; 0: no matter."),
    PB_LIST(struct input_condition, has, PB_KIND_ENUM,
            .values = PB_VALUES("text", "image", "file", "audio"),
            .help = "Kinds of parts of which the question must have each."),
    PB_END,
};

static const pb_field principal_fields[] = {
    PB_LIST(struct principal_condition, roles, PB_KIND_STR, .name = "role",
            .help = "Roles of which the principal must have one."),
    PB_STR(struct principal_condition, id, .help = "The principal's id."),
    PB_STR(struct principal_condition, tenant, .help = "Its tenant."),
    PB_STR(struct principal_condition, scope, .help = "A scope that it must have."),
    PB_END,
};

const pb_field condition_fields[] = {
    PB_STRUCT(struct condition, input, struct input_condition, input_fields,
              .help = "About the last message of the user."),
    PB_STRUCT(struct condition, principal, struct principal_condition, principal_fields,
              .help = "About who asks."),
    PB_MAP(struct condition, variables, PB_KIND_STR, .help = "Variables and what they must be."),
    PB_MAP(struct condition, metadata, PB_KIND_STR,
           .help = "Members of the request's metadata and what they must be."),
    PB_MAP(struct condition, params, PB_KIND_STR,
           .help = "Parameters of the request and what they must be."),
    PB_END,
};

static pcre2_code *compile(pb_str expression, char *why, size_t size)
{
    PCRE2_UCHAR text[120];
    PCRE2_SIZE place = 0;
    int error = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression.data, expression.size,
                                     PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT,
                                     &error, &place, NULL);

    if (!code) {
        pcre2_get_error_message(error, text, sizeof text);
        snprintf(why, size, "%s (at byte %zu)", (const char *)text, (size_t)place);
    }
    return code;
}

pb_str condition_problem(const struct condition *condition)
{
    char why[200];

    if (!condition->input.matches.size)
        return pb_str_make(NULL, 0);
    pcre2_code *code = compile(condition->input.matches, why, sizeof why);
    if (!code)
        return pb_copy(pb_str_of(why));
    pcre2_code_free(code);
    return pb_str_make(NULL, 0);
}

pb_status condition_create(struct condition *condition)
{
    char why[200];

    if (!condition->input.matches.size)
        return PB_OK;
    condition->regex = compile(condition->input.matches, why, sizeof why);
    if (!condition->regex)
        return pb_fail(PB_INVALID, "the expression '%.*s' is wrong: %s",
                       PB_ARG(condition->input.matches), why);
    /* Where memory may not become code this fails, and the expression is interpreted. */
    (void)pcre2_jit_compile(condition->regex, PCRE2_JIT_COMPLETE);
    return PB_OK;
}

void condition_destroy(struct condition *condition)
{
    pcre2_code_free(condition->regex);
    condition->regex = NULL;
}

/* The first place behind `at` where a window may end: between two characters. */
static size_t window_end(pb_str text, size_t at)
{
    at = text.size - at > PLACES ? at + PLACES : text.size;
    while (at < text.size && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at++;
    return at;
}

static int search(const pcre2_code *code, pb_str text, pcre2_match_data *data,
                  pcre2_match_context *context)
{
    pb_duration begin = pb_monotonic();
    uint32_t options = 0;

    for (size_t at = 0;;) {
        size_t end = window_end(text, at);
        pcre2_set_offset_limit(context, end);
        int result =
            pcre2_match(code, (PCRE2_SPTR)text.data, text.size, at, options, data, context);
        if (result != PCRE2_ERROR_NOMATCH || end == text.size)
            return result;
        if (pb_monotonic() - begin > work_limit)
            return PCRE2_ERROR_MATCHLIMIT;
        options = PCRE2_NO_UTF_CHECK; /* it was checked whole */
        at = end;
    }
}

/* An expression that takes too much work does not match; that is logged. */
static bool matches(const struct condition *condition, pb_str text)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int result = PCRE2_ERROR_NOMEMORY;
    PCRE2_UCHAR why[120];

    if (data && context) {
        pcre2_set_match_limit(context, STEPS_AT_ONE_PLACE);
        pcre2_set_depth_limit(context, DEPTH_LIMIT);
        pcre2_set_heap_limit(context, HEAP_KIB);
        result = search(condition->regex, text.data ? text : pb_lit(""), data, context);
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
        pcre2_get_error_message(result, why, sizeof why);
        pb_log(PB_WARN, "the expression '%.*s' was given up, as if it did not match: %s",
               PB_ARG(condition->input.matches), (const char *)why);
    }
    return result >= 0;
}

static bool contains_one(pb_str text, pb_list words)
{
    for (size_t i = 0; i < words.count; i++)
        if (pb_str_contains(text, PB_ITEM(words, pb_str, i)))
            return true;
    return words.count == 0;
}

static bool has_part(const pb_message *message, int32_t type)
{
    if (type == PB_PART_TEXT && message->text.size)
        return true;
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i]->type == type)
            return true;
    return false;
}

static bool input_holds(const struct condition *condition, const pb_message *message)
{
    const struct input_condition *input = &condition->input;
    pb_str text = message ? message->text : pb_str_make(NULL, 0);

    if (condition->regex && !matches(condition, text))
        return false;
    if (!contains_one(text, input->contains))
        return false;
    if (input->longer_than && (int64_t)text.size <= input->longer_than)
        return false;
    if (input->shorter_than && (int64_t)text.size >= input->shorter_than)
        return false;
    for (size_t i = 0; i < input->has.count; i++)
        if (!message || !has_part(message, PB_ITEM(input->has, int32_t, i)))
            return false;
    return true;
}

static bool has_role(const pb_principal *principal, pb_list roles)
{
    for (size_t i = 0; i < roles.count; i++)
        for (uint32_t j = 0; j < principal->role_count; j++)
            if (pb_str_equal(PB_ITEM(roles, pb_str, i), principal->roles[j]))
                return true;
    return roles.count == 0;
}

static bool principal_holds(const struct principal_condition *want, const pb_principal *principal)
{
    return has_role(principal, want->roles) &&
           (!want->id.size || pb_str_equal(want->id, principal->id)) &&
           (!want->tenant.size || pb_str_equal(want->tenant, principal->tenant)) &&
           pb_principal_may(principal, want->scope);
}

bool condition_is_empty(const struct condition *condition)
{
    const struct input_condition *input = &condition->input;
    const struct principal_condition *principal = &condition->principal;

    return !input->matches.size && !input->contains.count && !input->longer_than &&
           !input->shorter_than && !input->has.count && !principal->roles.count &&
           !principal->id.size && !principal->tenant.size && !principal->scope.size &&
           !condition->variables.count && !condition->metadata.count && !condition->params.count;
}

/* Is the value, written as text, the one that is wanted? */
static bool same_value(const pb_json *value, pb_str want)
{
    if (!value)
        return false;
    switch (value->type) {
    case PB_JSON_STRING:
    case PB_JSON_NUMBER:
        return pb_str_equal(value->text, want);
    case PB_JSON_TRUE:
        return pb_str_is(want, "true");
    case PB_JSON_FALSE:
        return pb_str_is(want, "false");
    default:
        return false;
    }
}

static bool members_hold(pb_map want, const pb_json *object)
{
    for (size_t i = 0; i < want.count; i++)
        if (!same_value(pb_json_member(object, want.keys[i]), PB_ITEM(want, pb_str, i)))
            return false;
    return true;
}

bool condition_holds(const struct condition *condition, pb_turn *turn)
{
    const pb_turn_info *info = pb_turn_info_of(turn);

    if (!input_holds(condition, pb_turn_question(turn)) ||
        !principal_holds(&condition->principal, info->principal) ||
        !members_hold(condition->metadata, info->metadata) ||
        !members_hold(condition->params, pb_turn_params(turn)))
        return false;
    for (size_t i = 0; i < condition->variables.count; i++)
        if (!same_value(pb_turn_variable(turn, condition->variables.keys[i]),
                        PB_ITEM(condition->variables, pb_str, i)))
            return false;
    return true;
}
