/* call.h - calling an operation for a command line: in this process, or on the server of --url. */
#ifndef HOST_APP_CALL_H
#define HOST_APP_CALL_H

#include "app/command.h"
#include <patchbay/service.h>

/* Puts the fields of the command line into path, query, body. *body in the running scope. Parks. */
pb_status call_operation(const struct invocation *invocation, const pb_operation *operation,
                         pb_str *body);

/* An answer for people: members as lines, a list of objects as a table. What is no JSON is printed
 * as it is. */
void print_answer(pb_str body);

/* What an operation takes, how it fails. And an example of a command line that begins so ("call turns.list");
 * `words`: variables of the path stand without their names. */
void operation_help_print(const pb_operation *operation);
void operation_example_print(const char *begin, const pb_operation *operation, bool words);

#endif
