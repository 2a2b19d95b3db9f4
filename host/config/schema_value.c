/* schema_value.c - YAML nodes and JSON values seen alike, and problems at their place: a line and a
 * path in YAML, a JSON pointer in JSON. */
#include "config/schema_internal.h"

int schema_value_type(struct schema_value value)
{
    static const uint8_t of_json[] = {
        [PB_JSON_NULL] = SCHEMA_NOTHING, [PB_JSON_FALSE] = SCHEMA_TEXT,
        [PB_JSON_TRUE] = SCHEMA_TEXT,    [PB_JSON_NUMBER] = SCHEMA_TEXT,
        [PB_JSON_STRING] = SCHEMA_TEXT,  [PB_JSON_ARRAY] = SCHEMA_LIST,
        [PB_JSON_OBJECT] = SCHEMA_MAP};

    if (value.json)
        return of_json[value.json->type];
    if (!value.node)
        return SCHEMA_NOTHING;
    return value.node->type == CONFIG_NULL     ? SCHEMA_NOTHING
           : value.node->type == CONFIG_SCALAR ? SCHEMA_TEXT
           : value.node->type == CONFIG_LIST   ? SCHEMA_LIST
                                               : SCHEMA_MAP;
}

pb_str schema_value_text(struct schema_value value)
{
    if (!value.json)
        return value.node->text;
    if (value.json->type == PB_JSON_TRUE)
        return pb_lit("true");
    return value.json->type == PB_JSON_FALSE ? pb_lit("false") : value.json->text;
}

size_t schema_value_count(struct schema_value value)
{
    return value.json ? value.json->count : value.node ? value.node->count : 0;
}

struct schema_value schema_value_child(struct schema_value value)
{
    return (struct schema_value){.node = value.node ? value.node->child : NULL,
                                 .json = value.json ? value.json->child : NULL};
}

struct schema_value schema_value_next(struct schema_value value)
{
    return (struct schema_value){.node = value.node ? value.node->next : NULL,
                                 .json = value.json ? value.json->next : NULL};
}

struct schema_value schema_value_get(struct schema_value value, const char *name)
{
    return (struct schema_value){.node = config_node_get(value.node, name),
                                 .json = pb_json_get(value.json, name)};
}

pb_str schema_value_key(struct schema_value value)
{
    return value.json ? value.json->key : value.node->key;
}

bool schema_value_there(struct schema_value value)
{
    return value.json || value.node;
}

bool schema_value_fits(struct schema_value value, uint32_t kind)
{
    bool number = kind == PB_KIND_INT || kind == PB_KIND_FLOAT, boolean = kind == PB_KIND_BOOL;

    if (!value.json)
        return !(number || boolean) || !value.node->quoted;
    switch (value.json->type) {
    case PB_JSON_STRING:
        return !number && !boolean;
    case PB_JSON_NUMBER:
        return number || kind == PB_KIND_SIZE || kind == PB_KIND_DURATION;
    default:
        return boolean;
    }
}

pb_str schema_value_found(struct schema_value value)
{
    static const char *const types[] = {
        [PB_JSON_NULL] = "null",       [PB_JSON_FALSE] = "false", [PB_JSON_TRUE] = "true",
        [PB_JSON_NUMBER] = "a number", [PB_JSON_STRING] = "text", [PB_JSON_ARRAY] = "a list",
        [PB_JSON_OBJECT] = "a map"};

    return value.json ? pb_str_of(types[value.json->type]) : config_node_found(value.node);
}

/* --- places and problems -------------------------------------------------------------------------- */

static void write_pointer(const struct schema_place *place, pb_buf *out)
{
    if (!place)
        return;
    write_pointer(place->up, out);
    pb_buf_byte(out, '/');
    if (!place->key.data) {
        pb_buf_printf(out, "%zu", place->index);
        return;
    }
    for (size_t i = 0; i < place->key.size; i++) {
        char c = place->key.data[i];
        if (c == '~' || c == '/')
            pb_buf_add(out, c == '~' ? pb_lit("~0") : pb_lit("~1"));
        else
            pb_buf_byte(out, c);
    }
}

struct report {
    struct config_mark mark;
    pb_str path;
    pb_str sentence;
    bool warning;
};

/* The first problem is the task's error too, for callers without diagnostics. */
static void fail_first(struct schema_walk *walk, const struct report *report)
{
    walk->status = PB_INVALID;
    if (walk->from_json) {
        pb_str pointer = pb_copy(report->path);
        pb_fail_at(PB_INVALID, pointer.data, "%.*s", PB_ARG(report->sentence));
    } else if (report->mark.file) {
        pb_fail(PB_INVALID, "%s:%u:%u: %.*s: %.*s", report->mark.file, report->mark.line,
                report->mark.column, PB_ARG(report->path), PB_ARG(report->sentence));
    } else {
        pb_fail(PB_INVALID, "%.*s: %.*s", PB_ARG(report->path), PB_ARG(report->sentence));
    }
}

static void send(struct schema_walk *walk, const struct report *report)
{
    if (!report->sentence.data) {
        walk->status = PB_NO_MEMORY;
        return;
    }
    if (!report->warning) {
        walk->problems++;
        if (walk->status == PB_OK)
            fail_first(walk, report);
    }
    if (walk->context->diagnostics)
        config_report(walk->context->diagnostics, report->mark.file ? &report->mark : NULL,
                      report->path, report->warning, report->sentence);
}

/* A built-in default that does not fit its own field: shown at the map that left it out. */
static bool is_default(struct schema_walk *walk, pb_str sentence)
{
    const pb_field *field = walk->default_of;

    if (!field)
        return false;
    walk->default_of = NULL;
    schema_problem_missing(walk, walk->holder, pb_field_name(field),
                           pb_printf("the built-in default '%s' does not fit: %.*s", field->def,
                                     PB_ARG(sentence)));
    walk->default_of = field;
    return true;
}

static pb_str path_here(const struct schema_walk *walk, const struct config_node *node)
{
    pb_buf pointer = {0};

    if (!walk->from_json)
        return node ? config_node_path(node) : pb_lit("");
    write_pointer(walk->place, &pointer);
    return pointer.size ? pb_buf_str(&pointer) : pb_lit("");
}

void schema_problem(struct schema_walk *walk, struct schema_value value, pb_str sentence)
{
    if (is_default(walk, sentence))
        return;
    struct report report = {.path = path_here(walk, value.node), .sentence = sentence};
    if (value.node)
        report.mark = value.node->mark;
    send(walk, &report);
}

static void at_key(struct schema_walk *walk, struct schema_value value, pb_str sentence,
                   bool warning)
{
    if (is_default(walk, sentence))
        return;
    struct schema_place place = {.up = walk->place, .key = schema_value_key(value)};
    walk->place = &place;
    struct report report = {
        .path = path_here(walk, value.node), .sentence = sentence, .warning = warning};
    walk->place = place.up;
    if (value.node)
        report.mark = value.node->key_mark;
    send(walk, &report);
}

void schema_problem_key(struct schema_walk *walk, struct schema_value value, pb_str sentence)
{
    at_key(walk, value, sentence, false);
}

void schema_warning_key(struct schema_walk *walk, struct schema_value value, pb_str sentence)
{
    at_key(walk, value, sentence, true);
}

void schema_problem_missing(struct schema_walk *walk, struct schema_value map, const char *name,
                            pb_str sentence)
{
    if (is_default(walk, sentence))
        return;
    struct schema_place place = {.up = walk->place, .key = pb_str_of(name)};
    walk->place = &place;
    pb_buf path = {0};
    pb_buf_add(&path, path_here(walk, map.node));
    walk->place = place.up;
    if (!walk->from_json)
        config_path_key(&path, pb_str_of(name));
    struct report report = {.path = pb_buf_str(&path), .sentence = sentence};
    if (map.node)
        report.mark = map.node->key_mark.file ? map.node->key_mark : map.node->mark;
    send(walk, &report);
}

void schema_problem_expected(struct schema_walk *walk, const pb_field *field,
                             struct schema_value value, pb_str hint)
{
    schema_problem(walk, value,
                   pb_printf("expected %.*s, found %.*s%.*s", PB_ARG(schema_expected(field)),
                             PB_ARG(schema_value_found(value)), PB_ARG(hint)));
}
