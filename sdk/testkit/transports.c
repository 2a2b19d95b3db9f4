/* transports.c - what tests of transports need: where one listens, and one that is asked by hand.
 */
#include "internal.h"

#include "net/server.h"
#include "plugin/instances.h"

struct listing {
    pb_harness *harness;
    const char *url;
};

static void take_first(void *arg, pb_str url)
{
    struct listing *listing = arg;

    if (!listing->url)
        listing->url = harness_copy(listing->harness, url).data;
}

const char *pb_harness_url(pb_harness *harness)
{
    struct listing listing = {.harness = harness};

    listeners_each(take_first, &listing);
    if (!listing.url)
        harness_die("nothing listens");
    return listing.url;
}

struct running {
    pb_instance *instance;
    const pb_cli_call *call;
    int32_t code;
};

static pb_status run(void *arg)
{
    struct running *running = arg;
    const pb_transport *transport =
        (const pb_transport *)(const void *)running->instance->interface;
    void *before = instance_enter(running->instance);

    running->code = transport->run(running->instance->self, running->call);
    instance_leave(before);
    return PB_OK;
}

int32_t pb_harness_cli(pb_harness *harness, const char *name, const pb_cli_call *call)
{
    pb_cli_call copy = *call;
    struct running running = {.instance = pb_harness_instance(harness, "transport", name),
                              .call = &copy};

    copy.size = (uint32_t)sizeof copy;
    if (!copy.principal)
        copy.principal = &harness->tester;
    if (pb_harness_run(harness, run, &running, NULL) != PB_OK)
        harness_die("the transport '%s' could not be run", name);
    return running.code;
}
