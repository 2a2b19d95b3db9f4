/* node_bus.c - subscriptions of this process: a bounded queue each, and a task while it has work.
 *
 * A message that is published here reaches our own subscriptions at once, the other processes
 * through the supervisor, which never sends it back.
 */
#include "cluster/node_internal.h"

#include "base/map.h"
#include <patchbay/cluster.h>
#include <patchbay/log.h>
#include <stdlib.h>

enum { QUEUE = 1024 };
static const pb_duration task_again = 100 * PB_MILLISECOND;

/* One for all subscriptions that it is queued at. */
struct payload {
    size_t references;
    pb_bus_message message;
    char text[];
};

struct item {
    struct list_link link;
    struct payload *payload; /* NULL: a gap */
};

/* All subscriptions of one topic; the supervisor knows which topics a process wants, not how often.
 */
struct topic {
    struct list_link subscriptions;
    pb_str name; /* points at text */
    char text[];
};

struct pb_subscription {
    struct list_link link, of_topic;
    struct topic *topic;
    struct list_link items;
    size_t count;
    void (*fn)(void *arg, const pb_bus_message *message);
    void *arg;
    void *instance;        /* for the log lines of fn's task */
    struct waiter *waiter; /* pb_bus_wait */
    struct payload *shown; /* what pb_bus_wait handed out */
    pb_task *task;         /* runs fn */
    struct timer again;    /* there was no task to be had */
    struct waiter *ending; /* pb_unsubscribe waits for the task */
    bool ended;
};

static struct map topics;
static struct list_link subscriptions = {&subscriptions, &subscriptions};
static const pb_bus_message gap = {.size = sizeof gap, .flags = PB_BUS_GAP};

/* --- queues ----------------------------------------------------------------------------------- */

static void let_go(struct payload *payload)
{
    if (payload && --payload->references == 0)
        free(payload);
}

/* The oldest item's payload, NULL for a gap; the caller's to let go. */
static struct payload *take(struct pb_subscription *subscription)
{
    struct item *item = list_entry(list_pop(&subscription->items), struct item, link);
    struct payload *payload = item->payload;

    subscription->count--;
    free(item);
    return payload;
}

static const pb_bus_message *message_of(const struct payload *payload)
{
    return payload ? &payload->message : &gap;
}

/* Calls fn for what is queued; ends when nothing is. */
static void dispatch(void *arg)
{
    struct pb_subscription *subscription = arg;

    task_local()->instance = subscription->instance;
    while (!subscription->ended && subscription->count) {
        struct payload *payload = take(subscription);
        subscription->fn(subscription->arg, message_of(payload));
        let_go(payload);
    }
    subscription->task = NULL;
    if (subscription->ending)
        waiter_wake(subscription->ending);
    else if (subscription->ended) /* fn itself unsubscribed */
        free(subscription);
}

static void wake(struct pb_subscription *subscription);

static void wake_again(struct timer *timer)
{
    wake(list_entry(timer, struct pb_subscription, again));
}

static void wake(struct pb_subscription *subscription)
{
    if (subscription->waiter)
        waiter_wake(subscription->waiter);
    if (!subscription->fn || subscription->task || timer_armed(&subscription->again))
        return;
    if (task_start(dispatch, subscription, &subscription->task) != PB_OK)
        timer_arm(&subscription->again, task_again, wake_again);
}

static bool ends_with_gap(const struct pb_subscription *subscription)
{
    return subscription->count && !list_entry(subscription->items.prev, struct item, link)->payload;
}

/* `payload` NULL: a gap. What finds the queue full becomes a gap at its end. */
static void put(struct pb_subscription *subscription, struct payload *payload)
{
    if (subscription->count >= QUEUE)
        payload = NULL;
    if (!payload && ends_with_gap(subscription))
        return;
    struct item *item = malloc(sizeof *item);
    if (!item)
        return;
    item->payload = payload;
    if (payload)
        payload->references++;
    list_append(&subscription->items, &item->link);
    subscription->count++;
    wake(subscription);
}

/* --- delivering ------------------------------------------------------------------------------- */

static struct payload *payload_new(pb_str topic, pb_str body)
{
    struct payload *payload = malloc(sizeof *payload + topic.size + body.size);

    if (!payload)
        return NULL;
    memcpy(payload->text, topic.data, topic.size);
    if (body.size)
        memcpy(payload->text + topic.size, body.data, body.size);
    payload->references = 1;
    payload->message = (pb_bus_message){.size = sizeof payload->message,
                                        .topic = pb_str_make(payload->text, topic.size),
                                        .body = pb_str_make(payload->text + topic.size, body.size)};
    return payload;
}

static void deliver(pb_str topic, pb_str body)
{
    struct topic *wanted = map_get(&topics, topic);
    struct payload *payload = wanted ? payload_new(topic, body) : NULL;

    for (struct list_link *at = wanted ? wanted->subscriptions.next : NULL;
         wanted && at != &wanted->subscriptions; at = at->next) /* without memory it is a gap */
        put(list_entry(at, struct pb_subscription, of_topic), payload);
    let_go(payload);
}

void node_bus_gap(void)
{
    for (struct list_link *at = subscriptions.next; at != &subscriptions; at = at->next)
        put(list_entry(at, struct pb_subscription, link), NULL);
}

void node_bus_message(const struct message *message)
{
    if (message->kind == MESSAGE_GAP)
        node_bus_gap();
    else
        deliver(message->name, message->body);
}

void host_publish(pb_str topic, pb_str body)
{
    if (!topic.size || topic.size > PB_TOPIC_SIZE || body.size > PB_MESSAGE_SIZE) {
        pb_log(PB_ERROR, "a message of %zu bytes on '%.*s' is too long for the bus", body.size,
               PB_ARG(pb_str_slice(topic, 0, PB_TOPIC_SIZE)));
        return;
    }
    deliver(topic, body);
    if (node.welcome)
        node_send(&(struct message){.kind = MESSAGE_BUS, .name = topic, .body = body, .fd = -1});
    else
        node.lost_bus = node.kind != NODE_ALONE;
}

/* --- subscribing ------------------------------------------------------------------------------ */

static void tell(enum message_kind kind, pb_str topic)
{
    node_send(&(struct message){.kind = (uint16_t)kind, .name = topic, .fd = -1});
}

/* NULL: no memory. */
static struct topic *topic_get(pb_str name)
{
    struct topic *topic = map_get(&topics, name);

    if (topic || !(topic = malloc(sizeof *topic + name.size)))
        return topic;
    list_init(&topic->subscriptions);
    topic->name = pb_str_make(memcpy(topic->text, name.data, name.size), name.size);
    if (!map_put(&topics, topic->name, topic)) {
        free(topic);
        return NULL;
    }
    tell(MESSAGE_SUBSCRIBE, topic->name);
    return topic;
}

static void topic_leave(struct pb_subscription *subscription)
{
    struct topic *topic = subscription->topic;

    list_remove(&subscription->of_topic);
    if (!list_empty(&topic->subscriptions))
        return;
    tell(MESSAGE_UNSUBSCRIBE, topic->name);
    map_remove(&topics, topic->name);
    free(topic);
    if (!topics.count)
        map_fini(&topics);
}

void node_bus_announce(void)
{
    for (size_t i = 0; i < topics.capacity; i++)
        if (topics.slots[i].value)
            tell(MESSAGE_SUBSCRIBE, topics.slots[i].key);
}

pb_status host_subscribe(pb_str topic, void (*fn)(void *, const pb_bus_message *), void *arg,
                         pb_subscription **out)
{
    *out = NULL;
    if (!topic.size || topic.size > PB_TOPIC_SIZE)
        return pb_fail(PB_INVALID, "a topic has 1 to %d bytes", PB_TOPIC_SIZE);
    struct pb_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription || !(subscription->topic = topic_get(topic))) {
        free(subscription);
        return pb_fail(PB_NO_MEMORY, "out of memory");
    }
    subscription->fn = fn;
    subscription->arg = arg;
    subscription->instance = task_local()->instance;
    list_init(&subscription->items);
    list_append(&subscription->topic->subscriptions, &subscription->of_topic);
    list_append(&subscriptions, &subscription->link);
    *out = subscription;
    return PB_OK;
}

pb_status host_bus_wait(pb_subscription *subscription, pb_duration limit,
                        const pb_bus_message **out)
{
    struct waiter waiter = {0};

    *out = NULL;
    let_go(subscription->shown);
    subscription->shown = NULL;
    if (!subscription->count) {
        subscription->waiter = &waiter;
        pb_status status = task_wait_for(&waiter, limit);
        subscription->waiter = NULL;
        if (status == PB_TIMEOUT && pb_step() == PB_OK)
            status = PB_OK; /* this wait's limit, not the task's */
        if (status != PB_OK)
            return status;
        if (!subscription->count)
            return PB_DECLINED;
    }
    subscription->shown = take(subscription);
    *out = message_of(subscription->shown);
    return PB_OK;
}

void host_unsubscribe(pb_subscription *subscription)
{
    struct waiter waiter = {0};

    if (!subscription)
        return;
    list_remove(&subscription->link);
    timer_cancel(&subscription->again);
    topic_leave(subscription);
    while (subscription->count)
        let_go(take(subscription));
    let_go(subscription->shown);
    subscription->shown = NULL;
    subscription->ended = true;
    if (subscription->task &&
        (!task_current() || task_descends(task_current(), subscription->task)))
        return; /* its own task frees it */
    if (subscription->task) {
        subscription->ending = &waiter;
        task_wait_always(&waiter);
    }
    free(subscription);
}
