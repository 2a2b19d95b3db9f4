/* section.c - headings: the path of each section, and which small sections become one passage.
 *
 * A section with its own heading is never mixed with another but where both are smaller than
 * min_tokens and stand side by side, or one right below the other; their headings are then in the
 * text, and the path is what they have in common.
 */
#include "ingest.h"

/* A section this many times the limit is packed before its end, so that a book without headings
 * needs no more memory than its passages. */
enum { WINDOW = 16, PROGRESS_EVERY = 256 };

static void path_enter(struct path *path, pb_str name, int32_t level)
{
    while (path->depth && path->levels[path->depth - 1] >= level)
        path->depth--;
    if (path->depth == PATH_DEPTH)
        path->depth--;
    path->names[path->depth] = name;
    path->levels[path->depth++] = level;
}

static int path_common(const struct path *a, const struct path *b)
{
    int depth = 0;

    while (depth < a->depth && depth < b->depth && a->names[depth].data == b->names[depth].data)
        depth++;
    return depth;
}

/* --- small sections ----------------------------------------------------------------------------
 */

static pb_status flush_pending(struct chunker *chunker)
{
    struct group *group = &chunker->pending;
    struct atoms *atoms = &group->atoms;
    pb_status status = PB_OK;

    if (group->sections) {
        /* its heading is in the path already, unless there is nothing else to show */
        size_t skip = group->titled && atoms->count > 1 && group->path.depth == group->first_depth;
        chunker->before = NULL;
        status = pack_one(chunker, atoms->items + skip, atoms->count - skip, &group->path);
        chunker->before = NULL;
    }
    atoms->count = 0;
    atoms->tokens = 0;
    group->sections = 0;
    return status;
}

/* May the section that was read join those that wait? */
static bool joins(const struct chunker *chunker)
{
    const struct group *group = &chunker->pending;

    return group->sections && group->atoms.tokens < chunker->options->min_tokens &&
           path_common(&group->path, &chunker->path) >= group->first_depth - 1 &&
           group->atoms.tokens + chunker->atoms.tokens + chunker->title.tokens + 1 <=
               chunker->limit;
}

static pb_status wait_or_join(struct chunker *chunker)
{
    struct group *group = &chunker->pending;
    pb_status status = joins(chunker) ? (pb_status)PB_OK : flush_pending(chunker);

    if (!group->sections) {
        group->path = chunker->path;
        group->first_depth = chunker->path.depth;
        group->titled = chunker->titled;
    } else {
        group->path.depth = path_common(&group->path, &chunker->path);
    }
    group->sections++;
    if (status == PB_OK && chunker->titled)
        status = atoms_add(&group->atoms, &chunker->title);
    for (size_t i = 0; i < chunker->atoms.count && status == PB_OK; i++)
        status = atoms_add(&group->atoms, &chunker->atoms.items[i]);
    return status;
}

/* --- sections ----------------------------------------------------------------------------------
 */

static pb_status pack_section(struct chunker *chunker)
{
    pb_status status = flush_pending(chunker);

    if (status == PB_OK)
        status = pack_atoms(chunker, chunker->atoms.items, chunker->atoms.count, &chunker->path);
    chunker->atoms.count = 0;
    chunker->atoms.tokens = 0;
    return status;
}

/* The section ends; `below` tells that a section inside of it follows, which shows its heading. */
static pb_status end_section(struct chunker *chunker, bool below, bool begun)
{
    pb_status status = PB_OK;

    if (chunker->atoms.count || (chunker->titled && !below && !begun)) {
        bool small = !begun && chunker->atoms.tokens < chunker->options->min_tokens &&
                     chunker->atoms.tokens <= chunker->limit;
        if (small || !chunker->atoms.count)
            status = wait_or_join(chunker);
        else
            status = pack_section(chunker);
    }
    chunker->atoms.count = 0;
    chunker->atoms.tokens = 0;
    chunker->before = NULL;
    return status;
}

/* A heading on one line and not endless. */
static pb_str heading_name(pb_str text)
{
    pb_str name;

    text = pb_str_trim(text);
    text.size = whole_characters(text, PATH_NAME);
    name = pb_copy(text);
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '\n' || name.data[i] == '\t')
            ((char *)(uintptr_t)name.data)[i] = ' ';
    return name;
}

static pb_status begin_section(struct chunker *chunker, const pb_block *block)
{
    pb_str name = heading_name(block->text);

    if (!name.data)
        return PB_NO_MEMORY;
    path_enter(&chunker->path, name, block->level > 0 ? block->level : 1);
    chunker->title = (struct atom){
        .text = pb_str_trim(block->text),
        .block = block,
        .tokens = count_tokens(chunker, name),
        .line = block->line,
        .last = block->line ? block->line + (block->lines > 0 ? block->lines - 1 : 0) : 0,
    };
    chunker->titled = true;
    return PB_OK;
}

/* A heading as long as a page is none. */
static bool is_heading(const struct chunker *chunker, const pb_block *block)
{
    return block->type == PB_BLOCK_HEADING && pb_str_trim(block->text).size &&
           block->text.size <= 1024 && count_tokens(chunker, block->text) < chunker->limit;
}

static pb_status one_block(struct chunker *chunker, const pb_block *block, bool *begun)
{
    pb_status status;

    if (is_heading(chunker, block)) {
        bool below =
            chunker->path.depth && block->level > chunker->path.levels[chunker->path.depth - 1];
        status = end_section(chunker, below, *begun);
        *begun = false;
        return status == PB_OK ? begin_section(chunker, block) : status;
    }
    status = split_block(chunker, block);
    if (status == PB_OK && chunker->atoms.tokens > WINDOW * chunker->options->max_tokens) {
        *begun = true;
        status = pack_section(chunker);
    }
    return status;
}

pb_status chunk_blocks(struct chunker *chunker)
{
    const pb_document *document = chunker->document;
    pb_status status = PB_OK;
    bool begun = false;

    for (size_t i = 0; i < document->block_count && status == PB_OK; i++) {
        status = one_block(chunker, document->blocks[i], &begun);
        if (status == PB_OK)
            status = pb_step();
        if (status == PB_OK && i % PROGRESS_EVERY == PROGRESS_EVERY - 1)
            status = pb_document_progress(document, "chunking",
                                          (double)i / (double)document->block_count);
    }
    if (status == PB_OK)
        status = end_section(chunker, false, begun);
    return status == PB_OK ? flush_pending(chunker) : status;
}
