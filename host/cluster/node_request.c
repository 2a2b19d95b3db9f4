/* node_request.c - a task asks the supervisor and waits for the answer. */
#include "cluster/node_internal.h"

#include <patchbay/memory.h>
#include <stdlib.h>
#include <unistd.h>

void node_request_begin(struct node_request *request)
{
    request->ask.number = ++node.last_number;
    request->ended = false;
    request->status = PB_OK;
    request->fd = -1;
    request->sentence[0] = 0;
    list_init(&request->answers);
    list_append(&node.requests, &request->link);
    if (node.welcome) {
        node_send(&request->ask);
    } else if (!request->again) {
        request->ended = true;
        request->status = PB_UNAVAILABLE;
    }
}

void node_request_end(struct node_request *request)
{
    list_remove(&request->link);
    for (struct list_link *link; (link = list_pop(&request->answers));)
        free(list_entry(link, struct node_answer, link));
}

static void wake(struct node_request *request)
{
    if (request->waiter)
        waiter_wake(request->waiter);
}

static void end(struct node_request *request, pb_status status)
{
    request->ended = true;
    request->status = status;
    wake(request);
}

pb_status node_request(struct node_request *request)
{
    struct waiter waiter = {0};
    pb_status status = PB_OK;

    request->waiter = &waiter;
    node_request_begin(request);
    if (!request->ended)
        status = task_wait(&waiter);
    request->waiter = NULL;
    bool ended = request->ended;
    node_request_end(request);
    if (!ended)
        return status;
    if (request->status == PB_UNAVAILABLE && !request->sentence[0])
        return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND, "the supervisor is away, try again");
    if (request->status != PB_OK)
        return pb_fail(request->status, "%s", request->sentence);
    return PB_OK;
}

static struct node_request *find(uint64_t number)
{
    for (struct list_link *at = node.requests.next; at != &node.requests; at = at->next) {
        struct node_request *request = list_entry(at, struct node_request, link);
        if (request->ask.number == number && !request->ended)
            return request;
    }
    return NULL;
}

static void keep_answer(struct node_request *request, const struct message *message)
{
    struct node_answer *answer = malloc(sizeof *answer + message->body.size);

    if (!answer)
        return;
    answer->size = message->body.size;
    memcpy(answer->text, message->body.data, answer->size);
    list_append(&request->answers, &answer->link);
    wake(request);
}

/* An answer nobody waits for any more may carry a lease: it goes back. */
static void unwanted(const struct message *message)
{
    if (message->a == PB_OK && message->b)
        node_send(&(struct message){
            .kind = MESSAGE_LEASE_RELEASE, .name = message->name, .a = message->b, .fd = -1});
}

void node_requests_answer(struct message *message)
{
    struct node_request *request = find(message->number);

    if (!request) {
        if (message->kind == MESSAGE_ANSWER)
            unwanted(message);
    } else if (message->kind == MESSAGE_ASK_END) {
        end(request, PB_OK);
    } else if (request->many) {
        keep_answer(request, message);
    } else {
        size_t size = message->body.size < sizeof request->sentence - 1
                          ? message->body.size
                          : sizeof request->sentence - 1;
        memcpy(request->sentence, message->body.data, size);
        request->sentence[size] = 0;
        request->a = message->a;
        request->b = message->b;
        request->fd = message->fd;
        message->fd = -1;
        end(request, (pb_status)message->a);
    }
}

void node_requests_resend(void)
{
    for (struct list_link *at = node.requests.next; at != &node.requests; at = at->next) {
        struct node_request *request = list_entry(at, struct node_request, link);
        if (!request->ended)
            node_send(&request->ask);
    }
}

void node_requests_fail(void)
{
    for (struct list_link *at = node.requests.next; at != &node.requests; at = at->next) {
        struct node_request *request = list_entry(at, struct node_request, link);
        if (!request->ended && !request->again)
            end(request, request->many ? PB_OK : PB_UNAVAILABLE);
    }
}
