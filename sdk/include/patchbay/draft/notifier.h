/* notifier.h - tells a person. Draft: may change until two notifiers exist; no host
 * loads one yet. */
#ifndef PATCHBAY_DRAFT_NOTIFIER_H
#define PATCHBAY_DRAFT_NOTIFIER_H

#include <patchbay/plugin.h>

enum { PB_URGENCY_LOW = 0, PB_URGENCY_NORMAL = 1, PB_URGENCY_HIGH = 2 };

/* What to tell. Borrowed until notify returns. */
typedef struct pb_notification {
    uint32_t size;
    int32_t urgency;  /* PB_URGENCY_… */
    pb_str id;        /* the same for a repeated attempt: a receiver may drop the second */
    pb_str recipient; /* as this notifier addresses people; absent: whom its options name */
    pb_str subject;   /* one line */
    pb_str text;      /* plain text */
    pb_str url;       /* where to go from there, or absent */
} pb_notification;

/* The interface. notify is required and may park. PB_OK: handed over for delivery. A retryable
 * status is tried again by whoever called. */
typedef struct pb_notifier {
    PB_LIFECYCLE
    pb_status (*notify)(void *self, const pb_notification *notification);
} pb_notifier;

/* PB_NOTIFIER("webhook", struct webhook, webhook_options, .notify = webhook_notify) */
#define PB_NOTIFIER(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_notifier, "notifier", 1, name, owner, options, __VA_ARGS__)

#endif
