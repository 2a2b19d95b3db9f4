/* instances_build.c - instances_build: declares what the sections name, reads, checks, orders. */
#include "plugin/instances_internal.h"

#include "base/scope.h"
#include "plugin/contract.h"
#include "plugin/kinds.h"

enum { MOST_SECTIONS = 40 };

/* The running instance's place, for errors (scope.h). */
static pb_str running_path(void)
{
    pb_instance *instance = instance_running();
    return instance ? instance->path : (pb_str){0};
}

static void report_unknown_sections(const struct instances_source *source)
{
    pb_str names[MOST_SECTIONS] = {pb_lit("host"), pb_lit("plugins"), pb_lit("pipelines")};
    size_t count = 3;

    for (const struct kind *kind = kinds; kind->name && count < MOST_SECTIONS; kind++)
        if (kind->section)
            names[count++] = pb_str_of(kind->section);
    config_report_unknown(source->diagnostics, source->root, "section", names, count);
}

/* --- declaring -------------------------------------------------------------------------------- */

/* "llms.main: no plugin offers …" at the value of `use`, or at the name where that stands for it. */
static void report_unbound(pb_instance *instance, struct config_node *use,
                           struct config_diagnostics *diagnostics)
{
    pb_str sentence = pb_error_last()->sentence;

    if (use)
        config_problem(diagnostics, use, "%.*s", PB_ARG(sentence));
    else
        config_problem_key(diagnostics, instance->node,
                           "%.*s; without 'use:' the name is the component's", PB_ARG(sentence));
}

static void declare(const struct kind *kind, struct config_node *node,
                    struct config_diagnostics *diagnostics)
{
    struct config_node *use = config_node_get(node, "use");

    if (pb_str_starts(node->key, pb_lit("db:"))) {
        config_problem_key(diagnostics, node,
                           "names that begin with 'db:' belong to the database; choose another");
        return;
    }
    if (node->type != CONFIG_MAP && node->type != CONFIG_NULL && !node->broken) {
        config_problem(diagnostics, node, "%.*s where a map belongs; write '{use: component, …}'",
                       PB_ARG(config_node_found(node)));
        return;
    }
    pb_instance *instance = instance_add(pb_str_of(kind->name), node->key, config_node_path(node));
    if (!instance)
        return;
    instance->node = node;
    if (use && use->type == CONFIG_SCALAR)
        use->known = true;
    instance->broken = node->broken || (use && use->broken);
    if (instance->broken)
        return;
    if (use && (use->type != CONFIG_SCALAR || use->text.size == 0)) {
        config_problem(diagnostics, use, "%.*s where the name of a component belongs",
                       PB_ARG(config_node_found(use)));
        instance->broken = true;
    } else if (instance_bind(instance, use ? use->text : node->key) != PB_OK) {
        report_unbound(instance, use, diagnostics);
        instance->broken = true;
    }
}

static void declare_sections(const struct instances_source *source)
{
    for (struct config_node *section = source->root->child; section; section = section->next) {
        const struct kind *kind = kind_of_section(section->key);
        if (!kind || section->broken || section->type == CONFIG_NULL)
            continue;
        if (section->type != CONFIG_MAP) {
            config_problem(source->diagnostics, section,
                           "%.*s where a map of names belongs; write 'name: {use: component, …}'",
                           PB_ARG(config_node_found(section)));
            continue;
        }
        for (struct config_node *node = section->child; node; node = node->next)
            declare(kind, node, source->diagnostics);
    }
}

/* --- checking --------------------------------------------------------------------------------- */

/* Behind the opaque type of the SDK. */
struct pb_diagnostics {
    struct config_diagnostics *to;
    pb_instance *instance;
};

void host_diagnose(pb_diagnostics *diagnostics, int32_t warning, pb_str field, pb_str sentence)
{
    config_report_field(diagnostics->to, diagnostics->instance->node, field, warning != 0, sentence);
}

void instances_check(struct config_diagnostics *to)
{
    for (pb_instance *instance = instances.first; instance; instance = instance->next) {
        if (instance->broken || !instance->interface->check)
            continue;
        pb_diagnostics diagnostics = {to, instance};
        struct arena *arena = scope_arena_swap(&instance->arena);
        void *before = instance_enter(instance);
        instance->interface->check(instance->self, &diagnostics);
        instance_leave(before);
        (void)scope_arena_swap(arena);
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

static void read_sections(const struct instances_source *source)
{
    static const char *const also[] = {"use", NULL};

    for (pb_instance *at = instances.first; at; at = at->next)
        if (!at->broken && !pb_str_is(at->kind, "stage"))
            instance_read(at, source, also);
}

static void begin(const struct instances_source *source)
{
    scope_instance_name_set(running_path);
    arena_init(&instances.arena, 0);
    instances.root = source->root;
}

void instances_find_plugins(const struct instances_source *source)
{
    begin(source);
    instances_read_host(source);
}

pb_status instances_build(const struct instances_source *source)
{
    struct config_diagnostics *diagnostics = source->diagnostics;
    pb_status status = PB_OK;

    begin(source);
    struct arena *before = instances_arena_enter();
    instances_read_host(source);
    contract_enable(contract_enabled() || instances.host.contract); /* before plugins are opened */
    if (source->root) {
        report_unknown_sections(source);
        declare_sections(source);
        read_sections(source);
        instances_read_pipelines(source);
        instances_check(diagnostics);
        config_node_hide_unknown(source->root);
    }
    status = instances_order(diagnostics);
    instances_arena_leave(before);
    if (status == PB_OK && diagnostics->errors)
        status = pb_fail(PB_INVALID, "the configuration has %zu problem%s", diagnostics->errors,
                         diagnostics->errors == 1 ? "" : "s");
    return status;
}
