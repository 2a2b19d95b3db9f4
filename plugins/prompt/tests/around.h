/* around.h - a stage around the one under test: gives the question parts, and looks at what became
 * of them. Include it once, first. */
#ifndef TEST_PROMPT_AROUND_H
#define TEST_PROMPT_AROUND_H

#define pb_host_table    pb_host_table_around
#define PB_PLUGIN_SYMBOL patchbay_plugin_around

#include <patchbay/stage.h>

static const pb_part image = {.size = sizeof(pb_part), .type = PB_PART_IMAGE, .url = PB_LIT("u")};
static const pb_part old_words = {.size = sizeof(pb_part), .type = PB_PART_TEXT, .text = PB_LIT("old")};
static pb_message seen;
static char seen_text[64], seen_first[64];
static int32_t seen_second;

struct around {
    int64_t parts; /* given; 0: looked at */
};

static const pb_field around_options[] = {PB_INT(struct around, parts, .help = "How many."),
                                          PB_END};

static pb_status around_run(void *self, pb_turn *turn, const pb_next *next)
{
    static const pb_part *const parts[] = {&old_words, &image};
    static const pb_json source = {.type = PB_JSON_OBJECT};
    const struct around *around = self;
    pb_message *message = pb_message_new(PB_ROLE_USER, pb_lit("old"));
    const pb_message *all[] = {message};
    pb_status status = PB_OK;

    if (around->parts) {
        message->parts = parts;
        message->part_count = (size_t)around->parts;
        message->source = &source;
        status = pb_turn_set_messages(turn, all, 1);
    } else {
        seen = *pb_turn_question(turn);
        snprintf(seen_text, sizeof seen_text, "%.*s", PB_ARG(seen.text));
        if (seen.part_count)
            snprintf(seen_first, sizeof seen_first, "%.*s", PB_ARG(seen.parts[0]->text));
        seen_second = seen.part_count > 1 ? seen.parts[1]->type : -1;
    }
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

PB_PLUGIN("around", "1.0.0", "Apache-2.0", "Gives the question parts.",
          PB_STAGE("around", struct around, around_options, .run = around_run));

#endif
