/* choose.c - which units answer. The best one begins, those that add to it follow; what leads to
 * something ("like this:") takes that along. Too little of the question in all of them: no answer.
 */
#include "extractive.h"

#include <math.h>

/* What a word in the headings of a passage adds to its being somewhere in it. */
static const float TOPIC = 0.7f;

/* What is left of the evidence when a figure was asked for and there is none. */
static const float WORDS_FOR_FIGURES = 0.7f;

/* Words of a sentence that is about one thing. */
enum { FOCUSED = 16 };

static bool has_digit(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= '0' && text.data[i] <= '9')
            return true;
    return false;
}

/* "X is …", "X: …" near the beginning. */
static bool defines(const struct answer *answer, const struct unit *unit)
{
    size_t at = 0, place = 0;
    pb_word word;
    bool named = false;

    while (place++ < 8 && pb_word_next(unit->text, &at, &word)) {
        for (size_t i = 0; i < answer->asked.count; i++)
            named = named || answer->asked.words[i].key == word.key;
        if (named &&
            (pb_str_same(word.text, pb_lit("is")) || pb_str_same(word.text, pb_lit("are")) ||
             pb_str_same(word.text, pb_lit("means"))))
            return true;
    }
    return false;
}

/* "You write a struct …" */
static bool addresses(const struct unit *unit)
{
    size_t at = 0;
    pb_word word;

    while (pb_word_next(unit->text, &at, &word))
        if (pb_str_same(word.text, pb_lit("you")) || pb_str_same(word.text, pb_lit("your")))
            return true;
    return false;
}

static float fits(const struct answer *answer, const struct unit *unit)
{
    bool shows = unit->type == UNIT_CODE || unit->type == UNIT_ITEM;

    switch (answer->want) {
    case WANT_STEPS:
        return shows || unit->leads ? 0.04f : addresses(unit) ? 0.12f : 0;
    case WANT_DEFINITION:
        return defines(answer, unit) ? 0.15f : unit->type == UNIT_CODE ? -0.1f : 0;
    case WANT_NUMBER:
    case WANT_FIGURE:
        return has_digit(unit->text) ? 0.2f : 0;
    case WANT_PLACE:
        return pb_str_find(unit->text, '/') < unit->text.size ? 0.08f : 0;
    case WANT_REASON:
        return pb_str_contains(unit->text, pb_lit("because")) ||
                       pb_str_contains(unit->text, pb_lit("so that"))
                   ? 0.1f
                   : 0;
    default:
        return 0;
    }
}

/* How much of the question the whole passage has, and how near it is as the retriever says. */
static void weigh_passages(struct answer *answer)
{
    for (size_t i = 0; i < answer->passages->count && i < PASSAGES_MOST; i++) {
        const pb_passage *passage = answer->passages->items[i];
        float most[TERMS], sum = 0;
        memcpy(most, answer->context[i], sizeof most);
        for (size_t k = 0; k < answer->count; k++)
            for (size_t term = 0; answer->units[k].passage == i && term < TERMS; term++)
                if (answer->units[k].has[term] > most[term])
                    most[term] = answer->units[k].has[term];
        for (size_t term = 0; term < answer->asked.count; term++)
            sum += answer->weight[term] * most[term];
        double near = isnan(passage->vector_score) ? 0 : passage->vector_score;
        for (size_t term = 0; term < answer->asked.count; term++) /* what it is about */
            sum += TOPIC * answer->weight[term] * answer->context[i][term];
        answer->worth[i] = sum + 1.2f * (float)(near > 0 ? near : 0) + 0.4f / (float)(i + 2);
    }
}

static float score_of(const struct answer *answer, size_t index)
{
    const struct unit *unit = &answer->units[index];
    bool first = index == 0 || answer->units[index - 1].passage != unit->passage;
    float own = evidence_of(answer, unit, false), all = evidence_of(answer, unit, true);
    float score = 0.4f * own + 0.4f * all + 0.4f * (unit->alike > 0 ? unit->alike : 0) +
                  0.6f * answer->worth[unit->passage];

    if (unit->type == UNIT_TITLE)
        return 0;
    score += fits(answer, unit) + (first ? 0.03f : 0);
    if (unit->words < 4 && unit->type != UNIT_CODE)
        score *= 0.6f;
    if (unit->words > FOCUSED) /* long ones have more words for no reason */
        score -= 0.04f * log2f((float)unit->words / FOCUSED);
    return score;
}

/* Is it said already? Passages that overlap have the same sentences. */
static bool repeats(const struct answer *answer, const struct unit *unit)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct unit *other = &answer->units[i];
        size_t size = unit->text.size < other->text.size ? unit->text.size : other->text.size;
        if (other->chosen && other != unit && size > 20 &&
            memcmp(unit->text.data, other->text.data, size) == 0)
            return true;
    }
    return false;
}

static size_t take(struct answer *answer, size_t index)
{
    struct unit *unit = &answer->units[index];

    if (unit->chosen || repeats(answer, unit))
        return 0;
    unit->chosen = true;
    answer->chosen++;
    return unit->text.size;
}

static bool same_passage(const struct answer *answer, size_t a, size_t b)
{
    return b < answer->count && answer->units[a].passage == answer->units[b].passage;
}

/* With what belongs to it: the code or the list behind "like this:", the line that leads to them.
 */
static size_t take_with(struct answer *answer, size_t index)
{
    size_t length = take(answer, index), at = index;
    const struct unit *unit = &answer->units[index];

    if (!length)
        return 0;
    if ((unit->type == UNIT_CODE || unit->type == UNIT_ITEM) && index &&
        same_passage(answer, index, index - 1) && answer->units[index - 1].type != UNIT_TITLE &&
        (answer->units[index - 1].leads || unit->type == UNIT_CODE))
        length += take(answer, index - 1);
    bool follows = unit->leads || (answer->want == WANT_STEPS && unit->type == UNIT_SENTENCE);
    if (follows && same_passage(answer, index, index + 1) &&
        (unit->leads || answer->units[index + 1].type == UNIT_CODE))
        length += take(answer, ++at);
    if (unit->leads || unit->type == UNIT_ITEM) /* the rest of the list */
        for (int more = 0;
             more < 8 && answer->units[at].type == UNIT_ITEM && same_passage(answer, at, at + 1) &&
             answer->units[at + 1].type == UNIT_ITEM;
             more++)
            length += take(answer, ++at);
    return length;
}

/* The best that is not chosen yet. */
static size_t best_of(const struct answer *answer)
{
    size_t best = answer->count;

    for (size_t i = 0; i < answer->count; i++)
        if (!answer->units[i].chosen && answer->units[i].score > 0 &&
            (best == answer->count || answer->units[i].score > answer->units[best].score))
            best = i;
    return best;
}

/* How much of the question what was chosen of one passage has, with its headings. */
static float evidence_in(const struct answer *answer, uint32_t passage)
{
    float sum = 0;

    for (size_t term = 0; term < answer->asked.count; term++) {
        float most = 0;
        for (size_t i = 0; i < answer->count; i++) {
            const struct unit *unit = &answer->units[i];
            if (unit->chosen && unit->passage == passage && unit->has[term] > most)
                most = unit->has[term];
        }
        float around = answer->context[passage][term];
        sum += answer->proof[term] * (around > most ? around : most);
    }
    return sum;
}

/* Of the best passage: words that stand far apart prove nothing. */
static float evidence_chosen(const struct answer *answer)
{
    float best = 0;

    bool figure = false;

    for (size_t i = 0; i < answer->count; i++) {
        const struct unit *unit = &answer->units[i];
        float here = unit->chosen ? evidence_in(answer, unit->passage) : 0;
        best = here > best ? here : best;
        figure = figure || (unit->chosen && has_digit(unit->text));
    }
    return answer->want == WANT_FIGURE && !figure ? best * WORDS_FOR_FIGURES : best;
}

pb_status choose_units(struct answer *answer)
{
    const struct extractive *extractive = answer->extractive;
    size_t length = 0, begun = 0;
    float best = 0;

    weigh_passages(answer);
    for (size_t i = 0; i < answer->count; i++)
        answer->units[i].score = score_of(answer, i);
    while (begun < (size_t)extractive->sentences && length < (size_t)extractive->max_length) {
        size_t index = best_of(answer);
        if (index == answer->count || answer->units[index].score < 0.87f * best)
            break;
        if (!begun)
            best = answer->units[index].score;
        size_t taken = take_with(answer, index);
        if (!taken)
            answer->units[index].score = 0; /* said already */
        begun += taken != 0;
        length += taken;
    }
    answer->evidence = evidence_chosen(answer);
    if (answer->evidence < (float)extractive->evidence)
        answer->chosen = 0;
    return pb_step();
}
