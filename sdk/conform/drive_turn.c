/* drive_turn.c - a turn, for stages and models: with a client that reads, waits, cancels or leaves.
 */
#include "drive.h"

#include "plugin/instances.h"
#include <patchbay/document.h>
#include <patchbay/transport.h>
#include <stdio.h>

struct reading {
    pb_sink base;
    struct drive *drive;
    struct turn_wish *wish;
    const pb_principal *principal;
    pb_str id;
    pb_buf text;
};

static pb_status take(pb_sink *sink, const pb_event *event)
{
    struct reading *reading = (struct reading *)(void *)sink;
    struct turn_wish *wish = reading->wish;

    wish->events++;
    if (wish->gone_at && wish->events >= wish->gone_at)
        return pb_fail(PB_CANCELLED, "the client is gone");
    if (event->type == PB_EVENT_TEXT)
        pb_buf_add(&reading->text, event->text);
    if (event->type == PB_EVENT_DONE)
        wish->done++;
    if (wish->cancel_at == wish->events)
        (void)pb_turn_cancel(reading->id, reading->principal);
    return wish->slow && event->type != PB_EVENT_DONE ? pb_sleep(wish->slow) : (pb_status)PB_OK;
}

static pb_document make_document(const struct drive *drive)
{
    static const pb_str access[] = {PB_LIT("public")};
    static const char text[] =
        "# Conform\n\nA document that is read, cut and stored.\n\n## More\n\nIt "
        "says little, but it says it twice.\n";

    return (pb_document){
        .size = sizeof(pb_document),
        .version = 1,
        .id = pb_printf("00000000-0000-7000-8000-%012u", drive->number),
        .collection = pb_lit("conform"),
        .name = pb_lit("conform.md"),
        .type = pb_lit("text/markdown"),
        .digest = pb_lit("0000000000000000000000000000000000000000000000000000000000000000"),
        .bytes = bytes_of(text, sizeof text - 1),
        .access = access,
        .access_count = 1};
}

static pb_status run(struct drive *drive, struct reading *reading, pb_turn_spec *spec)
{
    pb_turn *turn;
    pb_status status = pb_turn_new(spec, &turn);

    if (status != PB_OK)
        return status;
    reading->id = pb_copy(pb_turn_info_of(turn)->id);
    status = pb_turn_run(turn, &reading->base);
    drive_say(drive, "%s: %.*s", pb_status_name(status), PB_ARG(pb_buf_str(&reading->text)));
    pb_turn_free(turn);
    return status;
}

pb_status drive_turn(struct drive *drive)
{
    struct turn_wish plain = {0};
    struct reading reading = {.base = {.size = sizeof(pb_sink), .emit = take},
                              .drive = drive,
                              .wish = drive->wish ? drive->wish : &plain};
    const pb_principal tester = {.size = sizeof tester,
                                 .id = pb_lit("tester"),
                                 .tenant = pb_lit("default"),
                                 .name = pb_lit("tester")};
    const pb_message *message = pb_message_new(
        PB_ROLE_USER, pb_printf("This is question %u about plugins and pipelines.", drive->number));
    pb_turn_spec spec = pb_turn_spec_make();
    pb_document document = make_document(drive);

    reading.principal = &tester;
    spec.pipeline = pipelines_all();
    if (!spec.pipeline)
        case_skip("the configuration has no pipeline");
    spec.principal = &tester;
    spec.stream = 1;
    spec.messages = &message;
    spec.message_count = 1;
    spec.transport = pb_lit("conform");
    spec.document = reading.wish->document ? &document : NULL;
    return run(drive, &reading, &spec);
}
