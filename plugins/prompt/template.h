/* template.h - mustache templates: parsed once, rendered with JSON. Format: mustache(5), spec 1.4
 * (variables, sections, inverted sections, comments, delimiters; no lambdas, no partials).
 *
 * Values are not escaped unless asked: a prompt is not HTML. What is filled in is never read as a
 * template again. Nothing here parks: a limit of steps bounds the work.
 */
#ifndef PLUGIN_PROMPT_TEMPLATE_H
#define PLUGIN_PROMPT_TEMPLATE_H

#include <patchbay/json.h>

enum { NODE_TEXT, NODE_VALUE, NODE_RAW, NODE_SECTION, NODE_INVERTED };
enum { ESCAPE_NONE, ESCAPE_HTML, ESCAPE_JSON };
enum { DEPTH_MOST = 32, RENDER_MOST = 1024 * 1024, STEPS_MOST = 250000 };

struct template_node {
    int32_t type;
    pb_str text; /* the text, or a name like "user.name" or "." */
    struct template_node *child, *next;
};

/* Parses `text` (borrowed: must live as long as the result), in the running scope. PB_INVALID with
 * the line and what is wrong. */
pb_status template_parse(pb_str text, struct template_node **out);

/* Appends the rendered text. `root` is an object. PB_TOO_LARGE beyond `most` bytes or STEPS_MOST
 * steps (a node rendered, a member compared with a name), PB_NO_MEMORY. */
struct template_render {
    const pb_json *root;
    int32_t escape;
    size_t most; /* of the output, bytes */
};
pb_status template_render(const struct template_node *nodes, const struct template_render *how,
                          pb_buf *out);

#endif
