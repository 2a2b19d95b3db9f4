/* rtf_words.c - what the control words of RTF mean; those that are not in the table mean nothing.
 */
#include "office.h"
#include "rtf.h"

#include <stdlib.h>

enum { DO_PLACE, DO_META, DO_CHARACTER, DO_SPECIAL };
enum {
    ANSICPG,
    CELL,
    FCHARSET,
    FONT,
    FOOTNOTE,
    INTBL,
    LIST,
    LEVEL,
    MAC,
    OUTLINE,
    PAGE,
    PAR,
    PARD,
    PC,
    PLAIN,
    ROW,
    STYLE,
    UNICODE,
    FALLBACK,
    HIDDEN
};

static const struct meaning {
    const char *word;
    int what, value;
} meanings[] = {
    /* in alphabetical order */
    {"ansicpg", DO_SPECIAL, ANSICPG},
    {"author", DO_META, META_AUTHOR},
    {"bkmkend", DO_PLACE, RTF_SKIP},
    {"bkmkstart", DO_PLACE, RTF_SKIP},
    {"bullet", DO_CHARACTER, 0x2022},
    {"cell", DO_SPECIAL, CELL},
    {"colortbl", DO_PLACE, RTF_SKIP},
    {"doccomm", DO_META, META_DESCRIPTION},
    {"emdash", DO_CHARACTER, 0x2014},
    {"emspace", DO_CHARACTER, ' '},
    {"endash", DO_CHARACTER, 0x2013},
    {"enspace", DO_CHARACTER, ' '},
    {"f", DO_SPECIAL, FONT},
    {"fcharset", DO_SPECIAL, FCHARSET},
    {"filetbl", DO_PLACE, RTF_SKIP},
    {"fldinst", DO_PLACE, RTF_SKIP},
    {"fonttbl", DO_PLACE, RTF_FONTS},
    {"footer", DO_PLACE, RTF_SKIP},
    {"footerf", DO_PLACE, RTF_SKIP},
    {"footerl", DO_PLACE, RTF_SKIP},
    {"footerr", DO_PLACE, RTF_SKIP},
    {"footnote", DO_SPECIAL, FOOTNOTE},
    {"header", DO_PLACE, RTF_SKIP},
    {"headerf", DO_PLACE, RTF_SKIP},
    {"headerl", DO_PLACE, RTF_SKIP},
    {"headerr", DO_PLACE, RTF_SKIP},
    {"ilvl", DO_SPECIAL, LEVEL},
    {"info", DO_PLACE, RTF_INFO},
    {"intbl", DO_SPECIAL, INTBL},
    {"keywords", DO_META, META_KEYWORDS},
    {"ldblquote", DO_CHARACTER, 0x201C},
    {"line", DO_CHARACTER, '\n'},
    {"listtext", DO_PLACE, RTF_SKIP},
    {"lquote", DO_CHARACTER, 0x2018},
    {"ls", DO_SPECIAL, LIST},
    {"mac", DO_SPECIAL, MAC},
    {"nestcell", DO_CHARACTER, ' '},
    {"nestrow", DO_CHARACTER, ' '},
    {"nonesttables", DO_PLACE, RTF_SKIP},
    {"nonshppict", DO_PLACE, RTF_SKIP},
    {"object", DO_PLACE, RTF_SKIP},
    {"outlinelevel", DO_SPECIAL, OUTLINE},
    {"page", DO_SPECIAL, PAGE},
    {"par", DO_SPECIAL, PAR},
    {"pard", DO_SPECIAL, PARD},
    {"pc", DO_SPECIAL, PC},
    {"pict", DO_PLACE, RTF_SKIP},
    {"plain", DO_SPECIAL, PLAIN},
    {"pntext", DO_PLACE, RTF_SKIP},
    {"rdblquote", DO_CHARACTER, 0x201D},
    {"row", DO_SPECIAL, ROW},
    {"rquote", DO_CHARACTER, 0x2019},
    {"s", DO_SPECIAL, STYLE},
    {"sect", DO_SPECIAL, PAR},
    {"stylesheet", DO_PLACE, RTF_STYLES},
    {"subject", DO_META, META_SUBJECT},
    {"tab", DO_CHARACTER, '\t'},
    {"tc", DO_PLACE, RTF_SKIP},
    {"title", DO_META, META_TITLE},
    {"u", DO_SPECIAL, UNICODE},
    {"uc", DO_SPECIAL, FALLBACK},
    {"v", DO_SPECIAL, HIDDEN},
    {"xe", DO_PLACE, RTF_SKIP},
};

static int compare(const void *key, const void *meaning)
{
    const pb_str *word = key;
    const char *other = ((const struct meaning *)meaning)->word;
    int order = strncmp(word->data, other, word->size);

    return order ? order : -(int)(unsigned char)other[word->size];
}

static void footnote(struct rtf *rtf)
{
    if (rtf_group(rtf)->place != RTF_BODY)
        return;
    draft_add(rtf->job, pb_lit(" ("));
    rtf_group(rtf)->place = RTF_FOOTNOTE;
}

static void table_word(struct rtf *rtf, int value)
{
    if (rtf_group(rtf)->place != RTF_BODY)
        return;
    if (value == CELL)
        draft_cell_end(rtf->job, 1);
    else
        draft_row_end(rtf->job);
    rtf->begun = false;
}

/* Words of a paragraph and of an entry of the table of styles. */
static void paragraph_word(struct rtf *rtf, int value, int number)
{
    bool in_styles = rtf_group(rtf)->place == RTF_STYLES;

    if (value == STYLE && number >= 0 && number < RTF_NUMBERS)
        *(in_styles ? &rtf->entry : &rtf->style) = number;
    else if (value == OUTLINE && number >= 0 && number < 9)
        *(in_styles ? &rtf->entry_level : &rtf->outline) = in_styles ? number + 1 : number;
    if (in_styles || rtf_group(rtf)->place == RTF_FOOTNOTE)
        return;
    if (value == PARD) {
        rtf->style = rtf->list = 0;
        rtf->outline = -1;
        rtf->in_table = false;
    } else if (value == INTBL) {
        rtf->in_table = number != 0;
    } else if (value == LIST) {
        rtf->list = number ? 1 : 0;
    } else if (value == LEVEL && rtf->list && number >= 0 && number < 9) {
        rtf->list = number + 1;
    }
}

static void character_word(struct rtf *rtf, int value, bool given, int number)
{
    struct rtf_group *group = rtf_group(rtf);

    if (value == FONT && number >= 0 && number < RTF_NUMBERS)
        *(group->place == RTF_FONTS ? &rtf->entry : &group->font) = number;
    else if (value == FCHARSET && group->place == RTF_FONTS)
        rtf->font_pages[rtf->entry] = (uint16_t)rtf_charset(number);
    else if (value == FALLBACK && number >= 0 && number < 100)
        group->fallback = number;
    else if (value == HIDDEN)
        group->hidden = !given || number;
    else if (value == PLAIN)
        group->hidden = false;
}

static void special(struct rtf *rtf, int value, bool given, int number)
{
    switch (value) {
    case ANSICPG:
        rtf->page = number;
        break;
    case MAC:
    case PC:
        rtf->page = value == MAC ? 10000 : 437;
        break;
    case CELL:
    case ROW:
        table_word(rtf, value);
        break;
    case FOOTNOTE:
        footnote(rtf);
        break;
    case PAGE:
        if (rtf_group(rtf)->place == RTF_BODY) {
            rtf_paragraph_end(rtf);
            rtf->job->draft.breaks++;
        }
        break;
    case PAR:
        if (rtf_group(rtf)->place == RTF_BODY)
            rtf_paragraph_end(rtf);
        else
            rtf_code_point(rtf, ' ');
        break;
    case UNICODE:
        rtf_unit(rtf, (uint32_t)number & 0xFFFF);
        rtf->skip = rtf_group(rtf)->fallback;
        break;
    case PARD:
    case LIST:
    case LEVEL:
    case OUTLINE:
    case STYLE:
        paragraph_word(rtf, value, number);
        break;
    case INTBL:
        paragraph_word(rtf, value, given ? number : 1);
        break;
    default:
        character_word(rtf, value, given, number);
    }
}

void rtf_word(struct rtf *rtf, pb_str word, bool given, int number)
{
    const struct meaning *found =
        bsearch(&word, meanings, sizeof meanings / sizeof *meanings, sizeof *meanings, compare);
    struct rtf_group *group = rtf_group(rtf);

    if (!found || group->place == RTF_SKIP)
        return;
    if (found->what == DO_SPECIAL) {
        special(rtf, found->value, given, number);
    } else if (found->what == DO_CHARACTER) {
        rtf_code_point(rtf, (uint32_t)found->value);
    } else if (found->what == DO_META) {
        if (group->place == RTF_INFO) {
            group->place = RTF_PROPERTY;
            group->meta = found->value;
            rtf->name_size = 0;
        }
    } else if (group->place == RTF_BODY || found->value == RTF_SKIP) {
        group->place = (enum rtf_place)found->value;
        rtf->entry = rtf->entry_level = 0;
        rtf->name_size = 0;
    }
}
