/* inspect.c - `patchbay inspect`: every plugin that was found, what it offers, and why not.
 *
 * Each plugin is first opened in a child process, so that one that crashes is a row of the table; so
 * is the configuration, whose instances are shown where they are used.
 */
#include "app/load.h"

#include "config/nearest.h"
#include "config/schema.h"
#include "plugin/instances.h"
#include <fcntl.h>
#include <patchbay/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 30 /* seconds, for the configuration's plugins together */ };

/* The sentence without "plugin 'x' (path): ", which stands beside it. */
static pb_str without_name(const struct plugin *plugin, pb_str sentence)
{
    pb_str start = pb_printf("plugin '%.*s' (%s)", PB_ARG(plugin_name(plugin)), plugin->path);

    if (!pb_str_starts(sentence, start))
        return sentence;
    sentence = pb_str_slice(sentence, start.size, sentence.size);
    return pb_str_starts(sentence, pb_lit(":")) ? pb_str_slice(sentence, 2, sentence.size)
                                                : pb_str_slice(sentence, 1, sentence.size);
}

/* Why a plugin cannot be used, or the absent string and its description (registry_describe). */
static pb_str why_not(const struct plugin *plugin, const pb_json **described)
{
    pb_str json;

    if (plugin->refused)
        return pb_str_of(plugin->refused);
    if (registry_describe(plugin, &json) == PB_OK && pb_json_parse(json, described) == PB_OK)
        return (pb_str){0};
    return without_name(plugin, pb_copy(host_error()->sentence));
}

static const struct plugin *find(const char *name)
{
    pb_str names[128];
    size_t count = 0;

    for (const struct plugin *at = registry_first(); at; at = at->next) {
        if (pb_str_is(plugin_name(at), name) || strcmp(at->path, name) == 0)
            return at;
        if (count < 128)
            names[count++] = plugin_name(at);
    }
    pb_str hint = nearest_hint(pb_str_of(name), names, count);
    fprintf(stderr, "patchbay inspect: there is no plugin '%s' in %.*s%.*s\n", name,
            PB_ARG(registry_folders()), PB_ARG(hint));
    return NULL;
}

/* --- the configuration ---------------------------------------------------------------------------- */

/* Whether it can be read here: not when a plugin that it uses ends the process. */
static bool is_safe(const struct invocation *invocation)
{
    static struct loaded loaded;
    int how = 0;
    pid_t child = fork();

    if (child == 0) {
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nowhere >= 0 && dup2(nowhere, 0) >= 0 && dup2(nowhere, 1) >= 0 && dup2(nowhere, 2) >= 0) {
            alarm(PATIENCE);
            (void)load_config(invocation, &loaded);
            _exit(0);
        }
        _exit(1);
    }
    return child > 0 && waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

static void load(const struct invocation *invocation)
{
    static struct loaded loaded;

    if (is_safe(invocation)) {
        (void)load_config(invocation, &loaded); /* for plugins and instances; it need not be right */
    } else {
        fprintf(stderr, "patchbay inspect: %s uses a plugin that crashes; where plugins are used is "
                        "left out\n",
                invocation->config);
        load_plugins(invocation, &loaded);
    }
    pb_error_clear();
    registry_scan(loader_default_folders());
    for (size_t i = 0; i < invocation->word_count; i++)
        if (strchr(invocation->words[i], '/')) /* a file, wherever it is */
            (void)registry_add_file(invocation->words[i]);
}

static bool is_of(const pb_instance *instance, const pb_json *component, const pb_json *plugin)
{
    return instance->component && instance->node &&
           pb_str_is(pb_json_text(pb_json_get(plugin, "name")), instance->plugin->name) &&
           pb_str_equal(pb_json_text(pb_json_get(component, "kind")), instance->kind) &&
           pb_str_is(pb_json_text(pb_json_get(component, "name")), instance->component->name);
}

/* --- JSON ----------------------------------------------------------------------------------------- */

static void write_instances(const pb_json *component, const pb_json *plugin, pb_json_writer *writer)
{
    pb_jw_key(writer, "instances");
    pb_jw_open(writer, '[');
    for (const pb_instance *at = instances_all(); at; at = at->next) {
        if (!is_of(at, component, plugin))
            continue;
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "path");
        pb_jw_str(writer, at->path);
        pb_jw_key(writer, "file");
        pb_jw_str(writer, pb_str_of(at->node->mark.file));
        pb_jw_key(writer, "line");
        pb_jw_int(writer, at->node->mark.line);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static void write_described(const pb_json *plugin, pb_json_writer *writer)
{
    for (const pb_json *at = plugin->child; at; at = at->next) {
        pb_jw_key_str(writer, at->key);
        if (!pb_str_is(at->key, "components")) {
            pb_jw_json(writer, at);
            continue;
        }
        pb_jw_open(writer, '[');
        for (const pb_json *component = at->child; component; component = component->next) {
            pb_jw_open(writer, '{');
            for (const pb_json *member = component->child; member; member = member->next) {
                pb_jw_key_str(writer, member->key);
                pb_jw_json(writer, member);
            }
            write_instances(component, plugin, writer);
            pb_jw_close(writer, '}');
        }
        pb_jw_close(writer, ']');
    }
}

static void write_row(const struct plugin *plugin, pb_json_writer *writer)
{
    const pb_json *described = NULL;
    pb_str why = why_not(plugin, &described);

    pb_jw_open(writer, '{');
    if (why.size) {
        pb_jw_key(writer, "name");
        pb_jw_str(writer, plugin_name(plugin));
        pb_jw_key(writer, "version");
        pb_jw_str(writer, plugin->manifest.version);
        pb_jw_key(writer, "path");
        pb_jw_str(writer, pb_str_of(plugin->path));
        pb_jw_key(writer, "not_loaded");
        pb_jw_str(writer, why);
    } else {
        write_described(described, writer);
    }
    pb_jw_close(writer, '}');
}

static void print_json(const struct plugin *plugin)
{
    pb_buf text = {0};
    pb_json_writer writer = pb_json_writer_make(&text);

    if (!plugin)
        pb_jw_open(&writer, '[');
    for (const struct plugin *at = registry_first(); at; at = at->next)
        if (!plugin || at == plugin)
            write_row(at, &writer);
    if (!plugin)
        pb_jw_close(&writer, ']');
    printf("%.*s\n", PB_ARG(pb_buf_str(&text)));
}

/* --- text ----------------------------------------------------------------------------------------- */

static void print_row(const struct plugin *plugin)
{
    const pb_json *described = NULL;
    pb_str why = why_not(plugin, &described);

    printf("%-14.*s %-8.*s ", PB_ARG(plugin_name(plugin)), PB_ARG(plugin->manifest.version));
    for (size_t i = 0; i < plugin->manifest.count; i++)
        printf("%s%.*s %.*s", i ? ", " : "", PB_ARG(plugin->manifest.components[i].kind),
               PB_ARG(plugin->manifest.components[i].name));
    printf("\n");
    if (why.size)
        printf("  not loaded: %.*s\n  file: %s\n", PB_ARG(why), plugin->path);
}

static void print_list(const char *before, const pb_json *list)
{
    const char *between = before;

    for (const pb_json *at = list ? list->child : NULL; at; at = at->next) {
        printf("%s%.*s", between, PB_ARG(pb_json_text(at)));
        between = ", ";
    }
    if (between != before)
        printf("\n");
}

static void print_component(const pb_component *component, const pb_json *described,
                            const pb_json *plugin)
{
    pb_buf text = {0};

    printf("\n%s %s\n", component->kind, component->name);
    for (const pb_instance *at = instances_all(); at; at = at->next)
        if (is_of(at, described, plugin))
            printf("  used by  %.*s (%s:%u)\n", PB_ARG(at->path), at->node->mark.file,
                   at->node->mark.line);
    print_list("  needs    ", pb_json_get(described, "needs"));
    schema_help(component->options, 2, &text);
    fwrite(text.data, 1, text.size, stdout);
}

/* The names of sections are the plurals of kinds, but for those that are written as they are. */
static void print_yaml(const pb_component *component)
{
    bool stage = strcmp(component->kind, "stage") == 0;
    pb_buf out = {0};

    if (stage)
        pb_buf_printf(&out, "- %s:\n", component->name);
    else
        pb_buf_printf(&out, "my-%s:\n  use: %s\n", component->kind, component->name);
    schema_yaml(component->options, stage ? 4 : 2, &out);
    fwrite(out.data, 1, out.size, stdout);
}

static void print_whole(const struct plugin *plugin, const pb_json *described)
{
    const pb_plugin *descriptor = plugin->descriptor;
    const pb_json *components = pb_json_get(described, "components");
    const pb_json *component = components ? components->child : NULL;

    printf("%s %s (%s) - %s\n  file     %s\n  api      level %u, abi %u\n", descriptor->name,
           descriptor->version, descriptor->license, descriptor->help, plugin->path,
           descriptor->api_level, descriptor->abi_major);
    print_list("  needs    ", pb_json_get(described, "libraries"));
    for (size_t i = 0; descriptor->components[i] && component; i++, component = component->next)
        print_component(descriptor->components[i], component, described);
}

static void print_schema(const pb_plugin *descriptor)
{
    pb_buf text = {0};
    pb_json_writer writer = pb_json_writer_make(&text);

    pb_jw_open(&writer, '{');
    for (size_t i = 0; descriptor->components[i]; i++) {
        const pb_component *component = descriptor->components[i];
        pb_jw_key_str(&writer, pb_printf("%s %s", component->kind, component->name));
        schema_json_schema(component->options, NULL, &writer);
    }
    pb_jw_close(&writer, '}');
    printf("%.*s\n", PB_ARG(pb_buf_str(&text)));
}

/* --- one plugin ----------------------------------------------------------------------------------- */

/* "1.10.2" against "1.9": numbers by value, the rest as text; what is longer is later. */
static int compare_versions(const char *a, const char *b)
{
    while (*a && *b) {
        bool numbers = *a >= '0' && *a <= '9' && *b >= '0' && *b <= '9';
        if (!numbers && *a != *b)
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        if (!numbers) {
            a++;
            b++;
            continue;
        }
        char *after_a, *after_b;
        unsigned long long x = strtoull(a, &after_a, 10), y = strtoull(b, &after_b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        a = after_a;
        b = after_b;
    }
    return (*a != 0) - (*b != 0);
}

static int answer_exists(const struct invocation *invocation, const struct plugin *plugin)
{
    const char *version = plugin->descriptor->version;

    if (!invocation->atleast || compare_versions(version, invocation->atleast) >= 0)
        return 0;
    fprintf(stderr, "patchbay inspect: %s has version %s, older than %s\n",
            plugin->descriptor->name, version, invocation->atleast);
    return pb_status_exit(PB_CONFLICT);
}

static int inspect_one(const struct invocation *invocation, const struct plugin *plugin)
{
    const pb_json *described = NULL;
    pb_str why = why_not(plugin, &described);

    if (!why.size && registry_open(plugin) != PB_OK)
        why = pb_copy(host_error()->sentence);
    if (why.size) {
        fprintf(stderr, "patchbay inspect: %.*s is not loaded: %.*s\n",
                PB_ARG(plugin_name(plugin)), PB_ARG(why));
        return pb_status_exit(PB_UNAVAILABLE);
    }
    if (invocation->exists || invocation->atleast)
        return answer_exists(invocation, plugin);
    if (invocation->schema)
        print_schema(plugin->descriptor);
    else if (invocation->yaml)
        for (size_t i = 0; plugin->descriptor->components[i]; i++)
            print_yaml(plugin->descriptor->components[i]);
    else
        print_whole(plugin, described);
    return 0;
}

int command_inspect(const struct invocation *invocation)
{
    const struct plugin *plugin = NULL;
    bool one = invocation->yaml || invocation->schema || invocation->exists || invocation->atleast;

    if (invocation->live)
        return command_inspect_live(invocation);
    if (one && !invocation->word_count) {
        fprintf(stderr, "patchbay inspect: --yaml, --schema, --exists and --atleast-version are of "
                        "one plugin: patchbay inspect PLUGIN …\n");
        return pb_status_exit(PB_INVALID);
    }
    load(invocation);
    if (invocation->word_count && !(plugin = find(invocation->words[0])))
        return pb_status_exit(PB_NOT_FOUND);
    if (invocation->json) {
        print_json(plugin);
        return 0;
    }
    if (plugin)
        return inspect_one(invocation, plugin);
    for (const struct plugin *at = registry_first(); at; at = at->next)
        print_row(at);
    return 0;
}
