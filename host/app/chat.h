/* chat.h - `patchbay chat`: what its files share. One chat in a process, on one task; a turn runs in a
 * task beside it, so that Ctrl-C is heard.
 */
#ifndef HOST_APP_CHAT_H
#define HOST_APP_CHAT_H

#include "app/chat_input.h"
#include "app/command.h"
#include "app/markdown.h"
#include <patchbay/turn.h>

enum { CHAT_ID = 37, CHAT_LABEL = 48 };

/* A message of this chat; malloc'd. */
struct chat_said {
    int32_t role; /* PB_ROLE_… */
    char *text;
};

struct chat {
    const struct invocation *invocation;
    struct terminal terminal;
    struct chat_input input;
    char *pipeline; /* NULL: the server's first */
    char conversation[CHAT_ID];
    char turn[CHAT_ID]; /* the last one */
    struct chat_said *said;
    size_t said_count;
    struct buf sources; /* of the last answer: JSON objects with commas between them */
    struct buf answer;  /* the last one, as it came */
    pb_status status;   /* of the last turn: what the program exits with when it is piped */
    bool over;

    /* the turn that runs */
    struct markdown markdown;
    pb_str question;
    pb_status result;
    bool done;         /* it has ended */
    bool spoke;        /* text was shown */
    bool spinning;     /* the line holds the spinner */
    bool fallback;
    char llm[CHAT_LABEL];
    char stage[CHAT_LABEL]; /* that runs */
    pb_duration began;
};

/* chat_here.c, chat_there.c: asks chat->question and shows what comes; both park. */
pb_status chat_ask_here(struct chat *chat);
pb_status chat_ask_there(struct chat *chat);

/* chat_here.c: the pipeline that is asked when none is named; NULL: there is none. */
const char *chat_usual_pipeline(void);

/* chat_view.c: a turn on the terminal. */
void chat_view_begin(struct chat *chat);
void chat_view_tick(struct chat *chat); /* while nothing has come */
pb_status chat_view_text(struct chat *chat, pb_str text);
pb_status chat_view_note(struct chat *chat, pb_str text); /* a dim line */
void chat_view_stage(struct chat *chat, pb_str name);
void chat_view_source(struct chat *chat, pb_str json);
void chat_view_end(struct chat *chat, pb_status status);
void chat_view_failed(struct chat *chat, pb_status status); /* the task's error as one sentence */
void chat_view_markdown(struct chat *chat, pb_str text);    /* a whole text */

/* chat_sources.c: footnotes of the answer; all of them with their quotes. */
void chat_sources_notes(struct chat *chat);
void chat_sources_full(struct chat *chat);

/* chat_commands.c: a line that begins with a slash. */
void chat_command(struct chat *chat, pb_str line);

void chat_remember(struct chat *chat, int32_t role, pb_str text);
void chat_forget(struct chat *chat); /* the conversation: the next message begins a new one */
void chat_keep_id(char out[CHAT_ID], pb_str id);

#endif
