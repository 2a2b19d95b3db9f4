/* api_key.h - what the files of this plugin share: keys as text, days, the table, what is known. */
#ifndef API_KEY_H
#define API_KEY_H

#include <patchbay/auth.h>
#include <patchbay/cluster.h>
#include <patchbay/database.h>
#include <patchbay/secret.h>
#include <patchbay/service.h>

/* --- day.c ------------------------------------------------------------------------------------ */

/* Midnight UTC of "2027-01-31"; false: not of that form, or there is no such day. */
bool day_read(pb_str text, pb_time *out);
/* That, or how long from now: "90d", "12h". */
bool day_read_end(pb_str text, pb_time now, pb_time *out);
/* "2027-01-31T12:00:00Z" in the running scope; absent for 0. */
pb_str day_text(pb_time moment);

/* --- key_text.c ------------------------------------------------------------------------------- */

enum { KEY_ID = 12, KEY_SECRET = 43, KEY_TEXT = 3 + KEY_ID + 1 + KEY_SECRET };

/* pb_<12 letters and digits>_<43 of them, 256 random bits> */
pb_status key_text_new(char text[KEY_TEXT]);
/* The same with this public id. */
pb_status key_text_renew(const char id[KEY_ID], char text[KEY_TEXT]);
/* Its public id, or absent: not of that form. Points into `text`. */
pb_str key_text_id(pb_str text);

/* --- known.c: what this worker has seen in the table, for a while ----------------------------- */

struct known {
    char id[KEY_ID];
    bool there; /* false: no such key */
    bool revoked;
    bool noted; /* `used` is to be written */
    uint8_t digest[32], old_digest[32];
    pb_time old_until;       /* 0: there is no old one */
    pb_time expires;         /* 0: never */
    pb_time used;            /* as it is written, or will be next */
    pb_duration until;       /* looked up again from then on */
    uint64_t asked;          /* when last, in asks */
    pb_principal *principal; /* one block of malloc with all that it points to */
};

enum { KNOWN_SETS = 256, KNOWN_WAYS = 4 };

struct known_keys {
    struct known (*sets)[KNOWN_WAYS];
    uint64_t asks;
    uint64_t changes; /* grows when something is forgotten */
};

pb_status known_init(struct known_keys *keys);
void known_fini(struct known_keys *keys);
/* What is known and not too old, or NULL. Borrowed until anything parks. */
struct known *known_find(struct known_keys *keys, pb_str id);
/* Keeps a copy; takes over `principal`. The one that was asked for least gives way. */
struct known *known_put(struct known_keys *keys, const struct known *key);
void known_forget(struct known_keys *keys, pb_str id);
void known_forget_all(struct known_keys *keys);

/* A deep copy in one block, of malloc or of the running scope. NULL: no memory. */
pb_principal *principal_copy(const pb_principal *from, bool scoped);

/* --- stored.c: keys of the database ----------------------------------------------------------- */

#define TOPIC_CHANGED "keys.changed" /* the body is the public id of what changed */

struct stored {
    pb_instance *database;
    struct known_keys known;
    pb_subscription *changed, *used;
    pb_str used_topic; /* wakes our own task that writes when keys were used */
    bool noting;       /* it was woken */
};

pb_status stored_migrate(pb_instance *database);
pb_status stored_start(struct stored *stored, pb_instance *database);
void stored_stop(struct stored *stored);
/* As authenticate: PB_DECLINED when it is none of ours. Parks when the key was not seen lately. */
pb_status stored_authenticate(struct stored *stored, pb_str given, pb_principal *out);

/* A list of text from its JSON, in the running scope. */
pb_status texts_read(pb_str json, pb_list *out);
pb_str texts_write(pb_list texts);

/* --- grants.c: who may give what -------------------------------------------------------------- */

/* PB_OK, or PB_FORBIDDEN with what is missing. */
pb_status grants_may_manage(const pb_principal *who);
/* May `who` hand out a key with these scopes and roles? */
pb_status grants_check(const pb_principal *who, pb_list scopes, pb_list roles);
/* Whose keys a call is about: absent for the caller's own tenant. */
pb_status grants_tenant(const pb_principal *who, pb_str wanted, pb_str *out);

/* --- service.c -------------------------------------------------------------------------------- */

struct api_keys {
    pb_instance *database;
};

extern const pb_field api_keys_options[];
extern const pb_operation api_keys_operations[];
pb_status api_keys_start(void *self);

#endif
