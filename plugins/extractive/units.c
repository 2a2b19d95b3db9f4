/* units.c - passages as sentences, list items, rows of tables and stretches of code. Blank lines
 * set paragraphs apart; the lines of one are prose, a list, a table or code. */
#include "extractive.h"

enum { UNITS_MOST = 4000, CODE_MOST = 1600 };

/* Where in which passage we are. */
struct place {
    struct answer *answer;
    uint32_t passage, paragraph;
};

static pb_status add(const struct place *place, int type, pb_str text, pb_str header)
{
    struct answer *answer = place->answer;
    pb_str trimmed = pb_str_trim(text);
    size_t at = 0;
    pb_word word;

    if (!trimmed.size || answer->count == UNITS_MOST)
        return PB_OK;
    if (answer->count == answer->room) {
        size_t room = answer->room ? answer->room * 2 : 64;
        struct unit *units =
            pb_grow(answer->units, answer->room * sizeof *units, room * sizeof *units);
        if (!units)
            return PB_NO_MEMORY;
        answer->units = units;
        answer->room = room;
    }
    struct unit *unit = &answer->units[answer->count++];
    *unit = (struct unit){.text = trimmed,
                          .header = header,
                          .type = type,
                          .passage = place->passage,
                          .paragraph = place->paragraph};
    if (type == UNIT_CODE) /* the indentation of its first line stays */
        while (unit->text.data > text.data && unit->text.data[-1] == ' ')
            unit->text.data--, unit->text.size++;
    unit->leads = trimmed.data[trimmed.size - 1] == ':';
    while (pb_word_next(trimmed, &at, &word))
        unit->words++;
    return PB_OK;
}

/* --- prose --------------------------------------------------------------------------------------
 */

static bool is_abbreviation(pb_str text, size_t dot)
{
    static const char *const known[] = {"e.g", "i.e", "etc", "vs", "cf", "approx", "no", "fig"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t size = strlen(known[i]);
        if (dot >= size && memcmp(text.data + dot - size, known[i], size) == 0 &&
            (dot == size || strchr(" (\n", text.data[dot - size - 1])))
            return true;
    }
    return dot >= 1 && (dot == 1 || text.data[dot - 2] == ' ') && text.data[dot - 1] >= 'A' &&
           text.data[dot - 1] <= 'Z'; /* an initial */
}

/* What stands behind a sentence: white space, then no small letter. */
static bool ends_at(pb_str text, size_t at)
{
    size_t next = at + 1;

    if (!strchr(".!?", text.data[at]) || !text.data[at])
        return false;
    while (next < text.size && strchr("\"')]`*", text.data[next]))
        next++;
    if (next < text.size && text.data[next] != ' ' && text.data[next] != '\n')
        return false;
    while (next < text.size && strchr(" \n", text.data[next]))
        next++;
    if (next < text.size && text.data[next] >= 'a' && text.data[next] <= 'z')
        return false;
    return text.data[at] != '.' || !is_abbreviation(text, at);
}

static pb_status add_sentences(const struct place *place, int type, pb_str text)
{
    pb_status status = PB_OK;
    size_t from = 0;

    if (type == UNIT_ITEM && text.size < 300) /* says one thing: in one piece */
        return add(place, type, text, (pb_str){0});
    for (size_t at = 0; at < text.size && status == PB_OK; at++) {
        if (!ends_at(text, at))
            continue;
        while (at + 1 < text.size && strchr("\"')]`*", text.data[at + 1]))
            at++;
        status = add(place, type, pb_str_slice(text, from, at + 1 - from), (pb_str){0});
        from = at + 1;
    }
    return status == PB_OK ? add(place, type, pb_str_slice(text, from, text.size), (pb_str){0})
                           : status;
}

static size_t line_end(pb_str text, size_t from)
{
    return from + pb_str_find(pb_str_slice(text, from, text.size), '\n');
}

/* Is the line before complete, so that this one begins something of its own? Lines of wrapped prose
 * are nearly as long as each other. */
static bool breaks(pb_str before, pb_str line, size_t longest)
{
    if (list_mark(line))
        return true;
    return line.size && before.size && before.size * 10 < longest * 6 &&
           !(line.data[0] >= 'a' && line.data[0] <= 'z' &&
             strchr(",;", before.data[before.size - 1]));
}

static pb_status add_prose(const struct place *place, pb_str text)
{
    size_t from = 0, longest = 0;
    pb_str before = {0};
    pb_status status = PB_OK;
    bool item = false;

    for (size_t at = 0; at < text.size; at = line_end(text, at) + 1)
        if (line_end(text, at) - at > longest)
            longest = line_end(text, at) - at;
    for (size_t at = 0; at < text.size && status == PB_OK; at = line_end(text, at) + 1) {
        pb_str line = pb_str_slice(text, at, line_end(text, at) - at);
        if (at && breaks(before, line, longest)) {
            status = add_sentences(place, item ? UNIT_ITEM : UNIT_SENTENCE,
                                   pb_str_slice(text, from, at - from));
            from = at;
        }
        if (from == at)
            item = list_mark(line) != 0;
        before = line;
    }
    return status == PB_OK ? add_sentences(place, item ? UNIT_ITEM : UNIT_SENTENCE,
                                           pb_str_slice(text, from, text.size))
                           : status;
}

/* --- the rest -----------------------------------------------------------------------------------
 */

static pb_status add_table(const struct place *place, pb_str text)
{
    pb_str header = pb_str_slice(text, 0, pb_str_find(text, '\n'));
    pb_status status = PB_OK;

    if (header.size >= text.size)
        return add(place, UNIT_ROW, text, (pb_str){0});
    for (size_t at = header.size + 1; at < text.size && status == PB_OK;
         at = line_end(text, at) + 1)
        status = add(place, UNIT_ROW, pb_str_slice(text, at, line_end(text, at) - at), header);
    return status;
}

/* To the end of a line, when it is too long. */
static pb_str code_of(pb_str text)
{
    size_t size = CODE_MOST;

    if (text.size <= CODE_MOST)
        return text;
    while (size && text.data[size] != '\n')
        size--;
    return pb_str_slice(text, 0, size);
}

static pb_status add_paragraph(const struct place *place, pb_str text, bool last)
{
    if (looks_like_table(text))
        return add_table(place, text);
    if (looks_like_code(text))
        return add(place, UNIT_CODE, code_of(text), (pb_str){0});
    if (!last && looks_like_title(text))
        return add(place, UNIT_TITLE, text, (pb_str){0});
    return add_prose(place, text);
}

/* Where the paragraph ends: at a blank line, but code goes on behind it as long as it looks so. */
static size_t paragraph_end(pb_str text, size_t from)
{
    size_t at = from;

    for (;;) {
        while (at < text.size &&
               !(text.data[at] == '\n' && at + 1 < text.size && text.data[at + 1] == '\n'))
            at++;
        size_t next = at;
        while (next < text.size && text.data[next] == '\n')
            next++;
        size_t end = next;
        while (end < text.size &&
               !(text.data[end] == '\n' && end + 1 < text.size && text.data[end + 1] == '\n'))
            end++;
        if (next >= text.size || !looks_like_code(pb_str_slice(text, from, at - from)) ||
            !looks_like_code(pb_str_slice(text, next, end - next)))
            return at;
        at = end;
    }
}

pb_status units_cut(struct answer *answer)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < answer->passages->count && i < PASSAGES_MOST; i++) {
        struct place place = {.answer = answer, .passage = (uint32_t)i};
        pb_str text = answer->passages->items[i]->text;
        for (size_t at = 0; at < text.size && status == PB_OK; place.paragraph++) {
            size_t end = paragraph_end(text, at);
            bool last = pb_str_trim(pb_str_slice(text, end, text.size)).size == 0;
            status = add_paragraph(&place, pb_str_slice(text, at, end - at), last);
            for (at = end; at < text.size && text.data[at] == '\n';)
                at++;
        }
        if (status == PB_OK)
            status = pb_step();
        if (status != PB_OK)
            return status;
    }
    return status;
}
