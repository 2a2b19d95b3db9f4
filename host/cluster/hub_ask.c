/* hub_ask.c - a question of one goes to all other workers; each answer goes back as it comes. */
#include "cluster/hub_internal.h"

#include <patchbay/task.h>
#include <stdlib.h>

struct question {
    struct list_link link;
    struct hub_peer *asker;
    uint64_t asked;  /* the asker's number */
    uint64_t number; /* ours */
    struct list_link owed;
};

struct owed {
    struct list_link of_question, of_peer;
    struct question *question;
};

static struct list_link questions = {&questions, &questions};
static uint64_t last_number;

static void drop_owed(struct owed *owed)
{
    list_remove(&owed->of_question);
    list_remove(&owed->of_peer);
    free(owed);
}

static void drop(struct question *question)
{
    while (!list_empty(&question->owed))
        drop_owed(list_entry(question->owed.next, struct owed, of_question));
    list_remove(&question->link);
    free(question);
}

static void end(struct question *question)
{
    channel_send(&question->asker->channel,
                 &(struct message){.kind = MESSAGE_ASK_END, .number = question->asked, .fd = -1});
    drop(question);
}

static void end_if_all_came(struct question *question)
{
    if (list_empty(&question->owed))
        end(question);
}

static bool pass_on(struct question *question, struct hub_peer *peer, const struct message *message)
{
    struct owed *owed = malloc(sizeof *owed);

    if (!owed)
        return false;
    owed->question = question;
    list_append(&question->owed, &owed->of_question);
    list_append(&peer->owes, &owed->of_peer);
    channel_send(&peer->channel, &(struct message){.kind = MESSAGE_ASK,
                                                   .number = question->number,
                                                   .name = message->name,
                                                   .body = message->body,
                                                   .fd = -1});
    return true;
}

void hub_ask(struct hub_peer *peer, const struct message *message)
{
    struct question *question = calloc(1, sizeof *question);

    if (!question) {
        channel_cut(&peer->channel, "there is no memory");
        return;
    }
    question->asker = peer;
    question->asked = message->number;
    if (!last_number) /* answers to a process before us must not look like answers to us */
        last_number = (uint64_t)pb_monotonic();
    question->number = ++last_number;
    list_init(&question->owed);
    list_append(&questions, &question->link);
    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next) {
        struct hub_peer *other = peer_at(at);
        if (other != peer && other->node.kind == HUB_WORKER && channel_is_open(&other->channel))
            pass_on(question, other, message);
    }
    end_if_all_came(question);
}

void hub_ask_answer(struct hub_peer *peer, const struct message *message)
{
    for (struct list_link *at = peer->owes.next; at != &peer->owes; at = at->next) {
        struct owed *owed = list_entry(at, struct owed, of_peer);
        struct question *question = owed->question;
        if (question->number != message->number)
            continue;
        if (message->a == PB_OK)
            channel_send(&question->asker->channel, &(struct message){.kind = MESSAGE_ANSWER,
                                                                      .number = question->asked,
                                                                      .body = message->body,
                                                                      .fd = -1});
        drop_owed(owed);
        end_if_all_came(question);
        return;
    }
}

void hub_ask_end(struct hub_peer *peer, uint64_t number)
{
    for (struct list_link *at = questions.next; at != &questions; at = at->next) {
        struct question *question = list_entry(at, struct question, link);
        if (question->asker == peer && question->asked == number) {
            drop(question);
            return;
        }
    }
}

void hub_ask_forget(struct hub_peer *peer)
{
    for (struct list_link *at = questions.next, *next; at != &questions; at = next) {
        struct question *question = list_entry(at, struct question, link);
        next = at->next;
        if (question->asker == peer)
            drop(question);
    }
    while (!list_empty(&peer->owes)) {
        struct owed *owed = list_entry(peer->owes.next, struct owed, of_peer);
        struct question *question = owed->question;
        drop_owed(owed);
        end_if_all_came(question);
    }
}

void hub_ask_end_all(void)
{
    while (!list_empty(&questions))
        end(list_entry(questions.next, struct question, link));
}
