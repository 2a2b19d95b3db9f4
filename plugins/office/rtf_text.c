/* rtf_text.c - the characters of RTF: code pages, paragraphs, names in the tables of its header. */
#include "office.h"
#include "rtf.h"

#include <patchbay/media.h>

#include <stdlib.h>

/* --- code pages ------------------------------------------------------------------------------- */

int rtf_charset(int number)
{
    static const struct {
        int charset, page;
    } pages[] = {{0, 1252},   {77, 10000}, {128, 932},  {129, 949},  {134, 936},  {136, 950},
                 {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257},
                 {204, 1251}, {222, 874},  {238, 1250}, {255, 437},  {254, 437}};

    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (pages[i].charset == number)
            return pages[i].page;
    return 0;
}

static bool is_wide(int page)
{
    return page == 932 || page == 936 || page == 949 || page == 950;
}

static uint32_t convert(iconv_t converter, const char *bytes, size_t size)
{
    char in[2] = {bytes[0], size > 1 ? bytes[1] : '\0'}, *from = in;
    uint32_t code = 0;
    char *to = (char *)&code;
    size_t room = sizeof code;

    (void)iconv(converter, NULL, NULL, NULL, NULL);
    if (iconv(converter, &from, &size, &to, &room) == (size_t)-1 || room)
        return 0xFFFD;
    return code;
}

static bool is_known(int page)
{
    static const int pages[] = {437, 850,  852,  855,  857,  862,  866,  874,  932,  936,  949,
                                950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258, 10000};
    size_t i = 0;

    while (i < sizeof pages / sizeof *pages && pages[i] != page)
        i++;
    return i < sizeof pages / sizeof *pages;
}

static struct rtf_page *page_open(struct rtf *rtf, int number)
{
    struct rtf_page *page = &rtf->pages[rtf->page_count++];
    char name[24];

    page->number = number;
    page->wide = is_wide(number);
    (void)snprintf(name, sizeof name, number == 10000 ? "MACINTOSH" : "CP%d", number);
    page->converter = iconv_open("UTF-32LE", name);
    if (page->wide || page->converter == (iconv_t)-1)
        return page;
    for (int i = 0; i < 256; i++)
        page->single[i] = convert(page->converter, &(char){(char)i}, 1);
    (void)iconv_close(page->converter);
    page->converter = (iconv_t)-1;
    return page;
}

static struct rtf_page *page_of(struct rtf *rtf)
{
    int number = rtf->font_pages[rtf_group(rtf)->font];

    number = number ? number : rtf->page;
    number = is_known(number) ? number : 1252;
    for (size_t i = 0; i < rtf->page_count; i++)
        if (rtf->pages[i].number == number)
            return &rtf->pages[i];
    return page_open(rtf, number);
}

void rtf_pages_fini(struct rtf *rtf)
{
    for (size_t i = 0; i < rtf->page_count; i++)
        if (rtf->pages[i].converter != (iconv_t)-1)
            (void)iconv_close(rtf->pages[i].converter);
}

void rtf_byte(struct rtf *rtf, uint8_t byte)
{
    if (rtf->skip) {
        rtf->skip--;
        return;
    }
    if (byte < 0x80 && !rtf->byte) {
        rtf_code_point(rtf, byte);
        return;
    }
    struct rtf_page *page = page_of(rtf);
    if (!page->wide) {
        rtf->byte = 0;
        rtf_code_point(rtf, page->single[byte] ? page->single[byte] : 0xFFFD);
        return;
    }
    char both[2] = {(char)(rtf->byte ? rtf->byte : byte), (char)byte};
    bool second = rtf->byte != 0;
    bool single = !second && page->number == 932 && byte >= 0xA1 && byte <= 0xDF;
    rtf->byte = 0;
    if (!second && !single)
        rtf->byte = byte;
    else
        rtf_code_point(rtf, page->converter == (iconv_t)-1
                                ? 0xFFFD
                                : convert(page->converter, both, single ? 1 : 2));
}

void rtf_unit(struct rtf *rtf, uint32_t unit)
{
    if (unit >= 0xD800 && unit < 0xDC00) {
        rtf->lead = unit;
        return;
    }
    if (unit >= 0xDC00 && unit < 0xE000)
        unit = rtf->lead ? 0x10000 + ((rtf->lead - 0xD800) << 10) + (unit - 0xDC00) : 0xFFFD;
    rtf->lead = 0;
    /* Symbol fonts stand in the private area, 0xF000 above their byte. */
    if (unit >= 0xF020 && unit < 0xF0FF)
        unit = unit == 0xF0B7 ? 0x2022 : 0;
    if (unit)
        rtf_code_point(rtf, unit);
}

/* --- tables of the header --------------------------------------------------------------------- */

void rtf_entry_end(struct rtf *rtf)
{
    const struct rtf_group *group = rtf_group(rtf);

    rtf->name[rtf->name_size] = '\0';
    pb_str name = pb_str_trim(pb_str_make(rtf->name, rtf->name_size));
    rtf->name[(size_t)(name.data - rtf->name) + name.size] = '\0';
    if (group->place == RTF_PROPERTY) {
        job_note(rtf->job, group->meta, name);
    } else if (group->place == RTF_FONTS && name.size) {
        rtf->font_code[rtf->entry] = names_code(name.data);
    } else if (group->place == RTF_STYLES && name.size) {
        int level = rtf->entry_level ? rtf->entry_level : names_heading(name.data);
        rtf->style_levels[rtf->entry] = (int8_t)level;
        rtf->style_code[rtf->entry] = names_code(name.data);
        rtf->entry = rtf->entry_level = 0;
    }
    rtf->name_size = 0;
}

static void name_character(struct rtf *rtf, uint32_t code)
{
    char bytes[4];
    size_t size = pb_utf8_write(code, bytes);

    if (code == ';' && rtf_group(rtf)->place != RTF_PROPERTY) {
        rtf_entry_end(rtf);
    } else if (code >= 32 && rtf->name_size + size < sizeof rtf->name) {
        memcpy(rtf->name + rtf->name_size, bytes, size);
        rtf->name_size += size;
    }
}

/* --- the body --------------------------------------------------------------------------------- */

static bool continues_code(const struct rtf *rtf)
{
    const struct draft *draft = &rtf->job->draft;

    return !draft->tables && draft->open && draft->leaves[draft->count - 1].type == PB_BLOCK_CODE;
}

static void begin_paragraph(struct rtf *rtf)
{
    int level = rtf->outline >= 0 ? rtf->outline + 1 : rtf->style_levels[rtf->style];
    bool code = rtf->style_code[rtf->style] || rtf->font_code[rtf_group(rtf)->font];

    rtf->begun = true;
    if (rtf->in_table != (rtf->job->draft.tables > 0)) {
        if (rtf->in_table)
            draft_table_open(rtf->job);
        else
            draft_table_close(rtf->job);
    }
    if (code && !level && continues_code(rtf))
        draft_add(rtf->job, pb_lit("\n"));
    else if (level > 0)
        draft_open(rtf->job, PB_BLOCK_HEADING, level);
    else if (rtf->list)
        draft_open(rtf->job, PB_BLOCK_LIST_ITEM, rtf->list);
    else
        draft_open(rtf->job, code ? PB_BLOCK_CODE : PB_BLOCK_TEXT, 0);
}

void rtf_paragraph_end(struct rtf *rtf)
{
    if (rtf->begun && (!continues_code(rtf) || rtf->job->draft.tables))
        draft_close(rtf->job);
    rtf->begun = false;
    rtf->byte = 0;
    rtf->lead = 0;
}

void rtf_code_point(struct rtf *rtf, uint32_t code)
{
    const struct rtf_group *group = rtf_group(rtf);

    switch (group->place) {
    case RTF_BODY:
        if (group->hidden)
            return;
        if (!rtf->begun)
            begin_paragraph(rtf);
        draft_code_point(rtf->job, code);
        return;
    case RTF_FOOTNOTE:
        draft_code_point(rtf->job, code);
        return;
    case RTF_FONTS:
    case RTF_STYLES:
    case RTF_PROPERTY:
        name_character(rtf, code);
        return;
    default:
        return;
    }
}
