/* tree.h - the configuration as a tree that remembers where each value was written.
 *
 * Loading reads YAML, follows `include:`, fills in variables (substitute.c has their forms), !file
 * and !command, and checks what can be checked without knowing any option. Everything lives in the running scope. Problems go to the
 * diagnostics; a node whose value could not be had is `broken`, so that reading can go on and report
 * the rest in the same run.
 */
#ifndef HOST_CONFIG_TREE_H
#define HOST_CONFIG_TREE_H

#include <patchbay/json.h>

struct config_diagnostics;

/* Where something was written. Lines and columns count from 1, columns in characters. The file
 * "--set" stands for the command line, its line for the which of the assignments. */
struct config_mark {
    const char *file;
    uint32_t line, column;
};

enum {
    CONFIG_NULL = 0, /* `key:`, null or ~ : counts as left out */
    CONFIG_SCALAR = 1,
    CONFIG_LIST = 2,
    CONFIG_MAP = 3,
};

struct config_node {
    uint32_t type;  /* CONFIG_… */
    uint32_t count; /* children of a list or map */
    uint32_t index; /* among the parent's children */
    bool quoted;    /* a scalar that was written as text: "8", 'x', |, > */
    bool secret;    /* must not be shown: it was substituted, or its option is a secret */
    bool broken;    /* its value could not be had; that is already reported */
    bool known;     /* an option that is no secret was read from it */
    struct config_mark mark;
    struct config_mark key_mark; /* of the key, in a map */
    pb_str key;                  /* in a map: this member's name */
    pb_str text;                 /* a scalar's value, with a NUL behind it */
    pb_str source;               /* where a substituted value came from: "${NAME}"; else absent */
    struct config_node *parent, *child, *last, *next;
};

/* Limits: bytes of one file, levels of nesting, nodes of the whole tree (copies made by aliases are
 * counted), files, bytes of a !file or of the output of a !command, seconds that a command may take. */
enum {
    CONFIG_FILE_SIZE = 4 * 1024 * 1024,
    CONFIG_DEPTH = 64,
    CONFIG_NODES = 200000,
    CONFIG_FILES = 64,
    CONFIG_SECRET_SIZE = 64 * 1024,
    CONFIG_COMMAND_SECONDS = 10,
};

/* Reads the file at `path` and all that it includes. *out is a map, or NULL when a file could not be
 * read as YAML at all. PB_OK when nothing was reported but warnings; else PB_INVALID (or
 * PB_NO_MEMORY): with a tree in *out go on and read it, for the rest of the problems. */
pb_status config_tree_load(const char *path, struct config_diagnostics *diagnostics,
                           struct config_node **out);

/* The same from text. `name` stands for the file in diagnostics; paths are relative to its folder. */
pb_status config_tree_parse(const char *name, pb_str text, struct config_diagnostics *diagnostics,
                            struct config_node **out);

/* Applies `--set path=value`: "llms.main.model=x", "transports.web.pipelines[0]=support",
 * 'llms."gpt-4.1".model=x'. The value is YAML. Missing maps are made; a list may grow by one.
 * `number` counts the assignments of the command line from 1, for the diagnostics. */
pb_status config_tree_set(struct config_node *tree, const char *assignment, uint32_t number,
                          struct config_diagnostics *diagnostics);

/* The member `key` of a map, or the i-th child; NULL when there is none or `node` is NULL. */
struct config_node *config_node_get(const struct config_node *node, const char *key);
struct config_node *config_node_at(const struct config_node *node, size_t index);

/* The node at a path as config_node_path writes it, or NULL; "" is `node` itself. */
struct config_node *config_node_find(struct config_node *node, pb_str path);

/* "pipelines.support.stages[2].retrieve"; "" for the root. In the running scope. */
pb_str config_node_path(const struct config_node *node);

/* Adds one step to a path in the same notation. */
void config_path_key(pb_buf *path, pb_str key);
void config_path_index(pb_buf *path, size_t index);

/* "a list", "a map", "'8'", "the value of ${NAME}": for sentences; never shows what is secret. */
pb_str config_node_found(const struct config_node *node);

/* A value as JSON: plain true, false and numbers become what they look like. `mask`: secrets become
 * "***". NULL when memory is short. */
const pb_json *config_node_json(const struct config_node *node, bool mask);

/* Marks a node and all under it as secret. */
void config_node_hide(struct config_node *node);

/* Marks a node and all under it as known: they are not secret. */
void config_node_know(struct config_node *node);

/* Marks as secret what is not known to be none: a plugin that is missing, a list where a map belongs
 * and such leave options unread, and any of them may be a key. */
void config_node_hide_unknown(struct config_node *node);

/* The tree as YAML, read back as the same tree (unless masked: secrets become "***"). */
void config_tree_print(const struct config_node *tree, pb_buf *out, bool mask);

/* `path` made absolute, relative to the folder of the file of `mark` (to the current folder for
 * "--set" and NULL). Absent when memory is short. */
pb_str config_path_absolute(const struct config_mark *mark, pb_str path);

#endif
