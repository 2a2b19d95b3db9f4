/* pack.c - atoms to passages: as many as fit, all about equally long, with their place in the
 * document. */
#include "ingest.h"

#include <patchbay/secret.h>

/* --- the text ----------------------------------------------------------------------------------
 */

static bool prose(const struct atom *atom)
{
    return atom->block->type == PB_BLOCK_TEXT || atom->block->type == PB_BLOCK_LIST_ITEM;
}

/* What stands between two atoms: what the file has there, or what sets blocks apart. */
static pb_str between(const struct atom *a, const struct atom *b)
{
    const char *end = a->text.data + a->text.size;

    if (a->block == b->block)
        return pb_str_make(end, (size_t)(b->text.data - end));
    if (a->block->type == PB_BLOCK_LIST_ITEM && b->block->type == PB_BLOCK_LIST_ITEM)
        return pb_lit("\n");
    return pb_lit("\n\n");
}

/* The header row, where the first atom is a row behind it. */
static pb_str header_row(const struct atom *atom)
{
    pb_str text = atom->block->text;

    return atom->head ? pb_str_trim(pb_str_slice(text, 0, pb_str_find(text, '\n')))
                      : pb_str_make(NULL, 0);
}

/* The last sentences of the passage before, not more than `overlap` tokens. */
static pb_str tail(const struct chunker *chunker)
{
    pb_str text = chunker->before ? chunker->before->text : pb_str_make(NULL, 0);

    while (text.size) {
        size_t end = sentence_end(text, chunker->most);
        text = pb_str_slice(text, end, text.size);
        if (text.size && count_tokens(chunker, text) < chunker->options->overlap)
            return text;
    }
    return pb_str_make(NULL, 0);
}

static pb_status join(const struct chunker *chunker, const struct atom *atoms, size_t count,
                      pb_str *out)
{
    const struct atom *last = &atoms[count - 1];
    pb_str header = header_row(atoms);
    pb_str before =
        chunker->options->overlap && prose(atoms) ? tail(chunker) : pb_str_make(NULL, 0);
    pb_buf buf = {0};

    if (last->block == atoms->block && !header.size && !before.size) {
        const char *end = last->text.data + last->text.size;
        *out = pb_str_make(atoms->text.data, (size_t)(end - atoms->text.data));
        return PB_OK; /* as it stands there */
    }
    if (before.size) {
        pb_buf_add(&buf, before);
        pb_buf_byte(&buf, '\n');
    }
    if (header.size) {
        pb_buf_add(&buf, header);
        pb_buf_byte(&buf, '\n');
    }
    for (size_t i = 0; i < count; i++) {
        if (i)
            pb_buf_add(&buf, between(&atoms[i - 1], &atoms[i]));
        pb_buf_add(&buf, atoms[i].text);
    }
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

/* --- a passage ---------------------------------------------------------------------------------
 */

static pb_str path_text(const struct path *path)
{
    pb_buf buf = {0};

    for (int i = 0; i < path->depth; i++) {
        if (i)
            pb_buf_add(&buf, pb_lit(" > "));
        pb_buf_add(&buf, path->names[i]);
    }
    return pb_buf_str(&buf);
}

/* The same document and place give the same id: a UUIDv8 of SHA-256 (RFC 9562). */
static pb_str passage_id(pb_str document, int64_t index)
{
    pb_str name = pb_printf("%.*s#%lld", PB_ARG(document), (long long)index);
    uint8_t digest[32];

    if (!name.data)
        return name;
    pb_sha256((pb_bytes){(const uint8_t *)name.data, name.size}, digest);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    return pb_uuid_text(digest);
}

static void place(pb_passage *passage, const struct atom *atoms, size_t count)
{
    int64_t last = 0;

    for (size_t i = 0; i < count; i++) {
        if (!passage->page)
            passage->page = atoms[i].block->page;
        if (!passage->line)
            passage->line = atoms[i].line;
        if (atoms[i].last > last)
            last = atoms[i].last;
    }
    passage->lines = passage->line && last >= passage->line ? last - passage->line + 1 : 0;
}

static pb_status keep(struct chunker *chunker, const pb_passage *passage)
{
    if (chunker->count == chunker->room) {
        size_t room = chunker->room ? chunker->room * 2 : 64;
        const pb_passage **chunks =
            pb_grow(chunker->chunks, chunker->room * sizeof *chunks, room * sizeof *chunks);
        if (!chunks)
            return PB_NO_MEMORY;
        chunker->chunks = chunks;
        chunker->room = room;
    }
    chunker->chunks[chunker->count++] = passage;
    return PB_OK;
}

pb_status pack_one(struct chunker *chunker, const struct atom *atoms, size_t count,
                   const struct path *path)
{
    pb_str text;
    pb_status status = join(chunker, atoms, count, &text);
    pb_passage *passage = status == PB_OK ? pb_passage_new(text) : NULL;

    if (!passage)
        return PB_NO_MEMORY;
    passage->index = (int64_t)chunker->count;
    passage->id = passage_id(chunker->document->id, passage->index);
    passage->tokens = (int64_t)pb_embed_tokens(chunker->options->embedder, text);
    if (chunker->before && path->depth) /* of the same section */
        passage->heading = chunker->before->heading;
    else
        passage->heading = path_text(path);
    if (!passage->id.data || (path->depth && !passage->heading.data))
        return PB_NO_MEMORY;
    place(passage, atoms, count);
    chunker->before = prose(&atoms[count - 1]) ? passage : NULL;
    status = keep(chunker, passage);
    return status == PB_OK ? pb_step() : status;
}

/* --- how many together -------------------------------------------------------------------------
 */

/* Where the run of atoms that belong together ends, and how long it is. */
static size_t run_end(const struct atom *atoms, size_t from, size_t count, int64_t *tokens)
{
    size_t at = from + 1;

    *tokens = atoms[from].tokens + 1;
    for (; at < count && atoms[at].glued; at++)
        *tokens += atoms[at].tokens + 1;
    return at;
}

/* Where the passage that begins at `from` ends. */
static size_t passage_end(const struct atom *atoms, size_t from, size_t count,
                          const int64_t bounds[2])
{
    int64_t limit = bounds[0], target = bounds[1], size = atoms[from].head - 1;
    size_t at = from;

    while (at < count) {
        int64_t tokens;
        size_t end = run_end(atoms, at, count, &tokens);
        if (end - at > 1 && tokens - 1 > limit) { /* not in one piece */
            end = at + 1;
            tokens = atoms[at].tokens + 1;
        }
        if (at > from && (size + tokens > limit || size + tokens / 2 > target))
            break;
        size += tokens;
        at = end;
    }
    return at;
}

pb_status pack_atoms(struct chunker *chunker, const struct atom *atoms, size_t count,
                     const struct path *path)
{
    int64_t total = -1, parts;
    pb_status status = PB_OK;

    for (size_t i = 0; i < count; i++)
        total += atoms[i].tokens + 1;
    parts = (total + chunker->limit - 1) / chunker->limit;
    if (parts < 1)
        parts = 1;
    const int64_t bounds[2] = {chunker->limit, (total + parts - 1) / parts};
    for (size_t from = 0; from < count && status == PB_OK;) {
        size_t end = passage_end(atoms, from, count, bounds);
        status = pack_one(chunker, atoms + from, end - from, path);
        from = end;
    }
    return status;
}
