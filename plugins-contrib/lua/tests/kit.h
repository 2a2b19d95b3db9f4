/* kit.h - a harness with scripts as stages, for the tests of `lua`. */
#ifndef CONTRIB_LUA_KIT_H
#define CONTRIB_LUA_KIT_H

#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_lua;

static pb_harness *harness;

/* `text` as a YAML string. */
static void quote(char *out, size_t room, const char *text)
{
    size_t at = 0;

    out[at++] = '"';
    for (; *text; text++) {
        ck_assert_uint_lt(at + 8, room);
        if (*text == '\n')
            at += (size_t)sprintf(out + at, "\\n");
        else if (*text == '"' || *text == '\\')
            at += (size_t)sprintf(out + at, "\\%c", *text);
        else
            out[at++] = *text;
    }
    out[at++] = '"';
    out[at] = 0;
}

/* pipelines.p is the stage with this script and these options (", time: 1s"), then `rest`, stages in
 * YAML (NULL: a scripted model). */
static void open_with(const char *script, const char *options, const char *rest)
{
    static char text[40000], yaml[50000];

    quote(text, sizeof text, script);
    (void)snprintf(yaml, sizeof yaml,
                   "llms: {main: {use: scripted}, other: {use: scripted}}\n"
                   "pipelines: {p: {stages: [lua: {script: %s%s}, %s]}}\n",
                   text, options, rest ? rest : "generate: {llm: main}");
    harness = pb_harness_new(yaml, &patchbay_plugin_lua);
}

static void shut(void)
{
    if (harness)
        pb_harness_free(harness);
    harness = NULL;
}

static const pb_outcome *say_with(const char *script, const char *options)
{
    shut();
    open_with(script, options, NULL);
    return pb_harness_say(harness, "Hello");
}

static const pb_outcome *say(const char *script)
{
    return say_with(script, "");
}

/* It fails with this status, and a sentence that contains `part`. */
static inline void fails(const pb_outcome *reply, pb_status status, const char *part)
{
    ck_assert_msg(reply->status == status && pb_str_contains(reply->sentence, pb_str_of(part)),
                  "%s '%.*s', not %s '%s'", pb_status_name(reply->status),
                  PB_ARG(reply->sentence), pb_status_name(status), part);
}

static inline void answers(const pb_outcome *reply, const char *text)
{
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    ck_text(reply->text, text);
}

#endif
