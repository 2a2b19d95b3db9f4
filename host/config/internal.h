/* internal.h - what the files of host/config share among themselves. */
#ifndef HOST_CONFIG_INTERNAL_H
#define HOST_CONFIG_INTERNAL_H

#include "config/diagnostics.h"

#define CONFIG_COMMAND_LINE "--set" /* the file of marks on the command line */

/* --- node.c */
struct config_step {
    pb_str key;   /* absent: an index */
    size_t index;
    bool started; /* a step was taken before */
};
/* Takes one step off `path` ("a.b[2]"); the same `step` is passed again for the next. False when
 * the path is not well formed. */
bool config_path_step(pb_str *path, struct config_step *step);
struct config_node *config_node_member(const struct config_node *map, pb_str key);
void config_node_append(struct config_node *parent, struct config_node *node);
pb_str config_folder(const char *file); /* the folder of a file's name, with a NUL */
/* `path` as it is opened and shown, relative to the folder of `mark`'s file; with a NUL. */
pb_str config_path_beside(const struct config_mark *mark, pb_str path);
bool config_is_number(pb_str text);     /* as JSON writes numbers */
bool config_is_null(pb_str text);
pb_str config_shown(pb_str text); /* the beginning of it, for a sentence */

/* --- tree.c: one text into nodes */
struct config_loader {
    struct config_diagnostics *diagnostics;
    size_t nodes; /* made so far, against CONFIG_NODES */
    size_t files; /* read so far, against CONFIG_FILES */
    bool sealed;  /* no includes, files or commands: for defaults and hostile text */
};

struct config_text {
    const char *file;
    pb_str text;
    uint32_t line, column; /* what is added to marks (column: of the first line) */
    bool one_line;         /* of the command line: every mark is on the first line */
};

/* *out: the root, NULL when the text is no YAML or holds nothing. PB_INVALID when something was
 * reported. */
pb_status config_text_read(struct config_loader *loader, const struct config_text *text,
                           struct config_node **out);

/* What stopped libyaml, with its place; absent when memory was short. */
struct yaml_parser_s;
pb_str config_yaml_error(const struct yaml_parser_s *yaml, const struct config_text *text,
                         struct config_mark *mark);

/* --- load.c */
/* A text without any reach: no include, !file or !command. */
pb_status config_tree_sealed(const char *name, pb_str text, struct config_diagnostics *diagnostics,
                             struct config_node **out);

/* --- duplicates.c: reports keys that are given twice and takes the later ones out. */
void config_check_duplicates(struct config_diagnostics *diagnostics, struct config_node *map);

/* --- substitute.c: values that come from elsewhere. Each fills text, source, secret of `node`; a
 * failure is reported at the node, which is then broken. */
void config_substitute(struct config_diagnostics *diagnostics, struct config_node *node);
void config_take_file(struct config_diagnostics *diagnostics, struct config_node *node);
void config_take_command(struct config_diagnostics *diagnostics, struct config_node *node);

/* A whole regular file, at most `most` bytes, with a NUL behind it; fails with a sentence. */
pb_status config_file_read(const char *path, size_t most, pb_str *out);

/* --- command.c: runs argv (NULL at the end) in `folder` for at most `limit` milliseconds; its
 * standard output in *out. Fails with a sentence that names the program. */
pb_status config_command_run(const char *const *argv, const char *folder, int limit, pb_str *out);

#endif
