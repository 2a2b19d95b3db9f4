/* csv_delimiter.c - what parts the cells: the mark that stands equally often in the first rows. */
#include "data.h"

enum { ROWS = 20, BYTES = 64 * 1024, MARKS = 4 };

static const char marks[MARKS + 1] = ",;\t|";

/* How often each mark stands in one row outside of quotes; *rest moves behind it. */
static void count_row(pb_str *rest, size_t counts[MARKS])
{
    bool quoted = false;
    size_t i = 0;

    memset(counts, 0, MARKS * sizeof *counts);
    for (; i < rest->size && (quoted || rest->data[i] != '\n'); i++) {
        const char *mark = rest->data[i] ? strchr(marks, rest->data[i]) : NULL;
        quoted ^= rest->data[i] == '"';
        if (mark && !quoted)
            counts[mark - marks]++;
    }
    *rest = pb_str_slice(*rest, i + 1, rest->size);
}

char csv_delimiter(pb_str text)
{
    size_t first[MARKS] = {0}, same[MARKS] = {0}, counts[MARKS], rows = 0, best = 0;
    bool cut = text.size > BYTES;

    text = pb_str_slice(text, 0, BYTES);
    while (text.size && rows < ROWS) {
        count_row(&text, counts);
        if (cut && !text.size && rows)
            break; /* the last one is not whole */
        for (size_t i = 0; i < MARKS; i++) {
            if (rows == 0)
                first[i] = counts[i];
            same[i] += counts[i] && counts[i] == first[i];
        }
        rows++;
    }
    for (size_t i = 1; i < MARKS; i++)
        if (same[i] > same[best] || (same[i] == same[best] && first[i] > first[best]))
            best = i;
    return marks[best];
}
