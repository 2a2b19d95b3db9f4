/* rtf.c - RTF: groups, control words and bytes. What they mean is in rtf_words.c and rtf_text.c. */
#include "rtf.h"
#include "office.h"

#include <ctype.h>
#include <stdlib.h>

static char next(struct rtf *rtf)
{
    char byte = rtf->rest.data[0];

    rtf->rest = pb_str_slice(rtf->rest, 1, rtf->rest.size);
    return byte;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 32);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static void open_group(struct rtf *rtf)
{
    if (rtf->depth + 1 == RTF_DEPTH) {
        (void)job_fail(rtf->job, PB_UNPROCESSABLE, "its groups are nested more than %d deep",
                       RTF_DEPTH);
        return;
    }
    rtf->groups[rtf->depth + 1] = rtf->groups[rtf->depth];
    rtf->depth++;
    rtf->skip = 0;
}

static void close_group(struct rtf *rtf)
{
    enum rtf_place place = rtf_group(rtf)->place;

    rtf->skip = 0;
    if (rtf->depth == 0) /* one too many: what follows is still read */
        return;
    if (place == RTF_PROPERTY || place == RTF_FONTS || place == RTF_STYLES)
        rtf_entry_end(rtf);
    if (place == RTF_FOOTNOTE && rtf->groups[rtf->depth - 1].place != RTF_FOOTNOTE)
        draft_add(rtf->job, pb_lit(") "));
    rtf->depth--;
}

static void control_word(struct rtf *rtf)
{
    size_t letters = 0, digits = 0;
    long number = 0;

    while (letters < rtf->rest.size && letters < 32 &&
           isalpha((unsigned char)rtf->rest.data[letters]))
        letters++;
    pb_str word = pb_str_slice(rtf->rest, 0, letters);
    rtf->rest = pb_str_slice(rtf->rest, letters, rtf->rest.size);
    bool minus =
        rtf->rest.size > 1 && rtf->rest.data[0] == '-' && isdigit((unsigned char)rtf->rest.data[1]);
    rtf->rest = pb_str_slice(rtf->rest, minus, rtf->rest.size);
    while (digits < rtf->rest.size && digits < 10 && isdigit((unsigned char)rtf->rest.data[digits]))
        number = number * 10 + (rtf->rest.data[digits++] - '0');
    rtf->rest = pb_str_slice(rtf->rest, digits, rtf->rest.size);
    if (rtf->rest.size && rtf->rest.data[0] == ' ')
        (void)next(rtf);
    if (number > INT32_MAX)
        number = INT32_MAX;
    if (pb_str_is(word, "bin")) { /* bytes that are no text at all */
        rtf->rest = pb_str_slice(rtf->rest, minus ? 0 : (size_t)number, rtf->rest.size);
        return;
    }
    if (rtf->skip && !pb_str_is(word, "u")) {
        rtf->skip--;
        return;
    }
    rtf_word(rtf, word, digits > 0, (int)(minus ? -number : number));
}

static void control(struct rtf *rtf)
{
    if (!rtf->rest.size)
        return;
    if (isalpha((unsigned char)rtf->rest.data[0])) {
        control_word(rtf);
        return;
    }
    char symbol = next(rtf);
    if (symbol == '*') { /* what programs that do not know it leave out */
        if (rtf_group(rtf)->place != RTF_PROPERTY)
            rtf_group(rtf)->place = RTF_SKIP;
    } else if (symbol == '\'') {
        int high = rtf->rest.size > 1 ? hex_digit(rtf->rest.data[0]) : -1;
        int low = rtf->rest.size > 1 ? hex_digit(rtf->rest.data[1]) : -1;
        if (high < 0 || low < 0)
            return;
        rtf->rest = pb_str_slice(rtf->rest, 2, rtf->rest.size);
        rtf_byte(rtf, (uint8_t)(high << 4 | low));
    } else if (symbol == '~' || symbol == '_') {
        rtf_code_point(rtf, symbol == '~' ? ' ' : '-');
    } else if (symbol == '\n' || symbol == '\r') {
        rtf_word(rtf, pb_lit("par"), false, 0);
    } else if (strchr("\\{}", symbol) && symbol) {
        rtf_code_point(rtf, (unsigned char)symbol);
    }
}

static pb_status parse(struct rtf *rtf)
{
    for (size_t steps = 0; rtf->rest.size && rtf->job->status == PB_OK; steps++) {
        char byte = next(rtf);
        if (byte == '{')
            open_group(rtf);
        else if (byte == '}')
            close_group(rtf);
        else if (byte == '\\')
            control(rtf);
        else if (byte != '\r' && byte != '\n' && byte != '\0')
            rtf_byte(rtf, (uint8_t)byte);
        if (steps % 65536 == 0 && pb_cancelled())
            (void)job_fail(rtf->job, PB_CANCELLED, "it was cancelled");
    }
    return rtf->job->status;
}

pb_status rtf_read(struct job *job)
{
    struct rtf *rtf = job_keep(job, sizeof *rtf);
    struct rtf_group *groups = job_keep(job, RTF_DEPTH * sizeof *groups);

    if (!rtf || !groups)
        return job->status;
    rtf->job = job;
    rtf->groups = groups;
    rtf->rest = pb_str_make((const char *)job->file.data, job->file.size);
    rtf->page = 1252;
    rtf->outline = -1;
    groups[0].fallback = 1;
    (void)parse(rtf);
    rtf_paragraph_end(rtf);
    while (job->draft.tables)
        draft_table_close(job);
    draft_close(job);
    rtf_pages_fini(rtf);
    return job->status;
}
