/* xml.c - XML by Expat: elements with text to lines of "path: text".
 *
 * Children of the outermost element, and elements that follow one of their name, are records.
 * What is inside of a sentence, and paragraphs, are text. Entities that a document defines are not
 * unfolded, and nothing outside of it is read.
 */
#include "data.h"

#include <expat.h>

enum { NAME_MOST = 64 };

struct element {
    char name[NAME_MOST], child[NAME_MOST]; /* child: the last that held elements */
    size_t before;                          /* of the path */
    bool text, inline_;                     /* has text of its own; is inside of a sentence */
    bool elements, record;
};

struct xml {
    struct reading *reading;
    struct flat flat;
    XML_Parser parser;
    struct element *stack;
    int depth;
    bool titling; /* inside of a title that becomes a heading */
};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* Elements that are running text in the usual kinds of documents. */
static bool is_paragraph(const char *name)
{
    static const char *const names[] = {"p",        "para",    "simpara", "line",        "l",
                                        "v",        "verse",   "stanza",  "description", "summary",
                                        "abstract", "content", NULL};

    return is_one_of(name, names);
}

static int64_t line_of(const struct xml *xml)
{
    return (int64_t)XML_GetCurrentLineNumber(xml->parser);
}

static void copy_name(char out[NAME_MOST], const char *name)
{
    const char *colon = strrchr(name, ':');

    snprintf(out, NAME_MOST, "%.*s", NAME_MOST - 1, colon ? colon + 1 : name);
}

/* A title that comes first in its parent is a heading. */
static bool begins_heading(const struct xml *xml, const struct element *parent, const char *name)
{
    return xml->depth >= 1 && !parent->elements && !parent->text && strcmp(name, "title") == 0;
}

/* What follows is a record of its own; its paths begin here. */
static void begin_record(struct xml *xml, struct element *element)
{
    if (!element->record)
        flat_end_record(&xml->flat);
    element->record = true;
    flat_up(&xml->flat, 0);
}

/* The innermost element holds others. */
static void begin_container(struct xml *xml)
{
    struct element *element = &xml->stack[xml->depth - 1];

    if (element->elements || xml->depth == 1)
        return;
    memcpy(element[-1].child, element->name, NAME_MOST);
    if (xml->depth == 2 || element->record)
        begin_record(xml, element);
}

static void add_attributes(struct xml *xml, const char **attributes)
{
    for (; attributes[0]; attributes += 2) {
        char name[NAME_MOST];
        if (!attributes[1][0] || strncmp(attributes[0], "xmlns", 5) == 0 ||
            strncmp(attributes[0], "xsi:", 4) == 0)
            continue;
        copy_name(name, attributes[0]);
        size_t before = flat_down(&xml->flat, pb_str_of(name));
        flat_line(&xml->flat, line_of(xml));
        flat_value(&xml->flat, pb_str_of(attributes[1]));
        flat_end_line(&xml->flat, line_of(xml));
        flat_up(&xml->flat, before);
    }
}

static void on_begin(void *arg, const char *name, const char **attributes)
{
    struct xml *xml = arg;
    struct element *parent = xml->depth ? &xml->stack[xml->depth - 1] : NULL;

    if (pb_bw_status(xml->reading->writer) != PB_OK || xml->depth >= xml->reading->options->depth) {
        pb_bw_fail(xml->reading->writer, PB_TOO_LARGE,
                   "its elements are nested deeper than option 'depth' allows");
        XML_StopParser(xml->parser, XML_FALSE);
        return;
    }
    struct element *element = &xml->stack[xml->depth];
    memset(element, 0, sizeof *element);
    copy_name(element->name, name);
    element->inline_ = parent && (parent->inline_ || parent->text);
    if (parent && !element->inline_) {
        xml->titling = begins_heading(xml, parent, element->name);
        begin_container(xml);
        parent->elements = true;
    }
    element->before = xml->flat.size;
    xml->depth++;
    if (element->inline_)
        return;
    if (parent && (strcmp(parent->child, element->name) == 0 || (xml->depth == 2 && attributes[0])))
        begin_record(xml, element);
    if (parent)
        flat_down(&xml->flat, pb_str_of(element->name));
    add_attributes(xml, attributes);
}

static void on_end(void *arg, const char *name)
{
    struct xml *xml = arg;
    struct element *element = &xml->stack[--xml->depth];

    (void)name;
    if (element->inline_)
        return;
    if (element->text && (xml->titling || is_paragraph(element->name)))
        flat_end_record(&xml->flat);
    if (xml->flat.line)
        flat_end_line(&xml->flat, line_of(xml));
    xml->titling = false;
    flat_up(&xml->flat, element->before);
    if (xml->depth == 1)
        flat_end_record(&xml->flat);
}

/* The first text of an element begins a line, a paragraph or a heading. */
static void begin_text(struct xml *xml, struct element *element)
{
    if (xml->titling) {
        flat_end_record(&xml->flat);
        pb_bw_open(xml->flat.writer, PB_BLOCK_HEADING, xml->depth > 7 ? 6 : xml->depth - 1,
                   line_of(xml));
    } else if (is_paragraph(element->name)) {
        flat_end_record(&xml->flat);
        pb_bw_open(xml->flat.writer, PB_BLOCK_TEXT, 0, line_of(xml));
    } else {
        flat_line(&xml->flat, line_of(xml));
    }
    xml->flat.line = true;
    element->text = true;
}

static void on_text(void *arg, const char *text, int size)
{
    struct xml *xml = arg;
    struct element *element = xml->depth ? &xml->stack[xml->depth - 1] : NULL;
    pb_str words = pb_str_make(text, (size_t)size);

    if (!element || xml->reading->writer->status != PB_OK)
        return;
    if (!element->inline_ && !xml->flat.line && !pb_str_trim(words).size)
        return;
    if (!element->inline_ && (!element->text || !xml->flat.line))
        begin_text(xml, element);
    pb_bw_flow(xml->flat.writer, words);
    xml->flat.last = line_of(xml);
}

/* With this Expat does not unfold entities in text. */
static void on_other(void *arg, const char *text, int size)
{
    (void)arg, (void)text, (void)size;
}

static int on_encoding(void *arg, const char *name, XML_Encoding *out)
{
    static const char *const known[] = {"windows-1252", "WINDOWS-1252", "cp1252", "ISO-8859-15",
                                        "iso-8859-15",  "Windows-1252", NULL};

    (void)arg;
    if (!is_one_of(name, known))
        return XML_STATUS_ERROR;
    for (int i = 0; i < 256; i++)
        out->map[i] = (int)pb_latin1_code((uint8_t)i);
    return XML_STATUS_OK;
}

static void judge(struct xml *xml)
{
    if (xml->reading->writer->status == PB_OK)
        reading_fail(xml->reading, line_of(xml), "%s",
                     XML_ErrorString(XML_GetErrorCode(xml->parser)));
}

void xml_read(struct reading *reading)
{
    struct xml xml = {.reading = reading,
                      .flat = {.writer = reading->writer},
                      .parser = XML_ParserCreate(NULL),
                      .stack = calloc((size_t)reading->options->depth, sizeof *xml.stack)};

    if (!xml.parser || !xml.stack) {
        pb_bw_fail(reading->writer, PB_NO_MEMORY, "out of memory");
    } else if (reading->text.size > INT32_MAX) {
        pb_bw_fail(reading->writer, PB_TOO_LARGE, "it is too large for XML");
    } else {
        XML_SetUserData(xml.parser, &xml);
        XML_SetElementHandler(xml.parser, on_begin, on_end);
        XML_SetCharacterDataHandler(xml.parser, on_text);
        XML_SetDefaultHandler(xml.parser, on_other);
        XML_SetUnknownEncodingHandler(xml.parser, on_encoding, NULL);
        if (XML_Parse(xml.parser, reading->text.data, (int)reading->text.size, 1) != XML_STATUS_OK)
            judge(&xml);
        flat_finish(&xml.flat);
        if (reading->writer->status == PB_OK)
            pb_bw_title_from_heading(reading->writer, 1);
    }
    if (xml.parser)
        XML_ParserFree(xml.parser);
    free(xml.stack);
}
