/* question.h - what a person asks, so that it stands alone: "and how do I stop it?" leans on what
 * was asked before. By rules, without a model; for English, other languages are left as they are.
 * Nothing here parks. */
#ifndef PATCHBAY_QUESTION_H
#define PATCHBAY_QUESTION_H

#include <patchbay/turn.h>
#include <patchbay/words.h>

enum { PB_QUESTION_TERMS = 12, PB_QUESTION_BACK = 3 };

/* The words of a question that say what it is about. */
typedef struct pb_question_words {
    pb_word words[PB_QUESTION_TERMS];
    size_t count;
} pb_question_words;

static inline bool pb_question_has(const pb_question_words *words, uint64_t key)
{
    for (size_t i = 0; i < words->count; i++)
        if (words->words[i].key == key)
            return true;
    return false;
}

/* Adds those that are not there yet, as long as there is room. */
static inline void pb_question_gather(pb_question_words *words, pb_str text)
{
    size_t at = 0;
    pb_word word;

    while (words->count < PB_QUESTION_TERMS && pb_word_next(text, &at, &word))
        if (!word.common && !pb_question_has(words, word.key))
            words->words[words->count++] = word;
}

static inline bool pb_question_is_one_of(pb_str word, const char *const *list)
{
    for (; *list; list++)
        if (pb_str_same(word, pb_str_of(*list)))
            return true;
    return false;
}

/* Does it lean on an earlier question: begins like it ("and", "what about"), stands for something
 * with a pronoun, or says nearly nothing by itself? One that names what it is about does not. */
static inline bool pb_question_leans(pb_str question)
{
    static const char *const openings[] = {"and",  "but", "or",        "also",
                                           "then", "so",  "otherwise", NULL};
    static const char *const pronouns[] = {"it",   "its",   "they",  "them", "their", "that",
                                           "this", "those", "these", "he",   "she",   "him",
                                           "her",  "one",   "there", "same", NULL};
    size_t at = 0, count = 0, own = 0;
    bool opens = false, points = false, about = false;
    pb_word word;

    while (pb_word_next(question, &at, &word)) {
        opens = opens || (count == 0 && pb_question_is_one_of(word.text, openings));
        about = about || (count == 1 && pb_str_same(word.text, pb_lit("about")));
        points = points || pb_question_is_one_of(word.text, pronouns);
        own += !word.common;
        count++;
    }
    return opens || about || (points && own <= 3) || (own <= 1 && count <= 5);
}

/* The last question of the user, with the words of those before that it leans on. In the running
 * scope or as it stands in the message; absent when there is none. */
static inline pb_str pb_question_alone(const pb_message *const *messages, size_t count)
{
    pb_question_words known, more;
    pb_str question = pb_str_make(NULL, 0);
    pb_buf buf;
    int back = 0;

    memset(&known, 0, sizeof known);
    memset(&more, 0, sizeof more);
    memset(&buf, 0, sizeof buf);
    while (count-- && back <= PB_QUESTION_BACK) {
        if (messages[count]->role != PB_ROLE_USER || !messages[count]->text.size)
            continue;
        pb_str text = messages[count]->text;
        if (!back++) {
            question = text;
            pb_question_gather(&known, question);
        } else {
            pb_question_gather(&more, text);
        }
        if (!pb_question_leans(text))
            break;
    }
    pb_buf_add(&buf, question);
    for (size_t i = 0; i < more.count; i++)
        if (!pb_question_has(&known, more.words[i].key)) {
            pb_buf_byte(&buf, ' ');
            pb_buf_add(&buf, more.words[i].text);
        }
    return more.count && !buf.failed ? pb_buf_str(&buf) : question;
}

#endif
