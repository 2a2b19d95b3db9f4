/* list.h - an intrusive doubly linked ring. The head is a link of its own; an empty ring points to
 * itself. A link is in at most one ring. */
#ifndef HOST_BASE_LIST_H
#define HOST_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *next, *prev;
};

/* The struct that `link` is the member `member` of. */
#define list_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list_link *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list_link *head)
{
    return head->next == head;
}

static inline void list_append(struct list_link *head, struct list_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* Takes a link out of its ring; it then is a ring of its own, so that removing twice is harmless. */
static inline void list_remove(struct list_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = link;
}

/* The first link, taken out, or NULL. */
static inline struct list_link *list_pop(struct list_link *head)
{
    struct list_link *link = head->next;
    if (link == head)
        return NULL;
    list_remove(link);
    return link;
}

#endif
