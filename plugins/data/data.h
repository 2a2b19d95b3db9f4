/* data.h - what the files of plugin `data` share. All but data.c runs on a helper thread.
 *
 * csv.c makes tables; json.c and xml.c make lines of "path: value", grouped in records by flat.c.
 */
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include <patchbay/blocks.h>

struct data {
    int64_t max_text, max_blocks, depth, rows;
    int32_t header; /* HEADER_… */
};

enum { HEADER_AUTO, HEADER_YES, HEADER_NO };

/* Blocks end when they hold this much, with their line. */
enum { BLOCK_LONG = 2048 };

struct reading {
    const struct data *options;
    pb_block_writer *writer;
    pb_str text;        /* UTF-8; the bytes themselves for XML */
    char sentence[160]; /* of a failure */
};

/* The file is damaged: PB_UNPROCESSABLE with the line. */
__attribute__((format(printf, 3, 4))) void reading_fail(struct reading *reading, int64_t line,
                                                        const char *format, ...);

void csv_read(struct reading *reading, char delimiter);
void json_read(struct reading *reading);
void xml_read(struct reading *reading);

/* Which of , ; tab | parts the cells of this text. */
char csv_delimiter(pb_str text);

/* The string whose opening quote is at text[0], decoded into `out`, which has text.size bytes.
 * Returns how many bytes of text it takes with both quotes; 0: it is broken. */
size_t json_string(pb_str text, char *out, size_t *size);

/* --- records ---------------------------------------------------------------------------------- */

enum { PATH_MOST = 1024 };

/* Lines of "path: value" in blocks. The path is that below the record's. */
struct flat {
    pb_block_writer *writer;
    char path[PATH_MOST];
    size_t size; /* of the path */
    bool line;   /* one has begun */
    int64_t last;
    char title[256];
    size_t title_size;
};

/* Go down and up; returns what to go up to. A path that grows too long is cut. */
size_t flat_down(struct flat *flat, pb_str name);
size_t flat_down_index(struct flat *flat, uint64_t index);
void flat_up(struct flat *flat, size_t size);

/* Begins a line with the path; flat_value adds to it, keeping the lines of the value. */
void flat_line(struct flat *flat, int64_t line);
void flat_value(struct flat *flat, pb_str value);
void flat_end_line(struct flat *flat, int64_t line);
/* Ends the record: the next line begins a block. */
void flat_end_record(struct flat *flat);
void flat_heading(struct flat *flat, int32_t level, pb_str text, int64_t line);
/* Remembers the title of the document; the first is kept. */
void flat_title(struct flat *flat, pb_str title);
void flat_finish(struct flat *flat);

#endif
