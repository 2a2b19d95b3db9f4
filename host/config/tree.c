/* tree.c - one YAML text into nodes, by libyaml's events.
 *
 * What YAML allows and a configuration does not need is refused with a sentence: merge keys, keys
 * that are no plain text, several documents, foreign tags. Aliases become copies, counted against
 * CONFIG_NODES, so that a few lines cannot become a million.
 */
#include "config/internal.h"

#include <yaml.h>

enum { ANCHORS = 1000, KEY_SIZE = 256 };

struct anchor {
    const char *name;
    const struct config_node *node; /* NULL while its list or map is still open */
    struct anchor *next;
};

/* A list or map that is being read. */
struct frame {
    struct config_node *node;
    struct anchor *anchor; /* of the list or map, or NULL */
    bool command;          /* it is a !command */
    struct config_node *key; /* in a map: carries the name that waits for its value, or NULL */
};

struct reader {
    struct config_loader *loader;
    const struct config_text *text;
    yaml_parser_t yaml;
    struct config_node *root;
    struct frame frames[CONFIG_DEPTH];
    size_t depth;
    struct anchor *anchors;
    size_t anchor_count;
    pb_status status; /* not PB_OK: stop */
};

static struct config_mark mark_of(const struct reader *reader, yaml_mark_t mark)
{
    return (struct config_mark){
        .file = reader->text->file,
        .line = (reader->text->one_line ? 0 : (uint32_t)mark.line) + 1 + reader->text->line,
        .column = (uint32_t)mark.column + 1 + (mark.line == 0 ? reader->text->column : 0)};
}

/* What ends the reading of this text. */
PB_PRINTF(3, 4)
static void stop(struct reader *reader, yaml_mark_t where, const char *format, ...)
{
    struct config_mark mark = mark_of(reader, where);
    va_list args;

    va_start(args, format);
    config_report(reader->loader->diagnostics, &mark, (pb_str){0}, false,
                  pb_vprintf(format, args));
    va_end(args);
    reader->status = PB_INVALID;
}

/* --- nodes -------------------------------------------------------------------------------------- */

static struct config_node *node_new(struct reader *reader, uint32_t type, yaml_mark_t where)
{
    if (++reader->loader->nodes > CONFIG_NODES) {
        stop(reader, where, "more than %d values in one configuration", CONFIG_NODES);
        return NULL;
    }
    struct config_node *node = PB_NEW(struct config_node);
    if (!node) {
        reader->status = PB_NO_MEMORY;
        return NULL;
    }
    node->type = type;
    node->mark = mark_of(reader, where);
    node->text = pb_lit("");
    return node;
}

/* Puts a value where it belongs: into the open list, behind the waiting key, or as the root. The
 * value of a key that was refused is read too, for its problems, but does not join the tree. */
static void place(struct reader *reader, struct config_node *value)
{
    struct frame *frame = reader->depth ? &reader->frames[reader->depth - 1] : NULL;

    if (!frame) {
        reader->root = value;
        return;
    }
    if (frame->node->type == CONFIG_LIST) {
        config_node_append(frame->node, value);
        return;
    }
    struct config_node *key = frame->key;
    frame->key = NULL;
    value->key = key->key;
    value->key_mark = key->key_mark;
    value->broken |= key->broken;
    value->parent = frame->node;
    if (!key->broken)
        config_node_append(frame->node, value);
}

static bool waits_for_key(const struct reader *reader)
{
    const struct frame *frame = reader->depth ? &reader->frames[reader->depth - 1] : NULL;

    return frame && frame->node->type == CONFIG_MAP && !frame->key;
}

static void read_key(struct reader *reader, const yaml_event_t *event)
{
    struct frame *frame = &reader->frames[reader->depth - 1];
    pb_str name = pb_str_make((const char *)event->data.scalar.value, event->data.scalar.length);
    struct config_node *key = node_new(reader, CONFIG_NULL, event->start_mark);

    if (!key)
        return;
    key->parent = frame->node;
    key->key = name.size ? pb_copy(name) : pb_lit("");
    key->key_mark = key->mark;
    frame->key = key;
    const char *wrong = NULL;
    if (name.size == 0)
        wrong = "a key without a name";
    else if (name.size > KEY_SIZE || pb_str_find(name, 0) < name.size)
        wrong = "this key is too long, or not text";
    else if (event->data.scalar.tag)
        wrong = "a tag on a key; tags belong to values";
    else if (pb_str_is(name, "<<") && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        wrong = "merge keys (<<) are not supported; write the options out, or include: a file";
    else if (memmem(name.data, name.size, "${", 2))
        wrong = "variables are not filled into keys; write the name out";
    if (!wrong)
        return;
    key->broken = true; /* its value is read and left out */
    config_report(reader->loader->diagnostics, &key->mark, config_node_path(frame->node), false,
                  pb_str_of(wrong));
}

/* --- anchors and aliases ------------------------------------------------------------------------ */

/* `node` is NULL for a list or map until it is closed. */
static struct anchor *anchor_new(struct reader *reader, const yaml_char_t *name, yaml_mark_t where,
                                 const struct config_node *node)
{
    struct anchor *anchor = name ? PB_NEW(struct anchor) : NULL;

    if (!anchor)
        return NULL;
    if (++reader->anchor_count > ANCHORS)
        stop(reader, where, "more than %d anchors", ANCHORS);
    anchor->name = pb_copy(pb_str_of((const char *)name)).data;
    anchor->node = node;
    anchor->next = reader->anchors;
    reader->anchors = anchor;
    return anchor;
}

static struct config_node *copy(struct reader *reader, const struct config_node *from, size_t depth,
                                yaml_mark_t where)
{
    if (depth > CONFIG_DEPTH) {
        stop(reader, where, "nested more than %d levels deep", CONFIG_DEPTH);
        return NULL;
    }
    struct config_node *node = node_new(reader, from->type, where);
    if (!node)
        return NULL;
    *node = *from;
    node->child = node->last = node->next = node->parent = NULL;
    node->count = 0;
    for (const struct config_node *at = from->child; at; at = at->next) {
        struct config_node *child = copy(reader, at, depth + 1, where);
        if (!child)
            return NULL;
        config_node_append(node, child);
    }
    return node;
}

static void read_alias(struct reader *reader, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = reader->anchors;

    while (anchor && (!anchor->name || strcmp(anchor->name, name) != 0))
        anchor = anchor->next;
    if (waits_for_key(reader))
        stop(reader, event->start_mark, "an alias as a key; write the name out");
    else if (!anchor)
        stop(reader, event->start_mark, "no anchor '&%s' stands before this alias", name);
    else if (!anchor->node)
        stop(reader, event->start_mark, "the alias '*%s' stands inside of what it names", name);
    else {
        struct config_node *node = copy(reader, anchor->node, reader->depth, event->start_mark);
        if (!node)
            return;
        node->key = (pb_str){0}; /* the anchor's, if it had one */
        node->key_mark = (struct config_mark){0};
        place(reader, node);
    }
}

/* --- values ------------------------------------------------------------------------------------- */

static void foreign_tag(struct reader *reader, struct config_node *node, const char *tag)
{
    bool known = strcmp(tag, "!command") == 0 || strcmp(tag, "!file") == 0;

    node->broken = true;
    config_problem(reader->loader->diagnostics, node, "%s%s; %s !file PATH or !command "
                   "[program, argument, …]", tag, known ? " does not fit here" : " is no known tag",
                   known ? "write" : "there are");
}

static void sealed(struct reader *reader, struct config_node *node)
{
    node->broken = true;
    config_problem(reader->loader->diagnostics, node, "files and commands cannot be used here");
}

static void read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *tag = (const char *)event->data.scalar.tag;
    pb_str text = pb_str_make((const char *)event->data.scalar.value, event->data.scalar.length);
    struct config_node *node = node_new(reader, CONFIG_SCALAR, event->start_mark);

    if (!node)
        return;
    place(reader, node);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = text.size ? pb_copy(text) : pb_lit("");
    if (!node->text.data) {
        reader->status = PB_NO_MEMORY;
        return;
    }
    if (tag && (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0)) {
        node->quoted = true;
        tag = NULL;
    }
    anchor_new(reader, event->data.scalar.anchor, event->start_mark, node);
    if (pb_str_find(text, 0) < text.size) {
        node->broken = true;
        config_problem(reader->loader->diagnostics, node, "text with a NUL character in it");
        return;
    }
    if (!tag && !node->quoted && config_is_null(text)) {
        node->type = CONFIG_NULL;
        return;
    }
    config_substitute(reader->loader->diagnostics, node);
    if (!tag || node->broken)
        return;
    if (strcmp(tag, "!file") == 0 && reader->loader->sealed)
        sealed(reader, node);
    else if (strcmp(tag, "!file") == 0)
        config_take_file(reader->loader->diagnostics, node);
    else
        foreign_tag(reader, node, tag);
}

/* A list or map begins. */
static void open_frame(struct reader *reader, const yaml_event_t *event)
{
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    const char *tag =
        (const char *)(list ? event->data.sequence_start.tag : event->data.mapping_start.tag);
    const yaml_char_t *anchor =
        list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;

    if (waits_for_key(reader)) {
        stop(reader, event->start_mark, "a list or map as a key; a key is plain text, and text "
                                        "that begins with { or [ stands in quotes");
        return;
    }
    if (reader->depth == CONFIG_DEPTH) {
        stop(reader, event->start_mark, "nested more than %d levels deep", CONFIG_DEPTH);
        return;
    }
    struct config_node *node =
        node_new(reader, list ? CONFIG_LIST : CONFIG_MAP, event->start_mark);
    if (!node)
        return;
    place(reader, node);
    struct frame *frame = &reader->frames[reader->depth++];
    *frame = (struct frame){.node = node};
    frame->anchor = anchor_new(reader, anchor, event->start_mark, NULL);
    frame->command = list && tag && strcmp(tag, "!command") == 0;
    if (frame->command && reader->loader->sealed) {
        frame->command = false;
        sealed(reader, node);
    } else if (tag && !frame->command && strcmp(tag, list ? YAML_SEQ_TAG : YAML_MAP_TAG) != 0) {
        foreign_tag(reader, node, tag);
    }
}

static void close_frame(struct reader *reader)
{
    struct frame *frame = &reader->frames[--reader->depth];

    if (frame->node->type == CONFIG_MAP && frame->node->count > 1)
        config_check_duplicates(reader->loader->diagnostics, frame->node);
    if (frame->command)
        config_take_command(reader->loader->diagnostics, frame->node);
    if (frame->anchor)
        frame->anchor->node = frame->node;
}

/* --- the events --------------------------------------------------------------------------------- */

static bool read_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->root)
            stop(reader, event->start_mark, "a second document begins here; one file holds one");
        break;
    case YAML_SCALAR_EVENT:
        if (waits_for_key(reader))
            read_key(reader, event);
        else
            read_scalar(reader, event);
        break;
    case YAML_ALIAS_EVENT:
        read_alias(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        open_frame(reader, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_frame(reader);
        break;
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        break;
    }
    return reader->status == PB_OK;
}

static void read_all(struct reader *reader)
{
    yaml_event_t event;

    for (bool more = true; more;) {
        if (!yaml_parser_parse(&reader->yaml, &event)) {
            struct config_mark mark = {.file = reader->text->file};
            pb_str sentence = config_yaml_error(&reader->yaml, reader->text, &mark);
            reader->status = sentence.data ? PB_INVALID : PB_NO_MEMORY;
            if (sentence.data)
                config_report(reader->loader->diagnostics, &mark, (pb_str){0}, false, sentence);
            return;
        }
        more = read_event(reader, &event);
        yaml_event_delete(&event);
    }
}

pb_status config_text_read(struct config_loader *loader, const struct config_text *text,
                           struct config_node **out)
{
    struct reader *reader = PB_NEW(struct reader);
    size_t errors = loader->diagnostics->errors;
    pb_str bytes = text->text;

    *out = NULL;
    if (!reader || !yaml_parser_initialize(&reader->yaml))
        return PB_NO_MEMORY;
    reader->loader = loader;
    reader->text = text;
    if (pb_str_starts(bytes, pb_lit("\xef\xbb\xbf")))
        bytes = pb_str_slice(bytes, 3, bytes.size); /* a byte order mark */
    yaml_parser_set_encoding(&reader->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->yaml, (const unsigned char *)bytes.data, bytes.size);
    read_all(reader);
    yaml_parser_delete(&reader->yaml);
    if (reader->status != PB_OK)
        return reader->status;
    *out = reader->root;
    return loader->diagnostics->errors > errors ? PB_INVALID : PB_OK;
}
