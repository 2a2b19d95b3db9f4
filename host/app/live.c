/* live.c - `patchbay inspect --live`: the workers of the running server, what they run, what it
 * keeps, and how each instance is: its health and its figures, worker by worker. */
#include "app/control.h"

#include <patchbay/json.h>
#include <stdio.h>

static pb_str text_of(const pb_json *row, const char *key)
{
    return pb_json_text(pb_json_get(row, key));
}

static int64_t number_of(const pb_json *row, const char *key)
{
    return pb_json_int(pb_json_get(row, key), 0);
}

static pb_str age_of(const pb_json *row)
{
    const pb_json *age = pb_json_get(row, "age_seconds");
    int64_t seconds = age ? (int64_t)pb_json_double(age, 0) : -1;

    if (seconds < 0)
        return pb_lit("-");
    if (seconds < 120)
        return pb_printf("%llds", (long long)seconds);
    if (seconds < 7200)
        return pb_printf("%lldm", (long long)seconds / 60);
    return pb_printf("%lldh", (long long)seconds / 3600);
}

static pb_str running_of(const pb_json *row)
{
    pb_str instance = text_of(row, "instance"), pipeline = text_of(row, "pipeline");

    if (!pb_json_bool(pb_json_get(row, "busy"), false) || !instance.size)
        return pb_lit("-");
    return pipeline.size ? pb_printf("%.*s of pipeline '%.*s'", PB_ARG(instance), PB_ARG(pipeline))
                         : instance;
}

static void print_workers(const pb_json *workers)
{
    printf("%-6s %-10s %-8s %-9s %-5s %11s %6s %10s  %s\n", "worker", "generation", "pid", "state",
           "age", "connections", "turns", "memory", "running");
    for (const pb_json *at = workers ? workers->child : NULL; at; at = at->next)
        printf("%-6lld %-10lld %-8lld %-9.*s %-5.*s %11lld %6lld %7.1f MB  %.*s\n",
               (long long)number_of(at, "worker"), (long long)number_of(at, "generation"),
               (long long)number_of(at, "pid"), PB_ARG(text_of(at, "state")), PB_ARG(age_of(at)),
               (long long)number_of(at, "connections"), (long long)number_of(at, "turns"),
               (double)number_of(at, "memory_bytes") / 1e6, PB_ARG(running_of(at)));
}

static void print_kept(const pb_json *server)
{
    const pb_json *listeners = pb_json_get(server, "listeners");
    const pb_json *leases = pb_json_get(server, "leases");
    const pb_json *quarantine = pb_json_get(server, "quarantine");

    for (const pb_json *at = listeners ? listeners->child : NULL; at; at = at->next)
        printf("listener   %.*s on %.*s (port %lld)\n", PB_ARG(text_of(at, "name")),
               PB_ARG(text_of(at, "address")), (long long)number_of(at, "port"));
    for (const pb_json *at = leases ? leases->child : NULL; at; at = at->next)
        printf("lease      %.*s: worker %lld (pid %lld), token %lld\n", PB_ARG(text_of(at, "name")),
               (long long)number_of(at, "worker"), (long long)number_of(at, "pid"),
               (long long)number_of(at, "token"));
    for (const pb_json *at = quarantine ? quarantine->child : NULL; at; at = at->next)
        printf("quarantine %.*s\n", PB_ARG(text_of(at, "sentence")));
}

/* --- instances ---------------------------------------------------------------------------------- */

static const pb_json *instance_of(const pb_json *worker, pb_str path)
{
    const pb_json *list = pb_json_get(worker, "instances");

    for (const pb_json *at = list ? list->child : NULL; at; at = at->next)
        if (pb_str_equal(text_of(at, "path"), path))
            return at;
    return NULL;
}

static void print_illness(const pb_json *workers, pb_str path)
{
    for (const pb_json *worker = workers->child; worker; worker = worker->next) {
        const pb_json *at = instance_of(worker, path);
        if (at && !pb_str_is(text_of(at, "health"), "ok"))
            printf("    worker %lld: %.*s: %.*s\n", (long long)number_of(worker, "worker"),
                   PB_ARG(text_of(at, "health")), PB_ARG(text_of(at, "detail")));
    }
}

/* "    hits_total  12, 7": the values in the order of the workers. */
static void print_figures(const pb_json *workers, const pb_json *first)
{
    const pb_json *stats = pb_json_get(first, "stats");

    for (const pb_json *figure = stats ? stats->child : NULL; figure; figure = figure->next) {
        const char *comma = "  ";
        printf("    %.*s", PB_ARG(figure->key));
        for (const pb_json *worker = workers->child; worker; worker = worker->next) {
            const pb_json *at = instance_of(worker, text_of(first, "path"));
            const pb_json *value = at ? pb_json_get(pb_json_get(at, "stats"), figure->key.data) : NULL;
            if (!value)
                continue;
            printf("%s%.15g", comma, pb_json_double(value, 0));
            comma = ", ";
        }
        printf("\n");
    }
}

/* Instances are the same in all workers of a generation; those that answered first name them. */
static void print_instances(const pb_json *workers)
{
    const pb_json *list = workers && workers->child ? pb_json_get(workers->child, "instances") : NULL;

    for (const pb_json *at = list ? list->child : NULL; at; at = at->next) {
        pb_str path = text_of(at, "path");
        bool well = true;
        for (const pb_json *worker = workers->child; worker; worker = worker->next) {
            const pb_json *there = instance_of(worker, path);
            well = well && (!there || pb_str_is(text_of(there, "health"), "ok"));
        }
        printf("%-8s %.*s (%.*s %.*s)\n", well ? "ok" : "not well", PB_ARG(path),
               PB_ARG(text_of(at, "plugin")), PB_ARG(text_of(at, "version")));
        print_illness(workers, path);
        print_figures(workers, at);
    }
}

int command_inspect_live(const struct invocation *invocation)
{
    struct control_answer answer;
    const char *run_dir = control_run_dir(invocation);
    const pb_json *server;

    control_ask(run_dir, "status", &answer);
    pb_str text = pb_str_trim(pb_buf_str(&answer.text));
    if (answer.code < 0) {
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(pb_error_last()->sentence));
        return pb_status_exit(PB_UNAVAILABLE);
    }
    if (answer.code != 0) {
        fprintf(stderr, "%.*s\n", PB_ARG(text));
        return answer.code;
    }
    if (pb_str_ends(text, pb_lit("}"))) {
        pb_str instances = live_instances(run_dir); /* once: PB_ARG looks at it twice */
        text = pb_printf("%.*s,\"instances\":%.*s}", (int)text.size - 1, text.data,
                         PB_ARG(instances));
    }
    if (pb_json_parse(text, &server) != PB_OK) {
        fprintf(stderr, "patchbay: the server's answer cannot be read: %.*s\n",
                PB_ARG(pb_error_last()->sentence));
        return pb_status_exit(PB_INTERNAL);
    }
    if (invocation->json) {
        printf("%.*s\n", PB_ARG(text));
        return 0;
    }
    printf("Patchbay %.*s, pid %lld, generation %lld, %.*s\n\n", PB_ARG(text_of(server, "version")),
           (long long)number_of(server, "pid"), (long long)number_of(server, "generation"),
           PB_ARG(text_of(server, "state")));
    print_workers(pb_json_get(server, "workers"));
    printf("\n");
    print_kept(server);
    print_instances(pb_json_get(server, "instances"));
    return 0;
}
