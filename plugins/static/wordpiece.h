/* wordpiece.h - the tokens of a text, as BERT's uncased tokenizer finds them: characters cleaned,
 * lowered and without accents, words split off, each word cut into the longest pieces known. */
#ifndef STATIC_WORDPIECE_H
#define STATIC_WORDPIECE_H

#include "model.h"

enum {
    /* One word gives at most so many tokens, */
    WORDPIECE_WORD = MODEL_WORD,
    /* so a caller's array has room for that, and for more to be worth a call. */
    WORDPIECE_ROOM = 1024,
};

/* A text on its way through. Begin with {.model, .at, .end}. */
struct wordpiece {
    const struct model *model;
    const uint8_t *at, *end;
    uint32_t size;       /* bytes of the word that is being read */
    uint32_t characters; /* of them; more than MODEL_WORD: only counted */
    uint8_t word[4 * MODEL_WORD + 8];
};

/* The next tokens, at most WORDPIECE_ROOM; 0: the text has ended. Any thread. */
size_t wordpiece_next(struct wordpiece *reader, uint32_t tokens[WORDPIECE_ROOM]);

#endif
