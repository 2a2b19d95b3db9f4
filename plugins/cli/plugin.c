/* cli - the transport of `patchbay ask`: one turn from the command line, streamed to the terminal.
 *
 * It listens on nothing: start does nothing, the command calls run.
 */
#include "cli.h"

static const pb_field cli_options[] = {
    PB_STR(struct cli, pipeline, .ref = "pipeline", .required = 1, .max_length = 256,
           .help = "The pipeline that `patchbay ask` runs."),
    PB_SIZE(struct cli, max_reply, .def = "16MiB", .min = 1024,
            .help = "Longest reply that --json gathers."),
    PB_END,
};

static pb_status cli_start(void *self)
{
    (void)self;
    return PB_OK;
}

PB_PLUGIN("cli", "0.1.0", "Apache-2.0", "Asks from the command line.",
          PB_TRANSPORT("cli", struct cli, cli_options, .start = cli_start,
                       .run = cli_run));
