/* graph.c - `patchbay graph`: the pipelines as an indented text, or for Graphviz. */
#include "app/load.h"

#include "plugin/instances.h"
#include <stdio.h>

static void print_text(const pb_pipeline *pipeline, int depth)
{
    for (size_t i = 0; i < pipeline->count; i++) {
        const pb_instance *stage = pipeline->stages[i];
        printf("%*s%.*s\n", depth * 2, "", PB_ARG(stage->name));
        for (const pb_pipeline *nested = stage->nested; nested; nested = nested->next) {
            printf("%*s%.*s:\n", depth * 2 + 2, "", PB_ARG(nested->info.name));
            print_text(nested, depth + 2);
        }
    }
}

static int ids;

/* Draws the stages in a chain behind node `from`; the number of the last one. */
static int print_dot(const pb_pipeline *pipeline, int from, pb_str label)
{
    for (size_t i = 0; i < pipeline->count; i++) {
        const pb_instance *stage = pipeline->stages[i];
        int id = ++ids;
        printf("  n%d [label=\"%.*s\"];\n  n%d -> n%d", id, PB_ARG(stage->name), from, id);
        if (i == 0 && label.size)
            printf(" [label=\"%.*s\"]", PB_ARG(label));
        printf(";\n");
        from = id;
        for (const pb_pipeline *nested = stage->nested; nested; nested = nested->next)
            print_dot(nested, id, nested->info.name);
    }
    return from;
}

int command_graph(const struct invocation *invocation)
{
    static struct loaded loaded;
    pb_status status = load_config_aloud(invocation, &loaded);

    if (status != PB_OK)
        return pb_status_exit(status);
    if (invocation->dot)
        printf("digraph patchbay {\n  rankdir=LR;\n  node [shape=box];\n");
    for (const pb_pipeline *at = pipelines_all(); at; at = at->next) {
        if (invocation->dot) {
            int id = ++ids;
            printf("  n%d [label=\"%.*s\", shape=oval];\n", id, PB_ARG(at->info.name));
            print_dot(at, id, (pb_str){0});
            continue;
        }
        printf("%.*s%s%.*s\n", PB_ARG(at->info.name), at->info.description.size ? " - " : "",
               PB_ARG(at->info.description));
        print_text(at, 1);
    }
    if (invocation->dot)
        printf("}\n");
    return 0;
}
