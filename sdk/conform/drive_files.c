/* drive_files.c - extractors and sources: files of many types, and what is listed. */
#include "drive.h"

#include <patchbay/extractor.h>
#include <patchbay/source.h>
#include <stdio.h>

const struct sample_file sample_files[] = {
    {"conform.txt", "text/plain", "A line.\n\nAnother one, Käse.\n"},
    {"conform.md", "text/markdown", "# Title\n\nText with *words*.\n\n- one\n- two\n"},
    {"conform.html", "text/html",
     "<!doctype html><title>Title</title><h1>Head</h1><p>Text<table><tr><td>1<td>2</table>"},
    {"conform.csv", "text/csv", "name,count\none,1\ntwo,2\n"},
    {"conform.json", "application/json", "{\"title\": \"One\", \"list\": [1, 2, {\"a\": null}]}"},
    {"conform.jsonl", "application/jsonl", "{\"id\": 1}\n{\"id\": 2}\n"},
    {"conform.xml", "application/xml", "<?xml version=\"1.0\"?><a><b c=\"d\">text</b></a>"},
    {"conform.c", "text/x-c", "int main(void)\n{\n    return 0;\n}\n"},
    {"conform.srt", "application/x-subrip", "1\n00:00:01,000 --> 00:00:02,000\nA word.\n"},
    {"conform.pdf", "application/pdf", "%PDF-1.4\n%broken on purpose\n"},
    {"conform.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
     "PK\003\004 broken on purpose"},
    {"empty", NULL, ""},
    {"conform.bin", "application/octet-stream", "\001\002\377\376 no text at all"},
    {NULL, NULL, NULL}};

/* What is said of broken and foreign files: refused with a status of the header. */
static bool is_refusal(pb_status status)
{
    return status == PB_UNPROCESSABLE || status == PB_UNSUPPORTED || status == PB_TOO_LARGE;
}

static pb_status extract_one(struct drive *drive, const struct sample_file *file)
{
    pb_str text = pb_printf("%s%u\n", file->text, drive->number);
    pb_blob blob = {.size = sizeof blob,
                    .type = pb_str_of(file->type),
                    .name = pb_str_of(file->name),
                    .bytes = bytes_of(text.data, file->text[0] ? text.size : 0)};
    pb_blocks out = {.size = sizeof out};

    if (!pb_extractor_accepts(drive->instance, &blob))
        return PB_OK;
    pb_status status = pb_extract(drive->instance, &blob, &out);
    drive_say(drive, "%s: %s, %zu blocks", file->name, pb_status_name(status), out.count);
    for (size_t i = 0; status == PB_OK && i < out.count; i++)
        drive_say(drive, "  %d %.*s", out.items[i]->type,
                  PB_ARG(pb_str_slice(out.items[i]->text, 0, 200)));
    return is_refusal(status) ? (pb_status)PB_OK : status;
}

pb_status drive_extractor(struct drive *drive)
{
    pb_status status = PB_OK;

    for (const struct sample_file *file = sample_files; file->name && status == PB_OK; file++)
        status = extract_one(drive, file);
    return status;
}

struct counting {
    pb_writer base;
    size_t bytes;
};

static pb_status count_bytes(pb_writer *writer, pb_bytes bytes)
{
    ((struct counting *)(void *)writer)->bytes += bytes.size;
    return pb_step();
}

static pb_status fetch_first(struct drive *drive, const pb_source_page *page)
{
    struct counting counting = {{.size = sizeof(pb_writer), .write = count_bytes}, 0};
    pb_str id = pb_copy(page->entries[0]->id);
    pb_status status = pb_source_fetch(drive->instance, id, &counting.base);

    drive_say(drive, "fetched %.*s: %s, %zu bytes", PB_ARG(id), pb_status_name(status),
              counting.bytes);
    return status;
}

pb_status drive_source(struct drive *drive)
{
    struct counting nobody = {{.size = sizeof(pb_writer), .write = count_bytes}, 0};
    pb_source_page page = {.size = sizeof page};
    pb_str cursor = {0};
    pb_status status = PB_OK;

    for (int i = 0; i < 3 && status == PB_OK; i++) {
        page = (pb_source_page){.size = sizeof page};
        status = pb_source_list(drive->instance, cursor, &page);
        drive_say(drive, "page %d: %s, %zu entries", i, pb_status_name(status), page.count);
        if (status == PB_OK && i == 0 && page.count)
            status = fetch_first(drive, &page);
        cursor = pb_copy(page.cursor);
        if (!cursor.size)
            break;
    }
    if (status != PB_OK)
        return status;
    status = pb_source_fetch(drive->instance, pb_lit("conform-no-such-document"), &nobody.base);
    drive_say(drive, "unknown: %s", pb_status_name(status));
    if (status == PB_OK)
        return pb_fail(PB_INTERNAL, "it fetches a document that is not there");
    return status == PB_CANCELLED || status == PB_TIMEOUT ? status : (pb_status)PB_OK;
}
