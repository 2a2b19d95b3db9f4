/* completion.h - what may come next on a command line, from the tables of commands, their options, and
 * the operations of the configuration.
 */
#ifndef HOST_APP_COMPLETION_H
#define HOST_APP_COMPLETION_H

#include "app/command.h"

/* Prints a line for each: the word, a tab, what it is. ":files" and ":folders" ask the shell for
 * those. The invocation's words from `first` on are those of the command line, the last the one that
 * is completed. */
void completion_print(const struct invocation *invocation, size_t first);

#endif
