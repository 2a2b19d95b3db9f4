/* globals.h - the plugin's writable data, which nothing should write (rule 5): two instances share
 * it. */
#ifndef CONFORM_GLOBALS_H
#define CONFORM_GLOBALS_H

#include "conform.h"

/* Right after the file was loaded: finds its writable data, and tells memory.c where its code is.
 */
void globals_remember(struct subject *subject);

#endif
