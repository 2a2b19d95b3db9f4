/* load.c - see load.h. */
#include "app/load.h"

#include "plugin/instances.h"
#include <errno.h>
#include <limits.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *absolute(const char *path)
{
    char folder[PATH_MAX];

    if (path[0] == '/' || !getcwd(folder, sizeof folder))
        return path;
    return pb_printf("%s/%s", folder, path).data;
}

/* --port N: the port of the first transport that listens. */
static void set_port(const char *port, struct loaded *loaded, uint32_t number)
{
    const struct config_node *transports = config_node_get(loaded->root, "transports");
    const struct config_node *at = transports ? transports->child : NULL;
    const struct config_node *listen = NULL;

    for (; at && !(listen = config_node_get(at, "listen")); at = at->next)
        ;
    if (!listen) {
        config_report(&loaded->diagnostics, NULL, (pb_str){0}, false,
                      pb_lit("--port: no transport of this configuration listens"));
        return;
    }
    size_t colon = listen->text.size;
    while (colon && listen->text.data[colon - 1] != ':')
        colon--;
    bool ported = colon && !pb_str_starts(listen->text, pb_lit("unix:")) &&
                  !pb_str_starts(listen->text, pb_lit("systemd:"));
    pb_str host = ported ? pb_str_slice(listen->text, 0, colon - 1) : pb_lit("127.0.0.1");
    pb_str assignment = pb_printf("transports.\"%.*s\".listen=\"%.*s:%s\"", PB_ARG(at->key),
                                  PB_ARG(host), port);
    (void)config_tree_set((struct config_node *)loaded->root, assignment.data, number,
                          &loaded->diagnostics);
}

/* The tree with --set and --port in it, as instances are made of it. */
static pb_status load_tree(const struct invocation *invocation, struct loaded *out,
                           struct instances_source *source)
{
    struct config_node *root = NULL;

    memset(out, 0, sizeof *out);
    out->data_dir = absolute(invocation->data_dir);
    pb_status status = config_tree_load(invocation->config, &out->diagnostics, &root);
    out->root = root;
    *source = (struct instances_source){
        .root = root, .data_dir = out->data_dir, .diagnostics = &out->diagnostics};
    if (!root)
        return status == PB_OK ? (pb_status)PB_INVALID : status;
    for (size_t i = 0; i < invocation->set_count; i++)
        (void)config_tree_set(root, invocation->sets[i], (uint32_t)i + 1, &out->diagnostics);
    if (invocation->contract)
        (void)config_tree_set(root, "host.contract=true", (uint32_t)invocation->set_count + 1,
                              &out->diagnostics);
    if (invocation->port)
        set_port(invocation->port, out, (uint32_t)invocation->set_count + 1);
    return PB_OK;
}

pb_status load_config(const struct invocation *invocation, struct loaded *out)
{
    struct instances_source source;
    pb_status status = load_tree(invocation, out, &source);

    if (status != PB_OK)
        return status;
    status = instances_build(&source);
    if (status == PB_OK && out->diagnostics.errors)
        status = PB_INVALID;
    return status;
}

void load_plugins(const struct invocation *invocation, struct loaded *out)
{
    struct instances_source source;

    (void)load_tree(invocation, out, &source);
    instances_find_plugins(&source);
    pb_error_clear();
}

pb_status load_config_aloud(const struct invocation *invocation, struct loaded *out)
{
    pb_status status = load_config(invocation, out);
    pb_buf text = {0};

    config_diagnostics_print(&out->diagnostics, &text);
    if (text.size)
        fwrite(text.data, 1, text.size, stderr);
    else if (status != PB_OK)
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(host_error()->sentence));
    return status;
}

pb_status load_config_quietly(const struct invocation *invocation)
{
    static struct loaded loaded;
    pb_status status = load_config(invocation, &loaded);

    pb_error_clear();
    return status;
}
