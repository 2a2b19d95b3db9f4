/* rtf.h - what the parts of the reader of RTF share: the groups' state, the tables of its header.
 */
#ifndef OFFICE_RTF_H
#define OFFICE_RTF_H

#include "draft.h"

#include <iconv.h>

enum { RTF_DEPTH = 1000, RTF_NUMBERS = 4096, RTF_PAGES = 24 };

enum rtf_place { RTF_BODY, RTF_SKIP, RTF_FONTS, RTF_STYLES, RTF_INFO, RTF_PROPERTY, RTF_FOOTNOTE };

struct rtf_group {
    enum rtf_place place;
    int meta;           /* of RTF_PROPERTY */
    int font, fallback; /* \f, \uc */
    bool hidden;
};

/* A code page that was needed: single bytes as a table, the others by iconv. */
struct rtf_page {
    int number;
    bool wide;
    iconv_t converter; /* of wide ones */
    uint32_t single[256];
};

struct rtf {
    struct job *job;
    pb_str rest;
    struct rtf_group *groups;
    int depth;
    int page; /* \ansicpg */
    struct rtf_page pages[RTF_PAGES];
    size_t page_count;
    /* the header's tables */
    uint16_t font_pages[RTF_NUMBERS];
    bool font_code[RTF_NUMBERS];
    int8_t style_levels[RTF_NUMBERS];
    bool style_code[RTF_NUMBERS];
    int entry, entry_level; /* of the table that is being read */
    char name[128];
    size_t name_size;
    /* the running paragraph */
    int style, outline, list;
    bool in_table, begun;
    /* characters */
    int skip;      /* to be skipped after \u */
    uint32_t lead; /* first half of a surrogate pair */
    uint8_t byte;  /* first of two bytes */
};

static inline struct rtf_group *rtf_group(struct rtf *rtf)
{
    return &rtf->groups[rtf->depth];
}

/* A control word with its number, `given` or not. */
void rtf_word(struct rtf *rtf, pb_str word, bool given, int number);
/* One byte of text in the running code page; one UTF-16 unit; one character. */
void rtf_byte(struct rtf *rtf, uint8_t byte);
void rtf_unit(struct rtf *rtf, uint32_t unit);
void rtf_code_point(struct rtf *rtf, uint32_t code);
/* The end of an entry of the table of fonts or styles, of a property. */
void rtf_entry_end(struct rtf *rtf);
void rtf_paragraph_end(struct rtf *rtf);
void rtf_pages_fini(struct rtf *rtf);
/* The code page of a \fcharset, or 0. */
int rtf_charset(int number);

#endif
