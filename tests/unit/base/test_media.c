/* What a file is by its bytes, and the way of a text to UTF-8. */
#include "suite.h"

#include <patchbay/media.h>
#include <stdio.h>
#include <stdlib.h>

static const char *type_of(const void *bytes, size_t size, const char *name)
{
    uint8_t *exact = malloc(size ? size : 1); /* a byte too far is seen */

    memcpy(exact, bytes, size);
    const char *type = pb_media_type((pb_bytes){exact, size}, pb_str_of(name));
    free(exact);
    return type;
}

#define ck_type(bytes, name, wanted)                                                               \
    ck_assert_str_eq(type_of(bytes, sizeof(bytes) - 1, name), wanted)

START_TEST(magic_numbers_win)
{
    ck_type("%PDF-1.7\n", "a.txt", "application/pdf");
    ck_type("\r\n junk %PDF-1.7\n", NULL, "application/pdf");
    ck_type("{\\rtf1 x}", "a.md", "application/rtf");
    ck_type("\x7F"
            "ELF\2\1\1\0",
            "a.txt", "application/x-executable");
    ck_type("\x89PNG\r\n\x1A\n....", "a.pdf", "image/png");
    ck_type("\xFF\xD8\xFF\xE0", NULL, "image/jpeg");
    ck_type("GIF89a", NULL, "image/gif");
    ck_type("RIFF....WEBPVP8 ", NULL, "image/webp");
    ck_type("\x1F\x8B\x08", "a.html", "application/gzip");
    ck_type("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "a.doc", "application/x-ole-storage");
    ck_type("SQLite format 3\0", NULL, "application/vnd.sqlite3");
}
END_TEST

START_TEST(other_bytes_are_bytes)
{
    ck_type("a\0b\0c", "a.txt", "application/octet-stream");
    ck_type("\1\2\3\4\5\6\7\1\1\1", "a.md", "application/octet-stream");
}
END_TEST

START_TEST(text_is_told_apart_by_content)
{
    ck_type("", NULL, "text/plain");
    ck_type("hello", "a.pdf", "text/plain");
    ck_type("<!DOCTYPE html>\n<p>x", "a.txt", "text/html");
    ck_type("\xEF\xBB\xBF <!-- c --> <HTML lang=en>", "a.md", "text/html");
    ck_type("<?xml version='1.0'?><!DOCTYPE html PUBLIC \"x\"><html>", "a.xml", "text/html");
    ck_type("<?xml version='1.0'?>\n<catalog/>", "a.txt", "application/xml");
    ck_type("<?xml version='1.0'?><svg xmlns='x'/>", NULL, "image/svg+xml");
    ck_type("{\"a\": [1]}\n", "a.txt", "application/json");
    ck_type("[1, 2, {\"a\": 1}]", NULL, "application/json");
    ck_type("{\"a\": 1}\n{\"a\": 2}\n", NULL, "application/x-ndjson");
    ck_type("[link](x) and [more]", NULL, "text/plain");
    ck_type("{ braces } are no object", NULL, "text/plain");
    ck_type("[ ] to do", NULL, "text/plain");
    ck_type("\xFF\xFE<\0?\0x\0m\0l\0 \0?\0>\0<\0a\0/\0>\0", NULL, "application/xml");
}
END_TEST

START_TEST(names_decide_between_kinds_of_text)
{
    ck_type("# x", "A.MD", "text/markdown");
    ck_type("<p align=center>x</p>", "a.md", "text/markdown");
    ck_type("[\"a\"](b) is Markdown", "a.markdown", "text/markdown");
    ck_type("a,b\n1,2\n", "a.csv", "text/csv");
    ck_type("a\tb\n", "a.tsv", "text/tab-separated-values");
    ck_type("<div>part</div>", "a.html", "text/html");
    ck_type("no markup at all", "a.html", "text/plain");
    ck_type("<a/>", "a.xml", "application/xml");
    ck_type("12", "a.json", "application/json");
    ck_type("a: 1", "a.yml", "application/yaml");
    ck_type("int main(void);", "a.c", "text/plain");
    ck_type("# x", ".md", "text/plain"); /* that is the whole name */
}
END_TEST

/* --- ZIP -------------------------------------------------------------------------------------- */

static void put(char *zip, size_t *size, const char *bytes, size_t count)
{
    memcpy(zip + *size, bytes, count);
    *size += count;
}

/* Stored entries, their directory and its end; no sums, which nobody looks at. */
static size_t make_zip(char *zip, const char *const *names, const char *first)
{
    size_t size = 0, count = 0;

    for (; names[count]; count++) {
        const char *text = count == 0 && first ? first : "";
        char head[31] = "PK\3\4";
        head[18] = head[22] = (char)strlen(text);
        head[26] = (char)strlen(names[count]);
        put(zip, &size, head, 30);
        put(zip, &size, names[count], strlen(names[count]));
        put(zip, &size, text, strlen(text));
    }
    size_t directory = size;
    for (size_t i = 0; i < count; i++) {
        char head[47] = "PK\1\2";
        head[28] = (char)strlen(names[i]);
        put(zip, &size, head, 46);
        put(zip, &size, names[i], strlen(names[i]));
    }
    char end[23] = "PK\5\6";
    end[16] = (char)(directory & 0xFF);
    end[17] = (char)(directory >> 8);
    put(zip, &size, end, 22);
    return size;
}

#define ck_zip(wanted, first, ...)                                                                 \
    do {                                                                                           \
        char zip[2000];                                                                            \
        size_t size = make_zip(zip, (const char *const[]){__VA_ARGS__, NULL}, first);              \
        ck_assert_str_eq(type_of(zip, size, "a.txt"), wanted);                                     \
        for (size_t cut = 0; cut < size; cut++)                                                    \
            type_of(zip, cut, NULL);                                                               \
    } while (0)

START_TEST(archives_are_told_apart_by_what_they_hold)
{
    ck_zip("application/zip", NULL, "a.txt");
    ck_zip("application/vnd.openxmlformats-officedocument.wordprocessingml.document", NULL,
           "[Content_Types].xml", "_rels/.rels", "word/document.xml");
    ck_zip("application/vnd.openxmlformats-officedocument.presentationml.presentation", NULL,
           "[Content_Types].xml", "ppt/presentation.xml");
    ck_zip("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", NULL,
           "xl/workbook.xml");
    ck_zip("application/epub+zip", "application/epub+zip", "mimetype", "META-INF/container.xml");
    ck_zip("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text",
           "mimetype", "content.xml");
    ck_zip("application/java-archive", NULL, "META-INF/MANIFEST.MF");
}
END_TEST

/* --- encodings -------------------------------------------------------------------------------- */

static void ck_utf8(const void *bytes, size_t size, int32_t encoding, const char *wanted)
{
    char out[64];
    size_t mark;
    pb_bytes text = {bytes, size};

    ck_assert_int_eq(pb_media_encoding(text, &mark), encoding);
    size_t length = pb_media_utf8(text, encoding, mark, out);
    ck_assert_uint_eq(length, strlen(wanted));
    ck_assert_int_eq(memcmp(out, wanted, length), 0);
}

START_TEST(encodings_are_found_and_converted)
{
    ck_utf8("h\xC3\xA9", 3, PB_ENCODING_UTF8, "h\xC3\xA9");
    ck_utf8("\xEF\xBB\xBFh", 4, PB_ENCODING_UTF8, "h");
    ck_utf8("h\xE9 \x80", 4, PB_ENCODING_LATIN1, "h\xC3\xA9 \xE2\x82\xAC");
    ck_utf8("\xFF\xFEh\0\x3D\xD8\0\xDE", 8, PB_ENCODING_UTF16LE, "h\xF0\x9F\x98\x80");
    ck_utf8("\xFE\xFF\0h\xD8\x3D", 6, PB_ENCODING_UTF16BE, "h\xEF\xBF\xBD");
    ck_utf8("\xED\xA0\x80", 3, PB_ENCODING_LATIN1,
            "\xC3\xAD\xC2\xA0\xE2\x82\xAC"); /* a surrogate */
}
END_TEST

int main(void)
{
    return suite_run("media", (const TTest *const[]){magic_numbers_win, other_bytes_are_bytes,
                                                     text_is_told_apart_by_content,
                                                     names_decide_between_kinds_of_text,
                                                     archives_are_told_apart_by_what_they_hold,
                                                     encodings_are_found_and_converted, NULL});
}
