/* read_it.h - reads a file with the plugin and shows what came of it, a line a block:
 *
 *     h1 p2 Installation
 *     list2 Put it there        (newline in a text: /, tab: |)
 */
#ifndef OFFICE_TESTS_READ_IT_H
#define OFFICE_TESTS_READ_IT_H

#include "make_zip.h"
#include "suite.h"
#include "testkit.h"

#include <patchbay/extractor.h>

extern const pb_plugin patchbay_plugin_office;

static pb_harness *harness;

struct reading {
    pb_blob blob;
    size_t count; /* blocks */
    int32_t last_page;
    char title[200], metadata[400];
    char sentence[1100];
    bool accepted;
};

static struct reading reading;
static char shown[1 << 16];

static void open_office(const char *options)
{
    char yaml[300];

    (void)snprintf(yaml, sizeof yaml, "extractors: {office: {use: office%s}}\n", options);
    harness = pb_harness_new(yaml, &patchbay_plugin_office);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static void show_block(const pb_block *block)
{
    static const char *const names[] = {"text", "h", "list", "table", "code"};
    size_t at = strlen(shown);
    int size;

    if (at + block->text.size + 40 > sizeof shown)
        return; /* enough to be looked at */
    size = snprintf(shown + at, sizeof shown - at, "%s", names[block->type]);

    at += (size_t)size;
    if (block->level)
        at += (size_t)snprintf(shown + at, sizeof shown - at, "%d", (int)block->level);
    if (block->page)
        at += (size_t)snprintf(shown + at, sizeof shown - at, " p%d", (int)block->page);
    shown[at++] = ' ';
    for (size_t i = 0; i < block->text.size; i++) {
        char byte = block->text.data[i];
        ck_assert((unsigned char)byte >= 32 || byte == '\n' || byte == '\t');
        shown[at++] = byte == '\n' ? '/' : byte == '\t' ? '|' : byte;
    }
    shown[at++] = '\n';
    shown[at] = '\0';
}

static pb_status read_on_task(void *arg)
{
    pb_instance *office = pb_harness_instance(harness, "extractor", "office");
    pb_blocks blocks = {.size = sizeof blocks};
    pb_buf metadata = {0};

    (void)arg;
    reading.accepted = pb_extractor_accepts(office, &reading.blob);
    pb_status status = pb_extract(office, &reading.blob, &blocks);
    if (status != PB_OK)
        return status;
    shown[0] = '\0';
    reading.count = blocks.count;
    for (size_t i = 0; i < blocks.count; i++) {
        ck_assert_uint_gt(blocks.items[i]->text.size, 0);
        reading.last_page = blocks.items[i]->page;
        show_block(blocks.items[i]);
    }
    (void)snprintf(reading.title, sizeof reading.title, "%.*s", PB_ARG(blocks.title));
    if (blocks.metadata)
        pb_json_write(&metadata, blocks.metadata);
    (void)snprintf(reading.metadata, sizeof reading.metadata, "%.*s",
                   PB_ARG(pb_buf_str(&metadata)));
    return PB_OK;
}

static pb_status read_bytes(pb_bytes bytes, const char *name)
{
    pb_str sentence;

    memset(&reading, 0, sizeof reading);
    reading.blob = (pb_blob){.size = sizeof reading.blob, .name = pb_str_of(name), .bytes = bytes};
    pb_status status = pb_harness_run(harness, read_on_task, NULL, &sentence);
    (void)snprintf(reading.sentence, sizeof reading.sentence, "%.*s", PB_ARG(sentence));
    return status;
}

#define PARTS(...)                                                                                 \
    (const struct part[]){__VA_ARGS__},                                                            \
        sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part)

static pb_status read_parts(const struct part *parts, size_t count)
{
    pb_bytes zip = make_zip(parts, count, 1);
    ck_assert_uint_gt(zip.size, 0);
    pb_status status = read_bytes(zip, NULL);
    free((void *)(uintptr_t)zip.data);
    return status;
}

#define shows(expected)                                                                            \
    ck_assert_msg(strcmp(shown, expected) == 0, "shown:\n%s\nexpected:\n%s\n%s", shown, expected,  \
                  reading.sentence)

#define refuses(got, status, part)                                                                 \
    do {                                                                                           \
        pb_status refused_ = (got);                                                                \
        ck_assert_msg(refused_ == (status) && strstr(reading.sentence, part),                      \
                      "%s: '%s', not '%s'", pb_status_name(refused_), reading.sentence, part);     \
    } while (0)

/* --- the parts that every package has ----------------------------------------------------------
 */

#define RELATION(id, type, target)                                                                 \
    "<Relationship Id='" id "' Type='http://schemas.openxmlformats.org/officeDocument/2006/"       \
    "relationships/" type "' Target='" target "'/>"
#define RELATIONS(list) "<Relationships xmlns='x'>" list "</Relationships>"
#define DOCX_ROOT                                                                                  \
    {                                                                                              \
        "_rels/.rels",                                                                             \
            RELATIONS(RELATION("r1", "officeDocument", "word/document.xml")                        \
                          RELATION("r2", "metadata/core-properties", "docProps/core.xml")),        \
            0                                                                                      \
    }
#define DOCX(body)                                                                                 \
    {                                                                                              \
        "word/document.xml",                                                                       \
            "<?xml version='1.0'?><w:document xmlns:w='w'><w:body>" body "</w:body></w:document>", \
            0                                                                                      \
    }
#define P(text) "<w:p><w:r><w:t>" text "</w:t></w:r></w:p>"
#define STYLED(style, text)                                                                        \
    "<w:p><w:pPr><w:pStyle w:val='" style "'/></w:pPr><w:r><w:t>" text "</w:t></w:r></w:p>"

#endif
