/* operation_help.c - what `patchbay call ID --help` and `patchbay NOUN VERB --help` print: what an operation
 * takes, an example, what goes wrong. */
#include "app/call.h"

#include "config/schema.h"
#include <patchbay/json.h>
#include <stdio.h>

enum { WIDTH = 100 };

static bool in_path(const pb_operation *operation, pb_str name)
{
    return strstr(operation->path, pb_printf("{%.*s}", PB_ARG(name)).data) != NULL;
}

/* Text in lines of WIDTH, each behind `indent` spaces. */
static void print_wrapped(pb_str text, int indent)
{
    int column = 0;

    while (text.size) {
        size_t end = 0;
        while (end < text.size && !strchr(" \n", text.data[end]))
            end++;
        bool fresh = column == 0 || column + 1 + (int)end > WIDTH;
        if (end && fresh)
            printf("%s%*s%.*s", column ? "\n" : "", indent, "", (int)end, text.data);
        else if (end)
            printf(" %.*s", (int)end, text.data);
        if (end)
            column = fresh ? indent + (int)end : column + 1 + (int)end;
        if (end < text.size && text.data[end] == '\n' && column) {
            putchar('\n');
            column = 0;
        }
        text = pb_str_slice(text, end + 1, text.size);
    }
    if (column)
        putchar('\n');
}

/* --- fields ----------------------------------------------------------------------------------- */

static void print_type(const pb_json *schema)
{
    const pb_json *type = pb_json_get(schema, "type");

    if (pb_json_is(type, PB_JSON_ARRAY))
        type = pb_json_at(type, 0);
    printf("%.*s", PB_ARG(type ? pb_json_text(type) : pb_lit("JSON")));
}

/* Of a body whose schema is written out. */
static void print_written(const char *text)
{
    const pb_json *schema, *properties, *at;

    if (pb_json_parse(pb_str_of(text), &schema) != PB_OK)
        return;
    properties = pb_json_get(schema, "properties");
    for (at = properties ? properties->child : NULL; at; at = at->next) {
        pb_str help = pb_json_text(pb_json_get(at, "description"));
        const pb_json *def = pb_json_get(at, "default");
        pb_buf value = {0};
        printf("  %.*s (", PB_ARG(at->key));
        print_type(at);
        if (def) {
            pb_json_write(&value, def);
            printf(", default %.*s", PB_ARG(pb_buf_str(&value)));
        }
        printf(")\n");
        print_wrapped(help, 6);
    }
}

static void print_fields(const pb_operation *operation)
{
    pb_buf fields = {0};

    if (operation->input)
        schema_help(operation->input, 2, &fields);
    printf("%.*s", PB_ARG(pb_buf_str(&fields)));
    if (operation->input_schema)
        print_written(operation->input_schema);
    if (fields.size || operation->input_schema)
        putchar('\n');
}

/* --- example ---------------------------------------------------------------------------------- */

/* A command line, continued behind "\\" where it gets long. */
struct line {
    pb_buf word; /* what is printed next */
    int column;
};

static void end_word(struct line *line)
{
    int size = (int)line->word.size;

    if (line->column + 1 + size > WIDTH) {
        printf(" \\\n   ");
        line->column = 3;
    }
    printf(" %.*s", PB_ARG(pb_buf_str(&line->word)));
    line->column += 1 + size;
    line->word.size = 0;
}

/* "ID": what stands for a value. */
static void add_placeholder(pb_buf *buf, pb_str name)
{
    for (size_t i = 0; i < name.size; i++)
        pb_buf_byte(buf, name.data[i] >= 'a' && name.data[i] <= 'z' ? (char)(name.data[i] - 32)
                                                                    : name.data[i]);
}

static bool is_plain(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!(text.data[i] >= '0' && text.data[i] <= '9') &&
            !((text.data[i] | 0x20) >= 'a' && (text.data[i] | 0x20) <= 'z') &&
            !strchr("-._/:", text.data[i]))
            return false;
    return text.size > 0;
}

/* A value as a shell takes it. */
static void add_value(pb_buf *buf, const pb_json *value)
{
    pb_buf json = {0};
    pb_str text = pb_json_text(value);

    if (!text.data) {
        pb_json_write(&json, value);
        text = pb_buf_str(&json);
    }
    if (is_plain(text)) {
        pb_buf_add(buf, text);
        return;
    }
    pb_buf_byte(buf, '\'');
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\'')
            pb_buf_add(buf, pb_lit("'\\''"));
        else
            pb_buf_byte(buf, text.data[i]);
    pb_buf_byte(buf, '\'');
}

static void print_needed(struct line *line, const pb_operation *operation, bool words)
{
    const pb_field *field = operation->input;

    for (; field && field->kind != PB_KIND_END; field = pb_field_next(field)) {
        pb_str name = pb_str_of(pb_field_name(field));
        if (!field->required || (words && in_path(operation, name)))
            continue;
        pb_buf_printf(&line->word, "--%.*s ", PB_ARG(name));
        if (field->kind == PB_KIND_ENUM && field->values)
            pb_buf_add(&line->word, pb_str_of(field->values[0]));
        else
            add_placeholder(&line->word, name);
        end_word(line);
    }
}

void operation_example_print(const char *begin, const pb_operation *operation, bool words)
{
    const pb_json *example = NULL, *at;
    struct line line = {.column = printf("example: patchbay %s", begin)};

    if (operation->input_example &&
        pb_json_parse(pb_str_of(operation->input_example), &example) != PB_OK)
        pb_error_clear();
    for (const char *open = operation->path; words && (open = strchr(open, '{')); open++) {
        pb_str name = pb_str_make(open + 1, strcspn(open + 1, "}"));
        if (pb_json_member(example, name))
            add_value(&line.word, pb_json_member(example, name));
        else
            add_placeholder(&line.word, name);
        end_word(&line);
    }
    if (!example)
        print_needed(&line, operation, words);
    for (at = example ? example->child : NULL; at; at = at->next) {
        if (words && in_path(operation, at->key))
            continue;
        pb_buf_printf(&line.word, "--%.*s ", PB_ARG(at->key));
        add_value(&line.word, at);
        end_word(&line);
    }
    putchar('\n');
}

/* --- the whole -------------------------------------------------------------------------------- */

static void print_errors(const pb_operation *operation)
{
    pb_buf text = {0};

    for (const int32_t *at = operation->errors; at && *at; at++)
        if (*at <= PB_STATUS_LAST) /* none of HTTP alone */
            pb_buf_printf(&text, "%s%s (exit code %d)", text.size ? ", " : "fails with: ",
                          pb_status_name(*at), pb_status_exit(*at));
    if (text.size)
        pb_buf_add(&text, pb_lit("; and as any call"));
    print_wrapped(pb_buf_str(&text), 0);
}

void operation_help_print(const pb_operation *operation)
{
    printf("%s\n", operation->summary);
    if (operation->description)
        print_wrapped(pb_str_of(operation->description), 0);
    printf("%s %s", operation->method, operation->path);
    if (operation->scope)
        printf(", scope %s", operation->scope);
    printf("\n\n");
    print_fields(operation);
    print_errors(operation);
    printf("A list is written a,b or given several times. Also: -c FILE, --data-dir DIR, --set "
           "PATH=VALUE,\n--url URL and --key KEY to ask a running server, --json.\n");
}
