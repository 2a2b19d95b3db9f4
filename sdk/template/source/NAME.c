/* @NAME@ - documents from a file with one JSON object a line: {"id", "title", "text"}, as exports have them.
 *
 * Files are read on a helper thread; list() gives a page at a time, and its cursor is where the next begins.
 */
#include <patchbay/json.h>
#include <patchbay/secret.h>
#include <patchbay/source.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_str file;
    int64_t page;
};

static const pb_field @ID@_options[] = {
    PB_PATH(struct @ID@, file, .required = 1, .help = "The file, from where the configuration is."),
    PB_INT(struct @ID@, page, .def = "100", .min = 1, .max = 1000, .help = "Documents in a page."),
    PB_END,
};

/* --- lines ------------------------------------------------------------------------------------ */

enum { LINE_MOST = 1 << 20 };

/* What the thread reads: one line from `at` on. It may call no host function. */
struct reading {
    const char *file;
    char *line; /* room for LINE_MOST bytes */
    size_t size;
    long at, next;
    int why;
};

static pb_status read_line(void *arg)
{
    struct reading *reading = arg;
    FILE *file = fopen(reading->file, "r");
    bool good = file && fseek(file, reading->at, SEEK_SET) == 0;

    reading->size = good && fgets(reading->line, LINE_MOST, file) ? strlen(reading->line) : 0;
    reading->next = reading->at + (long)reading->size;
    reading->why = good && !ferror(file) ? 0 : errno;
    if (good && !reading->size && !feof(file))
        reading->why = EILSEQ; /* a NUL byte: it must not look like the end */
    if (file)
        fclose(file);
    return reading->why ? PB_UNAVAILABLE : PB_OK;
}

static pb_status begin_reading(const struct @ID@ *own, long at, struct reading *out)
{
    pb_str path = pb_copy(own->file);

    *out = (struct reading){.file = path.data, .line = pb_alloc(LINE_MOST), .next = at};
    return out->file && out->line ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

/* The next document; NULL behind the last. A line that is none ends it with a sentence. */
static pb_status next_document(struct reading *reading, const pb_json **out)
{
    *out = NULL;
    reading->at = reading->next;
    pb_status status = pb_offload(read_line, reading);
    if (status == PB_UNAVAILABLE && reading->why)
        return pb_fail(status, "%s cannot be read: %s", reading->file, strerror(reading->why));
    if (status != PB_OK || !reading->size)
        return status;
    if (reading->size == LINE_MOST - 1)
        return pb_fail(PB_TOO_LARGE, "%s has a line of more than 1 MiB", reading->file);
    pb_str line = pb_copy(pb_str_make(reading->line, reading->size)); /* the next one comes there */
    if (pb_json_parse(line, out) != PB_OK || !pb_json_text(pb_json_get(*out, "id")).size)
        return pb_fail(PB_UNPROCESSABLE, "%s has a line that is no document, at byte %ld",
                       reading->file, reading->at);
    return PB_OK;
}

/* --- the interface ---------------------------------------------------------------------------- */

static pb_source_entry *entry_of(const pb_json *document)
{
    pb_source_entry *entry = PB_NEW(pb_source_entry);
    pb_str text = pb_json_text(pb_json_get(document, "text"));
    uint8_t digest[32];

    if (!entry)
        return NULL;
    pb_sha256((pb_bytes){(const uint8_t *)text.data, text.size}, digest);
    *entry = (pb_source_entry){.size = sizeof *entry,
                               .bytes = (int64_t)text.size,
                               .id = pb_json_text(pb_json_get(document, "id")),
                               .name = pb_json_text(pb_json_get(document, "title")),
                               .type = PB_LIT("text/plain"),
                               .digest = pb_hex((pb_bytes){digest, sizeof digest})};
    if (!entry->name.size)
        entry->name = entry->id;
    return entry;
}

static pb_status @ID@_list(void *self, pb_str cursor, pb_source_page *out)
{
    const struct @ID@ *own = self;
    const pb_source_entry **entries = PB_NEW_ARRAY(const pb_source_entry *, (size_t)own->page);
    pb_str from = pb_copy(cursor);
    const pb_json *document = NULL;
    struct reading reading;
    pb_status status = begin_reading(own, from.size ? strtol(from.data, NULL, 10) : 0, &reading);

    if (status == PB_OK && !entries)
        status = PB_NO_MEMORY;
    out->entries = entries;
    while (status == PB_OK && out->count < (size_t)own->page) {
        status = next_document(&reading, &document);
        if (status != PB_OK || !document)
            return status;
        if (!(entries[out->count++] = entry_of(document)))
            status = PB_NO_MEMORY;
    }
    out->cursor = pb_printf("%ld", reading.next);
    return status;
}

static pb_status @ID@_fetch(void *self, pb_str id, pb_writer *writer)
{
    const pb_json *document = NULL;
    struct reading reading;
    pb_status status = begin_reading(self, 0, &reading);
    bool found = false, more = true;

    while (status == PB_OK && more && !found) {
        pb_scope *scope = pb_scope_begin(); /* a document at a time: the file may be large */
        status = next_document(&reading, &document);
        more = document != NULL;
        found = status == PB_OK && pb_str_equal(pb_json_text(pb_json_get(document, "id")), id);
        if (found) {
            pb_str text = pb_json_text(pb_json_get(document, "text"));
            status = writer->write(writer, (pb_bytes){(const uint8_t *)text.data, text.size});
        }
        pb_scope_end(scope);
    }
    if (status == PB_OK && !found)
        return pb_fail(PB_NOT_FOUND, "there is no document of this id any more");
    return status;
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Documents from a file with one JSON object a line.",
          PB_SOURCE("@NAME@", struct @ID@, @ID@_options, .list = @ID@_list, .fetch = @ID@_fetch));
