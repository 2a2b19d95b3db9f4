/* documents_show.c - listing documents, showing, removing and fetching some. */
#include "app/documents.h"

#include "app/call.h"
#include "app/table.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- list ------------------------------------------------------------------------------------- */

static pb_str text_of(const pb_json *row, const char *name)
{
    return text_plain(pb_json_text(pb_json_get(row, name)));
}

/* "ready", or "embedding 40%", or "failed". */
static pb_str state_of(const pb_json *row)
{
    pb_str state = text_of(row, "state"), stage = text_of(row, "stage");
    const pb_json *share = pb_json_get(row, "progress");

    if (pb_str_is(state, "processing") && stage.size)
        return pb_printf("%.*s %.0f%%", PB_ARG(stage), 100 * pb_json_double(share, 0));
    return state;
}

static void add_row(const struct documents *documents, struct table *table, const pb_json *row)
{
    pb_str id = text_of(row, "id"), *cells = table_row(table);

    if (!cells)
        return;
    cells[0] = documents->terminal.live ? id_short(id) : id;
    cells[1] = text_of(row, "name");
    cells[2] = state_of(row);
    cells[3] = size_text(pb_json_int(pb_json_get(row, "size"), 0));
    cells[4] = pb_printf("%lld", (long long)pb_json_int(pb_json_get(row, "chunks"), 0));
    cells[5] = text_of(row, "collection");
    cells[6] = text_of(row, "type");
    cells[7] = pb_str_slice(text_of(row, "updated"), 0, 16);
}

/* --collection, --state, --tag, --type, --name as they stand in the query. */
static pb_str filter_of(const struct documents *documents)
{
    static const char *const names[] = {"collection", "state", "tag", "type", "name", "owner"};
    pb_buf filter = {0};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = documents_option(documents, names[i]);
        if (value)
            pb_buf_printf(&filter, "&%s=%.*s", names[i], PB_ARG(api_quoted(pb_str_of(value))));
    }
    return filter.data ? pb_buf_str(&filter) : pb_lit("");
}

pb_status documents_list(struct documents *documents)
{
    const char *limit = documents_option(documents, "limit");
    long most = limit ? strtol(limit, NULL, 10) : 0, count = 0;
    pb_str filter = filter_of(documents), cursor = {0};
    const pb_json *at;
    pb_buf json = {0};
    struct table table = {0};

    table_column(&table, "ID", false, false);
    table_column(&table, "NAME", false, true);
    table_column(&table, "STATE", false, false);
    table_column(&table, "SIZE", true, false);
    table_column(&table, "PASSAGES", true, false);
    table_column(&table, "COLLECTION", false, true);
    table_column(&table, "TYPE", false, true);
    table_column(&table, "UPDATED", false, false);
    do {
        pb_status status = documents_page(documents, filter, &cursor, &at);
        if (status != PB_OK)
            return status;
        for (; at && (!most || count < most); at = at->next, count++) {
            add_row(documents, &table, at);
            pb_buf_add(&json, count ? pb_lit(",\n") : pb_lit(""));
            pb_json_write(&json, at);
        }
    } while (cursor.size && (!most || count < most));
    if (documents->invocation->json)
        return terminal_print(&documents->terminal, "{\"documents\":[%.*s]}\n",
                              PB_ARG(pb_buf_str(&json)));
    if (!count)
        return terminal_print(&documents->terminal,
                              "no documents; patchbay documents add FILE puts one in\n");
    return table_print(&table, &documents->terminal);
}

/* --- show, remove ----------------------------------------------------------------------------- */

pb_status documents_show(struct documents *documents)
{
    const struct invocation *invocation = documents->invocation;

    for (size_t i = 1; i < invocation->word_count; i++) {
        struct remote_request request = {.method = "GET"};
        pb_str id, body;
        pb_status status = documents_find(documents, invocation->words[i], &id);
        request.path = pb_printf("/v1/documents/%.*s", PB_ARG(id));
        if (status == PB_OK)
            status = api_call(invocation, &request, &body);
        if (status != PB_OK)
            return status;
        if (invocation->json)
            printf("%.*s\n", PB_ARG(body));
        else
            print_answer(body);
        fflush(stdout);
    }
    return PB_OK;
}

pb_status documents_remove(struct documents *documents)
{
    const struct invocation *invocation = documents->invocation;
    pb_status worst = PB_OK;

    for (size_t i = 1; i < invocation->word_count; i++) {
        struct remote_request request = {.method = "DELETE"};
        pb_str id, body;
        pb_status status = documents_find(documents, invocation->words[i], &id);
        request.path = pb_printf("/v1/documents/%.*s", PB_ARG(id));
        if (status == PB_OK)
            status = api_call(invocation, &request, &body);
        if (status == PB_OK) {
            progress_say(&documents->progress, STYLE_PROMPT, pb_lit("removed"),
                         text_plain(pb_str_of(invocation->words[i])));
            continue;
        }
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(text_plain(pb_error_last()->sentence)));
        pb_error_clear();
        worst = PB_DECLINED; /* said already */
    }
    if (invocation->json)
        printf("{\"removed\":%s}\n", worst == PB_OK ? "true" : "false");
    return worst;
}

/* --- download --------------------------------------------------------------------------------- */

struct file {
    pb_writer base;
    struct documents *documents;
    pb_str name;
    int fd;
    int64_t written, size;
};

static pb_status write_file(pb_writer *writer, pb_bytes bytes)
{
    struct file *file = (struct file *)writer;

    file->written += (int64_t)bytes.size;
    while (bytes.size) {
        ssize_t size = write(file->fd, bytes.data, bytes.size);
        if (size < 0 && errno != EINTR)
            return pb_fail(PB_NO_SPACE, "%.*s cannot be written: %s", PB_ARG(file->name),
                           strerror(errno));
        bytes.data += size > 0 ? size : 0;
        bytes.size -= size > 0 ? (size_t)size : 0;
    }
    double share = file->size > 0 ? (double)file->written / (double)file->size : -1;
    if (file->fd != STDOUT_FILENO)
        progress_show(&file->documents->progress, file->name, share);
    return PB_OK;
}

/* The last part of the document's name, as the name of a file here. */
static pb_str file_name_of(const pb_json *document)
{
    pb_str name = text_plain(pb_json_text(pb_json_get(document, "name")));

    for (size_t at = name.size; at; at--)
        if (name.data[at - 1] == '/')
            name = pb_str_slice(name, at, name.size), at = 1;
    bool usual = name.size && !pb_str_is(name, ".") && !pb_str_is(name, "..");
    return usual ? pb_copy(name) : pb_lit("document");
}

static pb_status open_file(struct file *file)
{
    if (pb_str_is(file->name, "-")) {
        file->fd = STDOUT_FILENO;
        return PB_OK;
    }
    file->fd = open(file->name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return file->fd >= 0 ? (pb_status)PB_OK
                         : pb_fail(PB_CONFLICT, "%.*s cannot be written: %s", PB_ARG(file->name),
                                   strerror(errno));
}

pb_status documents_download(struct documents *documents)
{
    const struct invocation *invocation = documents->invocation;
    const char *version = documents_option(documents, "version");
    struct file file = {
        .base = {.size = sizeof(pb_writer), .write = write_file}, .documents = documents, .fd = -1};
    const pb_json *document;
    pb_str id;

    pb_status status = documents_find(documents, invocation->words[1], &id);
    if (status == PB_OK)
        status = api_get(invocation, pb_printf("/v1/documents/%.*s", PB_ARG(id)), &document);
    if (status != PB_OK)
        return status;
    file.size = version ? 0 : pb_json_int(pb_json_get(document, "size"), 0);
    file.name =
        invocation->word_count > 2 ? pb_str_of(invocation->words[2]) : file_name_of(document);
    status = open_file(&file);
    if (status != PB_OK)
        return status;
    status = api_fetch(invocation,
                       pb_printf("/v1/documents/%.*s/content%s%s", PB_ARG(id),
                                 version ? "?version=" : "", version ? version : ""),
                       &file.base);
    progress_clear(&documents->progress);
    if (file.fd == STDOUT_FILENO)
        return status;
    if (close(file.fd) != 0 && status == PB_OK)
        status =
            pb_fail(PB_NO_SPACE, "%.*s cannot be written: %s", PB_ARG(file.name), strerror(errno));
    if (status != PB_OK)
        unlink(file.name.data);
    else if (invocation->json)
        printf("{\"file\":\"%.*s\",\"size\":%lld}\n", PB_ARG(file.name), (long long)file.written);
    else
        progress_say(&documents->progress, STYLE_PROMPT, pb_lit("written"),
                     pb_printf("%.*s, %.*s", PB_ARG(file.name), PB_ARG(size_text(file.written))));
    return status;
}
