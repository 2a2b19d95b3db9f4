/* What a file lists, page by page, and what is fetched. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

#include <patchbay/source.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;
static char path[300];

static void open_file(const char *text)
{
    char yaml[400];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/documents.jsonl", getenv("TMPDIR")); /* of this suite */
    file = fopen(path, "w");
    ck_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
    (void)snprintf(yaml, sizeof yaml, "sources: {notes: {use: @NAME@, file: '%s', page: 2}}\n", path);
    harness = pb_harness_new(yaml, &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* All ids and names, with "|" between pages. */
static char listed[200];

static pb_status list_all(void *arg)
{
    pb_instance *notes = pb_harness_instance(harness, "source", "notes");
    pb_str cursor = {0};
    pb_buf all = {0};
    pb_status status = PB_OK;

    (void)arg;
    for (bool more = true; more && status == PB_OK; more = cursor.size > 0) {
        pb_source_page page = {.size = sizeof page};
        status = pb_source_list(notes, cursor, &page);
        for (size_t i = 0; i < page.count && status == PB_OK; i++)
            pb_buf_printf(&all, "%.*s:%.*s:%lld ", PB_ARG(page.entries[i]->id),
                          PB_ARG(page.entries[i]->name), (long long)page.entries[i]->bytes);
        pb_buf_byte(&all, '|');
        cursor = page.cursor;
    }
    (void)snprintf(listed, sizeof listed, "%.*s", (int)all.size, all.data);
    return status;
}

/* Gathers what is fetched. */
struct sheet {
    pb_writer base;
    const char *id;
    char text[100];
};

static pb_status write_sheet(pb_writer *writer, pb_bytes bytes)
{
    struct sheet *sheet = (struct sheet *)writer;

    (void)snprintf(sheet->text, sizeof sheet->text, "%.*s", (int)bytes.size, (const char *)bytes.data);
    return PB_OK;
}

static pb_status fetch(void *arg)
{
    struct sheet *sheet = arg;

    sheet->base = (pb_writer){.size = sizeof sheet->base, .write = write_sheet};
    return pb_source_fetch(pb_harness_instance(harness, "source", "notes"), pb_str_of(sheet->id),
                           &sheet->base);
}

#define THREE                                                                                      \
    "{\"id\": \"1\", \"title\": \"First\", \"text\": \"One.\"}\n"                                   \
    "{\"id\": \"2\", \"text\": \"Two lines.\\nHere.\"}\n"                                            \
    "{\"id\": \"3\", \"title\": \"Last\", \"text\": \"\"}\n"

START_TEST(pages)
{
    open_file(THREE);
    ck_assert_int_eq(pb_harness_run(harness, list_all, NULL, NULL), PB_OK);
    ck_assert_str_eq(listed, "1:First:4 2:2:16 |3:Last:0 |");
    end();
}
END_TEST

START_TEST(fetched)
{
    struct sheet two = {.id = "2"}, gone = {.id = "9"};

    open_file(THREE);
    ck_assert_int_eq(pb_harness_run(harness, fetch, &two, NULL), PB_OK);
    ck_assert_str_eq(two.text, "Two lines.\nHere.");
    ck_assert_int_eq(pb_harness_run(harness, fetch, &gone, NULL), PB_NOT_FOUND);
    end();
}
END_TEST

START_TEST(what_is_no_document_has_a_sentence)
{
    pb_str sentence;

    open_file("{\"id\": \"1\", \"text\": \"x\"}\nnonsense\n");
    ck_assert_int_eq(pb_harness_run(harness, list_all, NULL, &sentence), PB_UNPROCESSABLE);
    ck_assert(pb_str_contains(sentence, pb_lit("has a line that is no document, at byte 25")));
    FILE *file = fopen(path, "w");
    ck_assert(file && fwrite("\0\n", 1, 2, file) == 2 && fclose(file) == 0);
    ck_assert_int_eq(pb_harness_run(harness, list_all, NULL, &sentence), PB_UNAVAILABLE);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(pb_harness_run(harness, list_all, NULL, &sentence), PB_UNAVAILABLE);
    ck_assert(pb_str_ends(sentence, pb_lit("cannot be read: No such file or directory")));
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {pages, fetched, what_is_no_document_has_a_sentence, NULL};

    return suite_run("@NAME@", tests);
}
