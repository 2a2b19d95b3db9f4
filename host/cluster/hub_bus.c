/* hub_bus.c - who wants to hear of which topic; a message goes to all of them but its publisher. */
#include "cluster/hub_internal.h"

#include <patchbay/cluster.h>
#include <stdlib.h>

struct topic {
    struct list_link subscribers;
    pb_str name;
    char text[];
};

struct subscriber {
    struct list_link of_topic, of_peer;
    struct topic *topic;
    struct hub_peer *peer;
};

static struct map topics;

static struct topic *get_topic(pb_str name)
{
    struct topic *topic = map_get(&topics, name);

    if (topic || !(topic = malloc(sizeof *topic + name.size)))
        return topic;
    list_init(&topic->subscribers);
    topic->name = pb_str_make(memcpy(topic->text, name.data, name.size), name.size);
    if (map_put(&topics, topic->name, topic))
        return topic;
    free(topic);
    return NULL;
}

static struct subscriber *find(const struct hub_peer *peer, const struct topic *topic)
{
    if (!topic)
        return NULL;
    for (struct list_link *at = topic->subscribers.next; at != &topic->subscribers; at = at->next) {
        struct subscriber *subscriber = list_entry(at, struct subscriber, of_topic);
        if (subscriber->peer == peer)
            return subscriber;
    }
    return NULL;
}

static void drop_if_empty(struct topic *topic)
{
    if (!list_empty(&topic->subscribers))
        return;
    map_remove(&topics, topic->name);
    free(topic);
    if (!topics.count)
        map_fini(&topics);
}

bool hub_bus_subscribe(struct hub_peer *peer, pb_str name)
{
    if (!name.size || name.size > PB_TOPIC_SIZE || peer->things >= HUB_HELD)
        return false;
    struct topic *topic = get_topic(name);
    struct subscriber *subscriber = find(peer, topic);
    if (!topic || subscriber)
        return topic != NULL;
    subscriber = malloc(sizeof *subscriber);
    if (!subscriber) {
        drop_if_empty(topic);
        return false;
    }
    subscriber->topic = topic;
    subscriber->peer = peer;
    list_append(&topic->subscribers, &subscriber->of_topic);
    list_append(&peer->topics, &subscriber->of_peer);
    peer->things++;
    return true;
}

static void drop(struct subscriber *subscriber)
{
    struct topic *topic = subscriber->topic;

    subscriber->peer->things--;
    list_remove(&subscriber->of_topic);
    list_remove(&subscriber->of_peer);
    free(subscriber);
    drop_if_empty(topic);
}

void hub_bus_unsubscribe(struct hub_peer *peer, pb_str name)
{
    struct subscriber *subscriber = find(peer, map_get(&topics, name));

    if (subscriber)
        drop(subscriber);
}

void hub_bus_unsubscribe_all(struct hub_peer *peer)
{
    while (!list_empty(&peer->topics))
        drop(list_entry(peer->topics.next, struct subscriber, of_peer));
}

void hub_bus_topics(struct hub_peer *peer, void (*each)(void *arg, pb_str topic), void *arg)
{
    for (struct list_link *at = peer->topics.next; at != &peer->topics; at = at->next)
        each(arg, list_entry(at, struct subscriber, of_peer)->topic->name);
}

void hub_bus_route(const struct hub_peer *from, pb_str name, pb_str body)
{
    struct message message = {.kind = MESSAGE_BUS, .name = name, .body = body, .fd = -1};
    struct topic *topic = map_get(&topics, name);

    if (!topic)
        return;
    for (struct list_link *at = topic->subscribers.next; at != &topic->subscribers; at = at->next) {
        struct hub_peer *peer = list_entry(at, struct subscriber, of_topic)->peer;
        if (peer != from)
            channel_send(&peer->channel, &message);
    }
}

void hub_bus_gap(const struct hub_peer *from)
{
    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next) {
        struct hub_peer *peer = peer_at(at);
        if (peer != from && peer->node.kind != HUB_COMMAND)
            channel_send(&peer->channel, &(struct message){.kind = MESSAGE_GAP, .fd = -1});
    }
}

void hub_publish(pb_str topic, pb_str body)
{
    hub_bus_route(NULL, topic, body);
}
