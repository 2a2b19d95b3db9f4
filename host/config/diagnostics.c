/* diagnostics.c - see diagnostics.h. */
#include "config/internal.h"
#include "config/nearest.h"

#include <stdlib.h>

void config_report(struct config_diagnostics *diagnostics, const struct config_mark *mark,
                   pb_str path, bool warning, pb_str sentence)
{
    if (warning)
        diagnostics->warnings++;
    else
        diagnostics->errors++;
    if (diagnostics->kept == CONFIG_DIAGNOSTICS)
        return;
    struct config_diagnostic *one = PB_NEW(struct config_diagnostic);
    if (!one)
        return;
    if (mark)
        one->mark = *mark;
    one->path = pb_copy(path);
    one->sentence = pb_copy(sentence);
    one->warning = warning;
    if (diagnostics->last)
        diagnostics->last->next = one;
    else
        diagnostics->first = one;
    diagnostics->last = one;
    diagnostics->kept++;
}

static void report_at(struct config_diagnostics *diagnostics, const struct config_node *node,
                      const struct config_mark *mark, bool warning, pb_str sentence)
{
    config_report(diagnostics, mark, config_node_path(node), warning, sentence);
}

void config_problem(struct config_diagnostics *diagnostics, const struct config_node *node,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_at(diagnostics, node, &node->mark, false, pb_vprintf(format, args));
    va_end(args);
}

void config_warning(struct config_diagnostics *diagnostics, const struct config_node *node,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_at(diagnostics, node, &node->mark, true, pb_vprintf(format, args));
    va_end(args);
}

void config_problem_key(struct config_diagnostics *diagnostics, const struct config_node *node,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_at(diagnostics, node, node->key_mark.file ? &node->key_mark : &node->mark, false,
              pb_vprintf(format, args));
    va_end(args);
}

void config_report_field(struct config_diagnostics *diagnostics, struct config_node *node,
                         pb_str field, bool warning, pb_str sentence)
{
    struct config_node *at = node;
    struct config_step step = {0};
    pb_buf path = {0};

    pb_buf_add(&path, config_node_path(node));
    if (field.size && field.data[0] != '[' && path.size)
        pb_buf_byte(&path, '.');
    pb_buf_add(&path, field);
    while (field.size && config_path_step(&field, &step)) {
        struct config_node *next =
            step.key.data ? config_node_member(at, step.key) : config_node_at(at, step.index);
        if (!next)
            break;
        at = next;
    }
    config_report(diagnostics, &at->mark, pb_buf_str(&path), warning, sentence);
}

void config_report_unknown(struct config_diagnostics *diagnostics, const struct config_node *node,
                           const char *what, const pb_str *names, size_t count)
{
    if (node->type != CONFIG_MAP)
        return;
    for (const struct config_node *at = node->child; at; at = at->next) {
        bool known = false;
        for (size_t i = 0; i < count && !known; i++)
            known = pb_str_equal(at->key, names[i]);
        if (!known)
            config_problem_key(diagnostics, at, "unknown %s%.*s", what,
                               PB_ARG(nearest_hint(at->key, names, count)));
    }
}

/* --- sorting ------------------------------------------------------------------------------------ */

static int order(const struct config_mark *a, const struct config_mark *b)
{
    int files = strcmp(a->file ? a->file : "", b->file ? b->file : "");

    if (files)
        return files;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

/* Takes the first of both lists that sorts first; equal ones keep their order. */
static struct config_diagnostic *merge(struct config_diagnostic *a, struct config_diagnostic *b)
{
    struct config_diagnostic *first = NULL, **end = &first;

    while (a && b) {
        struct config_diagnostic **from = order(&a->mark, &b->mark) <= 0 ? &a : &b;
        *end = *from;
        *from = (*from)->next;
        end = &(*end)->next;
    }
    *end = a ? a : b;
    return first;
}

static struct config_diagnostic *sort(struct config_diagnostic *list, size_t count)
{
    if (count < 2)
        return list;
    struct config_diagnostic *middle = list;
    for (size_t i = 1; i < count / 2; i++)
        middle = middle->next;
    struct config_diagnostic *rest = middle->next;
    middle->next = NULL;
    return merge(sort(list, count / 2), sort(rest, count - count / 2));
}

void config_diagnostics_sort(struct config_diagnostics *diagnostics)
{
    diagnostics->first = sort(diagnostics->first, diagnostics->kept);
    for (diagnostics->last = diagnostics->first; diagnostics->last && diagnostics->last->next;)
        diagnostics->last = diagnostics->last->next;
}

/* --- showing ------------------------------------------------------------------------------------ */

void config_diagnostics_print(struct config_diagnostics *diagnostics, pb_buf *out)
{
    size_t more = diagnostics->errors + diagnostics->warnings - diagnostics->kept;

    config_diagnostics_sort(diagnostics);
    for (const struct config_diagnostic *at = diagnostics->first; at; at = at->next) {
        if (at->mark.file && at->mark.line)
            pb_buf_printf(out, "%s:%u:%u: ", at->mark.file, at->mark.line, at->mark.column);
        else if (at->mark.file)
            pb_buf_printf(out, "%s: ", at->mark.file);
        if (at->path.size)
            pb_buf_printf(out, "%.*s: ", PB_ARG(at->path));
        pb_buf_printf(out, "%s%.*s\n", at->warning ? "warning: " : "", PB_ARG(at->sentence));
    }
    if (more)
        pb_buf_printf(out, "and %zu more problems\n", more);
}

void config_diagnostics_json(struct config_diagnostics *diagnostics, pb_json_writer *writer)
{
    config_diagnostics_sort(diagnostics);
    pb_jw_open(writer, '[');
    for (const struct config_diagnostic *at = diagnostics->first; at; at = at->next) {
        pb_jw_open(writer, '{');
        if (at->mark.file) {
            pb_jw_key(writer, "file");
            pb_jw_str(writer, pb_str_of(at->mark.file));
        }
        if (at->mark.line) {
            pb_jw_key(writer, "line");
            pb_jw_int(writer, at->mark.line);
            pb_jw_key(writer, "column");
            pb_jw_int(writer, at->mark.column);
        }
        pb_jw_key(writer, "path");
        pb_jw_str(writer, at->path);
        pb_jw_key(writer, "sentence");
        pb_jw_str(writer, at->sentence);
        pb_jw_key(writer, "warning");
        pb_jw_bool(writer, at->warning);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}
