/* evidence.c - which words of the question stand where, and what each is worth: a word that few
 * units have says more than one that all have, and one that nothing has says most, against an
 * answer. */
#include "extractive.h"

#include <math.h>

/* What a word of an earlier question is worth, beside one of the last. */
static const float EARLIER = 0.35f;
/* What people ask to do, not to what; documents have other words for it, or none. */
static const float WEAK = 0.8f;
/* What they prove. */
static const float DOING = 0.5f;
/* What a name proves, that nothing knows, against an answer. */
static const float NAMED = 1.8f;

/* Written with a capital letter, and not because the question begins with it. */
static bool is_name(const struct answer *answer, size_t term)
{
    pb_str word = answer->asked.words[term].text;

    return word.data != answer->said.data && word.data[0] >= 'A' && word.data[0] <= 'Z';
}

static bool is_weak(pb_str word)
{
    static const char *const known[] = {
        "add",     "allow",    "allowed",   "call",  "change",  "choose",  "configure",
        "create",  "define",   "enable",    "find",  "happens", "pass",    "provide",
        "put",     "see",      "set",       "setup", "should",  "specify", "start",
        "support", "supports", "supported", "try",   "turn",    "write",   NULL};

    return pb_question_is_one_of(word, known);
}

static void note(pb_str text, const pb_question_words *asked, float worth, float has[TERMS])
{
    size_t at = 0;
    pb_word word;

    while (pb_word_next(text, &at, &word))
        for (size_t i = 0; i < asked->count; i++)
            if (asked->words[i].key == word.key && has[i] < worth)
                has[i] = worth;
}

/* The innermost heading says what a passage is about, those above it and its name where it stands.
 */
static void note_context(struct answer *answer, size_t index)
{
    const pb_passage *passage = answer->passages->items[index];
    float *has = answer->context[index];
    size_t last = passage->heading.size;

    while (last && !(last >= 2 && passage->heading.data[last - 1] == '>'))
        last--;
    note(pb_str_slice(passage->heading, last, SIZE_MAX), &answer->asked, 0.9f, has);
    note(passage->heading, &answer->asked, 0.6f, has);
    note(passage->document, &answer->asked, 0.6f, has);
    note(passage->title, &answer->asked, 0.6f, has);
}

static bool begins(pb_str question, const char *words)
{
    pb_str start = pb_str_of(words);

    return question.size > start.size &&
           pb_str_same(pb_str_slice(question, 0, start.size), start) &&
           question.data[start.size] == ' ';
}

static int wanted(pb_str question)
{
    static const struct {
        const char *words;
        int want;
    } known[] = {
        {"how many", WANT_FIGURE},      {"how much", WANT_FIGURE},     {"how long", WANT_FIGURE},
        {"how big", WANT_FIGURE},       {"how large", WANT_FIGURE},    {"how often", WANT_FIGURE},
        {"how old", WANT_FIGURE},       {"when", WANT_FIGURE},         {"how", WANT_STEPS},
        {"what is", WANT_DEFINITION},   {"what are", WANT_DEFINITION}, {"what's", WANT_DEFINITION},
        {"what does", WANT_DEFINITION}, {"where", WANT_PLACE},         {"why", WANT_REASON},
    };

    static const char *const measures[] = {"largest", "longest", "maximum", "minimum", "smallest",
                                           "limit",   "default", "size",    NULL};
    size_t at = 0;
    pb_word word;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begins(question, known[i].words) && known[i].want == WANT_FIGURE)
            return WANT_FIGURE;
    while (pb_word_next(question, &at, &word))
        if (pb_question_is_one_of(word.text, measures))
            return WANT_NUMBER;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begins(question, known[i].words))
            return known[i].want;
    return WANT_ANY;
}

/* Words within names of code ("OPENAI_API_KEY") say less. */
static float worth_of(const struct unit *unit)
{
    return unit->type == UNIT_CODE ? 0.9f : 1;
}

void evidence_find(struct answer *answer)
{
    pb_question_gather(&answer->asked, answer->said);
    answer->own = answer->asked.count;
    pb_question_gather(&answer->asked, answer->question);
    answer->want = wanted(answer->said);
    for (size_t i = 0; i < answer->passages->count && i < PASSAGES_MOST; i++)
        note_context(answer, i);
    for (size_t i = 0; i < answer->count; i++) {
        struct unit *unit = &answer->units[i];
        note(unit->text, &answer->asked, worth_of(unit), unit->has);
        note(unit->header, &answer->asked, 0.6f, unit->has);
    }
    evidence_weigh(answer);
}

void evidence_weigh(struct answer *answer)
{
    float total = 0, proof = 0;

    for (size_t term = 0; term < answer->asked.count; term++) {
        float with = 0;
        for (size_t i = 0; i < answer->count; i++)
            with += answer->units[i].has[term];
        float all = (float)answer->count;
        answer->weight[term] = 1 + 0.5f * logf((all + 1) / (with + 1));
        if (term >= answer->own)
            answer->weight[term] *= EARLIER;
        bool weak = is_weak(answer->asked.words[term].text);
        if (weak)
            answer->weight[term] *= WEAK;
        answer->proof[term] = answer->weight[term] * (weak ? DOING : 1) *
                              (with < 0.5f && is_name(answer, term) ? NAMED : 1);
        total += answer->weight[term];
        proof += answer->proof[term];
    }
    for (size_t term = 0; term < answer->asked.count && total > 0; term++) {
        answer->weight[term] /= total;
        answer->proof[term] /= proof;
    }
}

float evidence_of(const struct answer *answer, const struct unit *unit, bool context)
{
    float sum = 0;

    for (size_t term = 0; term < answer->asked.count; term++) {
        float has = unit->has[term], around = answer->context[unit->passage][term];
        sum += answer->weight[term] * (context && around > has ? around : has);
    }
    return sum;
}
