/* node_ask.c - questions to the other workers, answers to theirs; and listening sockets, which are
 * asked for in the same way. */
#include "cluster/node_internal.h"

#include "cluster/listen_socket.h"
#include <fcntl.h>
#include <patchbay/log.h>
#include <stdlib.h>
#include <unistd.h>

/* --- answering -------------------------------------------------------------------------------- */

enum { TOPICS = 16 };

static struct {
    const char *topic;
    pb_status (*fn)(pb_str question, pb_str *out);
} answerers[TOPICS];

void node_answers(const char *topic, pb_status (*fn)(pb_str question, pb_str *out))
{
    for (int i = 0; i < TOPICS; i++) {
        if (answerers[i].topic && strcmp(answerers[i].topic, topic) != 0)
            continue;
        answerers[i].topic = topic;
        answerers[i].fn = fn;
        return;
    }
    abort(); /* the host itself has more topics than it has places */
}

struct question {
    uint64_t number;
    pb_status (*fn)(pb_str question, pb_str *out);
    size_t size;
    char text[];
};

static void send_answer(uint64_t number, pb_status status, pb_str answer)
{
    node_send(&(struct message){
        .kind = MESSAGE_ANSWER, .number = number, .a = status, .body = answer, .fd = -1});
}

static void answer(void *arg)
{
    struct question *question = arg;
    pb_str text = {0};
    pb_status status = question->fn(pb_str_make(question->text, question->size), &text);

    if (status == PB_OK && text.size > NODE_ANSWER_SIZE) {
        pb_log(PB_ERROR, "an answer of %zu bytes is too long for another worker", text.size);
        status = PB_TOO_LARGE;
    }
    send_answer(question->number, status, status == PB_OK ? text : (pb_str){0});
    free(question);
}

void node_question_message(const struct message *message)
{
    int i = 0;

    while (i < TOPICS && !(answerers[i].topic && pb_str_is(message->name, answerers[i].topic)))
        i++;
    struct question *question =
        i < TOPICS && answerers[i].fn ? malloc(sizeof *question + message->body.size) : NULL;
    if (!question) {
        send_answer(message->number, PB_DECLINED, (pb_str){0});
        return;
    }
    question->number = message->number;
    question->fn = answerers[i].fn;
    question->size = message->body.size;
    memcpy(question->text, message->body.data, message->body.size);
    if (task_start(answer, question, NULL) != PB_OK) {
        send_answer(message->number, PB_DECLINED, (pb_str){0});
        free(question);
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Hands out what came meanwhile; true: that was enough. */
static bool hand_out(struct node_request *request, size_t *count,
                     bool (*each)(void *arg, pb_str answer), void *arg)
{
    bool enough = false;

    for (struct list_link *link; !enough && (link = list_pop(&request->answers));) {
        struct node_answer *got = list_entry(link, struct node_answer, link);
        ++*count;
        enough = each(arg, pb_str_make(got->text, got->size));
        free(got);
    }
    return enough;
}

size_t node_ask(const char *topic, pb_str question, pb_duration limit,
                bool (*each)(void *arg, pb_str answer), void *arg)
{
    struct node_request request = {
        .ask = {.kind = MESSAGE_ASK, .name = pb_str_of(topic), .body = question, .fd = -1},
        .many = true};
    pb_duration until = pb_monotonic() + limit, left;
    pb_status status = PB_OK;
    size_t count = 0;

    if (node.kind == NODE_ALONE || question.size > NODE_QUESTION_SIZE)
        return 0;
    node_request_begin(&request);
    bool enough = hand_out(&request, &count, each, arg);
    while (!enough && !request.ended && status == PB_OK && (left = until - pb_monotonic()) > 0) {
        struct waiter waiter = {0};
        request.waiter = &waiter;
        status = task_wait_for(&waiter, left);
        request.waiter = NULL;
        enough = hand_out(&request, &count, each, arg);
    }
    if (!request.ended)
        node_send(
            &(struct message){.kind = MESSAGE_ASK_END, .number = request.ask.number, .fd = -1});
    node_request_end(&request);
    return count;
}

/* --- listeners -------------------------------------------------------------------------------- */

/* A descriptor of our own, for a new supervisor. */
struct listener {
    struct list_link link;
    int fd;
    size_t key_size, address_size;
    char text[];
};

static struct list_link listeners = {&listeners, &listeners};

static void forget(struct listener *listener)
{
    list_remove(&listener->link);
    close(listener->fd);
    free(listener);
}

static pb_str key_of(const struct listener *listener)
{
    return pb_str_make(listener->text, listener->key_size);
}

static pb_str address_of(const struct listener *listener)
{
    return pb_str_make(listener->text + listener->key_size, listener->address_size);
}

static void keep(pb_str key, pb_str address, int fd)
{
    for (struct list_link *at = listeners.next; at != &listeners; at = at->next) {
        struct listener *listener = list_entry(at, struct listener, link);
        if (pb_str_equal(key_of(listener), key) && pb_str_equal(address_of(listener), address))
            return;
    }
    struct listener *listener = malloc(sizeof *listener + key.size + address.size);
    if (!listener)
        return;
    listener->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (listener->fd < 0) {
        free(listener);
        return;
    }
    listener->key_size = key.size;
    listener->address_size = address.size;
    memcpy(listener->text, key.data, key.size);
    memcpy(listener->text + key.size, address.data, address.size);
    list_append(&listeners, &listener->link);
}

pb_status node_listen(pb_str key, const struct listen_wish *wish, int *out)
{
    pb_str address = wish->address;
    struct node_request request = {.ask = {.kind = MESSAGE_LISTEN,
                                           .name = key,
                                           .body = address,
                                           .a = wish->mode,
                                           .b = wish->group,
                                           .fd = -1},
                                   .again = true};

    if (node.kind != NODE_WORKER)
        return listen_socket_open(wish, out);
    pb_status status = node_request(&request);
    if (status != PB_OK)
        return status;
    if (request.fd < 0)
        return pb_fail(PB_UNAVAILABLE, "too many files are open to listen on %.*s",
                       PB_ARG(address));
    keep(key, address, request.fd);
    *out = request.fd;
    return PB_OK;
}

void node_listen_announce(void)
{
    for (struct list_link *at = listeners.next; at != &listeners; at = at->next) {
        struct listener *listener = list_entry(at, struct listener, link);
        node_send(&(struct message){.kind = MESSAGE_LISTENER_HELD,
                                    .name = key_of(listener),
                                    .body = address_of(listener),
                                    .fd = listener->fd});
    }
}

void node_listen_forget(void)
{
    while (!list_empty(&listeners))
        forget(list_entry(listeners.next, struct listener, link));
}
