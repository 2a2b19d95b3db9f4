/* docs_yaml.c - `patchbay docs --full-yaml`: config/full.yaml. */
#include "app/docs.h"

#include "config/schema.h"
#include "plugin/host_options.h"
#include "plugin/kinds.h"

static const char head[] =
    "# Every section and every option of every plugin. Made by `patchbay docs --full-yaml`.\n"
    "#\n"
    "# A line such as `#name: value` is configuration: it counts when its `#` is taken away, together with\n"
    "# those that it stands under. A line that begins with `# ` is explanation: what the option means, what\n"
    "# it expects, its range and its default. The value shown is the default; where there is none it is\n"
    "# empty, which is the same as leaving the option out.\n";

static void write_component(const struct plugin *plugin, const pb_component *component, pb_buf *out)
{
    bool stage = strcmp(component->kind, "stage") == 0;

    pb_buf_printf(out, "\n%*s# %s (plugin %s)\n", stage ? 6 : 2, "", plugin->descriptor->help,
                  plugin->descriptor->name);
    if (stage) {
        pb_buf_printf(out, "      #- %s:\n", component->name);
        schema_full_yaml(component->options, 10, out);
        return;
    }
    pb_buf_printf(out, "  #%s:\n    #use: %s\n", component->name, component->name);
    schema_full_yaml(component->options, 4, out);
}

static size_t write_kind(const char *kind, pb_buf *out)
{
    size_t count = 0;

    for (const struct plugin *at = docs_next_plugin(NULL); at; at = docs_next_plugin(at))
        for (size_t i = 0; at->descriptor->components[i]; i++) {
            if (strcmp(at->descriptor->components[i]->kind, kind) != 0)
                continue;
            write_component(at, at->descriptor->components[i], out);
            count++;
        }
    return count;
}

static void write_section(const char *name, const pb_field *fields, pb_buf *out)
{
    pb_buf_printf(out, "\n%s:\n", name);
    schema_full_yaml(fields, 2, out);
}

pb_status docs_full_yaml(pb_buf *out)
{
    pb_buf_add(out, pb_str_of(head));
    write_section("host", host_options_fields, out);
    write_section("plugins", plugins_options_fields, out);
    for (const struct kind *kind = kinds; kind->name; kind++) {
        pb_buf text = {0};
        if (kind->section && write_kind(kind->name, &text))
            pb_buf_printf(out, "\n%s:\n%.*s", kind->section, (int)text.size - 1, text.data + 1);
    }
    pb_buf_add(out, pb_lit("\npipelines:\n  # A pipeline is a list of stages: each wraps those below it.\n"
                           "  #support:\n    #description: \"\"\n    #stages:"));
    (void)write_kind("stage", out);
    return pb_buf_status(out);
}
