/* html.c - takes tags out of a text, in one pass.
 *
 * The copy is built byte by byte. `open` is where the first "<" stands that began a tag and has not
 * been closed; a ">" cuts the copy off there. So what two halves of other tags leave behind is seen
 * as a tag again, and no tag can be put together from pieces.
 */
#include "clean.h"

struct stripper {
    pb_str text;
    size_t at; /* what was read of it */
    char *out;
    size_t size, open; /* open: `none` when no tag is */
    bool no_end[3];    /* this ending does not come any more: it is not looked for again */
};

static const size_t none = SIZE_MAX;
static const pb_str endings[3] = {PB_LIT("-->"), PB_LIT("</script"), PB_LIT("</style")};
enum { COMMENT, SCRIPT, STYLE };

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool begins_tag(char byte)
{
    return is_letter(byte) || byte == '/' || byte == '!' || byte == '?';
}

/* Moves behind the next ending of this kind; false when there is none. */
static bool skip_to(struct stripper *stripper, int kind)
{
    pb_str ending = endings[kind];

    for (size_t at = stripper->at; !stripper->no_end[kind] && at < stripper->text.size; at++)
        if (pb_str_same(pb_str_slice(stripper->text, at, ending.size), ending)) {
            stripper->at = at + ending.size;
            return true;
        }
    stripper->no_end[kind] = true;
    return false;
}

static bool is_named(pb_str tag, pb_str name)
{
    return pb_str_same(pb_str_slice(tag, 0, name.size), name) &&
           (tag.size == name.size || !is_letter(tag.data[name.size]));
}

/* A ">" came: cuts the tag off, and what is between <script> and </script>. */
static void close_tag(struct stripper *stripper)
{
    pb_str tag =
        pb_str_make(stripper->out + stripper->open + 1, stripper->size - stripper->open - 1);
    int kind = is_named(tag, pb_lit("script"))  ? SCRIPT
               : is_named(tag, pb_lit("style")) ? STYLE
                                                : 0;

    stripper->size = stripper->open;
    stripper->open = none;
    if (kind && skip_to(stripper, kind)) /* the ">" of "</script >" goes too */
        stripper->at += pb_str_find(pb_str_slice(stripper->text, stripper->at, SIZE_MAX), '>') + 1;
    if (stripper->at > stripper->text.size)
        stripper->at = stripper->text.size;
}

static void take_byte(struct stripper *stripper, char byte)
{
    bool begun = stripper->size && stripper->out[stripper->size - 1] == '<';

    if (byte == '>' && stripper->open != none) {
        close_tag(stripper);
        return;
    }
    stripper->out[stripper->size++] = byte;
    if (stripper->open == none && begun && begins_tag(byte))
        stripper->open = stripper->size - 2;
    pb_str tail = pb_str_slice(pb_str_make(stripper->out, stripper->size),
                               stripper->size < 4 ? 0 : stripper->size - 4, 4);
    if (byte == '-' && pb_str_is(tail, "<!--") && stripper->open == stripper->size - 4 &&
        skip_to(stripper, COMMENT)) {
        stripper->size = stripper->open;
        stripper->open = none;
    }
}

pb_str strip_html(pb_str text)
{
    struct stripper stripper = {.text = text, .open = none};

    if (pb_str_find(text, '<') == text.size)
        return text;
    stripper.out = (char *)pb_alloc(text.size);
    if (!stripper.out)
        return pb_str_make(NULL, 0);
    while (stripper.at < text.size)
        take_byte(&stripper, text.data[stripper.at++]);
    return stripper.size == text.size ? text : pb_str_make(stripper.out, stripper.size);
}
