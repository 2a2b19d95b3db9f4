/* plugin.c - the stage `lua`: its options, and a turn.
 *
 * The script is compiled when the instance is checked and made, so that a mistake in it is found, with
 * its line, before the server serves.
 */
#include "script.h"

#include <sys/stat.h>

static const pb_field lua_options[] = {
    PB_STR(struct lua_stage, script, .help = "The script itself."),
    PB_PATH(struct lua_stage, file, .help = "Or a file with it."),
    PB_JSON(struct lua_stage, values, .help = "What the script finds in the global `values`."),
    PB_DURATION(struct lua_stage, time, .def = "500ms", .min = 0.001, .max = 60,
                .help = "How long the script itself may run; what it waits for does not count."),
    PB_SIZE(struct lua_stage, memory, .def = "4MiB", .min = 128 * 1024, .max = 1 << 30,
            .help = "How much memory its values may take."),
    PB_END,
};

/* --- the script ---------------------------------------------------------------------------------- */

static pb_status read_file(pb_str path, pb_str *out)
{
    struct stat about;
    FILE *file =
        stat(path.data, &about) == 0 && S_ISREG(about.st_mode) ? fopen(path.data, "rb") : NULL;
    pb_buf text = {0};
    size_t got;

    if (!file)
        return pb_fail(PB_NOT_FOUND, "the script '%.*s' cannot be read", PB_ARG(path));
    do {
        char *room = pb_buf_room(&text, 4096);
        got = room ? fread(room, 1, 4096, file) : 0;
        text.size += got;
    } while (got && text.size <= SCRIPT_LONGEST);
    bool broken = ferror(file) != 0;
    fclose(file);
    if (broken)
        return pb_fail(PB_NOT_FOUND, "the script '%.*s' cannot be read", PB_ARG(path));
    if (text.size > SCRIPT_LONGEST)
        return pb_fail(PB_TOO_LARGE, "the script '%.*s' is longer than 1 MiB", PB_ARG(path));
    *out = pb_buf_str(&text);
    return pb_buf_status(&text);
}

/* What errors call it: the file's name without its folders. */
static pb_str chunk_name(const struct lua_stage *own)
{
    pb_str name = own->file;

    for (size_t i = own->file.size; i-- > 0;)
        if (own->file.data[i] == '/')
            return pb_str_slice(name, i + 1, name.size);
    return name.size ? name : pb_lit("script");
}

static pb_status compile(const struct lua_stage *own, pb_str *out)
{
    pb_str text = own->script;
    pb_status status = own->file.size ? read_file(own->file, &text) : (pb_status)PB_OK;

    if (pb_str_starts(text, pb_lit("\xEF\xBB\xBF"))) /* an editor's byte order mark */
        text = pb_str_slice(text, 3, text.size);
    return status == PB_OK ? script_compile(text, chunk_name(own), out) : status;
}

static void lua_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct lua_stage *own = self;
    pb_str code;

    if ((own->script.data != NULL) == (own->file.data != NULL)) {
        pb_problem(diagnostics, "", own->file.data ? "'script' and 'file' exclude each other"
                                                   : "give 'script', or 'file'");
        return;
    }
    if (compile(own, &code) != PB_OK)
        pb_problem(diagnostics, own->file.data ? "file" : "script", "%.*s",
                   PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

static pb_status lua_create(void *self)
{
    struct lua_stage *own = self;
    pb_status status = script_compile_prelude(&own->prelude);

    own->chunk = pb_copy(chunk_name(own));
    if (status == PB_OK && !own->chunk.data)
        status = PB_NO_MEMORY;
    return status == PB_OK ? compile(own, &own->code) : status;
}

/* --- a turn -------------------------------------------------------------------------------------- */

static pb_status lua_run(void *self, pb_turn *turn, const pb_next *next)
{
    struct script script = {.own = self, .turn = turn, .next = next};
    pb_status status = script_open(&script);

    if (status == PB_OK) {
        int code = lua_pcall(script.first.lua, 0, 0, 0); /* the script, which script_open left */
        if (code != LUA_OK || script.ended != PB_OK)
            status = failure_status(&script.first, code);
    }
    script_close(&script);
    return status;
}

PB_PLUGIN("lua", "0.1.0", "Apache-2.0", "Lets a Lua script work on the turn.",
          PB_STAGE("lua", struct lua_stage, lua_options, .check = lua_check, .create = lua_create,
                   .run = lua_run));
