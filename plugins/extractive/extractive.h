/* extractive.h - an answer made of what stands in passages, and what the files share.
 *
 * The life of an answer: units.c cuts the passages into sentences, rows and stretches of code
 * (looks.c tells which is which), evidence.c says what of the question each of them has, similar.c
 * adds words and sentences that mean the same, choose.c picks those that answer or says that none
 * do, say.c writes them with their citations. Every unit is a slice of a passage: nothing can be
 * said that is not there.
 */
#ifndef EXTRACTIVE_H
#define EXTRACTIVE_H

#include <patchbay/embedder.h>
#include <patchbay/llm.h>
#include <patchbay/question.h>

struct extractive {
    pb_instance *embedder;
    double evidence;
    int64_t sentences;
    int64_t max_length;
    pb_str nothing, unavailable, greeting, thanks;
    pb_list greetings, thanking; /* of pb_str */
    uint64_t answers, refusals;
};

enum { UNIT_SENTENCE, UNIT_ITEM, UNIT_ROW, UNIT_CODE, UNIT_TITLE };

enum { TERMS = PB_QUESTION_TERMS, PASSAGES_MOST = 64 };

struct unit {
    pb_str text;   /* a slice of its passage */
    pb_str header; /* of a row: the table's first */
    int type;
    uint32_t passage;   /* from 0 */
    uint32_t paragraph; /* within the passage */
    uint32_t words;
    bool leads; /* ends with a colon: what follows belongs to it */
    bool chosen;
    float has[TERMS]; /* how much of each term of the question, 0 to 1 */
    float alike;      /* cosine to the question; 0 without an embedder */
    float score;
};

/* What kind of answer is wanted. */
enum {
    WANT_ANY,
    WANT_STEPS,
    WANT_DEFINITION,
    WANT_PLACE,
    WANT_NUMBER, /* a figure would be nice */
    WANT_FIGURE, /* nothing else answers */
    WANT_REASON,
};

struct answer {
    const struct extractive *extractive;
    const pb_passages *passages;
    pb_str said;     /* the last question */
    pb_str question; /* standing alone */
    int want;
    size_t own; /* terms of the last question; those behind are of earlier ones */
    pb_question_words asked;
    float weight[TERMS]; /* of each term; all together 1 */
    float proof[TERMS];  /* the same, where it is about whether this is an answer at all */
    struct unit *units;
    size_t count, room;
    float context[PASSAGES_MOST][TERMS]; /* what heading and name of each passage have */
    float worth[PASSAGES_MOST];          /* of each passage as a whole */
    float evidence;                      /* how much of the question what was chosen has, 0 to 1 */
    size_t chosen;
};

/* --- looks.c -----------------------------------------------------------------------------------
 */

/* Do these lines look like code or a command, like a heading? */
bool looks_like_code(pb_str paragraph);
bool looks_like_table(pb_str paragraph);
bool looks_like_title(pb_str paragraph);
/* How many bytes the mark of a list item has ("- ", "1. "); 0: it is none. */
size_t list_mark(pb_str line);

/* --- units.c -----------------------------------------------------------------------------------
 */

/* All passages as units. Parks between them. */
pb_status units_cut(struct answer *answer);

/* --- evidence.c --------------------------------------------------------------------------------
 */

/* What the question wants and what each unit has of it; how much each term weighs. */
void evidence_find(struct answer *answer);
/* Weighs the terms anew: after similar.c. */
void evidence_weigh(struct answer *answer);
/* The share of the question that a unit has, with its context or without. */
float evidence_of(const struct answer *answer, const struct unit *unit, bool context);

/* --- similar.c ---------------------------------------------------------------------------------
 */

/* Words that mean the same count too, and sentences as a whole. Parks. Fails as the embedder. */
pb_status similar_find(struct answer *answer);

/* --- choose.c ----------------------------------------------------------------------------------
 */

/* Marks what answers; chosen is 0 when the evidence is too thin. */
pb_status choose_units(struct answer *answer);

/* --- say.c -------------------------------------------------------------------------------------
 */

/* Writes what was chosen, each stretch with its citation. NULL data: no memory. */
pb_str say_answer(const struct answer *answer);

#endif
