/* parse.c - has libxml2 read a page, element by element: no tree is built.
 *
 * libxml2 takes the page in small pieces. Before each it is asked whether the time is up or the
 * task was cancelled: some of its loops take the square of what a hostile page holds.
 */
#include "html.h"

#include <libxml/HTMLparser.h>
#include <time.h>

struct source {
    struct reader *reader;
    pb_str rest;
    int64_t until; /* of this thread's processor time, nanoseconds */
};

static int64_t spent(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * PB_SECOND + now.tv_nsec;
}

static int read_piece(void *arg, char *buffer, int room)
{
    struct source *source = arg;
    pb_block_writer *writer = source->reader->writer;

    if (spent() > source->until)
        pb_bw_fail(writer, PB_TOO_LARGE, "it takes longer to read than option 'time' allows");
    if (pb_bw_status(writer) != PB_OK)
        return 0; /* as if it ended here */
    size_t size = source->rest.size < (size_t)room ? source->rest.size : (size_t)room;
    if (size)
        memcpy(buffer, source->rest.data, size);
    source->rest = pb_str_slice(source->rest, size, source->rest.size);
    return (int)size;
}

static int close_source(void *arg)
{
    (void)arg;
    return 0;
}

/* --- what libxml2 calls ----------------------------------------------------------------------- */

static void see_line(struct reader *reader)
{
    reader->line = xmlSAX2GetLineNumber(reader->parser);
    if (reader->writer->status != PB_OK)
        xmlStopParser(reader->parser);
}

static void on_begin(void *arg, const xmlChar *name, const xmlChar **attributes)
{
    struct reader *reader = arg;

    see_line(reader);
    reader_begin(reader, (const char *)name, (const unsigned char *const *)attributes);
}

static void on_end(void *arg, const xmlChar *name)
{
    struct reader *reader = arg;

    (void)name; /* they come as they were opened */
    see_line(reader);
    reader_end(reader);
}

static void on_text(void *arg, const xmlChar *text, int size)
{
    struct reader *reader = arg;
    pb_str words = pb_str_make((const char *)text, (size_t)size);
    int64_t lines = 0;

    see_line(reader); /* libxml2 stands behind the text */
    while (words.size && (uint8_t)words.data[words.size - 1] <= ' ')
        reader->line -= words.data[--words.size] == '\n';
    int64_t last = reader->line;
    for (size_t i = 0; i < words.size; i++)
        lines += words.data[i] == '\n';
    for (size_t i = 0; i < words.size && (uint8_t)words.data[i] <= ' '; i++)
        lines -= words.data[i] == '\n';
    reader->line = last > lines ? last - lines : 1;
    reader_text(reader, pb_str_make((const char *)text, (size_t)size));
    if (words.size)
        reader->last = last;
}

pb_status html_parse(struct reader *reader, pb_str text)
{
    static const xmlSAXHandler handler = {.startElement = on_begin,
                                          .endElement = on_end,
                                          .characters = on_text,
                                          .ignorableWhitespace = on_text,
                                          .cdataBlock = on_text,
                                          .initialized = 1};
    struct source source = {reader, text, spent() + reader->options->time};
    htmlParserCtxtPtr parser = htmlNewParserCtxt();

    if (!parser) {
        pb_bw_fail(reader->writer, PB_NO_MEMORY, "out of memory");
        return PB_NO_MEMORY;
    }
    *parser->sax = handler;
    parser->userData = reader;
    reader->parser = parser;
    htmlDocPtr document =
        htmlCtxtReadIO(parser, read_piece, close_source, &source, NULL, "UTF-8",
                       HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                           HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
    if (document)
        xmlFreeDoc(document);
    htmlFreeParserCtxt(parser);
    reader_finish(reader);
    free(reader->stack);
    return pb_bw_status(reader->writer);
}
