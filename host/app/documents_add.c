/* documents_add.c - `patchbay documents add`: files, folders and addresses, then their state until
 * each can be found or has failed.
 *
 * All is sent first, so that it is worked on meanwhile; then each is waited for.
 */
#include "app/documents.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 32 };

static const pb_duration pause = 150 * PB_MILLISECOND;

struct adding {
    struct documents *documents;
    pb_str *ids; /* sent, to be waited for */
    size_t count, room, failed;
    pb_status first; /* of what failed */
    pb_buf json;     /* what became of each */
};

static void note_failed(struct adding *adding, pb_str name, pb_status status, pb_str sentence)
{
    adding->failed++;
    if (adding->first == PB_OK)
        adding->first = status;
    progress_clear(&adding->documents->progress);
    pb_str line = pb_printf("%.*s: %.*s", PB_ARG(text_plain(name)), PB_ARG(text_plain(sentence)));
    if (adding->documents->terminal.live)
        progress_say(&adding->documents->progress, STYLE_ERROR, pb_lit("✗"), line);
    else
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(line));
    pb_error_clear();
}

static pb_str sentence_of(pb_status status)
{
    pb_str sentence = pb_error_last()->sentence;
    return sentence.size ? sentence : pb_str_of(pb_status_title(status));
}

static void keep(struct adding *adding, pb_str id)
{
    if (adding->count == adding->room) {
        size_t room = adding->room ? adding->room * 2 : 64, each = sizeof *adding->ids;
        pb_str *ids = pb_grow(adding->ids, adding->room * each, room * each);
        if (!ids)
            return;
        adding->ids = ids;
        adding->room = room;
    }
    adding->ids[adding->count++] = pb_copy(id);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* What was made of it: the answer is the document. */
static void note_sent(struct adding *adding, pb_str name, const pb_json *document)
{
    pb_str id = pb_json_text(pb_json_get(document, "id"));

    if (pb_json_bool(pb_json_get(document, "duplicate"), false))
        progress_say(&adding->documents->progress, STYLE_DIM, pb_lit("="),
                     pb_printf("%.*s is there already, as %.*s", PB_ARG(text_plain(name)),
                               PB_ARG(id_short(id))));
    keep(adding, id);
}

static void add_file(struct adding *adding, pb_str path, pb_str name)
{
    const pb_json *document;
    pb_status status = documents_upload(adding->documents, path, name, &document);

    if (status != PB_OK)
        note_failed(adding, path, status, sentence_of(status));
    else
        note_sent(adding, path, document);
}

static void add_text(pb_json_writer *writer, const char *name, const char *value)
{
    if (!value)
        return;
    pb_jw_key(writer, name);
    pb_jw_str(writer, pb_str_of(value));
}

static void add_address(struct adding *adding, const char *url)
{
    const struct invocation *invocation = adding->documents->invocation;
    struct remote_request request = {.method = "POST", .path = pb_lit("/v1/documents/add")};
    const pb_json *document = NULL;
    pb_buf body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);

    pb_jw_open(&writer, '{');
    add_text(&writer, "url", url);
    add_text(&writer, "collection", documents_option(adding->documents, "collection"));
    pb_jw_key(&writer, "tags");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < invocation->field_count; i++)
        if (strcmp(invocation->fields[i].name, "tag") == 0 && invocation->fields[i].value)
            pb_jw_str(&writer, pb_str_of(invocation->fields[i].value));
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    request.body = pb_buf_str(&body);
    progress_show(&adding->documents->progress, pb_printf("fetching %s", url), -1);
    pb_status status = api_json(invocation, &request, &document);
    if (status != PB_OK)
        note_failed(adding, pb_str_of(url), status, sentence_of(status));
    else
        note_sent(adding, pb_str_of(url), document);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Where the last part of a path begins. */
static size_t last_part(pb_str path)
{
    size_t at = path.size;

    while (at > 1 && path.data[at - 1] == '/')
        at--;
    while (at && path.data[at - 1] != '/')
        at--;
    return at;
}

/* A file, or all files below a folder; links are not followed there. The document is named by the
 * path from `base` on: "notes/a.md" of /home/x/notes. */
static void add_path(struct adding *adding, pb_str path, size_t base, int depth)
{
    struct dirent **entries = NULL;
    struct stat about;
    int found = depth ? lstat(path.data, &about) : stat(path.data, &about);

    if (found != 0) {
        note_failed(adding, path, PB_NOT_FOUND, pb_str_of(strerror(errno)));
        return;
    }
    if (S_ISREG(about.st_mode))
        add_file(adding, path, pb_str_slice(path, base, path.size));
    if (!S_ISDIR(about.st_mode) || depth == DEEPEST)
        return;
    int count = scandir(path.data, &entries, visible, alphasort);
    for (int i = 0; i < count; i++) {
        bool slash = path.data[path.size - 1] == '/';
        pb_str inner = pb_printf("%.*s%s%s", PB_ARG(path), slash ? "" : "/", entries[i]->d_name);
        if (inner.data)
            add_path(adding, inner, base, depth + 1);
        free(entries[i]);
    }
    free(entries);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void note_ready(struct adding *adding, const pb_json *document)
{
    int64_t chunks = pb_json_int(pb_json_get(document, "chunks"), 0);
    pb_str name = text_plain(pb_json_text(pb_json_get(document, "name")));
    pb_str size = size_text(pb_json_int(pb_json_get(document, "size"), 0));
    pb_str id = pb_json_text(pb_json_get(document, "id"));

    progress_say(&adding->documents->progress, STYLE_PROMPT, pb_lit("✓"),
                 pb_printf("%.*s  %.*s, %lld passage%s  %.*s", PB_ARG(name), PB_ARG(size),
                           (long long)chunks, chunks == 1 ? "" : "s", PB_ARG(id_short(id))));
}

/* True: it is ready, or failed. */
static bool settle(struct adding *adding, const pb_json *document)
{
    pb_str state = pb_json_text(pb_json_get(document, "state"));
    pb_str name = pb_json_text(pb_json_get(document, "name"));
    bool ready = pb_str_is(state, "ready");

    if (!ready && !pb_str_is(state, "failed") && !pb_str_is(state, "removed"))
        return false;
    if (ready) {
        note_ready(adding, document);
    } else {
        pb_str why = pb_json_text(pb_json_get(document, "error"));
        note_failed(adding, name, PB_UNPROCESSABLE, why.size ? why : state);
    }
    pb_buf_add(&adding->json, adding->json.size ? pb_lit(",\n") : pb_lit(""));
    pb_json_write(&adding->json, document);
    return true;
}

static void show_state(struct adding *adding, size_t at, const pb_json *document)
{
    pb_str stage = pb_json_text(pb_json_get(document, "stage"));
    pb_str name = pb_json_text(pb_json_get(document, "name"));
    pb_str count = adding->count > 1 ? pb_printf("%zu/%zu ", at + 1, adding->count) : pb_lit("");

    if (!stage.size)
        stage = pb_json_text(pb_json_get(document, "state"));
    progress_show(&adding->documents->progress,
                  pb_printf("%.*s%.*s: %.*s", PB_ARG(count), PB_ARG(name), PB_ARG(stage)),
                  pb_json_double(pb_json_get(document, "progress"), 0));
}

static pb_status wait_for(struct adding *adding, size_t at)
{
    pb_str path = pb_printf("/v1/documents/%.*s", PB_ARG(adding->ids[at]));
    const pb_json *document;

    for (;;) {
        pb_status status = api_get(adding->documents->invocation, path, &document);
        if (status != PB_OK)
            return status;
        if (settle(adding, document))
            return PB_OK;
        show_state(adding, at, document);
        status = pb_sleep(pause);
        if (status != PB_OK)
            return status;
    }
}

/* --wait no: what was sent is enough. */
static bool waits(const struct documents *documents)
{
    const char *wait = documents_option(documents, "wait");
    return !wait || (strcmp(wait, "no") != 0 && strcmp(wait, "false") != 0);
}

static pb_status finish(struct adding *adding)
{
    struct documents *documents = adding->documents;
    pb_status status = PB_OK;

    for (size_t i = 0; status == PB_OK && waits(documents) && i < adding->count; i++)
        status = wait_for(adding, i);
    progress_clear(&documents->progress);
    if (status != PB_OK)
        return status;
    if (documents->invocation->json)
        (void)terminal_print(&documents->terminal, "{\"documents\":[%.*s],\"failed\":%zu}\n",
                             PB_ARG(pb_buf_str(&adding->json)), adding->failed);
    return adding->failed ? (pb_status)PB_DECLINED : (pb_status)PB_OK;
}

pb_status documents_add(struct documents *documents)
{
    const struct invocation *invocation = documents->invocation;
    struct adding adding = {.documents = documents};

    for (size_t i = 1; i < invocation->word_count; i++) {
        const char *word = invocation->words[i];
        if (strncmp(word, "http://", 7) == 0 || strncmp(word, "https://", 8) == 0)
            add_address(&adding, word);
        else if (*word)
            add_path(&adding, pb_str_of(word), last_part(pb_str_of(word)), 0);
    }
    return finish(&adding);
}

pb_status documents_reprocess(struct documents *documents)
{
    const struct invocation *invocation = documents->invocation;
    struct adding adding = {.documents = documents};

    for (size_t i = 1; i < invocation->word_count; i++) {
        struct remote_request request = {.method = "POST"};
        const pb_json *json;
        pb_str id;
        pb_status status = documents_find(documents, invocation->words[i], &id);
        request.path = pb_printf("/v1/documents/%.*s/reprocess", PB_ARG(id));
        if (status == PB_OK)
            status = api_json(invocation, &request, &json);
        if (status != PB_OK)
            note_failed(&adding, pb_str_of(invocation->words[i]), status, sentence_of(status));
        else
            keep(&adding, id);
    }
    return finish(&adding);
}
