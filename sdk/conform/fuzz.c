/* fuzz.c - each option of the table with values at its bounds, beyond them, and of the wrong kind.
 *
 * The configuration must load and start, or be refused with a sentence that tells the place. Values
 * are fixed: a failure comes again.
 */
#include "conform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG = 100 * 1000, MOST_DEPTH = 4 };

struct fuzzing {
    struct subject *subject;
    unsigned tried, every; /* with --quick only every … */
};

/* A line that tells a place: "test.yaml:3:9: …", or the path of an instance in front of what it
 * says. */
static bool tells_place(const char *line)
{
    return strstr(line, "test.yaml:") || strncmp(line, "pipelines.", 10) == 0 ||
           strstr(line, ".subject: ") || strstr(line, "subject");
}

static void expect_place(const char *problems, const char *name, const char *value)
{
    if (!*problems)
        case_fail(0, "option '%s' with the value %.60s: refused without a sentence", name, value);
    if (strstr(problems, "the plugin gave no sentence"))
        case_fail(7, "option '%s' with the value %.60s: create or start fails without a sentence",
                  name, value);
    if (!tells_place(problems))
        case_fail(0, "option '%s' with the value %.60s: the sentence tells no place: %.*s", name,
                  value, (int)strcspn(problems, "\n"), problems);
}

static void try(struct fuzzing *fuzzing, const pb_field *field, const char *value)
{
    const pb_component *component = subject_component(fuzzing->subject);
    char *problems = NULL;

    if (fuzzing->tried++ % fuzzing->every)
        return;
    char *yaml = config_write(component, &(struct filling){.field = field, .text = value});
    if (subject_open(fuzzing->subject, yaml, &problems))
        subject_close(fuzzing->subject);
    else
        expect_place(problems, pb_field_name(field), value ? value : "(left out)");
    free(problems);
    free(yaml);
}

static void try_number(struct fuzzing *fuzzing, const pb_field *field, double number)
{
    const char *unit = field->kind == PB_KIND_DURATION ? "s" : "";
    char text[64];

    (void)snprintf(text, sizeof text, "%.17g%s", number, unit);
    try(fuzzing, field, text);
}

static void try_bounds(struct fuzzing *fuzzing, const pb_field *field)
{
    double step = field->kind == PB_KIND_FLOAT ? 0.001 : 1;

    try_number(fuzzing, field, field->min);
    try_number(fuzzing, field, field->min - step);
    if (field->max != 0) {
        try_number(fuzzing, field, field->max);
        try_number(fuzzing, field, field->max + step);
    } else {
        try(fuzzing, field, "9223372036854775807");
    }
    try(fuzzing, field, "99999999999999999999999999");
    try(fuzzing, field, "-1");
}

static void try_long(struct fuzzing *fuzzing, const pb_field *field)
{
    char *text = malloc(LONG + 3);

    memset(text, 'a', LONG + 2);
    text[0] = text[LONG + 1] = '"';
    text[LONG + 2] = 0;
    try(fuzzing, field, text);
    free(text);
}

static void try_values(struct fuzzing *fuzzing, const pb_field *field)
{
    static const char *const wrong[] = {"\"\"",
                                        "null",
                                        "[]",
                                        "{}",
                                        "[[]]",
                                        "{a: {b: c}}",
                                        "\"\\u0001\\u007f\\n\\t%s%n\\u00e4\\U0001f600\"",
                                        "nothing-like-that",
                                        "1e999",
                                        "{generate: 1}",
                                        "[{}]",
                                        "[null, 1, x]",
                                        "\"../../../etc/passwd\"",
                                        NULL};

    for (size_t i = 0; wrong[i]; i++)
        try(fuzzing, field, wrong[i]);
    try(fuzzing, field, NULL);
    try_long(fuzzing, field);
    if (field->kind == PB_KIND_INT || field->kind == PB_KIND_FLOAT || field->kind == PB_KIND_SIZE ||
        field->kind == PB_KIND_DURATION)
        try_bounds(fuzzing, field);
    for (size_t i = 0; field->kind == PB_KIND_ENUM && field->values[i]; i++)
        try(fuzzing, field, field->values[i]);
    if (field->kind == PB_KIND_BOOL) {
        try(fuzzing, field, "true");
        try(fuzzing, field, "false");
    }
}

static void try_table(struct fuzzing *fuzzing, const pb_field *fields, int depth)
{
    for (const pb_field *at = fields; at && at->kind != PB_KIND_END && depth < MOST_DEPTH;
         at = pb_field_next(at)) {
        try_values(fuzzing, at);
        if (at->fields && at->fields != fields)
            try_table(fuzzing, at->fields, depth + 1);
    }
}

static unsigned count_fields(const pb_field *fields, int depth)
{
    unsigned count = 0;

    for (const pb_field *at = fields; at && at->kind != PB_KIND_END && depth < MOST_DEPTH;
         at = pb_field_next(at))
        count += 1 + (at->fields && at->fields != fields ? count_fields(at->fields, depth + 1) : 0);
    return count;
}

static void fuzz(struct subject *subject)
{
    const pb_component *component = subject_component(subject);
    unsigned fields = count_fields(component->options, 0);
    struct fuzzing fuzzing = {.subject = subject, .every = 1};

    if (fields == 0)
        case_skip("it has no options");
    if (subject->target->quick) /* about 20 values, others for each plugin */
        fuzzing.every = 1 + fields;
    try_table(&fuzzing, component->options, 0);
}

const struct conform_case fuzz_cases[] = {
    {.name = "options at their bounds and beyond", .quick = true, .run = fuzz}, {0}};
