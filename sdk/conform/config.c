/* config.c - a configuration for a component, made from its option table.
 *
 * Options that must be given get a value that fits the table; the others stay at their defaults.
 * What it refers to is one of conform's own parts, or a store that comes with Patchbay. Where a
 * table cannot say what fits (a path, a text without a pattern) there are several guesses:
 * variants.
 */
#include "conform.h"

#include "base/scope.h"
#include "plugin/kinds.h"
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEEPEST = 4 };

/* Traces of turns that are kept would look like a leak. */
#define FEW_TRACES "host: {limits: {kept_turns: 8}}\n"

struct writing {
    pb_buf *out;
    const struct filling *filling;
    char needed[256]; /* " llm cache ": kinds that something refers to */
};

static const char *const words[] = {
    "conform",
    "http://127.0.0.1:9/",
    "a",
    "1",
    "https://localhost/",
    "2020-01-01",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "conform@example.org",
    "text/plain",
    "/",
    "en",
    "conform-secret-0123456789",
    NULL};

static bool matches(const char *pattern, const char *text)
{
    char whole[1024];
    regex_t compiled;

    (void)snprintf(whole, sizeof whole, "^(%s)$", pattern);
    if (regcomp(&compiled, whole, REG_EXTENDED | REG_NOSUB) != 0)
        return true;
    bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

/* Where a service is: conform asks none, also where the default is one in the world outside. */
static bool is_address(const pb_field *field)
{
    return field->kind == PB_KIND_STR && strcmp(pb_field_name(field), "base_url") == 0;
}

/* A text that the table takes; the variant-th of those. */
static const char *word_for(const pb_field *field, unsigned variant)
{
    const char *found = words[0];

    if (is_address(field))
        return "http://127.0.0.1:9/"; /* nobody listens there */
    if (field->ref && strcmp(field->ref, "pipeline") == 0)
        return "conform";
    for (size_t i = 0; words[i]; i++) {
        if (field->pattern && !matches(field->pattern, words[i]))
            continue;
        if (field->max_length && (int64_t)strlen(words[i]) > field->max_length)
            continue;
        found = words[i];
        if (variant-- == 0)
            break;
    }
    return found;
}

static double number_for(const pb_field *field)
{
    double number = field->def ? strtod(field->def, NULL) : 1;

    if (number < field->min)
        number = field->min;
    return field->max != 0 && number > field->max ? field->max : number;
}

static void need(struct writing *writing, const char *kind)
{
    char word[80];

    (void)snprintf(word, sizeof word, " %s ", kind);
    if (!strstr(writing->needed, word))
        (void)snprintf(writing->needed + strlen(writing->needed),
                       sizeof writing->needed - strlen(writing->needed), "%s", word);
}

static void write_fields(struct writing *writing, const pb_field *fields, int depth);

static void write_path(struct writing *writing)
{
    static const char *const paths[FILL_VARIANTS] = {"conform", ".", "/dev/null", "/usr/bin"};

    pb_json_quote(writing->out, pb_str_of(paths[writing->filling->variant % FILL_VARIANTS]));
}

static void write_reference(struct writing *writing, const pb_field *field)
{
    need(writing, field->ref);
    pb_buf_printf(writing->out, "%s", strcmp(field->ref, "llm") == 0 ? "main" : "part");
}

static void write_value(struct writing *writing, const pb_field *field, uint32_t kind, int depth)
{
    pb_buf *out = writing->out;

    switch (kind) {
    case PB_KIND_STR:
        pb_json_quote(out, pb_str_of(word_for(field, writing->filling->variant)));
        return;
    case PB_KIND_SECRET:
        pb_buf_printf(out, "conform-secret-0123456789abcdef");
        return;
    case PB_KIND_INT:
    case PB_KIND_SIZE:
        pb_buf_printf(out, "%.0f", ceil(number_for(field)));
        return;
    case PB_KIND_FLOAT:
        pb_buf_printf(out, "%g", number_for(field));
        return;
    case PB_KIND_DURATION:
        pb_buf_printf(out, "%.0fms", ceil(number_for(field) * 1000));
        return;
    case PB_KIND_BOOL:
        pb_buf_printf(out, "true");
        return;
    case PB_KIND_ENUM:
        pb_buf_printf(out, "%s", field->values[0]);
        return;
    case PB_KIND_PATH:
    case PB_KIND_DATA_PATH:
        write_path(writing);
        return;
    case PB_KIND_REF:
        write_reference(writing, field);
        return;
    case PB_KIND_PIPELINE:
        pb_buf_printf(out, "[{generate: {llm: main}}]");
        return;
    case PB_KIND_STRUCT:
        write_fields(writing, field->fields, depth + 1);
        return;
    case PB_KIND_LIST:
        pb_buf_printf(out, "[");
        write_value(writing, field, field->item, depth);
        pb_buf_printf(out, "]");
        return;
    case PB_KIND_MAP:
        pb_buf_printf(out, "{conform: ");
        write_value(writing, field, field->item, depth);
        pb_buf_printf(out, "}");
        return;
    default:
        pb_buf_printf(out, "{}");
    }
}

/* Is the field that is chosen in this table, or in one of those below it? */
static bool holds_chosen(const pb_field *fields, const pb_field *chosen, int depth)
{
    for (const pb_field *at = fields; chosen && at && at->kind != PB_KIND_END && depth < DEEPEST;
         at = pb_field_next(at))
        if (at == chosen || (at->fields != fields && holds_chosen(at->fields, chosen, depth + 1)))
            return true;
    return false;
}

static void write_fields(struct writing *writing, const pb_field *fields, int depth)
{
    const struct filling *filling = writing->filling;
    const char *between = "";

    pb_buf_printf(writing->out, "{");
    for (const pb_field *at = fields; at && at->kind != PB_KIND_END && depth < DEEPEST;
         at = pb_field_next(at)) {
        bool chosen = at == filling->field;
        bool wanted = at->required || is_address(at) ||
                      (at->fields != fields && holds_chosen(at->fields, filling->field, depth + 1));
        if ((chosen && !filling->text) || (!chosen && !wanted))
            continue;
        pb_buf_printf(writing->out, "%s%s: ", between, pb_field_name(at));
        between = ", ";
        if (chosen)
            pb_buf_printf(writing->out, "%s", filling->text);
        else
            write_value(writing, at, at->kind, depth);
    }
    pb_buf_printf(writing->out, "}");
}

/* --- the whole ----------------------------------------------------------------------------------
 */

/* What stands in where something of this kind is referred to; NULL: nothing that conform has. */
static const char *part_for(const char *kind)
{
    static const char *const parts[][2] = {{"cache", "{use: memory}"},
                                           {"database", "{use: sqlite}"},
                                           {"vector_store", "{use: embedded}"},
                                           {"blob_store", "{use: filesystem, path: conform-blobs}"},
                                           {"auth", "{use: none}"},
                                           {"extractor", "{use: text}"},
                                           {"embedder", "{use: conform-parts}"},
                                           {"retriever", "{use: conform-parts}"},
                                           {"reranker", "{use: conform-parts}"},
                                           {"classifier", "{use: conform-parts}"},
                                           {"tool", "{use: conform-parts}"},
                                           {NULL, NULL}};

    for (size_t i = 0; parts[i][0]; i++)
        if (strcmp(parts[i][0], kind) == 0)
            return parts[i][1];
    return NULL;
}

/* Parts that need parts themselves. */
static void need_more(struct writing *writing)
{
    if (strstr(writing->needed, " vector_store ")) {
        need(writing, "database");
        need(writing, "embedder");
    }
}

static void write_sections(struct writing *writing, const pb_component *component, pb_str instances)
{
    need_more(writing);
    for (const struct kind *kind = kinds; kind->name; kind++) {
        bool own = strcmp(kind->name, component->kind) == 0, llm = strcmp(kind->name, "llm") == 0;
        char word[80];
        (void)snprintf(word, sizeof word, " %s ", kind->name);
        const char *part = strstr(writing->needed, word) ? part_for(kind->name) : NULL;
        if (!kind->section || (!own && !llm && !part))
            continue;
        pb_buf_printf(writing->out, "%s:\n", kind->section);
        if (llm)
            pb_buf_printf(writing->out, "  main: {use: conform-parts}\n");
        else if (part)
            pb_buf_printf(writing->out, "  part: %s\n", part);
        if (own)
            pb_buf_add(writing->out, instances);
    }
}

char *config_write(const pb_component *component, const struct filling *filling)
{
    bool stage = strcmp(component->kind, "stage") == 0, llm = strcmp(component->kind, "llm") == 0;
    struct arena arena, *before;
    pb_buf options = {0}, instances = {0}, out = {0};
    struct writing writing = {.out = &options, .filling = filling};

    arena_init(&arena, 0);
    before = scope_arena_swap(&arena);
    write_fields(&writing, component->options, 0);
    pb_buf_printf(&out, FEW_TRACES "pipelines:\n  conform: {stages: [");
    for (unsigned i = 0; i < (filling->copies ? filling->copies : 1); i++) {
        pb_str given = pb_buf_str(&options);
        if (stage)
            pb_buf_printf(&out, "{%s: %.*s}, ", component->name, PB_ARG(given));
        else
            pb_buf_printf(&instances, "  subject%s%.0u: {use: %s%s%.*s\n", i ? "-" : "", i,
                          component->name, given.size > 2 ? ", " : "",
                          PB_ARG(pb_str_slice(given, 1, given.size)));
    }
    pb_buf_printf(&out, "{generate: {llm: %s}}]}\n", llm ? "subject" : "main");
    writing.out = &out;
    write_sections(&writing, component, pb_buf_str(&instances));
    char *text = strndup(out.data, out.size);
    scope_arena_swap(before);
    arena_fini(&arena);
    return text;
}

/* --- one that fits ------------------------------------------------------------------------------
 */

static char *read_file(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *file = fopen(path, "re");
    char *text = calloc(1, MOST + sizeof FEW_TRACES);

    if (!file || !text || fread(text, 1, MOST - 1, file) == 0)
        case_fail(0, "the configuration %s cannot be read", path);
    (void)fclose(file);
    if (strncmp(text, "host:", 5) != 0 && !strstr(text, "\nhost:"))
        (void)strcpy(text + strlen(text), "\n" FEW_TRACES);
    return text;
}

/* The text of -c, in whose folder the process is from now on. One that does not load ends the case.
 */
static char *configured(struct subject *subject)
{
    char folder[4096], *problems = NULL;

    (void)snprintf(folder, sizeof folder, "%s", subject->target->config);
    *strrchr(folder, '/') = 0;
    if (chdir(*folder ? folder : "/") != 0)
        case_fail(0, "the folder %s cannot be entered", folder);
    char *text = read_file(subject->target->config);
    if (!subject_open(subject, text, &problems)) {
        const char *place = strncmp(problems, "test.yaml:", 10) == 0 ? problems + 10 : problems;
        case_fail(0, "%s does not load: %.*s", subject->target->config, (int)strcspn(place, "\n"),
                  place);
    }
    subject_close(subject);
    return text;
}

static unsigned fitting;

unsigned config_variant(void)
{
    return fitting;
}

const char *config_fitting(struct subject *subject)
{
    static char *found;
    const pb_component *component = subject_component(subject);
    char first[600] = "";

    if (found)
        return found;
    if (subject->target->config)
        return found = configured(subject);
    for (unsigned variant = 0; variant < FILL_VARIANTS; variant++) {
        char *problems = NULL,
             *text = config_write(component, &(struct filling){.variant = variant});
        if (subject_open(subject, text, &problems)) {
            subject_close(subject);
            fitting = variant;
            return found = text;
        }
        if (!*first)
            (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(problems, "\n"), problems);
        free(problems);
        free(text);
    }
    case_skip("its options need values that cannot be guessed, give them with -c (%s)", first);
}
