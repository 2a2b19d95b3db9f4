/* instances_read.c - from the configuration's tree to instances whose options are read.
 *
 * First every instance is declared (name, component), so that references find those that stand
 * further down; then options are read. The two hooks of the schema walk are here: references, which
 * become needs of the instance being read, and pipelines, whose stages are instances too.
 */
#include "plugin/instances_internal.h"

#include "base/scope.h"
#include "config/nearest.h"
#include "config/schema.h"
#include "plugin/kinds.h"

/* What the hooks know: whose options are read (NULL: a pipeline's of the configuration). */
struct reader {
    struct schema_hooks base;
    const struct instances_source *source;
    pb_instance *owner;
};

static const struct reader *reader_of(const struct schema_hooks *hooks)
{
    return (const struct reader *)(const void *)hooks;
}

/* --- references ------------------------------------------------------------------------------- */

static size_t names_of(pb_str kind, pb_str **out)
{
    size_t count = 0;

    *out = PB_NEW_ARRAY(pb_str, instances.count + 1);
    for (pb_instance *at = instances.first; *out && at; at = at->next)
        if (pb_str_equal(at->kind, kind))
            (*out)[count++] = at->name;
    return count;
}

static pb_status not_there(pb_str kind, pb_str name)
{
    pb_str *names = NULL;

    for (pb_instance *at = instances.first; at; at = at->next)
        if (pb_str_equal(at->name, name) && !pb_str_is(at->kind, "stage"))
            return pb_fail(PB_INVALID, "'%.*s' is of kind %.*s; a reference to one of kind %.*s "
                                       "belongs here",
                           PB_ARG(name), PB_ARG(at->kind), PB_ARG(kind));
    size_t count = names_of(kind, &names);
    pb_str hint = nearest_hint(name, names, count);
    const struct kind *known = kind_find(kind);
    if (count == 0 && known)
        return pb_fail(PB_INVALID, "there is no %.*s '%.*s'; section '%s' declares none",
                       PB_ARG(kind), PB_ARG(name), known->section);
    return pb_fail(PB_INVALID, "there is no %.*s '%.*s'%.*s", PB_ARG(kind), PB_ARG(name),
                   PB_ARG(hint));
}

/* The only one of its kind, for a reference that was left out. */
static pb_status find_only(pb_str kind, pb_instance **out)
{
    pb_str *names = NULL;
    size_t count = names_of(kind, &names);
    const struct kind *known = kind_find(kind);

    if (count == 1)
        *out = instance_find(kind, names[0]);
    if (count == 0)
        return pb_fail(PB_INVALID, "one of kind %.*s is needed; declare it in section '%s'", PB_ARG(kind),
                       known && known->section ? known->section : "?");
    if (count > 1)
        return pb_fail(PB_INVALID, "there are %zu of kind %.*s; say which, '%.*s' or '%.*s'", count,
                       PB_ARG(kind), PB_ARG(names[0]), PB_ARG(names[1]));
    return PB_OK;
}

static pb_status resolve_ref(const struct schema_hooks *hooks, const pb_field *field, pb_str name,
                             struct config_node *node, pb_instance **out)
{
    pb_instance *owner = reader_of(hooks)->owner;
    pb_str kind = pb_str_of(field->ref);

    *out = NULL;
    if (name.data) {
        *out = instance_find(kind, name);
        if (!*out)
            return not_there(kind, name);
    } else {
        pb_status status = find_only(kind, out);
        if (status != PB_OK)
            return status;
    }
    struct instance_need *need = owner ? PB_NEW(struct instance_need) : NULL;
    if (owner && !need)
        return PB_NO_MEMORY;
    if (need) {
        *need = (struct instance_need){.to = *out, .node = node, .next = owner->needs};
        owner->needs = need;
    }
    return PB_OK;
}

/* Pipelines are read last, but the names of all are there. One that is broken is reported there. */
static pb_status check_name(const struct schema_hooks *hooks, const pb_field *field, pb_str name)
{
    const struct config_node *root = reader_of(hooks)->source->root;
    const struct config_node *section = config_node_get(root, "pipelines");
    size_t count = 0;

    if (!pb_str_is(pb_str_of(field->ref), "pipeline") || (section && section->type != CONFIG_MAP))
        return PB_OK;
    pb_str *names = PB_NEW_ARRAY(pb_str, (size_t)(section ? section->count : 0) + 1);
    for (const struct config_node *at = section ? section->child : NULL; names && at; at = at->next) {
        if (pb_str_equal(at->key, name))
            return PB_OK;
        names[count++] = at->key;
    }
    if (count == 0)
        return pb_fail(PB_INVALID, "there is no pipeline '%.*s'; section 'pipelines' declares none",
                       PB_ARG(name));
    return pb_fail(PB_INVALID, "there is no pipeline '%.*s'%.*s", PB_ARG(name),
                   PB_ARG(nearest_hint(name, names, count)));
}

/* --- pipelines -------------------------------------------------------------------------------- */

static void read_with(pb_instance *instance, const struct instances_source *source,
                      const char *const *also, struct config_node *options);

/* What stands for the options of a stage that is a bare name: nothing, at the name's place. */
static struct config_node *empty_options(const struct config_node *item)
{
    struct config_node *empty = PB_NEW(struct config_node);

    if (empty) {
        *empty = *item;
        empty->type = CONFIG_NULL;
        empty->text = (pb_str){0};
    }
    return empty;
}

/* One entry of a list of stages: `name` or `name: {options}`. NULL: reported. */
static pb_instance *read_stage(struct config_node *item, const struct instances_source *source)
{
    struct config_node *options = item->type == CONFIG_MAP ? item->child : NULL;
    pb_str name = options ? options->key : item->text;

    if (item->broken)
        return NULL;
    if (item->type == CONFIG_SCALAR)
        item->known = true; /* a stage's name */
    if ((item->type != CONFIG_SCALAR && item->type != CONFIG_MAP) || name.size == 0) {
        config_problem(source->diagnostics, item,
                       "%.*s is no stage; write a stage's name, or 'name: {options}'",
                       PB_ARG(config_node_found(item)));
        return NULL;
    }
    if (options && options->next) {
        config_problem_key(source->diagnostics, options->next,
                           "a stage is one name with its options under it; indent '%.*s' under "
                           "'%.*s', or begin a new stage with '- '",
                           PB_ARG(options->next->key), PB_ARG(name));
        return NULL;
    }
    pb_instance *stage = instance_add(pb_lit("stage"), name,
                                      config_node_path(options ? options : item));
    if (!stage)
        return NULL;
    stage->node = options ? options : item;
    if (instance_bind(stage, name) != PB_OK) {
        stage->broken = true;
        if (options)
            config_problem_key(source->diagnostics, options, "%.*s",
                               PB_ARG(pb_error_last()->sentence));
        else
            config_problem(source->diagnostics, item, "%.*s", PB_ARG(pb_error_last()->sentence));
        return stage;
    }
    read_with(stage, source, NULL, options ? options : empty_options(item));
    return stage;
}

/* "try[0]": the option, seen from the stage that has it. */
static pb_str nested_name(const pb_instance *owner, struct config_node *node)
{
    pb_str path = config_node_path(node);

    return pb_str_starts(path, owner->path) && path.size > owner->path.size
               ? pb_str_slice(path, owner->path.size + 1, path.size)
               : path;
}

/* Does the stage, or one nested in it, store what is said? */
static bool keeps_history(const pb_instance *stage)
{
    if (stage->broken || !stage->interface)
        return false;
    if (((const pb_stage *)(const void *)stage->interface)->keeps_history)
        return true;
    for (const pb_pipeline *at = stage->nested; at; at = at->next)
        if (at->info.keeps_history)
            return true;
    return false;
}

static pb_status read_stages(struct config_node *node, const struct instances_source *source,
                             pb_pipeline *pipeline)
{
    pipeline->info.size = sizeof pipeline->info;
    pipeline->node = node;
    pipeline->stages = PB_NEW_ARRAY(pb_instance *, (size_t)node->count + 1);
    if (!pipeline->stages)
        return PB_NO_MEMORY;
    for (struct config_node *item = node->child; item; item = item->next) {
        pb_instance *stage = read_stage(item, source);
        if (stage) {
            pipeline->stages[pipeline->count++] = stage;
            pipeline->info.keeps_history |= keeps_history(stage);
        }
    }
    pipeline->info.stage_count = (uint32_t)pipeline->count;
    return PB_OK;
}

static pb_status build_pipeline(const struct schema_hooks *hooks, struct config_node *node,
                                pb_pipeline **out)
{
    const struct reader *reader = reader_of(hooks);

    if (!node || node->type != CONFIG_LIST)
        return pb_fail(PB_INVALID, "%.*s where a list of stages belongs; write '- name: {options}'",
                       PB_ARG(node ? config_node_found(node) : pb_lit("nothing")));
    pb_pipeline *pipeline = PB_NEW(pb_pipeline);
    if (!pipeline)
        return PB_NO_MEMORY;
    pb_status status = read_stages(node, reader->source, pipeline);
    if (status == PB_OK && reader->owner) {
        pb_pipeline **tail = &reader->owner->nested;
        while (*tail)
            tail = &(*tail)->next;
        *tail = pipeline;
        pipeline->info.name = nested_name(reader->owner, node);
    }
    *out = pipeline;
    return status;
}

struct pipeline_options {
    pb_str description;
    pb_pipeline *stages;
};

static const pb_field pipeline_fields[] = {
    PB_STR(struct pipeline_options, description, .help = "What it is for, for people."),
    PB_PIPELINE(struct pipeline_options, stages, .required = 1,
                .help = "The stages, outermost first."),
    PB_END};

static void read_pipeline(struct config_node *node, const struct instances_source *source)
{
    struct reader reader = {.base = {resolve_ref, build_pipeline, check_name}, .source = source};
    struct schema_context context = {.diagnostics = source->diagnostics,
                                     .data_dir = source->data_dir,
                                     .hooks = &reader.base};
    struct pipeline_options options = {0};

    if (node->broken || schema_read(pipeline_fields, &options, node, &context) != PB_OK)
        return;
    pb_pipeline *pipeline = options.stages;
    if (!pipeline)
        return;
    if (pipeline->node->count == 0)
        config_problem(source->diagnostics, pipeline->node,
                       "no stages; a pipeline needs at least one");
    pipeline->info.name = node->key;
    pipeline->info.description = options.description;
    pipeline->number = (uint32_t)++instances.pipeline_count;
    *instances.last_pipeline = pipeline;
    instances.last_pipeline = &pipeline->next;
}

void instances_read_pipelines(const struct instances_source *source)
{
    struct config_node *section = config_node_get(source->root, "pipelines");

    if (!section || section->broken || section->type == CONFIG_NULL)
        return;
    if (section->type != CONFIG_MAP) {
        config_problem(source->diagnostics, section,
                       "%.*s where a map of pipelines belongs; write 'name: {stages: […]}'",
                       PB_ARG(config_node_found(section)));
        return;
    }
    struct arena *before = instances_arena_enter();
    for (struct config_node *node = section->child; node; node = node->next)
        read_pipeline(node, source);
    instances_arena_leave(before);
}

/* --- options ---------------------------------------------------------------------------------- */

static void read_with(pb_instance *instance, const struct instances_source *source,
                      const char *const *also, struct config_node *options)
{
    static const pb_field none[] = {PB_END};
    struct reader reader = {.base = {resolve_ref, build_pipeline, check_name},
                            .source = source,
                            .owner = instance};
    struct schema_context context = {.diagnostics = source->diagnostics,
                                     .data_dir = source->data_dir,
                                     .hooks = &reader.base,
                                     .also = also};
    const pb_field *fields = instance->component->options;
    struct arena *before = scope_arena_swap(&instance->arena);

    if (schema_read(fields ? fields : none, instance->self, options, &context) != PB_OK)
        instance->broken = true;
    (void)scope_arena_swap(before);
}

void instance_read(pb_instance *instance, const struct instances_source *source,
                   const char *const *also)
{
    read_with(instance, source, also, instance->node);
}
