/* roles.h - what this program does when it is started as hub, worker or guest: it obeys the test's
 * words (children.h) on descriptor 3 and tells what happens.
 */
#ifndef TESTS_CLUSTER_ROLES_H
#define TESTS_CLUSTER_ROLES_H

#include "children.h"
#include "cluster/hub.h"
#include "cluster/listen_socket.h"
#include "cluster/node.h"
#include "cluster/scoreboard.h"
#include "runtime/task.h"
#include <sys/syscall.h>

static struct channel test_link; /* to the test */
static const char *role_run_dir;

__attribute__((format(printf, 1, 2))) static inline void tell(const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    channel_send(&test_link, &(struct message){.kind = MESSAGE_ANSWER,
                                               .body = pb_str_make(text, (size_t)size),
                                               .fd = -1});
}

static inline void on_test_gone(struct channel *channel)
{
    channel_close(channel);
    loop_stop();
}

static inline void tell_status(pb_status status, const char *fine)
{
    if (status == PB_OK)
        tell("%s", fine);
    else
        tell("%s: %.*s", pb_status_name(status), PB_ARG(host_error()->sentence));
}

/* Open descriptors of this process. */
static inline int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* the folder's own */

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* --- a worker or guest ------------------------------------------------------------------------ */

enum { THINGS = 16 };
static pb_lease *role_leases[THINGS];
static pb_shared *role_shared[THINGS];
static pb_subscription *role_subscriptions[THINGS];
static int role_sockets[THINGS];
static size_t subscription_count, socket_count;

static inline void on_bus(void *arg, const pb_bus_message *message)
{
    (void)arg;
    if (message->flags & PB_BUS_GAP)
        tell("gap");
    else
        tell("bus %.*s %.*s", PB_ARG(message->topic), PB_ARG(message->body));
}

static inline void repair(void *memory, uint32_t index)
{
    ((uint64_t *)memory)[index] = 1000;
}

static inline bool each_answer(void *arg, pb_str answer)
{
    (void)arg;
    if (answer.size > 1000)
        tell("answer of %zu bytes", answer.size);
    else
        tell("answer %.*s", PB_ARG(answer));
    return false;
}

static inline pb_status answer_echo(pb_str question, pb_str *out)
{
    if (pb_str_is(question, "die"))
        kill(getpid(), SIGKILL);
    if (pb_str_is(question, "hang")) {
        pb_sleep(3600 * PB_SECOND);
    } else if (pb_str_is(question, "big")) {
        char *text = pb_alloc(NODE_ANSWER_SIZE);
        memset(text, 'x', NODE_ANSWER_SIZE);
        *out = pb_str_make(text, NODE_ANSWER_SIZE);
    } else {
        *out = pb_printf("%u says %.*s", node_slot(), PB_ARG(question));
    }
    return pb_str_is(question, "nothing") ? PB_DECLINED : PB_OK;
}

static inline void obey_lease(const char *verb, const char *name, int number)
{
    pb_status status = PB_CONFLICT;

    if (strcmp(verb, "take") == 0) {
        status = pb_lease_take(pb_str_of(name), PB_SECOND, &role_leases[number]);
        if (status == PB_OK)
            tell("token %lld", (long long)pb_lease_token(role_leases[number]));
        else
            tell("%s", pb_status_name(status));
    } else if (strcmp(verb, "wait") == 0) { /* until it can be had */
        while (status != PB_OK && pb_sleep(20 * PB_MILLISECOND) == PB_OK)
            status = pb_lease_take(pb_str_of(name), PB_SECOND, &role_leases[number]);
        tell("token %lld", (long long)pb_lease_token(role_leases[number]));
    } else if (strcmp(verb, "held") == 0) {
        tell(pb_lease_held(role_leases[number]) ? "held" : "lost");
    } else if (strcmp(verb, "until-lost") == 0) {
        while (pb_lease_held(role_leases[number]) && pb_sleep(20 * PB_MILLISECOND) == PB_OK)
            ;
        tell("lost");
    } else {
        pb_lease_release(role_leases[number]);
        role_leases[number] = NULL;
        tell("released");
    }
}

static inline void obey_shared(const char *verb, const char *name, int number, int value)
{
    pb_shared_spec spec = {.size = sizeof spec,
                           .version = (uint32_t)value,
                           .name = pb_str_of(name),
                           .bytes = 10000,
                           .repair = repair};
    uint64_t *words = role_shared[number] ? pb_shared_memory(role_shared[number]) : NULL;

    if (strcmp(verb, "open") == 0) {
        tell_status(pb_shared_open(&spec, &role_shared[number]), "opened");
    } else if (strcmp(verb, "add") == 0) {
        if (pb_shared_lock(role_shared[number], 3) == PB_OK) {
            words[3] += (uint64_t)value;
            tell("sum %llu", (unsigned long long)words[3]);
            pb_shared_unlock(role_shared[number], 3);
        } else {
            tell("not locked");
        }
    } else if (strcmp(verb, "lock") == 0) {
        tell_status(pb_shared_lock(role_shared[number], 3), "locked");
    } else {
        pb_shared_close(role_shared[number]);
        role_shared[number] = NULL;
        tell("closed");
    }
}

/* Accepts one connection, on the spot. */
static inline void obey_accept(int number)
{
    struct pollfd wait = {.fd = role_sockets[number], .events = POLLIN};
    int fd = poll(&wait, 1, PATIENCE_MS) == 1 ? accept(role_sockets[number], NULL, NULL) : -1;

    tell(fd >= 0 ? "accepted" : "not accepted");
    if (fd >= 0)
        close(fd);
}

static inline void obey_listen(const char *key, const char *address)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    const struct listen_wish wish = {.address = pb_str_of(address), .group = -1};
    pb_status status = node_listen(pb_str_of(key), &wish, &role_sockets[socket_count]);

    if (status != PB_OK) {
        tell_status(status, "");
        return;
    }
    getsockname(role_sockets[socket_count++], (struct sockaddr *)&at, &size);
    tell("port %d", (int)(at.sin_port >> 8 | (at.sin_port & 255) << 8));
}

static inline void obey_bus(const char *verb, const char *topic, const char *body)
{
    if (strcmp(verb, "subscribe") == 0) {
        tell_status(
            pb_subscribe(pb_str_of(topic), on_bus, NULL, &role_subscriptions[subscription_count++]),
            "subscribed");
    } else if (strcmp(verb, "unsubscribe") == 0) {
        pb_unsubscribe(role_subscriptions[--subscription_count]);
        tell("unsubscribed");
    } else if (strcmp(verb, "burst") == 0) {
        char text[16];
        for (int i = 0; i < atoi(body); i++) {
            snprintf(text, sizeof text, "%d", i);
            pb_publish(pb_str_of(topic), pb_str_of(text));
        }
    } else {
        pb_publish(pb_str_of(topic), pb_str_of(body));
    }
}

static inline void obey_node(const char *verb, const char *text)
{
    static const pb_str instances[] = {PB_LIT("stage 'a'"), PB_LIT("stage 'b'")};
    static const pb_str pipelines[] = {PB_LIT("main")};

    if (strcmp(verb, "ready") == 0) {
        node_names(instances, 2, pipelines, 1);
        node_ready();
    } else if (strcmp(verb, "failed") == 0) {
        node_failed(pb_lit("the config is odd"));
        kill(getpid(), SIGKILL);
    } else if (strcmp(verb, "drained") == 0) {
        node_drained();
    } else if (strcmp(verb, "connections") == 0) {
        scoreboard_own->connections = (uint32_t)atoi(text);
        tell("fewest %u", scoreboard_fewest_connections());
    } else if (strcmp(verb, "quarantined") == 0) {
        const char *sentence = scoreboard_quarantined(pb_str_of(text));
        tell("%s", sentence ? sentence : "no");
    } else {
        tell("%.*s", PB_ARG(pb_node_id()));
    }
}

/* What a program's nodes obey beside this; true: it was understood. */
static bool (*obey_more)(const char *words);

static inline void obey(void *arg)
{
    char verb[32] = "", what[32] = "", one[256] = "", two[256] = "";
    int number = 0, value = 0;

    sscanf(arg, "%31s %31s", verb, what);
    if (obey_more && obey_more(arg))
        ;
    else if (strcmp(verb, "lease") == 0 && sscanf(arg, "%*s %*s %255s %d", one, &number) > 0)
        obey_lease(what, one, number);
    else if (strcmp(verb, "shared") == 0 &&
             sscanf(arg, "%*s %*s %255s %d %d", one, &number, &value) > 0)
        obey_shared(what, one, number, value);
    else if (strcmp(verb, "bus") == 0 && sscanf(arg, "%*s %*s %255s %255s", one, two) > 0)
        obey_bus(what, one, two);
    else if (strcmp(verb, "listen") == 0 && sscanf(arg, "%*s %255s %255s", one, two) > 0)
        obey_listen(one, two);
    else if (strcmp(verb, "accept") == 0)
        obey_accept(atoi(what));
    else if (strcmp(verb, "ask") == 0)
        tell("answers %zu", node_ask("echo", pb_str_of(what), 30 * PB_SECOND, each_answer, NULL));
    else if (strcmp(verb, "node") == 0 && sscanf(arg, "%*s %*s %255s", one) < 2)
        obey_node(what, one);
    else if (strcmp(verb, "end") == 0)
        loop_stop();
    free(arg);
}

static inline void on_order(struct channel *channel, struct message *message)
{
    (void)channel;
    char *text = strndup(message->body.data, message->body.size);
    if (task_start(obey, text, NULL) != PB_OK)
        tell("no task");
}

static inline void told_drain(void)
{
    tell("drain");
}

static inline void told_retire(void)
{
    tell("retire");
}

static inline void told_gone(void)
{
    tell("disconnected");
}

static inline void told_back(void)
{
    tell("reconnected");
}

static inline void undo_all(void *unused)
{
    (void)unused;
    for (int i = 0; i < THINGS; i++) {
        pb_lease_release(role_leases[i]);
        pb_shared_close(role_shared[i]);
        if (i < (int)subscription_count)
            pb_unsubscribe(role_subscriptions[i]);
        if (i < (int)socket_count)
            close(role_sockets[i]);
    }
    node_leave();
    loop_stop();
}

static inline int be_node(void)
{
    static const struct node_hooks hooks = {.drain = told_drain,
                                            .retire = told_retire,
                                            .disconnected = told_gone,
                                            .reconnected = told_back};
    static const char *const kinds[] = {"alone", "guest", "worker"};

    test_link.message = on_order;
    test_link.closed = on_test_gone;
    if (loop_init() != PB_OK || channel_open(&test_link, 3) != PB_OK)
        return 1;
    node_answers("echo", answer_echo);
    if (node_join(strcmp(role_run_dir, "none") == 0 ? NULL : role_run_dir, &hooks) != PB_OK)
        return 1;
    tell("joined %s", kinds[node_kind()]);
    loop_run();
    task_start(undo_all, NULL, NULL);
    loop_run();
    channel_close(&test_link);
    loop_fini();
    return 0;
}

int role_main(int argc, char **argv, int (*tests)(void));
int be_hub(const char *run_dir_given, int saved); /* hub_role.h */

#endif
