/* yaml_error.c - what libyaml says about text that is no YAML, as a sentence that helps. */
#include "config/internal.h"

#include <yaml.h>

/* The line `line` (from 0) of the text, without its end. */
static pb_str line_of(pb_str text, size_t line)
{
    while (line--) {
        size_t end = pb_str_find(text, '\n');
        text = pb_str_slice(text, end + 1, text.size);
    }
    return pb_str_slice(text, 0, pb_str_find(text, '\n'));
}

/* A place by its byte: for input that is not even text. */
static void count_to(pb_str text, size_t offset, struct config_mark *mark)
{
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n') {
            mark->line++;
            mark->column = 1;
        } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            mark->column++;
        }
    }
}

static const char *advice(const yaml_parser_t *yaml, pb_str line)
{
    size_t indent = 0;

    while (indent < line.size && (line.data[indent] == ' ' || line.data[indent] == '\t'))
        indent++;
    if (pb_str_find(pb_str_slice(line, 0, indent), '\t') < indent)
        return "; indent with spaces, not with tabs";
    if (strstr(yaml->problem, "mapping values are not allowed"))
        return "; put text that has ': ' in it in quotes, or check the indentation";
    if (strstr(yaml->problem, "cannot start any token"))
        return "; put text that begins with a special character in quotes";
    if (strstr(yaml->problem, "did not find expected key"))
        return "; check the indentation";
    if (strstr(yaml->problem, "end of stream"))
        return "; is a quote left open?";
    return "";
}

pb_str config_yaml_error(const yaml_parser_t *yaml, const struct config_text *text,
                         struct config_mark *mark)
{
    if (yaml->error == YAML_MEMORY_ERROR)
        return (pb_str){0};
    if (yaml->error == YAML_READER_ERROR) {
        mark->line = 1 + text->line;
        mark->column = 1 + text->column;
        count_to(text->text, yaml->problem_offset, mark);
        if (strstr(yaml->problem, "control"))
            return pb_lit("a control character; in quotes it can be written as \\x01");
        return pb_printf("not text in UTF-8: %s", yaml->problem);
    }
    mark->line = (text->one_line ? 0 : (uint32_t)yaml->problem_mark.line) + 1 + text->line;
    mark->column = (uint32_t)yaml->problem_mark.column + 1 +
                   (yaml->problem_mark.line == 0 ? text->column : 0);
    pb_buf sentence = {0};
    pb_buf_printf(&sentence, "not valid YAML: %s", yaml->problem);
    if (yaml->context && !strstr(yaml->context, "scanning for the next token")) {
        pb_buf_printf(&sentence, " %s", yaml->context);
        if (yaml->context_mark.line != yaml->problem_mark.line && !text->one_line)
            pb_buf_printf(&sentence, " that begins at line %zu",
                          yaml->context_mark.line + 1 + text->line);
    }
    pb_buf_add(&sentence, pb_str_of(advice(yaml, line_of(text->text, yaml->problem_mark.line))));
    return pb_buf_str(&sentence);
}
