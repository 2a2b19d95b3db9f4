/* shout - a stage that ends every reply louder. Copy it to start your own. */
#include <patchbay/plugin.h>
#include <patchbay/stage.h>

struct shout {                      /* the instance: filled by the host from YAML */
    pb_str  suffix;
    int64_t times;
};

static const pb_field shout_options[] = {
    PB_STR(struct shout, suffix, .def = "!", .help = "Text added to the end of every reply."),
    PB_INT(struct shout, times, .def = "1", .min = 1, .max = 10, .help = "How often."),
    PB_END
};

static pb_status shout_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct shout *shout = self;
    pb_status status = pb_run_next(next, turn);         /* the rest of the pipeline */

    for (int64_t i = 0; status == PB_OK && i < shout->times; i++)
        status = pb_emit_text(turn, shout->suffix);
    return status;
}

PB_PLUGIN("shout", "1.0.0", "MIT", "Makes every reply louder.",
          PB_STAGE("shout", struct shout, shout_options, .run = shout_run));
