/* model.c - maps a model file and checks every part of it before any is believed. */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <patchbay/secret.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "PBVEC\r\n\x1a"

enum { VERSION = 1, DIGEST = 32, MOST_TOKENS = 1 << 20 };

PB_PRINTF(3, 4)
static bool wrong(struct model_problem *problem, pb_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    problem->status = status;
    (void)vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    return false;
}

static bool damaged(struct model_problem *problem, const char *why)
{
    return wrong(problem, PB_INVALID, "is damaged: %s; copy it again", why);
}

/* --- mapping ---------------------------------------------------------------------------------- */

static bool map_file(struct model *model, const char *path, struct model_problem *problem)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return wrong(problem, errno == ENOENT ? PB_NOT_FOUND : PB_UNAVAILABLE,
                     "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        (void)close(fd);
        return wrong(problem, PB_INVALID, "is not a file");
    }
    model->size = (size_t)about.st_size;
    void *mapping = model->size ? mmap(NULL, model->size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    int error = errno;
    (void)close(fd);
    if (mapping == MAP_FAILED)
        return wrong(problem, PB_UNAVAILABLE, "cannot be mapped: %s", strerror(error));
    model->data = model->mapping = mapping;
    return true;
}

void model_unmap(struct model *model)
{
    if (model->mapping)
        (void)munmap(model->mapping, model->size);
    memset(model, 0, sizeof *model);
}

/* --- the layout ------------------------------------------------------------------------------- */

/* Where the parts begin; 0 when the header's numbers do not add up to the file's size. */
static uint64_t lay_out(struct model *model)
{
    const struct model_header *header = model->header;
    uint64_t at = sizeof *header;

    model->scales = (const float *)(const void *)(model->data + at);
    at += 4 * (uint64_t)header->tokens;
    model->places = (const uint32_t *)(const void *)(model->data + at);
    at += 4 * ((uint64_t)header->tokens + 1);
    model->index = (const uint16_t *)(const void *)(model->data + at);
    at += 2 * (uint64_t)MODEL_PAGES;
    model->pages = (const uint16_t *)(const void *)(model->data + at);
    at += 512 * (uint64_t)header->pages;
    model->replacements = model->data + at;
    at += header->replacement_size;
    model->text = (const char *)model->data + at;
    at = (at + header->text_size + 63) / 64 * 64;
    model->codes = (const int8_t *)model->data + at;
    at += (uint64_t)header->tokens * header->dimensions + DIGEST;
    return at;
}

static bool read_header(struct model *model, struct model_problem *problem)
{
    const struct model_header *header = (const struct model_header *)(const void *)model->data;

    if (model->size < sizeof *header || memcmp(header->magic, MAGIC, sizeof header->magic) != 0)
        return wrong(problem, PB_INVALID, "is not a model of token vectors (.pbvec)");
    if (header->version != VERSION)
        return wrong(problem, PB_INVALID, "has version %u of the format; this program reads %d",
                     header->version, VERSION);
    if (header->file_size != model->size)
        return wrong(problem, PB_INVALID,
                     "is damaged: it has %zu bytes and should have %llu; copy it again", model->size,
                     (unsigned long long)header->file_size);
    if (!header->dimensions || header->dimensions > MODEL_DIMENSIONS || header->dimensions % 16 ||
        !header->tokens || header->tokens > MOST_TOKENS || header->pages > MODEL_PAGES ||
        header->replacement_size > 32768 || header->text_size > MOST_TOKENS * MODEL_TOKEN ||
        !memchr(header->name, 0, sizeof header->name))
        return damaged(problem, "its header makes no sense");
    model->header = header;
    return lay_out(model) == model->size || damaged(problem, "its parts do not add up");
}

bool model_map(struct model *model, const char *path, struct model_problem *problem)
{
    memset(model, 0, sizeof *model);
    problem->text[0] = 0;
    if (path && !map_file(model, path, problem))
        return false;
    if (!path) {
        pb_bytes builtin = model_builtin();
        model->data = builtin.data;
        model->size = builtin.size;
    }
    if (read_header(model, problem))
        return true;
    model_unmap(model);
    return false;
}

/* --- the parts -------------------------------------------------------------------------------- */

static bool characters_are_right(const struct model *model)
{
    const struct model_header *header = model->header;

    for (size_t i = 0; i < MODEL_PAGES; i++)
        if (model->index[i] >= header->pages)
            return false;
    for (size_t i = 0; i < (size_t)header->pages * 256; i++) {
        uint32_t what = model->pages[i], place = (what - CHARACTER_REPLACED) / 2;
        if (what > CHARACTER_ALONE && what < CHARACTER_REPLACED)
            return false;
        if (what >= CHARACTER_REPLACED &&
            (place >= header->replacement_size ||
             model->replacements[place] >= header->replacement_size - place))
            return false;
    }
    return true;
}

static pb_str token_text(const struct model *model, uint32_t token)
{
    return pb_str_make(model->text + model->places[token],
                       model->places[token + 1] - model->places[token]);
}

static bool tokens_are_right(const struct model *model)
{
    const uint32_t *places = model->places;

    for (uint32_t i = 0; i < model->header->tokens; i++) {
        if (places[i] >= places[i + 1] || places[i + 1] - places[i] > MODEL_TOKEN)
            return false;
        if (!(model->scales[i] >= 0 && model->scales[i] < 1e6f))
            return false;
    }
    return places[0] == 0 && places[model->header->tokens] == model->header->text_size;
}

uint32_t model_slots(uint32_t tokens)
{
    uint32_t slots = 64;

    while (slots < 2 * tokens)
        slots *= 2;
    return slots;
}

static void fill_slots(struct model *model)
{
    model->mask = model_slots(model->header->tokens) - 1;
    for (uint32_t token = 0; token < model->header->tokens; token++) {
        pb_str text = token_text(model, token);
        uint32_t hash = MODEL_HASH;
        for (size_t i = 0; i < text.size; i++)
            hash = model_hash(hash, (uint8_t)text.data[i]);
        uint32_t at = model_place(model, hash);
        while (model->slots[at].token)
            at = (at + 1) & model->mask;
        model->slots[at] = (struct model_slot){hash, token + 1};
    }
}

int32_t model_find(const struct model *model, uint32_t hash, pb_str text)
{
    for (uint32_t at = model_place(model, hash); model->slots[at].token;
         at = (at + 1) & model->mask) {
        if (model->slots[at].hash != hash)
            continue;
        uint32_t token = model->slots[at].token - 1;
        if (pb_str_equal(token_text(model, token), text))
            return (int32_t)token;
    }
    return MODEL_NONE;
}

bool model_check(struct model *model, struct model_problem *problem)
{
    static const char unknown[] = "[UNK]";
    uint8_t digest[DIGEST];
    uint32_t hash = MODEL_HASH;

    /* The built-in one is as good as the code that lies beside it. */
    if (model->mapping) {
        pb_sha256((pb_bytes){model->data, model->size - DIGEST}, digest);
        if (memcmp(digest, model->data + model->size - DIGEST, DIGEST) != 0)
            return damaged(problem, "its digest does not fit its content");
    }
    if (!tokens_are_right(model) || !characters_are_right(model))
        return damaged(problem, "its tables make no sense");
    fill_slots(model);
    for (size_t i = 0; unknown[i]; i++)
        hash = model_hash(hash, (uint8_t)unknown[i]);
    model->unknown = model_find(model, hash, pb_lit("[UNK]"));
    return model->unknown != MODEL_NONE || damaged(problem, "it has no token [UNK]");
}
