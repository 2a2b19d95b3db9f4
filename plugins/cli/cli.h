/* cli.h - an instance of the cli transport and what its files share. */
#ifndef CLI_H
#define CLI_H

#include <patchbay/reply.h>
#include <patchbay/transport.h>

struct cli {
    pb_str pipeline;
    int64_t max_reply;
};

/* output.c: a descriptor that is written to without blocking the loop. */
struct output {
    int fd;
    bool terminal;   /* control characters do not go there */
    bool broken;     /* nobody reads any more */
    bool line_begun; /* the last byte was no line feed */
};

struct output output_open(int fd);
/* Writes all. Parks while the reader is slow. PB_CANCELLED when nobody reads any more, PB_NO_SPACE.
 */
pb_status output_write(struct output *output, pb_str text);
/* Ends a line that was begun. */
pb_status output_end_line(struct output *output);

/* ask.c: pb_transport.run */
int32_t cli_run(void *self, const pb_cli_call *call);

#endif
