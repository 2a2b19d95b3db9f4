/* new_copy.c - the files of a template, with the new plugin's name in them. See new.h. */
#include "app/new.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <sys/stat.h>

enum { NAME_MOST = 40, FILE_MOST = 64 * 1024 };

/* --- names ------------------------------------------------------------------------------------ */

static bool is_taken(const char *name)
{
    /* Words of C, targets that every CMake project has, ... */
    static const char *const taken[] = {
        "all", "auto", "bool", "break", "build", "case", "char", "clean", "const", "continue",
        "default", "depend", "do", "double", "else", "enum", "extern", "float", "for", "goto",
        "help", "if", "inline", "install", "int", "long", "main", "package", "patchbay", "pb",
        "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch",
        "test", "typedef", "union", "unsigned", "void", "volatile", "while",
        /* ... of C++ and Rust, ... */
        "and", "as", "async", "await", "catch", "class", "crate", "delete", "dyn",
        "explicit", "export", "false", "fn", "friend", "impl", "in", "let", "loop", "match", "mod",
        "move", "mut", "mutable", "namespace", "new", "not", "operator", "or", "private",
        "protected", "pub", "public", "ref", "self", "std", "super", "template", "this", "throw",
        "trait", "true", "try", "type", "typeid", "typename", "unsafe", "use", "using", "virtual",
        "where", "xor", "yield",
        /* ... and of the templates. */
        "answer", "asked", "blob", "description", "document", "entry", "facts", "file", "found", "job",
        "kept", "number", "pool", "reading", "refused", "rule", "tally", "vote", "words"};

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(taken[i], name) == 0)
            return true;
    return false;
}

const char *new_name_problem(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > NAME_MOST)
        return "a name has 1 to 40 characters";
    if (!islower((unsigned char)name[0]))
        return "a name begins with a small letter";
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != size)
        return "a name is small letters, digits and '-'";
    if (name[size - 1] == '-' || strstr(name, "--"))
        return "each '-' stands between two other characters";
    if (is_taken(name))
        return "the word means something else in C, C++, Rust, CMake or the template";
    return NULL;
}

/* `text` with `name` in the place of each `mark`. In the running scope. */
static pb_str replace(pb_str text, pb_str mark, pb_str name)
{
    pb_buf out = {0};

    while (text.size) {
        size_t at = 0;
        while (at < text.size && !pb_str_starts(pb_str_slice(text, at, text.size), mark))
            at++;
        pb_buf_add(&out, pb_str_slice(text, 0, at));
        if (at == text.size)
            break;
        pb_buf_add(&out, name);
        text = pb_str_slice(text, at + mark.size, text.size);
    }
    return out.failed ? (pb_str){0} : pb_buf_str(&out);
}

static pb_str as_word(const char *name)
{
    char *word = pb_alloc(strlen(name) + 1);

    for (size_t i = 0; word && name[i]; i++)
        word[i] = (char)(name[i] == '-' ? '_' : name[i]);
    return word ? pb_str_of(word) : (pb_str){0};
}

/* --- files ------------------------------------------------------------------------------------ */

static pb_status read_whole(const char *path, pb_str *out)
{
    FILE *file = fopen(path, "re");
    char *data = file ? pb_alloc(FILE_MOST) : NULL;

    if (!file)
        return pb_fail(PB_NOT_FOUND, "the template %s cannot be read: %s", path, strerror(errno));
    size_t size = data ? fread(data, 1, FILE_MOST, file) : 0;
    bool whole = data && feof(file);
    (void)fclose(file);
    *out = (pb_str){data, size};
    return whole ? (pb_status)PB_OK
                 : pb_fail(PB_TOO_LARGE, "the template %s is too large or cannot be read", path);
}

static pb_status copy_file(const char *from, const char *to, const char *name)
{
    pb_str text;
    pb_status status = read_whole(from, &text);

    if (status != PB_OK)
        return status;
    text = replace(text, pb_lit("@NAME@"), pb_str_of(name));
    text = replace(text, pb_lit("@ID@"), as_word(name));
    FILE *file = fopen(to, "wxe");
    if (!file && errno == EEXIST)
        return PB_OK; /* an earlier part has its own */
    bool written = file && fwrite(text.data, 1, text.size, file) == text.size;
    if (file && fclose(file) != 0)
        written = false;
    return written ? (pb_status)PB_OK
                   : pb_fail(PB_NO_SPACE, "%s cannot be written: %s", to, strerror(errno));
}

static pb_status copy_entry(const char *from, const char *to, const char *name)
{
    struct stat about;

    if (stat(from, &about) != 0)
        return pb_fail(PB_NOT_FOUND, "the template %s cannot be read: %s", from, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return copy_file(from, to, name);
    if (mkdir(to, 0755) != 0 && errno != EEXIST)
        return pb_fail(PB_NO_SPACE, "the folder %s cannot be made: %s", to, strerror(errno));
    return new_copy(from, to, name, NULL);
}

pb_status new_copy(const char *from, const char *to, const char *name, const char *skip)
{
    DIR *folder = opendir(from);
    pb_status status = PB_OK;
    struct dirent *entry;

    if (!folder)
        return pb_fail(PB_NOT_FOUND, "the template %s cannot be read: %s", from, strerror(errno));
    while (status == PB_OK && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            (skip && strcmp(entry->d_name, skip) == 0))
            continue;
        pb_str file = replace(pb_str_of(entry->d_name), pb_lit("NAME"), pb_str_of(name));
        status = copy_entry(pb_printf("%s/%s", from, entry->d_name).data,
                            pb_printf("%s/%.*s", to, PB_ARG(file)).data, name);
    }
    (void)closedir(folder);
    return status;
}
