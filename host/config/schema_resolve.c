/* schema_resolve.c - options that stand for something else: references, pipelines, paths. The
 * layer above resolves the first two by its hooks. */
#include "config/schema_internal.h"

/* A hook failed: with a sentence, unless it reported by itself. */
static void hook_failed(struct schema_walk *walk, struct schema_value value, pb_status status)
{
    if (status == PB_DECLINED) {
        walk->problems++;
        walk->status = walk->status == PB_OK ? PB_INVALID : walk->status;
        return;
    }
    pb_str sentence = pb_copy(pb_error_last()->sentence);
    schema_problem(walk, value, sentence.size ? sentence : pb_lit("cannot be resolved"));
}

void schema_read_ref(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                     pb_instance **out)
{
    const struct schema_hooks *hooks = walk->context->hooks;

    if (!hooks || !hooks->resolve_ref)
        return;
    pb_status status = hooks->resolve_ref(hooks, field, schema_value_text(value), value.node, out);
    if (status != PB_OK)
        hook_failed(walk, value, status);
}

/* The text is sound, so the struct counts as read: its owner may still check the rest of it. */
void schema_check_name(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                       pb_str name)
{
    const struct schema_hooks *hooks = walk->context->hooks;

    if (!hooks || !hooks->check_name)
        return;
    pb_status before = walk->status, status = hooks->check_name(hooks, field, name);
    if (status == PB_OK)
        return;
    hook_failed(walk, value, status);
    walk->status = walk->status == PB_INVALID ? before : walk->status;
}

void schema_read_pipeline(struct schema_walk *walk, const pb_field *field,
                          struct schema_value value, pb_pipeline **out)
{
    const struct schema_hooks *hooks = walk->context->hooks;

    if (schema_value_type(value) != SCHEMA_LIST) {
        schema_problem_expected(walk, field, value, pb_lit(""));
        return;
    }
    if (walk->from_json) {
        schema_problem(walk, value, pb_lit("a pipeline cannot be given here"));
        return;
    }
    if (!hooks || !hooks->build_pipeline)
        return;
    pb_status status = hooks->build_pipeline(hooks, value.node, out);
    if (status != PB_OK)
        hook_failed(walk, value, status);
}

/* Is it relative to the data folder: by its kind, or by the option beside it that says so? */
static bool in_data_folder(const pb_field *field, struct schema_value value)
{
    const struct config_node *at =
        field->ref && value.node && value.node->parent ? value.node->parent->child : NULL;

    while (at && !pb_str_is(at->key, field->ref))
        at = at->next;
    return field->kind == PB_KIND_DATA_PATH || (at && pb_str_is(at->text, "data"));
}

void schema_read_path(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                     pb_str text, pb_str *out)
{
    struct config_mark mark = value.node ? value.node->mark : (struct config_mark){0};
    pb_str wrong = schema_text_wrong(field, text), folder = {0};

    if (!wrong.data && (text.size == 0 || pb_str_find(text, 0) < text.size))
        wrong = pb_lit("expected a path");
    if (wrong.data) {
        schema_problem(walk, value, wrong);
        return;
    }
    if (in_data_folder(field, value)) {
        folder = pb_printf("%s/x", walk->context->data_dir ? walk->context->data_dir : ".");
        mark = (struct config_mark){.file = folder.data};
    }
    *out = config_path_absolute(&mark, text);
    if (!out->data)
        walk->status = PB_NO_MEMORY;
}

/* A required reference may be left out where only one instance of its kind exists. */
bool schema_fill_ref(struct schema_walk *walk, const pb_field *field, struct schema_value map,
                     pb_instance **out)
{
    const struct schema_hooks *hooks = walk->context->hooks;

    if (field->kind != PB_KIND_REF)
        return false;
    if (!hooks || !hooks->resolve_ref)
        return true;
    pb_status status = hooks->resolve_ref(hooks, field, (pb_str){0}, map.node, out);
    if (status == PB_OK)
        return *out != NULL;
    pb_str sentence = pb_copy(pb_error_last()->sentence);
    if (status == PB_DECLINED || sentence.size == 0)
        hook_failed(walk, map, status);
    else
        schema_problem_missing(walk, map, pb_field_name(field), sentence);
    return true;
}
