/* Files that mean harm: each is refused with a sentence or read within its limits, and the memory
 * of the process stays bounded. Every test is a process of its own. */
#include "read_it.h"

#include <sys/resource.h>

/* The most that this process ever held; sanitizers hold memory back, so not for them. */
static void within(long mebibytes)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct rusage usage;
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    ck_assert_msg(usage.ru_maxrss / 1024 < mebibytes, "%ld MiB", usage.ru_maxrss / 1024);
#else
    (void)mebibytes;
#endif
}

static char *repeat(const char *head, const char *piece, size_t times, const char *tail)
{
    size_t size = strlen(piece), at = strlen(head);
    char *text = malloc(at + times * size + strlen(tail) + 1);

    ck_assert_ptr_nonnull(text);
    memcpy(text, head, at);
    for (size_t i = 0; i < times; i++, at += size)
        memcpy(text + at, piece, size);
    memcpy(text + at, tail, strlen(tail) + 1);
    return text;
}

static pb_status read_body(const char *document)
{
    return read_parts(PARTS(DOCX_ROOT, {"word/document.xml", document, 0}));
}

#define OPEN  "<w:document xmlns:w='w'><w:body>"
#define CLOSE "</w:body></w:document>"

/* --- archives --------------------------------------------------------------------------------- */

START_TEST(bombs_are_too_large)
{
    char *zeros = repeat(OPEN, "                                                                ",
                         1 << 20, CLOSE);
    char *words = repeat(OPEN, P("0123456789 abcdefghij"), 40000, CLOSE);

    open_office("");
    refuses(read_body(zeros), PB_TOO_LARGE, "more than 500 times its size");
    end();
    open_office(", max_unfolded: 1MiB, max_ratio: 2000");
    refuses(read_body(words), PB_TOO_LARGE, "'max_unfolded'");
    end();
    open_office(", max_text: 100KiB");
    refuses(read_body(words), PB_TOO_LARGE, "'max_text'");
    end();
    free(zeros);
    free(words);
    within(300);
}
END_TEST

START_TEST(a_part_that_is_read_again_counts_again)
{
    char *spine = repeat("<package><manifest><item id='a' href='a.xhtml'/></manifest><spine>",
                         "<itemref idref='a'/>", 100000, "</spine></package>");
    char *chapter = repeat("<html><body>", "<!-- nothing at all -->", 20000, "</body></html>");

    open_office("");
    refuses(read_parts(PARTS({"mimetype", "application/epub+zip", 0},
                             {"META-INF/container.xml", "<c><rootfile full-path='b.opf'/></c>", 0},
                             {"b.opf", spine, 0}, {"a.xhtml", chapter, 0})),
            PB_TOO_LARGE, "'max_unfolded'");
    end();
    free(spine);
    free(chapter);
    within(200);
}
END_TEST

START_TEST(parts_are_counted_before_they_are_read)
{
    static const uint8_t claims[] = "PK\3\4PK\5\6\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\0\0\0";
    struct part parts[40];

    for (size_t i = 0; i < 40; i++)
        parts[i] = (struct part){&"word/document.xml"[i % 17], "x", 0};
    open_office(", max_parts: 10");
    refuses(read_parts(parts, 17), PB_TOO_LARGE, "more than the 10 parts");
    end();
    open_office("");
    refuses(read_bytes((pb_bytes){claims, sizeof claims - 1}, "a.docx"), PB_TOO_LARGE,
            "'max_parts'");
    end();
}
END_TEST

START_TEST(damage_is_told)
{
    pb_bytes zip = make_zip(PARTS(DOCX_ROOT, DOCX(P("The words of it."))), 0);
    uint8_t *bytes = (uint8_t *)(uintptr_t)zip.data;

    open_office("");
    ck_assert_int_eq(read_bytes(zip, NULL), PB_OK);
    for (size_t size = 5; size < zip.size; size += 7)
        refuses(read_bytes((pb_bytes){bytes, size}, "a.docx"), PB_UNPROCESSABLE, "damaged");
    for (size_t i = 0; i + 5 < zip.size; i++)
        if (memcmp(bytes + i, "words", 5) == 0)
            bytes[i] = 'W';
    refuses(read_bytes(zip, NULL), PB_UNPROCESSABLE, "damaged"); /* the checksum is another's */
    for (size_t i = 4; i < zip.size; i++) { /* whatever is wrong: a status that says so */
        uint8_t before = bytes[i];
        bytes[i] ^= (uint8_t)(1u << i % 8);
        pb_status status = read_bytes(zip, "a.docx");
        ck_assert_msg(status == PB_OK || status == PB_UNPROCESSABLE || status == PB_TOO_LARGE,
                      "byte %zu: %s", i, pb_status_name(status));
        bytes[i] = before;
    }
    end();
    free(bytes);
}
END_TEST

START_TEST(encrypted_files_are_told)
{
    static const uint8_t ole[] = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and more";
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    zip_stat_t about;
    static uint8_t bytes[4096];

    zip_source_keep(source);
    zip_int64_t index = zip_file_add(zip, "_rels/.rels", zip_source_buffer(zip, "<x/>", 4, 0), 0);
    ck_assert_int_eq(zip_file_set_encryption(zip, (zip_uint64_t)index, ZIP_EM_AES_256, "pw"), 0);
    ck_assert_int_eq(zip_close(zip), 0);
    ck_assert_int_eq(zip_source_open(source), 0);
    ck_assert_int_eq(zip_source_stat(source, &about), 0);
    (void)zip_source_read(source, bytes, sizeof bytes);

    open_office("");
    refuses(read_bytes((pb_bytes){bytes, about.size}, "a.docx"), PB_UNPROCESSABLE, "encrypted");
    refuses(read_bytes((pb_bytes){ole, sizeof ole}, "a.docx"), PB_UNPROCESSABLE, "encrypted");
    refuses(read_parts(PARTS({"mimetype", "application/vnd.oasis.opendocument.text", 0},
                             {"META-INF/manifest.xml", "<m><encryption-data/></m>", 0},
                             {"content.xml", "\x12\x34", 0})),
            PB_UNPROCESSABLE, "encrypted");
    refuses(read_parts(PARTS(
                {"mimetype", "application/epub+zip", 0},
                {"META-INF/container.xml", "<c><rootfile full-path='b.opf'/></c>", 0},
                {"META-INF/encryption.xml", "<e><EncryptionMethod Algorithm='aes128'/></e>", 0})),
            PB_UNPROCESSABLE, "rights management");
    zip_source_close(source);
    zip_source_free(source);
    end();
}
END_TEST

START_TEST(other_archives_are_told)
{
    open_office("");
    refuses(read_parts(PARTS({"a.txt", "words", 0})), PB_UNPROCESSABLE, "no office program");
    refuses(read_parts(PARTS(DOCX_ROOT, {"other.xml", "<x/>", 0})), PB_UNPROCESSABLE,
            "lacks a part");
    refuses(read_parts(PARTS(DOCX_ROOT, {"word/document.xml", "\x83\x01\x00", 3})),
            PB_UNPROCESSABLE, "XLSB");
    refuses(read_bytes((pb_bytes){(const uint8_t *)"words", 5}, NULL), PB_UNPROCESSABLE, "neither");
    refuses(read_bytes((pb_bytes){NULL, 0}, NULL), PB_UNPROCESSABLE, "neither");
    /* A target that climbs out of the archive is none. */
    refuses(read_parts(PARTS({"_rels/.rels",
                              RELATIONS(RELATION("r", "officeDocument", "../../etc/passwd")), 0})),
            PB_UNPROCESSABLE, "no office program");
    end();
}
END_TEST

/* --- XML -------------------------------------------------------------------------------------- */

#define LAUGHS                                                                                     \
    "<!DOCTYPE x [<!ENTITY a 'ha ha ha ha ha ha ha ha ha ha '><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;'>" \
    "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>"                 \
    "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;'>]>"

#define BOOK                                                                                       \
    {"mimetype", "application/epub+zip", 0},                                                       \
        {"META-INF/container.xml", "<c><rootfile full-path='b.opf'/></c>", 0},                     \
    {                                                                                              \
        "b.opf", "<p><item id='a' href='a.xhtml'/><itemref idref='a'/></p>", 0                     \
    }

START_TEST(entities_do_not_unfold)
{
    open_office("");
    refuses(read_body(LAUGHS OPEN P("&f;&f;") CLOSE), PB_UNPROCESSABLE, "declares entities");
    refuses(read_body("<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>" OPEN P("&f;") CLOSE),
            PB_UNPROCESSABLE, "declares entities");
    ck_assert_int_eq(read_parts(PARTS(BOOK, {"a.xhtml",
                                             LAUGHS "<html><body><p a='&f;'>x&f;y</p>"
                                                    "</body></html>",
                                             0})),
                     PB_OK);
    ck_assert_uint_lt(strlen(shown), 400);
    ck_assert_ptr_nonnull(strstr(shown, "xy"));
    end();
    within(100);
}
END_TEST

START_TEST(nesting_ends_somewhere)
{
    char *tables = repeat(OPEN, "<w:tbl><w:tr><w:tc>", 100000, "");
    char *soup = repeat("<html><br>", "<div>", 100000, "words");
    char *groups = repeat("{\\rtf1 ", "{", 100000, "words");

    open_office("");
    refuses(read_body(tables), PB_UNPROCESSABLE, "nested more than 200 deep");
    ck_assert_int_eq(read_parts(PARTS(BOOK, {"a.xhtml", soup, 0})), PB_UNPROCESSABLE);
    refuses(read_bytes((pb_bytes){(const uint8_t *)groups, strlen(groups)}, NULL), PB_UNPROCESSABLE,
            "nested more than 1000 deep");
    end();
    free(tables);
    free(soup);
    free(groups);
}
END_TEST

START_TEST(names_and_tags_are_bounded)
{
    char *text = malloc((16 << 20) + 100), *at = text;
    char *tag = repeat(OPEN "<w:p a='", "0123456789abcdef", 1 << 17, "'/>" CLOSE);

    at += sprintf(at, "%s", OPEN);
    for (unsigned i = 0; at < text + (16 << 20); i++)
        at += sprintf(at, "<a%x b%x=''/>", i, i);
    sprintf(at, "%s", CLOSE);
    open_office(", max_memory: 20MiB");
    refuses(read_body(text), PB_TOO_LARGE, "'max_memory'");
    refuses(read_body(tag), PB_UNPROCESSABLE, "longer than a megabyte");
    end();
    free(text);
    free(tag);
    within(150);
}
END_TEST

START_TEST(what_is_not_xml_is_told)
{
    open_office("");
    refuses(read_body("no XML"), PB_UNPROCESSABLE, "not well-formed XML (line 1)");
    refuses(read_body(OPEN "\n<w:p>" CLOSE), PB_UNPROCESSABLE, "(line 2)");
    refuses(read_body(OPEN P("\xFF\xFE")), PB_UNPROCESSABLE, "not well-formed");
    end();
}
END_TEST

/* --- large and legal -------------------------------------------------------------------------- */

START_TEST(ten_thousand_slides_are_read)
{
    enum { SLIDES = 10000 };
    struct part *parts = calloc(SLIDES + 3, sizeof *parts);
    char *list = malloc(SLIDES * 60 + 100), *relations = malloc(SLIDES * 200 + 100);
    char *names = malloc(SLIDES * 32), *at = list, *to = relations;

    at += sprintf(at, "<presentation>");
    to += sprintf(to, "<Relationships>");
    for (int i = 0; i < SLIDES; i++) {
        at += sprintf(at, "<sldId id='%d' r:id='r%d'/>", 256 + i, i);
        to += sprintf(to, "<Relationship Id='r%d' Type='x/slide' Target='slides/s%d.xml'/>", i, i);
        sprintf(names + (size_t)i * 32, "ppt/slides/s%d.xml", i);
        parts[i + 3] =
            (struct part){names + (size_t)i * 32,
                          "<sld><sp><ph type='title'/><p><r><t>Head</t></r></p></sp></sld>", 0};
    }
    sprintf(at, "</presentation>");
    sprintf(to, "</Relationships>");
    parts[0] = (struct part){"_rels/.rels",
                             RELATIONS(RELATION("r", "officeDocument", "ppt/presentation.xml")), 0};
    parts[1] = (struct part){"ppt/presentation.xml", list, 0};
    parts[2] = (struct part){"ppt/_rels/presentation.xml.rels", relations, 0};
    open_office("");
    ck_assert_int_eq(read_parts(parts, SLIDES + 3), PB_OK);
    ck_assert_uint_eq(reading.count, SLIDES);
    ck_assert_int_eq(reading.last_page, SLIDES);
    end();
    free(parts);
    free(list);
    free(relations);
    free(names);
    within(200);
}
END_TEST

START_TEST(cells_do_not_multiply)
{
    char *rows =
        repeat("<worksheet>", "<row><c r='XFD1'><v>1</v></c></row>", 20000, "</worksheet>");

    open_office("");
    refuses(
        read_parts(PARTS({"_rels/.rels", RELATIONS(RELATION("r", "officeDocument", "xl/w.xml")), 0},
                         {"xl/w.xml", "<workbook><sheet name='S' id='a'/></workbook>", 0},
                         {"xl/_rels/w.xml.rels", RELATIONS(RELATION("a", "worksheet", "s.xml")), 0},
                         {"xl/s.xml", rows, 0})),
        PB_TOO_LARGE, "'max_text'");
    ck_assert_int_eq(
        read_parts(PARTS({"mimetype", "application/vnd.oasis.opendocument.spreadsheet", 0},
                         {"content.xml",
                          "<d><spreadsheet><table name='S'><table-row "
                          "number-rows-repeated='99999999999'><table-cell "
                          "number-columns-repeated='99999999999'><p>x<s c='9999999999'/>y</p>"
                          "</table-cell></table-row></table></spreadsheet></d>",
                          0})),
        PB_OK);
    ck_assert_uint_lt(strlen(shown), 2000);
    end();
    free(rows);
    within(200);
}
END_TEST

START_TEST(broken_rtf_is_read_as_far_as_it_goes)
{
    static const char *const texts[] = {"{\\rtf",
                                        "{\\rtf1\\",
                                        "{\\rtf1\\'",
                                        "{\\rtf1\\'4",
                                        "{\\rtf1\\bin999999999 x",
                                        "{\\rtf1\\bin-5 x}",
                                        "{\\rtf1}}}}}\\par x",
                                        "{\\rtf1\\u55357 \\u55357 x}",
                                        "{\\rtf1\\uc99\\u65 x}",
                                        "{\\rtf1\\s99999999999 x}",
                                        "{\\rtf1\\f-1\\fcharset-7 x}",
                                        "{\\rtf1{\\fonttbl\\f5000\\fcharset128;}\\f5000\\'82}",
                                        "{\\rtf1\\ansicpg932\\'82\\'ff\\'82}",
                                        "{\\rtf1\\cell\\row\\cell\\intbl x\\row\\row}",
                                        "{\\rtf1{\\stylesheet{\\s4095;;;}}\\s4095 x}",
                                        "{\\rtf1{\\info{\\title{\\title{\\author x}}}}}",
                                        "{\\rtf1{\\footnote{\\footnote x}\\pard\\intbl y}}",
                                        "{\\rtf1 \x80\xff\x01}",
                                        NULL};

    open_office("");
    for (int i = 0; texts[i]; i++)
        ck_assert_int_eq(read_bytes((pb_bytes){(const uint8_t *)texts[i], strlen(texts[i])}, NULL),
                         PB_OK);
    end();
}
END_TEST

START_TEST(how_much_a_part_may_unfold_is_an_option)
{
    enum { COUNT = 60000, LINE = 64 };
    char *text = malloc((size_t)COUNT * LINE), *at = text;

    ck_assert_ptr_nonnull(text);
    at += sprintf(at, "%s", OPEN);
    for (int i = 0; i < COUNT; i++)
        at += sprintf(at, "<w:p><w:r><w:t>%d</w:t></w:r></w:p>", i);
    (void)sprintf(at, "%s", CLOSE);
    open_office("");
    ck_assert_int_eq(read_body(text), PB_OK);
    end();
    open_office(", max_ratio: 10");
    refuses(read_body(text), PB_TOO_LARGE, "more than 10 times its size");
    end();
    free(text);
}
END_TEST

int main(void)
{
    return suite_run("hostile",
                     (const TTest *const[]){
                         bombs_are_too_large, how_much_a_part_may_unfold_is_an_option,
                         a_part_that_is_read_again_counts_again,
                         parts_are_counted_before_they_are_read, damage_is_told,
                         encrypted_files_are_told, other_archives_are_told, entities_do_not_unfold,
                         nesting_ends_somewhere, names_and_tags_are_bounded,
                         what_is_not_xml_is_told, ten_thousand_slides_are_read,
                         cells_do_not_multiply, broken_rtf_is_read_as_far_as_it_goes, NULL});
}
