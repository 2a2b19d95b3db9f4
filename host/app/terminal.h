/* terminal.h - what is written to: a terminal with a width and colours, or a file or pipe.
 *
 * What models and documents say was written by strangers: control characters never reach a terminal
 * (text_plain, markdown.c).
 */
#ifndef HOST_APP_TERMINAL_H
#define HOST_APP_TERMINAL_H

#include <patchbay/memory.h>

struct terminal {
    int out;
    bool live;   /* a terminal that can go back in its line: not a file, not TERM=dumb */
    bool edits;  /* and standard input is one too: lines can be edited */
    bool colour; /* live, without --no-color and NO_COLOR */
};

enum {
    STYLE_BOLD = 1,
    STYLE_ITALIC = 2,
    STYLE_CODE = 4,
    STYLE_LINK = 8,
    STYLE_STRIKE = 16,
    STYLE_CITE = 32,
    STYLE_DIM = 64,
    STYLE_HEADING = 128,
    STYLE_ERROR = 256,
    STYLE_PROMPT = 512,
};

/* Looks at standard input and output, and makes the C library count characters as UTF-8. */
struct terminal terminal_open(bool no_colour);

/* Its columns now: 80 where nobody knows. */
size_t terminal_width(const struct terminal *terminal);

/* Writes all. Parks while the reader is slow. PB_CANCELLED when nobody reads any more. */
pb_status terminal_write(const struct terminal *terminal, pb_str text);
PB_PRINTF(2, 3) pb_status terminal_print(const struct terminal *terminal, const char *format, ...);

/* The sequence that begins this style (0: none at all); at most STYLE_SEQUENCE bytes. */
enum { STYLE_SEQUENCE = 48 };
pb_str style_sequence(unsigned style, char out[STYLE_SEQUENCE]);

/* `text` in this style, in the running scope; as it is where there are no colours. */
pb_str terminal_styled(const struct terminal *terminal, unsigned style, pb_str text);

/* While `quiet`, what is typed is not shown and not lost; Ctrl-C stays a signal. What was set is set
 * back by terminal_quiet(false), and when the process exits. */
void terminal_quiet(bool quiet);

/* --- text ------------------------------------------------------------------------------------- */

/* Columns of one character (a whole UTF-8 sequence), or of a text without control characters. */
size_t character_width(pb_str character);
size_t text_width(pb_str text);

/* The beginning of `text` that has at most `width` columns. */
pb_str text_fit(pb_str text, size_t width);

/* In one line and without control characters, those of C1 (U+0080 to U+009F) and those that turn the
 * direction of writing too; in the running scope. */
pb_str text_plain(pb_str text);

/* Is this character one that no stranger may send to a terminal? */
bool character_controls(pb_str character);

/* Ids in tables: the end of one, which tells them apart (a UUIDv7 begins with the time). Eight
 * characters; what is no UUID stays whole. */
pb_str id_short(pb_str id);

#endif
