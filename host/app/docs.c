/* docs.c - `patchbay docs`: pages of the reference in Markdown, written into a folder. See docs.h. */
#include "app/docs.h"

#include "app/load.h"
#include "config/schema.h"
#include "plugin/host_options.h"
#include "plugin/instances.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_HEADER = 1024 * 1024 };

/* Each is opened in a child first: one that crashes is left out, not the end of the reference. */
const struct plugin *docs_next_plugin(const struct plugin *plugin)
{
    for (plugin = plugin ? plugin->next : registry_first(); plugin; plugin = plugin->next) {
        pb_str json;
        if (plugin->descriptor)
            return plugin;
        if (!plugin->refused && registry_describe(plugin, &json) == PB_OK &&
            registry_open(plugin) == PB_OK)
            return plugin;
    }
    pb_error_clear();
    return NULL;
}

pb_status docs_write(struct docs_out *out, const char *name, pb_buf *text)
{
    pb_str path = pb_printf("%s/%s", out->folder, name);
    FILE *file = pb_buf_status(text) == PB_OK ? fopen(path.data, "we") : NULL;

    if (!file)
        return pb_fail(PB_FORBIDDEN, "cannot write %s: %s", path.data, strerror(errno));
    bool done = fwrite(text->data, 1, text->size, file) == text->size;
    if (fclose(file) != 0 || !done)
        return pb_fail(PB_NO_SPACE, "cannot write %s: %s", path.data, strerror(errno));
    return PB_OK;
}

static pb_status make_folder(const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return PB_OK;
    return pb_fail(PB_FORBIDDEN, "cannot make the folder %s: %s", path, strerror(errno));
}

/* --- plugins -------------------------------------------------------------------------------------- */

static pb_status write_plugin(struct docs_out *out, const pb_plugin *plugin)
{
    pb_buf text = {0};
    pb_str name = pb_printf("plugins/%s.md", plugin->name);

    pb_buf_printf(&text, "# %s %s\n\n%s\n\nLicence: %s. API level %u.\n", plugin->name,
                  plugin->version, plugin->help, plugin->license, plugin->api_level);
    for (size_t i = 0; plugin->components[i]; i++) {
        const pb_component *component = plugin->components[i];
        pb_buf_printf(&text, "\n## %s `%s`\n\n", component->kind, component->name);
        if (component->options && component->options->kind != PB_KIND_END)
            schema_markdown(component->options, &text);
        else
            pb_buf_add(&text, pb_lit("No options.\n"));
    }
    pb_buf_printf(&out->index, "* [%s](%s): %s\n", plugin->name, name.data, plugin->help);
    return docs_write(out, name.data, &text);
}

static pb_status write_plugins(struct docs_out *out)
{
    pb_status status = make_folder(pb_printf("%s/plugins", out->folder).data);

    pb_buf_add(&out->index, pb_lit("\n## Plugins\n\n"));
    for (const struct plugin *at = docs_next_plugin(NULL); at && status == PB_OK;
         at = docs_next_plugin(at))
        status = write_plugin(out, at->descriptor);
    return status;
}

static pb_status write_host(struct docs_out *out)
{
    pb_buf text = {0};

    pb_buf_add(&text, pb_lit("# The program's own sections\n\n## host\n\n"));
    schema_markdown(host_options_fields, &text);
    pb_buf_add(&text, pb_lit("\n## plugins\n\n"));
    schema_markdown(plugins_options_fields, &text);
    pb_buf_add(&out->index, pb_lit("* [Sections `host` and `plugins`](host.md)\n"));
    return docs_write(out, "host.md", &text);
}

/* --- headers -------------------------------------------------------------------------------------- */

static const char *header_folder(const struct invocation *invocation)
{
    char program[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);

    if (invocation->sdk)
        return invocation->sdk;
    program[size < 0 ? 0 : size] = 0;
    for (int i = 0; i < 2; i++) { /* …/bin/patchbay */
        char *slash = strrchr(program, '/');
        if (slash)
            *slash = 0;
    }
    return pb_printf("%s/include/patchbay", program).data;
}

/* A name that the line declares becomes an anchor above the text: functions and macros of column 0. */
static void write_anchors(pb_str source, pb_buf *out)
{
    while (source.size) {
        size_t end = pb_str_find(source, '\n');
        pb_str line = pb_str_slice(source, 0, end);
        source = pb_str_slice(source, end + 1, source.size);
        bool macro = pb_str_starts(line, pb_lit("#define "));
        bool inline_function = pb_str_starts(line, pb_lit("static inline "));
        if (!macro && !inline_function)
            continue;
        size_t open = macro ? line.size : pb_str_find(line, '('), from = macro ? 8 : open;
        if (macro)
            open = from + strspn(line.data + from, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                   "0123456789_");
        while (!macro && from && line.data[from - 1] != ' ' && line.data[from - 1] != '*')
            from--;
        pb_str name = pb_str_slice(line, from, open > from ? open - from : 0);
        if (name.size && !pb_str_ends(name, pb_lit("_H"))) /* no include guards */
            pb_buf_printf(out, "<a id=\"%.*s\"></a>`%.*s` ", PB_ARG(name), PB_ARG(name));
    }
    pb_buf_add(out, pb_lit("\n\n"));
}

static pb_status write_header(struct docs_out *out, const char *folder, const char *name)
{
    pb_str path = pb_printf("%s/%s", folder, name);
    pb_str page = pb_printf("sdk/%.*s.md", (int)strlen(name) - 2, name);
    FILE *file = fopen(path.data, "re");
    pb_buf text = {0}, source = {0};

    if (!file)
        return pb_fail(PB_NOT_FOUND, "cannot read %s: %s", path.data, strerror(errno));
    while (source.size < LARGEST_HEADER) {
        char *room = pb_buf_room(&source, 8192);
        size_t got = room ? fread(room, 1, 8192, file) : 0;
        source.size += got;
        if (!got)
            break;
    }
    fclose(file);
    pb_buf_byte(&source, 0); /* for strspn */
    pb_str whole = pb_str_slice(pb_buf_str(&source), 0, source.size - 1);
    pb_buf_printf(&text, "# `<patchbay/%s>`\n\n", name);
    write_anchors(whole, &text);
    pb_buf_printf(&text, "```c\n%.*s```\n", PB_ARG(whole));
    pb_buf_printf(&out->index, "* [`<patchbay/%s>`](%.*s)\n", name, PB_ARG(page));
    return docs_write(out, page.data, &text);
}

static int is_header(const struct dirent *entry)
{
    return pb_str_ends(pb_str_of(entry->d_name), pb_lit(".h"));
}

static pb_status write_headers(struct docs_out *out, const char *folder, const char *below)
{
    struct dirent **entries = NULL;
    int count = scandir(pb_printf("%s/%s", folder, below).data, &entries, is_header, alphasort);
    pb_status status = make_folder(pb_printf("%s/sdk/%s", out->folder, below).data);

    if (count <= 0)
        status = pb_fail(PB_NOT_FOUND, "there are no headers in %s/%s: name their folder with --sdk",
                         folder, below);
    for (int i = 0; i < count; i++) {
        if (status == PB_OK)
            status = write_header(out, folder, pb_printf("%s%s", below, entries[i]->d_name).data);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* -------------------------------------------------------------------------------------------------- */

static pb_status write_all(const struct invocation *invocation)
{
    struct docs_out out = {.folder = invocation->out ? invocation->out : "reference"};
    const char *headers = header_folder(invocation);
    pb_status status = make_folder(out.folder);

    pb_buf_printf(&out.index, "# Reference of Patchbay %s\n\nMade by `patchbay docs`.\n\n",
                  PATCHBAY_VERSION);
    if (status == PB_OK)
        status = write_host(&out);
    if (status == PB_OK)
        status = docs_operations(&out);
    if (status == PB_OK)
        status = write_plugins(&out);
    pb_buf_add(&out.index, pb_lit("\n## Headers of the SDK\n\n"));
    if (status == PB_OK)
        status = write_headers(&out, headers, "");
    if (status == PB_OK)
        status = write_headers(&out, headers, "draft/");
    return status == PB_OK ? docs_write(&out, "README.md", &out.index) : status;
}

int command_docs(const struct invocation *invocation)
{
    static struct loaded loaded;
    pb_buf text = {0};
    pb_status status;

    load_plugins(invocation, &loaded);
    if (invocation->full_yaml) {
        status = docs_full_yaml(&text);
        fwrite(text.data, 1, text.size, stdout);
    } else {
        status = write_all(invocation);
    }
    if (status != PB_OK)
        fprintf(stderr, "patchbay docs: %.*s\n", PB_ARG(host_error()->sentence));
    return pb_status_exit(status);
}
