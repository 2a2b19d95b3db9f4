/* schema_read.c - the one walk over YAML or JSON that fills a struct by its table and reports every
 * problem on the way.
 */
#include "config/nearest.h"
#include "config/schema_internal.h"

enum { DEEP = 80, HINTED = 20, NAMES = 128 };

static void read_value(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                       void *out);
static void read_map(struct schema_walk *walk, const pb_field *fields, struct schema_value map,
                     char *out);

static bool ended(const struct schema_walk *walk)
{
    return walk->status == PB_NO_MEMORY || walk->problems >= SCHEMA_PROBLEMS;
}

static void *allocate(struct schema_walk *walk, size_t size, size_t count)
{
    void *memory = size && count > SIZE_MAX / size ? NULL : pb_alloc(size * count);

    if (!memory)
        walk->status = PB_NO_MEMORY;
    return memory;
}

/* --- scalars ------------------------------------------------------------------------------------ */

static void set_scalar(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                       void *out)
{
    pb_str text = schema_value_text(value), sentence;
    int fit = schema_scalar(field, text, out, &sentence);

    if (fit == SCHEMA_REFUSED)
        schema_problem(walk, value, sentence);
    else if (fit == SCHEMA_OTHER_KIND && value.json && field->kind == PB_KIND_ENUM)
        schema_problem(walk, value, pb_printf("expected %.*s%.*s", PB_ARG(schema_expected(field)),
                                              PB_ARG(sentence)));
    else if (fit == SCHEMA_OTHER_KIND)
        schema_problem_expected(walk, field, value, sentence);
    else if (value.node && !walk->default_of &&
             (field->kind == PB_KIND_STR || field->kind == PB_KIND_SECRET))
        *(pb_str *)out = pb_copy(text); /* the tree may die first */
    if (fit == SCHEMA_FITS && field->kind == PB_KIND_STR && field->ref)
        schema_check_name(walk, field, value, text);
}

/* Of a scalar that is of another type: what it lacks, or has too much of. */
static pb_str quotes_hint(const pb_field *field, struct schema_value value)
{
    union {
        pb_str text;
        int64_t number;
        double real;
        bool truth;
    } scratch;
    pb_str sentence;

    if (value.json && value.json->type != PB_JSON_STRING)
        return field->kind == PB_KIND_STR ? pb_lit("; write it in quotes") : pb_lit("");
    if (schema_scalar(field, schema_value_text(value), &scratch, &sentence) == SCHEMA_OTHER_KIND)
        return pb_lit("");
    return pb_lit("; write it without quotes");
}

static void read_scalar(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                        void *out)
{
    if (field->kind == PB_KIND_SECRET && value.node)
        config_node_hide(value.node);
    else if (value.node)
        value.node->known = true;
    if (schema_value_type(value) != SCHEMA_TEXT) {
        schema_problem_expected(walk, field, value, pb_lit(""));
        return;
    }
    if (!schema_value_fits(value, field->kind)) {
        schema_problem_expected(walk, field, value, quotes_hint(field, value));
        return;
    }
    if (field->kind == PB_KIND_PATH || field->kind == PB_KIND_DATA_PATH)
        schema_read_path(walk, field, value, schema_value_text(value), out);
    else if (field->kind == PB_KIND_REF)
        schema_read_ref(walk, field, value, out);
    else
        set_scalar(walk, field, value, out);
}

/* --- lists and maps ----------------------------------------------------------------------------- */

static bool too_many(struct schema_walk *walk, const pb_field *field, struct schema_value value)
{
    size_t count = schema_value_count(value);

    if (!field->max_length || count <= (uint64_t)field->max_length)
        return false;
    schema_problem(walk, value,
                   pb_printf("too many items, %zu; expected at most %lld", count,
                             (long long)field->max_length));
    return true;
}

/* A list of words of which there is one only: that word. */
static void read_one_word(struct schema_walk *walk, const pb_field *item, struct schema_value value,
                          pb_list *out)
{
    out->items = allocate(walk, schema_size(item->kind, item), 1);
    out->count = out->items ? 1 : 0;
    if (out->items)
        read_value(walk, item, value, out->items);
}

/* Both, with keys where there are any. */
static void read_items(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                       void *out)
{
    bool keyed = field->kind == PB_KIND_MAP;
    pb_field item = schema_item(field);
    size_t size = schema_size(item.kind, &item), count = schema_value_count(value), index = 0;

    if (!keyed && item.kind == PB_KIND_ENUM && schema_value_type(value) == SCHEMA_TEXT) {
        read_one_word(walk, &item, value, out);
        return;
    }
    if (schema_value_type(value) != (keyed ? SCHEMA_MAP : SCHEMA_LIST)) {
        bool single = !keyed && schema_value_type(value) == SCHEMA_TEXT;
        schema_problem_expected(walk, field, value,
                                single ? pb_lit("; write it in [ ]") : pb_lit(""));
        return;
    }
    if (size == 0) {
        schema_problem(walk, value, pb_lit("this host does not know the kind of these items"));
        return;
    }
    if (too_many(walk, field, value) || count == 0)
        return;
    char *items = allocate(walk, size, count);
    pb_str *keys = keyed ? allocate(walk, sizeof(pb_str), count) : NULL;
    if (!items || (keyed && !keys))
        return;
    struct schema_place place = {.up = walk->place};
    walk->place = &place;
    for (struct schema_value at = schema_value_child(value); schema_value_there(at) && !ended(walk);
         at = schema_value_next(at), index++) {
        place.index = index;
        if (keyed)
            place.key = keys[index] = value.node ? pb_copy(at.node->key) : schema_value_key(at);
        read_value(walk, &item, at, items + index * size);
    }
    walk->place = place.up;
    if (keyed)
        *(pb_map *)out = (pb_map){.keys = keys, .items = items, .count = count};
    else
        *(pb_list *)out = (pb_list){.items = items, .count = count};
}

static void read_json(struct schema_value value, const pb_json **out)
{
    if (value.node)
        config_node_know(value.node);
    *out = value.json ? value.json : config_node_json(value.node, false);
}

static void read_value(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                       void *out)
{
    if (value.node && value.node->broken)
        return; /* reported already */
    if (++walk->depth > DEEP)
        schema_problem(walk, value, pb_lit("nested too deeply"));
    else if (schema_is_scalar(field->kind))
        read_scalar(walk, field, value, out);
    else if (field->kind == PB_KIND_PIPELINE)
        schema_read_pipeline(walk, field, value, out);
    else if (field->kind == PB_KIND_LIST || field->kind == PB_KIND_MAP)
        read_items(walk, field, value, out);
    else if (field->kind == PB_KIND_JSON)
        read_json(value, out);
    else if (field->kind != PB_KIND_STRUCT)
        schema_problem(walk, value, pb_lit("this host does not know the kind of this option"));
    else if (schema_value_type(value) == SCHEMA_MAP || schema_value_type(value) == SCHEMA_NOTHING)
        read_map(walk, field->fields, value, out);
    else
        schema_problem_expected(walk, field, value, pb_lit(""));
    walk->depth--;
}

/* --- structs ------------------------------------------------------------------------------------ */

struct config_node *schema_default(const pb_field *field, struct config_diagnostics *diagnostics)
{
    struct config_node *root = NULL;
    struct config_loader loader = {.diagnostics = diagnostics, .sealed = true};
    const struct config_text text = {.file = "default", .text = pb_str_of(field->def)};

    (void)config_text_read(&loader, &text, &root);
    return root;
}

/* The default is read like a value; the problems that it has are the table's author's. */
static void set_default(struct schema_walk *walk, const pb_field *field, struct schema_value map,
                        void *out)
{
    struct config_diagnostics ignored = {0};
    struct config_node scalar = {.type = CONFIG_SCALAR, .text = pb_str_of(field->def)};
    struct schema_value value = {.node = &scalar};
    const pb_field *outer = walk->default_of;
    struct schema_value outer_holder = walk->holder;

    if (!outer) {
        walk->default_of = field;
        walk->holder = map;
    }
    if (map.node)
        scalar.mark = map.node->mark; /* a path is relative to this file */
    if (!schema_is_scalar(field->kind))
        value.node = schema_default(field, &ignored);
    if (value.node)
        read_value(walk, field, value, out);
    else
        schema_problem(walk, map, pb_lit("not valid YAML"));
    walk->default_of = outer;
    walk->holder = outer_holder;
}

static void left_out(struct schema_walk *walk, const pb_field *field, struct schema_value map,
                     void *out)
{
    bool given = schema_value_there(map) || walk->depth == 0;

    if (field->required && given) {
        if (!schema_fill_ref(walk, field, map, out))
            schema_problem_missing(walk, map, pb_field_name(field),
                                   pb_printf("missing; expected %.*s",
                                             PB_ARG(schema_expected(field))));
    } else if (field->def) {
        set_default(walk, field, map, out);
    } else if (field->kind == PB_KIND_STRUCT) {
        walk->depth++; /* so that `given` is false there */
        read_map(walk, field->fields, (struct schema_value){0}, out); /* only its defaults */
        walk->depth--;
    }
}

/* The member by its name or its old one. */
static struct schema_value find(struct schema_walk *walk, const pb_field *field,
                                struct schema_value map)
{
    struct schema_value now = schema_value_get(map, pb_field_name(field)), old = {0};

    if (field->alias)
        old = schema_value_get(map, field->alias);
    if (!schema_value_there(old))
        return now;
    if (schema_value_there(now)) {
        schema_problem_key(walk, old,
                           pb_printf("given twice; this is the old name of '%s'",
                                     pb_field_name(field)));
        return now;
    }
    schema_warning_key(walk, old, pb_printf("deprecated; it is called '%s' now",
                                            pb_field_name(field)));
    return old;
}

static bool is_known(const pb_field *fields, const char *const *also, pb_str key)
{
    for (const pb_field *at = fields; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        if (pb_str_is(key, pb_field_name(&field)) || (field.alias && pb_str_is(key, field.alias)))
            return true;
    }
    for (; also && *also; also++)
        if (pb_str_is(key, *also))
            return true;
    return false;
}

static void report_unknown(struct schema_walk *walk, const pb_field *fields,
                           struct schema_value member)
{
    const char *what = walk->from_json ? "unknown field" : "unknown option";
    pb_str names[NAMES], hint = pb_lit("");
    size_t count = 0;

    for (const pb_field *at = fields; at->kind != PB_KIND_END && count < NAMES;
         at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        names[count++] = pb_str_of(pb_field_name(&field));
    }
    if (walk->problems < HINTED)
        hint = count ? nearest_hint(schema_value_key(member), names, count)
                     : pb_lit("; there are none here");
    schema_problem_key(walk, member, pb_printf("%s%.*s", what, PB_ARG(hint)));
    if (member.node)
        config_node_hide(member.node); /* it may be a secret under a misspelt name */
}

/* `map` may be absent: then only defaults are set. */
static void read_map(struct schema_walk *walk, const pb_field *fields, struct schema_value map,
                     char *out)
{
    const char *const *also = walk->depth == 0 ? walk->context->also : NULL;

    for (const pb_field *at = fields; at->kind != PB_KIND_END && !ended(walk);
         at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        struct schema_value value = find(walk, &field, map);
        bool json_null = field.kind == PB_KIND_JSON && value.json;
        if (schema_value_type(value) == SCHEMA_NOTHING && !json_null) {
            bool broken = value.node && value.node->broken;
            if (!broken)
                left_out(walk, &field, map, out + field.offset);
            continue;
        }
        struct schema_place place = {.up = walk->place, .key = schema_value_key(value)};
        walk->place = &place;
        read_value(walk, &field, value, out + field.offset);
        walk->place = place.up;
    }
    for (struct schema_value at = schema_value_child(map); schema_value_there(at) && !ended(walk);
         at = schema_value_next(at))
        if (!is_known(fields, also, schema_value_key(at)))
            report_unknown(walk, fields, at);
}

static pb_status read_whole(struct schema_walk *walk, const pb_field *fields,
                            struct schema_value root, void *out)
{
    int type = schema_value_type(root);

    if (root.node && root.node->broken)
        return PB_INVALID;
    if (type == SCHEMA_MAP || type == SCHEMA_NOTHING)
        read_map(walk, fields, root, out);
    else
        schema_problem(walk, root, pb_printf("expected a map, found %.*s",
                                             PB_ARG(schema_value_found(root))));
    return walk->status;
}

pb_status schema_read(const pb_field *fields, void *out, struct config_node *node,
                      const struct schema_context *context)
{
    struct schema_walk walk = {.context = context};

    return read_whole(&walk, fields, (struct schema_value){.node = node}, out);
}

pb_status schema_read_json(const pb_field *fields, void *out, const pb_json *json,
                           const struct schema_context *context)
{
    struct schema_walk walk = {.context = context, .from_json = true};

    return read_whole(&walk, fields, (struct schema_value){.json = json}, out);
}
