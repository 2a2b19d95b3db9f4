/* What survives of each format: headings, lists, tables, pages, code, properties. */
#include "read_it.h"

START_TEST(docx_has_structure)
{
    open_office("");
    ck_assert_int_eq(
        read_parts(PARTS(
            DOCX_ROOT,
            {"word/_rels/document.xml.rels",
             RELATIONS(RELATION("a", "styles", "styles.xml")
                           RELATION("b", "footnotes", "/word/footnotes.xml")),
             0},
            {"word/styles.xml",
             "<w:styles xmlns:w='w'>"
             "<w:style w:type='paragraph' w:styleId='T'><w:name w:val='Title'/></w:style>"
             "<w:style w:type='paragraph' w:styleId='b1'><w:name w:val='heading 1'/></w:style>"
             "<w:style w:type='paragraph' w:styleId='own'><w:name w:val='Mine'/>"
             "<w:basedOn w:val='two'/></w:style>"
             "<w:style w:type='paragraph' w:styleId='two'><w:name w:val='Zwei'/><w:pPr>"
             "<w:outlineLvl w:val='1'/></w:pPr></w:style>"
             "<w:style w:type='paragraph' w:styleId='c'><w:name w:val='Source Code'/></w:style>"
             "<w:style w:type='paragraph' w:styleId='loop'><w:name w:val='x'/>"
             "<w:basedOn w:val='loop'/></w:style></w:styles>",
             0},
            {"docProps/core.xml",
             "<cp:coreProperties xmlns:cp='c' xmlns:dc='d' xmlns:dcterms='e'>"
             "<dc:creator>Ada &amp; Co</dc:creator><dc:language>en</dc:language>"
             "<dcterms:created>2026-01-02T03:04:05Z</dcterms:created></cp:coreProperties>",
             0},
            {"word/footnotes.xml",
             "<w:footnotes xmlns:w='w'><w:footnote>" P("A note.") "</w:footnote></w:footnotes>", 0},
            DOCX(STYLED("T", "The Manual") STYLED("b1", "Install &#233;t") P(
                "First  words.") "<w:p><w:r><w:t>Se</w:t></w:r><w:r><w:t>cond</w:t><w:br/"
                                 "><w:t>line</w:t></w:r>"
                                 "<w:del><w:r><w:t>gone</w:t></w:r></w:del></w:p>" STYLED(
                                     "own",
                                     "Deeper") "<w:p><w:pPr><w:numPr><w:ilvl w:val='1'/><w:numId "
                                               "w:val='3'/></w:numPr></w:pPr>"
                                               "<w:r><w:t>point</w:t></w:r></w:p>" STYLED("c",
                                                                                          "int a;")
                                                   STYLED("c", "int b;") P("After.")
                                                       STYLED("loop",
                                                              "Loop.") "<w:tbl><w:tr><w:tc>" P("a")
                                                           P("b") "</w:tc><w:tc>" P(
                                                               "c") "</w:tc></w:tr>"
                                                                    "<w:tr><w:tc><w:p/></"
                                                                    "w:tc><w:tc><w:tbl><w:tr><w:"
                                                                    "tc>" P("in") "</w:tc><w:tc>" P(
                                                                        "ner") "</w:tc></w:tr></"
                                                                               "w:tbl><w:p/></"
                                                                               "w:tc></w:tr></"
                                                                               "w:tbl>"
                                                                               "<w:p><w:r><w:br "
                                                                               "w:type='page'/"
                                                                               "><w:t>Next "
                                                                               "page.</w:t></w:r></"
                                                                               "w:p>" P(
                                                                                   "Still.")))),
        PB_OK);
    ck_assert(reading.accepted);
    shows("h1 p1 The Manual\nh1 p1 Install \xC3\xA9t\ntext p1 First words.\n"
          "text p1 Second/line\nh2 p1 Deeper\nlist2 p1 point\ncode p1 int a;/int b;\n"
          "text p1 After.\ntext p1 Loop.\ntable p1 a b|c/|in ner\ntext p1 Next page.\n"
          "text p2 Still.\ntext p2 A note.\n");
    ck_assert_str_eq(reading.title, "The Manual");
    ck_assert_str_eq(reading.metadata, "{\"author\":\"Ada & Co\",\"language\":\"en\","
                                       "\"created\":\"2026-01-02T03:04:05Z\"}");
    end();
}
END_TEST

START_TEST(docx_pages_are_where_it_was_last_broken)
{
    open_office("");
    ck_assert_int_eq(
        read_parts(
            PARTS(DOCX_ROOT,
                  DOCX(P("one") "<w:p><w:r><w:br w:type='page'/></w:r></w:p>"
                                "<w:p><w:r><w:lastRenderedPageBreak/><w:t>two</w:t></w:r></w:p>"))),
        PB_OK);
    shows("text p1 one\ntext p2 two\n");
    end();
}
END_TEST

START_TEST(pptx_has_slides)
{
#define SHAPE(placeholder, paragraphs)                                                             \
    "<p:sp><p:nvSpPr><p:nvPr>" placeholder "</p:nvPr></p:nvSpPr><p:txBody>" paragraphs             \
    "</p:txBody></p:sp>"
#define AP(text) "<a:p><a:r><a:t>" text "</a:t></a:r></a:p>"
#define SLIDE(shapes)                                                                              \
    "<p:sld xmlns:p='p' xmlns:a='a'><p:cSld><p:spTree>" shapes "</p:spTree></p:cSld></p:sld>"
    open_office("");
    ck_assert_int_eq(
        read_parts(PARTS(
            {"_rels/.rels", RELATIONS(RELATION("r1", "officeDocument", "ppt/presentation.xml")), 0},
            {"ppt/presentation.xml",
             "<p:presentation xmlns:p='p' xmlns:r='r'><p:sldIdLst><p:sldId id='256' r:id='s2'/>"
             "<p:sldId id='257' r:id='s1'/></p:sldIdLst></p:presentation>",
             0},
            {"ppt/_rels/presentation.xml.rels",
             RELATIONS(RELATION("s1", "slide", "slides/slide1.xml")
                           RELATION("s2", "slide", "slides/slide2.xml")),
             0},
            {"ppt/slides/slide1.xml", SLIDE(SHAPE("", AP("No title here"))), 0},
            {"ppt/slides/slide2.xml",
             SLIDE(
                 SHAPE("<p:ph idx='1'/>",
                       AP("Point") "<a:p><a:pPr lvl='1'/><a:r><a:t>Sub</a:t>"
                                   "</a:r></a:p>") SHAPE("<p:ph type='sldNum'/>", AP("7"))
                     SHAPE("<p:ph type='title'/>", AP("The") AP("Title")) "<a:tbl><a:tr><a:tc>" AP(
                         "x") "</a:tc><a:tc>" AP("y") "</a:tc></a:tr></a:tbl>"),
             0},
            {"ppt/slides/_rels/slide2.xml.rels",
             RELATIONS(RELATION("n", "notesSlide", "../notesSlides/notes1.xml")), 0},
            {"ppt/notesSlides/notes1.xml", SLIDE(SHAPE("<p:ph type='body'/>", AP("Say this."))),
             0})),
        PB_OK);
    shows("h1 p1 The Title\nlist1 p1 Point\nlist2 p1 Sub\ntable p1 x|y\ntext p1 Say this.\n"
          "h1 p2 Slide 2\ntext p2 No title here\n");
    end();
}
END_TEST

#define XLSX_ROOT                                                                                  \
    {                                                                                              \
        "_rels/.rels", RELATIONS(RELATION("r1", "officeDocument", "xl/workbook.xml")), 0           \
    }

START_TEST(xlsx_has_sheets)
{
    open_office("");
    ck_assert_int_eq(
        read_parts(PARTS(
            XLSX_ROOT,
            {"xl/workbook.xml",
             "<workbook xmlns:r='r'><sheets><sheet name='Prices' r:id='a'/>"
             "<sheet name='Secret' state='hidden' r:id='b'/><sheet name='Empty' r:id='c'/></sheets>"
             "</workbook>",
             0},
            {"xl/_rels/workbook.xml.rels",
             RELATIONS(RELATION("a", "worksheet", "worksheets/one.xml")
                           RELATION("b", "worksheet", "worksheets/two.xml")
                               RELATION("c", "worksheet", "worksheets/three.xml")
                                   RELATION("d", "sharedStrings", "sharedStrings.xml")
                                       RELATION("e", "styles", "styles.xml")),
             0},
            {"xl/sharedStrings.xml",
             "<sst><si><t>Name</t></si><si><r><t>Bo</t></r><r><t>lt</t></r><rPh><t>x</t></rPh></si>"
             "<si><t>two\nlines</t></si></sst>",
             0},
            {"xl/styles.xml",
             "<styleSheet><numFmts><numFmt numFmtId='170' formatCode='[$-409]d\\ mmm\\ yyyy;@'/>"
             "</numFmts><cellStyleXfs><xf numFmtId='9'/></cellStyleXfs><cellXfs><xf numFmtId='0'/>"
             "<xf numFmtId='14'/><xf numFmtId='10'/><xf numFmtId='170'/><xf numFmtId='4'/>"
             "<xf numFmtId='22'/></cellXfs></styleSheet>",
             0},
            {"xl/worksheets/one.xml",
             "<worksheet><sheetData>"
             "<row r='1'><c r='A1' t='s'><v>0</v></c><c r='C1' "
             "t='inlineStr'><is><t>Price</t></is></c>"
             "</row><row r='2'><c r='A2' t='s'><v>1</v></c><c r='B2' t='b'><v>1</v></c>"
             "<c r='C2' s='4'><v>1234.5</v></c><c t='s'><v>99</v></c></row><row/>"
             "<row r='9'><c r='A9' s='1'><v>46082</v></c><c s='2'><v>0.125</v></c>"
             "<c s='3'><v>61</v></c><c s='5'><v>46082.75</v></c><c><v>0.1</v></c>"
             "<c t='str'><f>A1</f><v>calc</v></c><c t='s'><v>2</v></c></row>"
             "</sheetData></worksheet>",
             0},
            {"xl/worksheets/two.xml", "<worksheet/>", 0},
            {"xl/worksheets/three.xml", "<worksheet/>", 0})),
        PB_OK);
    shows("h1 p1 Prices\ntable p1 Name||Price/Bolt|TRUE|1234.50/2026-03-01|12.50%|1900-03-01|"
          "2026-03-01 18:00:00|0.1|calc|two lines\nh1 p2 Empty\n");
    end();
}
END_TEST

#define ODF(body)                                                                                  \
    {                                                                                              \
        "content.xml",                                                                             \
            "<office:document-content xmlns:office='o' xmlns:text='t' "                            \
            "xmlns:table='b' xmlns:style='s' xmlns:draw='d' xmlns:presentation='p'>" body          \
            "</office:document-content>",                                                          \
            0                                                                                      \
    }

START_TEST(odt_has_structure)
{
    open_office("");
    ck_assert_int_eq(
        read_parts(PARTS(
            {"mimetype", "application/vnd.oasis.opendocument.text", 0},
            {"meta.xml", "<m xmlns:dc='d'><dc:title>Meta</dc:title><dc:creator>Bo</dc:creator></m>",
             0},
            {"styles.xml",
             "<s xmlns:style='s'><style:style style:name='P9' style:family='paragraph' "
             "style:parent-style-name='Preformatted_20_Text'/></s>",
             0},
            ODF("<office:body><office:text><text:h text:outline-level='2'>Head</text:h>\n"
                "<text:p>A<text:s text:c='3'/>b\n   c<text:tab/>d<text:line-break/>e"
                "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>see"
                "</text:p></text:note-body></text:note></text:p>"
                "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>"
                "two</text:p></text:list-item></text:list></text:list-item></text:list>"
                "<text:p text:style-name='P9'>x<text:s text:c='2'/>y</text:p>"
                "<text:p text:style-name='P9'>z</text:p><text:soft-page-break/>"
                "<table:table><table:table-row><table:table-cell><text:p>a</text:p></"
                "table:table-cell>"
                "<table:table-cell table:number-columns-repeated='2'/><table:table-cell>"
                "<text:p>d</text:p></table:table-cell></table:table-row></table:table>"
                "</office:text></office:body>"))),
        PB_OK);
    shows("h2 p1 Head\ntext p1 A b c d/e (see)\nlist1 p1 one\nlist2 p1 two\ncode p1 x  y/z\n"
          "table p2 a|||d\n");
    ck_assert_str_eq(reading.title, "Meta");
    end();
}
END_TEST

START_TEST(ods_and_odp_have_pages)
{
    open_office("");
    ck_assert_int_eq(
        read_parts(PARTS(
            {"mimetype", "application/vnd.oasis.opendocument.spreadsheet", 0},
            ODF("<office:body><office:spreadsheet><table:table table:name='S1'><table:table-row>"
                "<table:table-cell table:number-columns-repeated='2'><text:p>7</text:p>"
                "</table:table-cell><table:table-cell table:number-columns-repeated='16382'/>"
                "</table:table-row><table:table-row table:number-rows-repeated='1048575'>"
                "<table:table-cell table:number-columns-repeated='16384'/></table:table-row>"
                "</table:table><table:table "
                "table:name='S2'/></office:spreadsheet></office:body>"))),
        PB_OK);
    shows("h1 p1 S1\ntable p1 7|7\nh1 p2 S2\n");
    ck_assert_int_eq(
        read_parts(PARTS(
            {"mimetype", "application/vnd.oasis.opendocument.presentation", 0},
            ODF("<office:body><office:presentation><draw:page><draw:frame "
                "presentation:class='title'><draw:text-box><text:p>Hi</text:p></draw:text-box>"
                "</draw:frame><draw:frame><draw:text-box><text:list><text:list-item><text:p>there"
                "</text:p></text:list-item></text:list></draw:text-box></draw:frame></draw:page>"
                "<draw:page><draw:frame><draw:text-box><text:p>bare</text:p></draw:text-box>"
                "</draw:frame></draw:page></office:presentation></office:body>"))),
        PB_OK);
    shows("h1 p1 Hi\nlist1 p1 there\nh1 p2 Slide 2\ntext p2 bare\n");
    end();
}
END_TEST

#define EPUB_ROOT                                                                                  \
    {"mimetype", "application/epub+zip", 0},                                                       \
    {                                                                                              \
        "META-INF/container.xml",                                                                  \
            "<container><rootfiles><rootfile "                                                     \
            "full-path='OEBPS/book.opf'/></rootfiles></container>",                                \
            0                                                                                      \
    }

START_TEST(epub_follows_its_spine)
{
    open_office("");
    ck_assert_int_eq(
        read_parts(PARTS(
            EPUB_ROOT,
            {"OEBPS/book.opf",
             "<package xmlns:dc='d'><metadata><dc:title>A "
             "Book</dc:title><dc:creator>Cy</dc:creator>"
             "<dc:language>de</dc:language></metadata><manifest>"
             "<item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>"
             "<item id='b' href='text/ch%202.xhtml' media-type='application/xhtml+xml'/>"
             "<item id='a' href='text/ch1.xhtml' media-type='application/xhtml+xml'/></manifest>"
             "<spine><itemref idref='n'/><itemref idref='a'/><itemref "
             "idref='b'/></spine></package>",
             0},
            {"OEBPS/nav.xhtml", "<html><body>Contents</body></html>", 0},
            {"OEBPS/text/ch1.xhtml",
             "<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.1//EN' "
             "'http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd'><html xmlns='h'><head><title>t</title>"
             "</head><body><h1>One<br/>two</h1>\n <p>Caf&eacute; &mdash;\n  <b>bold</b>ly</p>"
             "<ul><li>x<ul><li>y</li></ul></li></ul><pre>\n a\n  b</pre>"
             "<table><tr><th>k</th><td>v\nw</td></tr></table><div>loose<p>par</p>end</div>"
             "</body></html>",
             0},
            {"OEBPS/text/ch 2.xhtml",
             "<html><body><h2>Not <i>closed</h2><p>a & b<p>c &lt; d &nbsp; &#x263A;<br>e"
             "<script>if (a < b) c</script><td>stray</body>",
             0})),
        PB_OK);
    ck_assert(reading.accepted);
    shows("h1 One two\ntext Caf\xC3\xA9 \xE2\x80\x94 boldly\nlist1 x\nlist2 y\ncode  a/  b\n"
          "table k|v w\ntext loose\ntext par\ntext end\nh2 Not closed\ntext a & b\n"
          "text c < d \xE2\x98\xBA/e stray\n");
    ck_assert_str_eq(reading.title, "A Book");
    ck_assert_str_eq(reading.metadata, "{\"author\":\"Cy\",\"language\":\"de\"}");
    end();
}
END_TEST

static pb_status read_text(const char *text)
{
    return read_bytes((pb_bytes){(const uint8_t *)text, strlen(text)}, NULL);
}

START_TEST(rtf_has_structure)
{
    open_office("");
    ck_assert_int_eq(
        read_text(
            "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fnil Arial;}"
            "{\\f1\\fcharset204 Times;}{\\f2\\fcharset128 Gothic;}{\\f3 Courier New;}}"
            "{\\stylesheet{\\s0 Normal;}{\\s1 heading 1;}{\\s7\\outlinelevel2 Mine;}}"
            "{\\info{\\title A title}{\\author D\\'e9}}{\\*\\generator Riched20;}\n"
            "{\\header page head}\\pard\\s1 Head\\'e9\\par\\pard Uni\\u8212?code \\u-10179?"
            "\\u-8704?\\line b\\par{\\f1 \\'cf\\'f0}{\\f2 \\'82\\'a0}{\\v hidden}\\par\n"
            "{\\pard\\ls1\\ilvl1{\\listtext\\'b7\\tab}item\\par}\\pard\\s7 Third\\par\\page\n"
            "\\trowd\\pard\\intbl a\\cell b\\par c\\cell\\row\\trowd\\intbl\\cell d\\cell\\row"
            "\\pard{\\f3 code\\par more\\par}\\pard text{\\footnote note}\\bin3 }}}\\par"
            "{\\field{\\*\\fldinst LINK}{\\fldrslt shown}}{\\pict 0102}}"),
        PB_OK);
    ck_assert(reading.accepted);
    shows("h1 p1 Head\xC3\xA9\ntext p1 Uni\xE2\x80\x94"
          "code \xF0\x9F\x98\x80/b\ntext p1 \xD0\x9F\xD1\x80\xE3\x81\x82\nlist2 p1 item\n"
          "h3 p1 Third\ntable p2 a|b c/|d\ncode p2 code/more\ntext p2 text (note)\n"
          "text p2 shown\n");
    ck_assert_str_eq(reading.title, "A title");
    ck_assert_str_eq(reading.metadata, "{\"author\":\"D\xC3\xA9\"}");
    end();
}
END_TEST

START_TEST(it_takes_what_it_can_read)
{
    static const struct {
        const char *type, *name, *bytes;
        bool takes;
    } cases[] = {
        {"application/epub+zip", NULL, "", true},
        {"Application/RTF; charset=x", NULL, "", true},
        {NULL, "a.txt", "{\\rtf1}", true},
        {NULL, "a.docx", "PK\3\4 cut short", true},
        {NULL, "a.DOCX", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", true},
        {NULL, "a.zip", "PK\3\4", false},
        {NULL, "a.docx", "plain words", false},
        {"text/plain", "a.md", "# words", false},
    };

    open_office("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_blob blob = {.size = sizeof blob,
                        .type = pb_str_of(cases[i].type),
                        .name = pb_str_of(cases[i].name),
                        .bytes = {(const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)}};
        pb_instance *office = pb_harness_instance(harness, "extractor", "office");
        ck_assert_msg(pb_extractor_accepts(office, &blob) == cases[i].takes, "case %zu", i);
    }
    end();
}
END_TEST

int main(void)
{
    return suite_run("office", (const TTest *const[]){
                                   docx_has_structure, docx_pages_are_where_it_was_last_broken,
                                   pptx_has_slides, xlsx_has_sheets, odt_has_structure,
                                   ods_and_odp_have_pages, epub_follows_its_spine,
                                   rtf_has_structure, it_takes_what_it_can_read, NULL});
}
