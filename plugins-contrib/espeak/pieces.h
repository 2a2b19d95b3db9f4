/* pieces.h - a text in pieces that are spoken one after another: so that the first is heard while the
 * rest waits, others have their turn in between, and who leaves is not spoken to any longer. */
#ifndef PIECES_H
#define PIECES_H

#include <patchbay/types.h>

/* The next piece of *text, which becomes the rest: to the end of a sentence where there is one, else
 * to a space, else to the end of a character. Empty when nothing is left that can be spoken. */
pb_str pieces_next(pb_str *text);

#endif
