/* substitute.c - values that come from elsewhere: ${VAR}, ${VAR:-default}, ${VAR:+text:-otherwise},
 * !file and !command.
 *
 * What was taken from the environment, a file or a command counts as secret and is never quoted in a
 * sentence; a default that stands in the configuration does not.
 */
#include "base/str.h"
#include "config/internal.h"
#include "config/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NESTED = 8 }; /* ${A:-${B:-…}} */

struct expansion {
    struct config_diagnostics *diagnostics;
    struct config_node *node;
    pb_buf text;
    pb_buf source; /* "${A}, ${B}": what was taken */
    int depth;
};

static void expand(struct expansion *expansion, pb_str text);

/* Bytes of the ${…} at the start of `text`, with what is nested in it; 0: not closed. */
static size_t extent(pb_str text)
{
    int open = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '$' && i + 1 < text.size && text.data[i + 1] == '{')
            open++, i++;
        else if (text.data[i] == '}' && --open == 0)
            return i + 1;
    }
    return 0;
}

static bool is_name(pb_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.size > 0;
}

static void refuse(struct expansion *expansion, const char *sentence)
{
    expansion->node->broken = true;
    config_problem(expansion->diagnostics, expansion->node, "%s", sentence);
}

/* ${VAR:+text:-otherwise}: text where the variable says something, else what is behind the ":-", or
 * nothing. `choice` is "text:-otherwise". */
static void choose(struct expansion *expansion, pb_str choice, bool set)
{
    size_t split = choice.size;
    int open = 0;

    for (size_t i = 0; i + 1 < choice.size && split == choice.size; i++) {
        open += choice.data[i] == '$' && choice.data[i + 1] == '{';
        open -= choice.data[i] == '}';
        if (open == 0 && choice.data[i] == ':' && choice.data[i + 1] == '-')
            split = i;
    }
    if (set)
        expand(expansion, pb_str_slice(choice, 0, split));
    else
        expand(expansion, pb_str_slice(choice, split + 2, choice.size));
}

/* One variable; `inner` is what stands between the braces. */
static void variable(struct expansion *expansion, pb_str inner)
{
    size_t colon = pb_str_find(inner, ':');
    pb_str name = pb_copy(pb_str_slice(inner, 0, colon));
    bool has_default = colon + 1 < inner.size && inner.data[colon + 1] == '-';
    bool has_choice = colon + 1 < inner.size && inner.data[colon + 1] == '+';

    if (!name.data || !is_name(name) || (colon < inner.size && !has_default && !has_choice)) {
        refuse(expansion, "'${…}' that is no variable; write ${NAME} or ${NAME:-default}, and $${ "
                          "where the text itself has ${");
        return;
    }
    const char *value = getenv(name.data);
    if (has_choice) {
        choose(expansion, pb_str_slice(inner, colon + 2, inner.size), value && *value);
        return;
    }
    if (has_default && (!value || !*value)) {
        expand(expansion, pb_str_slice(inner, colon + 2, inner.size));
        return;
    }
    if (!value) {
        expansion->node->broken = true;
        config_problem(expansion->diagnostics, expansion->node,
                       "the environment variable %s is not set; set it, or give a default: ${%s:-…}",
                       name.data, name.data);
        return;
    }
    pb_buf_add(&expansion->text, pb_str_of(value));
    pb_buf_printf(&expansion->source, "%s${%s}", expansion->source.size ? ", " : "", name.data);
}

static void expand(struct expansion *expansion, pb_str text)
{
    if (++expansion->depth > NESTED) {
        refuse(expansion, "defaults of variables are nested too deeply");
        return;
    }
    while (text.size && !expansion->node->broken) {
        size_t plain = pb_str_find(text, '$');
        pb_buf_add(&expansion->text, pb_str_slice(text, 0, plain));
        text = pb_str_slice(text, plain, text.size);
        if (pb_str_starts(text, pb_lit("$${"))) {
            pb_buf_add(&expansion->text, pb_lit("${"));
            text = pb_str_slice(text, 3, text.size);
        } else if (pb_str_starts(text, pb_lit("${"))) {
            size_t size = extent(text);
            if (size == 0) {
                refuse(expansion, "'${' without its '}'; write $${ where the text itself has ${");
                break;
            }
            variable(expansion, pb_str_slice(text, 2, size - 3));
            text = pb_str_slice(text, size, text.size);
        } else if (text.size) {
            pb_buf_byte(&expansion->text, '$');
            text = pb_str_slice(text, 1, text.size);
        }
    }
    expansion->depth--;
}

/* A value from outside becomes the node's. */
static void settle(struct config_diagnostics *diagnostics, struct config_node *node, pb_str text,
                   pb_str source)
{
    node->source = source;
    node->secret = source.size > 0;
    if (!utf8_valid(text) || pb_str_find(text, 0) < text.size) {
        node->broken = true;
        config_problem(diagnostics, node, "%.*s is not text in UTF-8",
                       PB_ARG(source.size ? source : pb_lit("the value")));
        return;
    }
    node->text = text.size ? pb_copy(text) : pb_lit("");
}

void config_substitute(struct config_diagnostics *diagnostics, struct config_node *node)
{
    struct expansion expansion = {.diagnostics = diagnostics, .node = node};

    if (!memmem(node->text.data, node->text.size, "${", 2))
        return;
    expand(&expansion, node->text);
    if (node->broken)
        return;
    settle(diagnostics, node, pb_buf_str(&expansion.text), pb_buf_str(&expansion.source));
    if (!node->quoted && node->text.size == 0)
        node->type = CONFIG_NULL; /* as `key:` */
}

static pb_status read_file(const char *path, size_t most, pb_str *out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    pb_status status = PB_INVALID;
    struct stat about;
    pb_buf text = {0};

    if (file < 0)
        return pb_fail(PB_INVALID, "cannot read '%s': %s", path, strerror(errno));
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        pb_fail(PB_INVALID, "cannot read '%s': it is %s", path,
                S_ISDIR(about.st_mode) ? "a folder" : "no regular file");
        goto out;
    }
    for (ssize_t size = 1; size > 0 && text.size <= most; text.size += (size_t)(size > 0 ? size : 0)) {
        size_t want = text.size ? 65536 : (size_t)about.st_size % (most + 1) + 1;
        char *room = pb_buf_room(&text, want + 1);
        size = room ? read(file, room, want) : 0;
        if (size < 0) {
            pb_fail(PB_INVALID, "cannot read '%s': %s", path, strerror(errno));
            goto out;
        }
    }
    if (text.size > most) {
        pb_fail(PB_INVALID, "cannot read '%s': it is larger than %zu KiB", path, most / 1024);
        goto out;
    }
    pb_buf_byte(&text, 0);
    status = pb_buf_status(&text);
    *out = pb_str_make(text.data, text.size - !text.failed);
out:
    close(file);
    return status;
}

pb_status config_file_read(const char *path, size_t most, pb_str *out)
{
    pb_status status;

    if (snapshot_take(SNAPSHOT_FILE, pb_str_of(path), &status, out))
        return status;
    status = read_file(path, most, out);
    if (status == PB_OK)
        snapshot_keep(SNAPSHOT_FILE, pb_str_of(path), *out);
    return status;
}

static pb_str without_newline(pb_str text)
{
    if (pb_str_ends(text, pb_lit("\n")))
        text.size--;
    if (pb_str_ends(text, pb_lit("\r")))
        text.size--;
    return text;
}

static void break_with_error(struct config_diagnostics *diagnostics, struct config_node *node)
{
    node->broken = true;
    config_problem(diagnostics, node, "%.*s", PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

void config_take_file(struct config_diagnostics *diagnostics, struct config_node *node)
{
    pb_str path = config_path_beside(&node->mark, node->text), text = {0};

    if (node->text.size == 0) {
        node->broken = true;
        config_problem(diagnostics, node, "!file without a path; write !file PATH");
        return;
    }
    pb_str source = pb_printf("!file %.*s", PB_ARG(node->text));
    if (!path.data || config_file_read(path.data, CONFIG_SECRET_SIZE, &text) != PB_OK) {
        break_with_error(diagnostics, node);
        return;
    }
    node->quoted = false;
    settle(diagnostics, node, without_newline(text), source);
}

void config_take_command(struct config_diagnostics *diagnostics, struct config_node *node)
{
    const char **argv = PB_NEW_ARRAY(const char *, node->count + 1);
    size_t count = 0;
    pb_str text = {0};

    for (const struct config_node *at = node->child; at && argv; at = at->next) {
        node->broken |= at->broken;
        if (at->type != CONFIG_SCALAR && !at->broken) {
            node->broken = true;
            config_problem(diagnostics, at, "expected a word of the command, found %.*s",
                           PB_ARG(config_node_found(at)));
        }
        argv[count++] = at->text.data;
    }
    if (!node->broken && count == 0)
        config_problem(diagnostics, node,
                       "!command without a program; write !command [program, argument, …]");
    bool run = !node->broken && count > 0 && argv;
    node->type = CONFIG_SCALAR;
    node->child = node->last = NULL;
    node->count = 0;
    if (!run) {
        node->broken = true;
        return;
    }
    pb_str folder = config_folder(config_path_absolute(&node->mark, pb_lit("x")).data);
    if (config_command_run(argv, folder.data ? folder.data : "/", CONFIG_COMMAND_SECONDS * 1000,
                           &text) != PB_OK) {
        break_with_error(diagnostics, node);
        return;
    }
    settle(diagnostics, node, without_newline(text), pb_printf("!command %s", argv[0]));
}
