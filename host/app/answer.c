/* answer.c - the answer of an operation for a terminal: members as lines, lists of objects as
 * tables.
 *
 * What an answer holds was written by strangers, so control characters never reach the terminal.
 */
#include "app/call.h"

#include <patchbay/json.h>
#include <stdio.h>

enum { COLUMNS_MOST = 24, WIDEST = 60 };

/* --- text ------------------------------------------------------------------------------------- */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t width(pb_str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += !is_continuation(text.data[i]);
    return count;
}

/* Without control characters, those of C1 (U+0080 to U+009F) too. */
static pb_str plain(pb_str text)
{
    char *copy = pb_alloc(text.size + 1);

    for (size_t i = 0; copy && i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool c1 = c == 0xC2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xA0;
        copy[i] = c < ' ' || c == 127 ? ' ' : (char)c;
        if (c1) {
            copy[i] = ' ';
            copy[++i] = ' ';
        }
    }
    return (pb_str){copy, copy ? text.size : 0};
}

static bool is_scalar(const pb_json *json)
{
    return json->type != PB_JSON_ARRAY && json->type != PB_JSON_OBJECT;
}

/* One value in one line. */
static pb_str cell(const pb_json *json)
{
    pb_buf buf = {0};

    if (!json || json->type == PB_JSON_NULL)
        return pb_lit("");
    if (json->type == PB_JSON_STRING)
        return plain(json->text);
    if (json->type == PB_JSON_ARRAY) {
        for (const pb_json *at = json->child; at; at = at->next) {
            pb_buf_add(&buf, at == json->child ? pb_lit("") : pb_lit(","));
            pb_buf_add(&buf, cell(at));
        }
        return pb_buf_str(&buf);
    }
    pb_json_write(&buf, json);
    return plain(pb_buf_str(&buf));
}

/* --- tables ----------------------------------------------------------------------------------- */

struct column {
    pb_str name;
    size_t width;
};

static size_t collect(const pb_json *rows, struct column columns[COLUMNS_MOST])
{
    size_t count = 0, at;

    for (const pb_json *row = rows->child; row; row = row->next)
        for (const pb_json *member = row->child; member; member = member->next) {
            for (at = 0; at < count && !pb_str_equal(columns[at].name, member->key); at++)
                ;
            if (at == COLUMNS_MOST)
                continue;
            if (at == count)
                columns[count++] = (struct column){member->key, width(member->key)};
            size_t wide = width(cell(member));
            if (wide > columns[at].width)
                columns[at].width = wide < WIDEST ? wide : WIDEST;
        }
    return count;
}

static void print_cell(pb_str text, size_t pad)
{
    size_t size = 0, shown = 0;

    while (size < text.size && (shown < WIDEST || is_continuation(text.data[size])))
        shown += !is_continuation(text.data[size++]);
    printf("%.*s", (int)size, text.data);
    for (; shown < pad; shown++)
        putchar(' ');
}

static void print_table(const pb_json *rows)
{
    struct column columns[COLUMNS_MOST];
    size_t count = collect(rows, columns);

    for (size_t i = 0; i < count; i++)
        print_cell(columns[i].name, i + 1 < count ? columns[i].width + 2 : 0);
    putchar('\n');
    for (const pb_json *row = rows->child; row; row = row->next) {
        for (size_t i = 0; i < count; i++)
            print_cell(cell(pb_json_member(row, columns[i].name)),
                       i + 1 < count ? columns[i].width + 2 : 0);
        putchar('\n');
    }
}

static bool is_table(const pb_json *json)
{
    return json->type == PB_JSON_ARRAY && json->child && json->child->type == PB_JSON_OBJECT;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void print_object(const pb_json *object)
{
    size_t widest = 0;

    for (const pb_json *at = object->child; at; at = at->next)
        if (!is_table(at) && width(at->key) > widest)
            widest = width(at->key);
    for (const pb_json *at = object->child; at; at = at->next) {
        bool empty = at->type == PB_JSON_NULL || (!is_scalar(at) && !at->child);
        if (is_table(at)) {
            print_table(at);
        } else if (!empty) {
            print_cell(pb_printf("%.*s:", PB_ARG(at->key)), widest + 2);
            pb_str text = cell(at);
            printf("%.*s\n", PB_ARG(text));
        } else if (at->type == PB_JSON_ARRAY && object->child == at) {
            printf("no %.*s\n", PB_ARG(at->key));
        }
    }
}

void print_answer(pb_str body)
{
    const pb_json *json;

    if (pb_json_parse(body, &json) != PB_OK) {
        pb_error_clear();
        printf("%.*s\n", PB_ARG(body));
    } else if (json->type == PB_JSON_OBJECT) {
        print_object(json);
    } else if (is_table(json)) {
        print_table(json);
    } else {
        printf("%.*s\n", PB_ARG(cell(json)));
    }
}
