/* say.c - what was chosen, as text: passages in the order of their best unit, each in its own
 * order, neighbours together. Code is fenced and tables have their bars back; the words are the
 * documents'. */
#include "extractive.h"

/* Cells stand apart by tabs in a passage. */
static void add_cells(pb_buf *buf, pb_str row)
{
    pb_buf_add(buf, pb_lit("| "));
    for (size_t i = 0; i < row.size; i++) {
        if (row.data[i] == '\t')
            pb_buf_add(buf, pb_lit(" | "));
        else
            pb_buf_byte(buf, row.data[i]);
    }
    pb_buf_add(buf, pb_lit(" |"));
}

static size_t tabs_of(pb_str row)
{
    size_t count = 0;

    for (size_t i = 0; i < row.size; i++)
        count += row.data[i] == '\t';
    return count;
}

/* As many cells as the row has: empty ones at the end of a header are trimmed away. */
static void add_table_head(pb_buf *buf, pb_str header, pb_str row)
{
    size_t has = tabs_of(header), needs = tabs_of(row);

    add_cells(buf, header);
    for (size_t i = has; i < needs; i++)
        pb_buf_add(buf, pb_lit("  |"));
    pb_buf_add(buf, pb_lit("\n|---|"));
    for (size_t i = 0; i < (has > needs ? has : needs); i++)
        pb_buf_add(buf, pb_lit("---|"));
    pb_buf_byte(buf, '\n');
}

static void cite(pb_buf *buf, uint32_t passage)
{
    pb_buf_printf(buf, " [%u]", passage + 1);
}

/* A longer fence than any run of ` in the code. */
static void add_code(pb_buf *buf, pb_str code)
{
    size_t run = 0, most = 2;

    for (size_t i = 0; i < code.size; i++) {
        run = code.data[i] == '`' ? run + 1 : 0;
        most = run > most ? run : most;
    }
    for (size_t i = 0; i <= most; i++)
        pb_buf_byte(buf, '`');
    pb_buf_byte(buf, '\n');
    pb_buf_add(buf, code);
    pb_buf_byte(buf, '\n');
    for (size_t i = 0; i <= most; i++)
        pb_buf_byte(buf, '`');
    pb_buf_byte(buf, '\n');
}

/* What stands between two units that were chosen. */
static const char *between(const struct unit *a, const struct unit *b)
{
    if (a->type == UNIT_SENTENCE && b->type == UNIT_SENTENCE && a->paragraph == b->paragraph)
        return " ";
    return a->type == UNIT_ITEM && b->type == UNIT_ITEM ? "\n" : "\n\n";
}

/* The number stands behind the words that it vouches for: behind the last of a stretch, but before
 * code and behind tables on a line of its own. */
static bool cited_here(const struct unit *unit, const struct unit *next)
{
    if (unit->type == UNIT_CODE || unit->type == UNIT_ROW)
        return false;
    return !next || next->type == UNIT_CODE || next->type == UNIT_ROW ||
           next->paragraph != unit->paragraph;
}

static void add_unit(pb_buf *buf, const struct unit *before, const struct unit *unit)
{
    bool goes_on = before && before->type == UNIT_ROW && unit->type == UNIT_ROW &&
                   before->paragraph == unit->paragraph;

    if (before && !goes_on)
        pb_buf_add(buf, pb_str_of(between(before, unit)));
    if (unit->type == UNIT_CODE) {
        add_code(buf, unit->text);
    } else if (unit->type == UNIT_ROW) {
        if (!goes_on && unit->header.size)
            add_table_head(buf, unit->header, unit->text);
        add_cells(buf, unit->text);
        pb_buf_byte(buf, '\n');
    } else {
        pb_buf_add(buf, unit->text);
    }
}

/* All that was chosen of one passage. */
static void add_passage(const struct answer *answer, pb_buf *buf, uint32_t passage)
{
    const struct unit *before = NULL;
    bool cited = false;

    for (size_t i = 0; i < answer->count; i++) {
        const struct unit *unit = &answer->units[i], *next = NULL;
        if (unit->passage != passage || !unit->chosen)
            continue;
        for (size_t j = i + 1; j < answer->count && !next; j++)
            if (answer->units[j].chosen && answer->units[j].passage == passage)
                next = &answer->units[j];
        add_unit(buf, before, unit);
        if (cited_here(unit, next))
            cite(buf, passage);
        cited = cited_here(unit, next) || (cited && unit->type == UNIT_CODE);
        before = unit;
    }
    if (before && !cited) {
        pb_buf_add(buf, before->type == UNIT_ROW ? pb_lit("\n") : pb_lit(""));
        pb_buf_printf(buf, "[%u]", passage + 1);
    }
}

/* The passage with the best unit that was not said yet; its number, or the count of all. */
static uint32_t next_passage(const struct answer *answer, const bool *said)
{
    uint32_t best = PASSAGES_MOST;
    float most = -1;

    for (size_t i = 0; i < answer->count; i++) {
        const struct unit *unit = &answer->units[i];
        if (unit->chosen && !said[unit->passage] && unit->score > most) {
            most = unit->score;
            best = unit->passage;
        }
    }
    return best;
}

pb_str say_answer(const struct answer *answer)
{
    bool said[PASSAGES_MOST] = {false};
    pb_buf buf = {0};
    uint32_t passage;

    while ((passage = next_passage(answer, said)) != PASSAGES_MOST) {
        if (buf.size)
            pb_buf_add(&buf, pb_lit("\n\n"));
        add_passage(answer, &buf, passage);
        said[passage] = true;
    }
    return buf.failed ? (pb_str){0} : pb_str_trim(pb_buf_str(&buf));
}
