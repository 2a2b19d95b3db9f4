/* command.h - what a command of the program is, and how its command line was read.
 *
 * Each command is a row in the table of commands.c with a run function in a file of its own. The
 * result is the exit code: 0, or pb_status_exit() of what went wrong.
 */
#ifndef HOST_APP_COMMAND_H
#define HOST_APP_COMMAND_H

#include <patchbay/types.h>

enum { ARGUMENTS_MOST = 256 };

/* --name value, for operations: any name is taken. */
struct command_field {
    const char *name;
    const char *value; /* NULL: given without one */
};

/* One reading of argv. All strings are argv's. */
struct invocation {
    const struct command *command;
    char **argv;          /* as main got it */
    const char *config;   /* -c, else PATCHBAY_CONFIG, else patchbay.yaml */
    const char *data_dir; /* --data-dir, else "data" */
    const char *url;      /* --url: a running server */
    const char *key;      /* --key, else PATCHBAY_KEY */
    const char *port;     /* --port */
    const char *pipeline; /* --pipeline */
    const char *to;       /* --to */
    const char *dir;      /* --dir */
    const char *language; /* --language */
    const char *conversation; /* --conversation: an id, or "new" */
    const char *atleast;  /* --atleast-version */
    const char *out;      /* --out */
    const char *sdk;      /* --sdk */
    const char *only;     /* --only */
    const char *tested;   /* -c of conform */
    bool quick, list; /* --quick, --list */
    bool json, help, yaml, schema, dot, live, exists, full_yaml, no_color, contract;
    const char *sets[ARGUMENTS_MOST]; /* --set path=value, NULL at the end */
    size_t set_count;
    const char *words[ARGUMENTS_MOST]; /* what is no option */
    size_t word_count;
    struct command_field fields[ARGUMENTS_MOST];
    size_t field_count;
};

/* Which options a command takes. */
enum {
    TAKES_CONFIG = 1,   /* -c, --data-dir, --set */
    TAKES_URL = 2,      /* --url, --key */
    TAKES_JSON = 4,     /* --json */
    TAKES_PORT = 8,     /* --port */
    TAKES_PIPELINE = 16,
    TAKES_YAML = 32,    /* --yaml, --schema */
    TAKES_DOT = 64,     /* --dot */
    TAKES_FIELDS = 128, /* any --name value */
    TAKES_HELP = 4096,  /* --help is its own */
    TAKES_LIVE = 256,   /* --live, --exists, --atleast-version */
    TAKES_TO = 512,     /* --to */
    TAKES_DOCS = 8192,  /* --out, --sdk, --full-yaml */
    TAKES_CHAT = 1024,  /* --conversation, --no-color */
    TAKES_CONFORM = 16384, /* --only, --quick, --list, a -c of its own */
    TAKES_DIR = 2048,   /* --dir, --language */
};

struct command {
    const char *name;
    const char *arguments; /* "[TEXT]" */
    const char *summary;   /* one line */
    const char *example;
    unsigned takes;
    size_t words_least, words_most;
    int (*run)(const struct invocation *invocation);
};

extern const struct command commands[]; /* ends with a NULL name */

/* Reads argv; says what is wrong on stderr and returns PB_INVALID. */
pb_status invocation_read(int argc, char **argv, struct invocation *out);

void help_print(const struct command *command); /* NULL: of the program */

/* The options of the program; ends with a NULL name. Those with the same member are one. */
struct command_option {
    const char *name, *value, *help; /* help NULL: another name of the one before */
    unsigned taken; /* TAKES_…; 0: by all */
    size_t offset;  /* of the member in struct invocation */
    bool flag;
};
extern const struct command_option command_options[];
bool command_takes(const struct command *command, const struct command_option *option);

/* Says that there is no such command, and the nearest; PB_INVALID. */
pb_status command_unknown(const char *name);

int command_serve(const struct invocation *invocation);
int command_check(const struct invocation *invocation);
int command_show(const struct invocation *invocation);
int command_schema(const struct invocation *invocation);
int command_graph(const struct invocation *invocation);
int command_inspect(const struct invocation *invocation);
int command_ask(const struct invocation *invocation);
int command_chat(const struct invocation *invocation);
int command_documents(const struct invocation *invocation);
int command_completion(const struct invocation *invocation);
int command_call(const struct invocation *invocation);
int command_noun(const struct invocation *invocation); /* operations: patchbay NOUN VERB */
int command_explain(const struct invocation *invocation);
int command_reload(const struct invocation *invocation);
int command_stop(const struct invocation *invocation);
int command_upgrade(const struct invocation *invocation);
int command_diff(const struct invocation *invocation);
int command_migrate(const struct invocation *invocation);
int command_new(const struct invocation *invocation);
int command_conform(const struct invocation *invocation);
int command_plugin(const struct invocation *invocation);
int command_docs(const struct invocation *invocation);
int command_inspect_live(const struct invocation *invocation); /* inspect --live */

#endif
