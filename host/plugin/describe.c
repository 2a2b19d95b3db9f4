/* describe.c - registry_describe: opens one plugin in a child process, which writes what it found
 * to a pipe. Whatever the plugin does while it loads, the caller gets an answer.
 *
 * The child's first byte says what follows: '+' a JSON object, '-' the sentence of a refusal. No
 * first byte: it did not live that long.
 */
#include "plugin/registry.h"

#include "config/schema.h"
#include "plugin/elf_dynamic.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 10 /* seconds */, LARGEST_ANSWER = 16 * 1024 * 1024, MOST_NEEDS = 32, DEEPEST = 8 };

/* --- what a component needs --------------------------------------------------------------------- */

struct needs {
    const char *kinds[MOST_NEEDS];
    size_t count;
};

static void need(struct needs *needs, const char *kind)
{
    for (size_t i = 0; i < needs->count; i++)
        if (strcmp(needs->kinds[i], kind) == 0)
            return;
    if (needs->count < MOST_NEEDS)
        needs->kinds[needs->count++] = kind;
}

/* The kinds that options refer to, those of nested tables too. */
static void find_needs(const pb_field *fields, size_t depth, struct needs *needs)
{
    for (const pb_field *at = fields; at && at->kind != PB_KIND_END; at = pb_field_next(at)) {
        bool many = at->kind == PB_KIND_LIST || at->kind == PB_KIND_MAP;
        uint32_t kind = many ? at->item : at->kind;
        if ((kind == PB_KIND_REF || kind == PB_KIND_STR) && at->ref)
            need(needs, at->ref);
        if (kind == PB_KIND_PIPELINE)
            need(needs, "stage");
        if (kind == PB_KIND_STRUCT && depth < DEEPEST)
            find_needs(at->fields, depth + 1, needs);
    }
}

static void write_needs(pb_json_writer *writer, const pb_field *options)
{
    struct needs needs = {.count = 0};

    find_needs(options, 0, &needs);
    pb_jw_key(writer, "needs");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < needs.count; i++)
        pb_jw_str(writer, pb_str_of(needs.kinds[i]));
    pb_jw_close(writer, ']');
}

static void write_libraries(pb_json_writer *writer, const char *path)
{
    struct elf_dynamic dynamic = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)elf_dynamic_read(fd, &dynamic);
    pb_jw_key(writer, "libraries");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < dynamic.count; i++)
        pb_jw_str(writer, pb_str_of(dynamic.libraries[i]));
    pb_jw_close(writer, ']');
    elf_dynamic_fini(&dynamic);
    if (fd >= 0)
        close(fd);
    pb_error_clear();
}

/* --- in the child ------------------------------------------------------------------------------- */

static void write_component(pb_json_writer *writer, const pb_component *component)
{
    static const struct schema_style style = {.config = true, .pipeline = "#/$defs/stages"};

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "kind");
    pb_jw_str(writer, pb_str_of(component->kind));
    pb_jw_key(writer, "name");
    pb_jw_str(writer, pb_str_of(component->name));
    pb_jw_key(writer, "revision");
    pb_jw_int(writer, component->interface->revision);
    write_needs(writer, component->options);
    pb_jw_key(writer, "schema");
    schema_json_schema(component->options, &style, writer);
    pb_jw_close(writer, '}');
}

static void write_plugin(pb_json_writer *writer, const struct plugin *plugin)
{
    const pb_plugin *descriptor = plugin->descriptor;
    const char *const texts[][2] = {{"name", descriptor->name},
                                    {"version", descriptor->version},
                                    {"license", descriptor->license},
                                    {"help", descriptor->help},
                                    {"path", plugin->path}};

    pb_jw_open(writer, '{');
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pb_jw_key(writer, texts[i][0]);
        pb_jw_str(writer, pb_str_of(texts[i][1]));
    }
    pb_jw_key(writer, "api_level");
    pb_jw_int(writer, descriptor->api_level);
    pb_jw_key(writer, "abi");
    pb_jw_int(writer, descriptor->abi_major);
    write_libraries(writer, plugin->path);
    pb_jw_key(writer, "components");
    pb_jw_open(writer, '[');
    for (size_t i = 0; descriptor->components[i]; i++)
        write_component(writer, descriptor->components[i]);
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
}

static bool send_all(int fd, pb_str text)
{
    while (text.size) {
        ssize_t sent = write(fd, text.data, text.size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        text = pb_str_slice(text, (size_t)sent, text.size);
    }
    return true;
}

/* The child: never returns. */
static void describe_and_exit(const struct plugin *plugin, int pipe_end)
{
    struct rlimit none = {0, 0};
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    pb_buf text = {0};

    (void)setrlimit(RLIMIT_CORE, &none);
    if (nowhere >= 0 && (dup2(nowhere, 0) < 0 || dup2(nowhere, 1) < 0 || dup2(nowhere, 2) < 0))
        _exit(1);
    pb_status status = registry_open(plugin);
    if (status == PB_OK) {
        pb_json_writer writer = pb_json_writer_make(&text);
        pb_buf_byte(&text, '+');
        write_plugin(&writer, plugin);
    } else {
        pb_buf_byte(&text, '-');
        pb_buf_add(&text, plugin->refused ? pb_str_of(plugin->refused)
                                          : pb_error_last()->sentence);
    }
    _exit(send_all(pipe_end, pb_buf_str(&text)) && !text.failed ? 0 : 1);
}

/* Reads to the end of the pipe; false when the child takes too long or says too much. */
static bool receive(int fd, pb_buf *answer)
{
    pb_duration end = pb_monotonic() + PATIENCE * PB_SECOND;

    for (;;) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        pb_duration left = end - pb_monotonic();
        char *room = pb_buf_room(answer, 4096);
        if (left <= 0 || !room || answer->size > LARGEST_ANSWER)
            return false;
        int ready = poll(&wanted, 1, (int)(left / PB_MILLISECOND) + 1);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready <= 0)
            continue;
        ssize_t got = read(fd, room, 4096);
        if (got < 0 && errno != EINTR)
            return false;
        if (got == 0)
            return true;
        answer->size += got > 0 ? (size_t)got : 0;
    }
}

static pb_status judge(const struct plugin *plugin, int how, bool in_time, pb_buf *answer)
{
    pb_str name = plugin_name(plugin);
    char first = answer->size ? answer->data[0] : 0;

    if (!in_time)
        return pb_fail(PB_UNAVAILABLE, "plugin '%.*s' (%s) did not load within %d seconds",
                       PB_ARG(name), plugin->path, PATIENCE);
    if (WIFSIGNALED(how))
        return pb_fail(PB_UNAVAILABLE, "plugin '%.*s' (%s) crashed while it was loaded: %s",
                       PB_ARG(name), plugin->path, strsignal(WTERMSIG(how)));
    if (WEXITSTATUS(how) != 0 || (first != '+' && first != '-'))
        return pb_fail(PB_UNAVAILABLE,
                       "plugin '%.*s' (%s) ended the process while it was loaded (status %d)",
                       PB_ARG(name), plugin->path, WEXITSTATUS(how));
    if (first == '-')
        return pb_fail(PB_UNSUPPORTED, "plugin '%.*s' (%s): %.*s", PB_ARG(name), plugin->path,
                       (int)answer->size - 1, answer->data + 1);
    return PB_OK;
}

pb_status registry_describe(const struct plugin *plugin, pb_str *json)
{
    pb_buf answer = {0};
    int ends[2], how = 0;

    if (plugin->refused)
        return registry_open(plugin);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return pb_fail(PB_UNAVAILABLE, "no pipe for a child process: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        describe_and_exit(plugin, ends[1]);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return pb_fail(PB_UNAVAILABLE, "no child process: %s", strerror(errno));
    }
    bool in_time = receive(ends[0], &answer);
    close(ends[0]);
    if (!in_time)
        (void)kill(child, SIGKILL);
    while (waitpid(child, &how, 0) < 0 && errno == EINTR)
        ;
    pb_status status = judge(plugin, how, in_time, &answer);
    if (status == PB_OK)
        *json = pb_copy(pb_str_slice(pb_buf_str(&answer), 1, answer.size));
    return status;
}
