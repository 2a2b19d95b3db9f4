/* answer.c - the answer of an operation for a terminal: members as lines, lists of objects as
 * tables.
 *
 * What an answer holds was written by strangers, so control characters never reach the terminal.
 */
#include "app/call.h"

#include "app/table.h"
#include <patchbay/json.h>
#include <stdio.h>

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
        return text_plain(json->text);
    if (json->type == PB_JSON_ARRAY) {
        for (const pb_json *at = json->child; at; at = at->next) {
            pb_buf_add(&buf, at == json->child ? pb_lit("") : pb_lit(","));
            pb_buf_add(&buf, cell(at));
        }
        return pb_buf_str(&buf);
    }
    pb_json_write(&buf, json);
    return text_plain(pb_buf_str(&buf));
}

/* --- tables ----------------------------------------------------------------------------------- */

static void print_table(const pb_json *rows)
{
    struct terminal terminal = terminal_open(true);
    struct table table = {0};
    pb_str *cells;

    for (const pb_json *row = rows->child; row; row = row->next)
        for (const pb_json *member = row->child; member; member = member->next) {
            size_t at = 0;
            while (at < table.count && !pb_str_equal(table.columns[at].title, member->key))
                at++;
            if (at == table.count) /* ids stay whole: they are there to be copied */
                table_column(&table, pb_copy(member->key).data, false,
                             !pb_str_is(member->key, "id"));
        }
    for (const pb_json *row = rows->child; row; row = row->next)
        if ((cells = table_row(&table)))
            for (size_t i = 0; i < table.count; i++)
                cells[i] = cell(pb_json_member(row, table.columns[i].title));
    fflush(stdout);
    (void)table_print(&table, &terminal);
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
        if (!is_table(at) && text_width(at->key) > widest)
            widest = text_width(at->key);
    for (const pb_json *at = object->child; at; at = at->next) {
        bool empty = at->type == PB_JSON_NULL || (!is_scalar(at) && !at->child);
        if (is_table(at)) {
            print_table(at);
        } else if (!empty) {
            pb_str text = cell(at);
            size_t pad = widest + 1 - text_width(at->key);
            printf("%.*s:%*s%.*s\n", PB_ARG(at->key), (int)pad, "", PB_ARG(text));
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
