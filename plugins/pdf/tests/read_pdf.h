/* read_pdf.h - writes PDF files and reads them with the plugin. What came of it is a line a block:
 * "h1 p2 Installation" (newline in a text: /, tab: |). */
#ifndef PDF_TESTS_READ_PDF_H
#define PDF_TESTS_READ_PDF_H

#include "suite.h"
#include "testkit.h"

#include <patchbay/extractor.h>
#include <stdlib.h>

extern const pb_plugin patchbay_plugin_pdf;

static pb_harness *harness;
static pb_blob blob;
static char shown[1 << 20], title[200], metadata[400], sentence[1100];
static size_t blocks_count;
static int32_t last_page;

static void open_pdf(const char *options)
{
    char yaml[300];

    (void)snprintf(yaml, sizeof yaml, "extractors: {pdf: {use: pdf%s}}\n", options);
    harness = pb_harness_new(yaml, &patchbay_plugin_pdf);
    pb_harness_virtual_time(harness, false);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static size_t show_block(const pb_block *block, size_t at)
{
    static const char *const names[] = {"text", "h", "list", "table", "code"};

    if (at + block->text.size + 40 > sizeof shown)
        return at;
    at += (size_t)sprintf(shown + at, "%s", names[block->type]);
    if (block->level)
        at += (size_t)sprintf(shown + at, "%d", (int)block->level);
    at += (size_t)sprintf(shown + at, " p%d ", (int)block->page);
    for (size_t i = 0; i < block->text.size; i++) {
        char byte = block->text.data[i];
        ck_assert((unsigned char)byte >= 32 || byte == '\n' || byte == '\t');
        shown[at++] = byte == '\n' ? '/' : byte == '\t' ? '|' : byte;
    }
    shown[at++] = '\n';
    shown[at] = '\0';
    return at;
}

static pb_status read_on_task(void *arg)
{
    pb_instance *pdf = pb_harness_instance(harness, "extractor", "pdf");
    pb_blocks blocks = {.size = sizeof blocks};
    pb_buf buf = {0};

    (void)arg;
    shown[0] = '\0';
    pb_status status = pb_extract(pdf, &blob, &blocks);
    if (status != PB_OK)
        return status;
    for (size_t i = 0, at = 0; i < blocks.count; i++) {
        last_page = blocks.items[i]->page;
        at = show_block(blocks.items[i], at);
    }
    blocks_count = blocks.count;
    (void)snprintf(title, sizeof title, "%.*s", PB_ARG(blocks.title));
    pb_json_write(&buf, blocks.metadata);
    (void)snprintf(metadata, sizeof metadata, "%.*s", PB_ARG(pb_buf_str(&buf)));
    return PB_OK;
}

static pb_status read_bytes(pb_bytes bytes)
{
    pb_str why;

    blob = (pb_blob){.size = sizeof blob, .bytes = bytes};
    pb_status status = pb_harness_run(harness, read_on_task, NULL, &why);
    (void)snprintf(sentence, sizeof sentence, "%.*s", PB_ARG(why));
    return status;
}

#define shows(expected)                                                                            \
    ck_assert_msg(strcmp(shown, expected) == 0, "shown:\n%s\nexpected:\n%s", shown, expected)

#define refuses(got, status, part)                                                                 \
    do {                                                                                           \
        pb_status refused_ = (got);                                                                \
        ck_assert_msg(refused_ == (status) && strstr(sentence, part), "%s: '%s', not '%s'",        \
                      pb_status_name(refused_), sentence, part);                                   \
    } while (0)

/* --- writing PDF --------------------------------------------------------------------------------
 *
 * A page is what its content stream draws: LINE(x, y, font, size, "words"), fonts F (Helvetica),
 * B (bold), C (Courier). y counts from the bottom of 842 points. */

#define LINE(x, y, font, size, text) "BT /" font " " #size " Tf " #x " " #y " Td (" text ") Tj ET\n"

struct pdf_file {
    char *bytes;
    size_t size, room;
    size_t places[30100]; /* of objects, by number */
    size_t objects;
};

PB_PRINTF(2, 3) static void print(struct pdf_file *file, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    size_t more = (size_t)vsnprintf(NULL, 0, format, args) + 1;
    while (file->size + more > file->room) {
        file->room = file->room ? file->room * 2 : 1 << 16;
        file->bytes = realloc(file->bytes, file->room);
        ck_assert_ptr_nonnull(file->bytes);
    }
    file->size += (size_t)vsnprintf(file->bytes + file->size, more, format, again);
    va_end(again);
    va_end(args);
}

static void object(struct pdf_file *file)
{
    file->places[++file->objects] = file->size;
    print(file, "%zu 0 obj\n", file->objects);
}

/* Objects 1 to 5: catalog, pages, fonts; then a page and its stream each. `trailer` is added to the
 * file's. free() the bytes. */
static pb_bytes make_pdf(const char *const *pages, size_t count, const char *trailer)
{
    static struct pdf_file file;
    static const char *const fonts[] = {"Helvetica", "Helvetica-Bold", "Courier"};

    memset(&file, 0, sizeof file);
    print(&file, "%%PDF-1.4\n");
    object(&file);
    print(&file, "<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
    object(&file);
    print(&file, "<</Type/Pages/Count %zu/Kids[", count);
    for (size_t i = 0; i < count; i++)
        print(&file, "%zu 0 R ", 6 + 2 * i);
    print(&file, "]>>\nendobj\n");
    for (int i = 0; i < 3; i++) {
        object(&file);
        print(&file, "<</Type/Font/Subtype/Type1/BaseFont/%s/Encoding/WinAnsiEncoding>>\nendobj\n",
              fonts[i]);
    }
    for (size_t i = 0; i < count; i++) {
        object(&file);
        print(&file,
              "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %zu 0 R"
              "/Resources<</Font<</F 3 0 R/B 4 0 R/C 5 0 R>>>>>>\nendobj\n",
              7 + 2 * i);
        object(&file);
        print(&file, "<</Length %zu>>stream\n%s\nendstream\nendobj\n", strlen(pages[i]), pages[i]);
    }
    size_t table = file.size;
    print(&file, "xref\n0 %zu\n0000000000 65535 f \n", file.objects + 1);
    for (size_t i = 1; i <= file.objects; i++)
        print(&file, "%010zu 00000 n \n", file.places[i]);
    print(&file, "trailer\n<</Size %zu/Root 1 0 R %s>>\nstartxref\n%zu\n%%%%EOF\n",
          file.objects + 1, trailer, table);
    return (pb_bytes){(const uint8_t *)file.bytes, file.size};
}

static pb_status read_pdf(const char *const *pages, size_t count)
{
    pb_bytes bytes = make_pdf(pages, count, "");
    pb_status status = read_bytes(bytes);

    free((void *)(uintptr_t)bytes.data);
    return status;
}

#define read_pages(...)                                                                            \
    read_pdf((const char *const[]){__VA_ARGS__},                                                   \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

#endif
