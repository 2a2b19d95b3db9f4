/* cases_turns.c - turns through a stage or a model, whose client cancels, leaves, or reads slowly
 * at each event in turn. */
#include "drive.h"

#include <string.h>

static struct went ask(struct subject *subject, struct turn_wish *wish)
{
    struct went went = drive_once(subject, &(struct use){.wish = wish});

    if (strncmp(went.sentence, "contract ", 9) == 0)
        case_fail(0, "%s", went.sentence);
    return went;
}

/* `how`: cancelled or left at an event; the next one, which is not, goes as before. */
static void expect_as_before(struct subject *subject, const struct went *before,
                             const struct turn_wish *how)
{
    struct turn_wish plain = {.document = how->document};
    struct went after = ask(subject, &plain);
    const char *what = how->gone_at ? "left" : "cancelled";
    unsigned event = how->gone_at + how->cancel_at;

    if (before->status == PB_OK && after.status != PB_OK && after.status != PB_RATE_LIMITED)
        case_fail(0, "after a turn that was %s at event %u the next one fails: %s", what, event,
                  after.sentence);
    went_free(&after);
}

static void at_every_event(struct subject *subject, bool gone, bool document)
{
    struct turn_wish plain = {.document = document};

    subject_open(subject, NULL, NULL);
    struct went whole = ask(subject, &plain);
    for (unsigned event = 1; event <= plain.events && event < 200; event++) {
        struct turn_wish wish = {
            .document = document, .cancel_at = gone ? 0 : event, .gone_at = gone ? event : 0};
        struct went went = ask(subject, &wish);
        if (went.status != PB_OK && went.status != PB_CANCELLED && whole.status == PB_OK)
            case_fail(6,
                      "a turn that is %s at event %u ends with '%s' (%s): PB_CANCELLED is returned "
                      "unchanged",
                      gone ? "left by its client" : "cancelled", event, pb_status_name(went.status),
                      went.sentence);
        if (!gone && wish.done != 1)
            case_fail(0, "a turn that is cancelled at event %u has %u events of type done", event,
                      wish.done);
        went_free(&went);
        expect_as_before(subject, &whole, &wish);
    }
    went_free(&whole);
    subject_close(subject);
}

static void cancelled(struct subject *subject)
{
    at_every_event(subject, false, false);
}

static void client_gone(struct subject *subject)
{
    at_every_event(subject, true, false);
}

static void with_document(struct subject *subject)
{
    at_every_event(subject, false, true);
}

static void slow_client(struct subject *subject)
{
    struct turn_wish plain = {0}, slow = {.slow = PB_SECOND};

    subject_open(subject, NULL, NULL);
    struct went quick = ask(subject, &plain), late = ask(subject, &slow);
    if (quick.status == PB_OK && late.status != PB_OK && late.status != PB_TIMEOUT &&
        late.status != PB_RATE_LIMITED && late.status != PB_CANCELLED)
        case_fail(0, "a client that takes a second for each event gets '%s': %s",
                  pb_status_name(late.status), late.sentence);
    went_free(&quick);
    went_free(&late);
    subject_close(subject);
}

const struct conform_case turn_cases[] = {
    {.name = "cancelled at every event",
     .kinds = " stage llm ",
     .quick = true,
     .rule = 6,
     .run = cancelled},
    {.name = "the client leaves at every event",
     .kinds = " stage llm ",
     .quick = true,
     .rule = 6,
     .run = client_gone},
    {.name = "a turn with a document, cancelled at every event",
     .kinds = " stage ",
     .rule = 6,
     .run = with_document},
    {.name = "a client that reads slowly",
     .kinds = " stage llm ",
     .quick = true,
     .run = slow_client},
    {0}};
