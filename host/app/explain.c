/* explain.c - `patchbay explain`: a turn of a running server as a tree of stages and calls. */
#include "app/explain.h"

#include "app/load.h"
#include "app/remote.h"
#include "app/worker.h"

#include <patchbay/json.h>
#include <stdio.h>

static void note(const pb_json *node, const char *name, const char *format)
{
    const pb_json *value = pb_json_get(node, name);
    if (value && pb_json_double(value, 0) != 0)
        printf(format, pb_json_double(value, 0));
}

static void print_node(const pb_json *node, int depth)
{
    pb_str kind = pb_json_text(pb_json_get(node, "kind"));
    pb_str name = pb_json_text(pb_json_get(node, "name"));
    char label[80];

    snprintf(label, sizeof label, "%*s%.*s%s%.*s", depth * 2, "", PB_ARG(kind),
             kind.size ? " " : "", PB_ARG(name));
    printf("%-40s %9.2f ms", label, pb_json_double(pb_json_get(node, "ms"), 0));
    if (pb_json_get(node, "self_ms"))
        printf("  self %8.2f", pb_json_double(pb_json_get(node, "self_ms"), 0));
    note(node, "input_tokens", "  %.0f in");
    note(node, "output_tokens", "  %.0f out");
    note(node, "cost", "  $%.6f");
    pb_str status = pb_json_text(pb_json_get(node, "status"));
    if (status.size && !pb_str_is(status, "ok"))
        printf("  %.*s", PB_ARG(status));
    printf("\n");
}

static void print_children(const pb_json *node, int depth);

static void print_list(const pb_json *list, int depth)
{
    for (const pb_json *at = list ? list->child : NULL; at; at = at->next) {
        print_node(at, depth);
        print_children(at, depth + 1);
    }
}

static void print_children(const pb_json *node, int depth)
{
    if (depth > 64)
        return;
    print_list(pb_json_get(node, "calls"), depth);
    print_list(pb_json_get(node, "children"), depth);
}

void explain_print(const pb_json *turn)
{
    const pb_json *usage = pb_json_get(turn, "usage");
    const pb_json *by = pb_json_get(turn, "answered_by");
    const pb_json *error = pb_json_get(turn, "error");

    printf("turn      %.*s\npipeline  %.*s\nstatus    %.*s\n",
           PB_ARG(pb_json_text(pb_json_get(turn, "id"))),
           PB_ARG(pb_json_text(pb_json_get(turn, "pipeline"))),
           PB_ARG(pb_json_text(pb_json_get(turn, "status"))));
    if (error)
        printf("error     %.*s\n", PB_ARG(pb_json_text(pb_json_get(error, "detail"))));
    if (by && pb_json_text(pb_json_get(by, "llm")).size)
        printf("answered  %.*s (%.*s)%s\n", PB_ARG(pb_json_text(pb_json_get(by, "llm"))),
               PB_ARG(pb_json_text(pb_json_get(by, "model"))),
               pb_json_bool(pb_json_get(by, "fallback"), false) ? ", as a fallback" : "");
    if (usage)
        printf("tokens    %.0f in, %.0f out, $%.6f\n",
               pb_json_double(pb_json_get(usage, "input_tokens"), 0),
               pb_json_double(pb_json_get(usage, "output_tokens"), 0),
               pb_json_double(pb_json_get(usage, "cost"), 0));
    const pb_json *timing = pb_json_get(turn, "timing");
    printf("time      %.2f ms, first text after %.2f ms\n\n",
           pb_json_double(pb_json_get(timing, "total_ms"), 0),
           pb_json_double(pb_json_get(timing, "first_token_ms"), 0));
    print_list(pb_json_get(turn, "stages"), 0);
}

static void print_turns(const pb_json *turns)
{
    if (!turns || !turns->child)
        printf("no turns yet\n");
    for (const pb_json *at = turns ? turns->child : NULL; at; at = at->next)
        printf("%.*s  %-12.*s %-10.*s %9.2f ms\n", PB_ARG(pb_json_text(pb_json_get(at, "id"))),
               PB_ARG(pb_json_text(pb_json_get(at, "pipeline"))),
               PB_ARG(pb_json_text(pb_json_get(at, "status"))),
               pb_json_double(pb_json_get(pb_json_get(at, "timing"), "total_ms"), 0));
}

static pb_status explain(void *arg)
{
    const struct invocation *invocation = arg;
    const char *id = invocation->word_count ? invocation->words[0] : NULL;
    struct remote_request request = {.method = "GET"};
    const pb_json *json;
    pb_str body;

    request.path = id ? pb_printf("/v1/turns/%s", id) : pb_lit("/v1/turns");
    pb_status status = remote_call(invocation, &request, &body);
    if (status == PB_OK)
        status = pb_json_parse(body, &json);
    if (status != PB_OK)
        return status;
    if (invocation->json)
        printf("%.*s\n", PB_ARG(body));
    else if (id)
        explain_print(json);
    else
        print_turns(pb_json_get(json, "turns"));
    return PB_OK;
}

int command_explain(const struct invocation *invocation)
{
    struct worker_plan plan = {.main = explain, .arg = (void *)invocation, .no_config = true};

    if (!invocation->url)
        (void)load_config_quietly(invocation); /* only to know where the server listens */
    return pb_status_exit(worker_run(&plan));
}
