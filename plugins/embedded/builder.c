/* builder.c - makes a segment: takes documents and rows one after the other, lays all out in one
 * block at the end. Runs on a helper thread, with memory of its own.
 */
#include "segment.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_MOST = 65535 };

/* A growing array. */
struct array {
    uint8_t *data;
    size_t size, room; /* bytes */
};

struct builder {
    struct build build;
    uint32_t stride, rows, documents, vectors;
    uint64_t length_sum;
    struct array codes, scales, position_row, row_position, row_passage, row_document, row_length;
    struct array document_id, document_row, gone;
    struct terms *terms, *attributes;
    float *vector;  /* the one at hand */
    uint32_t words; /* of the open row */
    bool failed;
};

static void *add(struct array *array, const void *data, size_t size)
{
    if (array->size + size > array->room) {
        size_t room = array->room ? array->room + array->room / 2 : 4096;
        while (room < array->size + size)
            room *= 2;
        uint8_t *grown = realloc(array->data, room);
        if (!grown)
            return NULL;
        array->data = grown;
        array->room = room;
    }
    uint8_t *at = array->data + array->size;
    if (data)
        memcpy(at, data, size);
    array->size += size;
    return at;
}

static void drop(struct array *array)
{
    free(array->data);
    *array = (struct array){0};
}

struct builder *builder_new(const struct build *build)
{
    struct builder *builder = calloc(1, sizeof *builder);

    if (!builder)
        return NULL;
    builder->build = *build;
    builder->stride = code_stride(build->dimensions);
    builder->terms = terms_new();
    builder->attributes = terms_new();
    builder->vector = malloc((build->dimensions + 1) * sizeof(float));
    if (builder->terms && builder->attributes && builder->vector)
        return builder;
    builder_free(builder);
    return NULL;
}

void builder_free(struct builder *builder)
{
    if (!builder)
        return;
    struct array *arrays[] = {&builder->codes,        &builder->scales,      &builder->position_row,
                              &builder->row_position, &builder->row_passage, &builder->row_document,
                              &builder->row_length,   &builder->document_id, &builder->document_row,
                              &builder->gone};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        drop(arrays[i]);
    terms_free(builder->terms);
    terms_free(builder->attributes);
    free(builder->vector);
    free(builder);
}

/* --- taking
 * ---------------------------------------------------------------------------------------- */

/* `attributes`: each with its size in four bytes before it. */
bool builder_document(struct builder *builder, int64_t id, const char *attributes, size_t size)
{
    bool made = add(&builder->document_id, &id, sizeof id) &&
                add(&builder->document_row, &builder->rows, sizeof builder->rows);

    while (made && size >= sizeof(uint32_t)) {
        uint32_t one;
        memcpy(&one, attributes, sizeof one);
        if (one > size - sizeof one)
            break;
        made = terms_word(builder->attributes, attributes + sizeof one, one);
        attributes += sizeof one + one;
        size -= sizeof one + one;
    }
    made = made && terms_row_end(builder->attributes, builder->documents);
    builder->documents++;
    return made;
}

static void take_word(void *arg, const char *text, size_t size)
{
    struct builder *builder = arg;

    builder->words++;
    if (!builder->failed && !terms_word(builder->terms, text, size))
        builder->failed = true;
}

static bool add_code(struct builder *builder, const void *vector)
{
    uint8_t *code = add(&builder->codes, NULL, builder->stride);
    int32_t position = (int32_t)builder->vectors++;

    if (!code)
        return false;
    memcpy(builder->vector, vector, builder->build.dimensions * sizeof(float));
    float scale = code_make(builder->vector, builder->build.dimensions, builder->stride, code);
    return add(&builder->scales, &scale, sizeof scale) &&
           add(&builder->position_row, &builder->rows, sizeof builder->rows) &&
           add(&builder->row_position, &position, sizeof position);
}

bool builder_row(struct builder *builder, int64_t passage, const void *vector, size_t vector_size,
                 const char *heading, size_t heading_size, const char *text, size_t text_size)
{
    static const int32_t none = NO_POSITION;
    uint32_t document = builder->documents - 1;
    bool coded = vector_size && vector_size == builder->build.dimensions * sizeof(float);

    builder->words = 0;
    words_of(heading, heading_size, builder->build.stem, take_word, builder);
    words_of(text, text_size, builder->build.stem, take_word, builder);
    uint16_t length = (uint16_t)(builder->words < LENGTH_MOST ? builder->words : LENGTH_MOST);
    builder->length_sum += length;
    bool made = !builder->failed && terms_row_end(builder->terms, builder->rows) &&
                (coded ? add_code(builder, vector)
                       : add(&builder->row_position, &none, sizeof none) != NULL) &&
                add(&builder->row_passage, &passage, sizeof passage) &&
                add(&builder->row_document, &document, sizeof document) &&
                add(&builder->row_length, &length, sizeof length);
    builder->rows++;
    return made && builder->rows < INT32_MAX;
}

bool builder_gone(struct builder *builder, int64_t document)
{
    return add(&builder->gone, &document, sizeof document) != NULL;
}

void builder_limit(struct builder *builder, const struct build *build)
{
    builder->build.to = build->to;
    builder->build.to_stamp = build->to_stamp;
}

/* --- laying out
 * ------------------------------------------------------------------------------------- */

struct layout {
    struct segment_header header;
    struct lists lists;
    uint64_t bytes;
    uint64_t term_texts;
};

static void place(struct layout *layout, enum section section, uint64_t size)
{
    layout->header.at[section] = layout->bytes;
    layout->bytes = (layout->bytes + size + ALIGN - 1) / ALIGN * ALIGN;
}

static bool plan(struct builder *builder, struct layout *layout)
{
    struct segment_header *header = &layout->header;
    uint64_t postings, holders, texts;

    if (!terms_sort(builder->terms, &header->terms, &postings, &layout->term_texts) ||
        !terms_sort(builder->attributes, &header->attributes, &holders, &texts) ||
        layout->term_texts + texts > UINT32_MAX)
        return false;
    layout->bytes = (sizeof *header + ALIGN - 1) / ALIGN * ALIGN;
    place(layout, CODES, builder->codes.size);
    place(layout, SCALES, builder->scales.size);
    place(layout, POSITION_ROW, builder->position_row.size);
    place(layout, ROW_POSITION, builder->row_position.size);
    place(layout, ROW_PASSAGE, builder->row_passage.size);
    place(layout, ROW_DOCUMENT, builder->row_document.size);
    place(layout, ROW_LENGTH, builder->row_length.size);
    place(layout, DOCUMENT_ID, builder->document_id.size);
    place(layout, DOCUMENT_ROW, builder->document_row.size + sizeof(uint32_t));
    place(layout, DOCUMENT_ORDER, builder->documents * sizeof(uint32_t));
    place(layout, GONE, builder->gone.size);
    place(layout, TERMS, header->terms * sizeof(struct entry));
    place(layout, POSTINGS, postings);
    place(layout, ATTRIBUTES, header->attributes * sizeof(struct entry));
    place(layout, HOLDERS, holders);
    place(layout, TEXTS, layout->term_texts + texts);
    place(layout, CENTROIDS, (uint64_t)layout->lists.count * builder->stride);
    place(layout, CENTROID_SCALES, layout->lists.count * sizeof(float));
    place(layout, LIST_POSITION, (layout->lists.count + 1) * sizeof(uint32_t));
    return true;
}

static void put(uint8_t *block, const struct layout *layout, enum section section, const void *data,
                size_t size)
{
    if (size)
        memcpy(block + layout->header.at[section], data, size);
}

static int by_id(const void *a, const void *b, void *arg)
{
    const int64_t *ids = arg;
    int64_t one = ids[*(const uint32_t *)a], two = ids[*(const uint32_t *)b];

    return (one > two) - (one < two);
}

static int by_number(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, two = *(const int64_t *)b;

    return (one > two) - (one < two);
}

static void put_documents(struct builder *builder, const struct layout *layout, uint8_t *block)
{
    uint32_t *order = (uint32_t *)(void *)(block + layout->header.at[DOCUMENT_ORDER]);

    if (builder->gone.size)
        qsort(builder->gone.data, builder->gone.size / sizeof(int64_t), sizeof(int64_t), by_number);
    put(block, layout, DOCUMENT_ID, builder->document_id.data, builder->document_id.size);
    put(block, layout, DOCUMENT_ROW, builder->document_row.data, builder->document_row.size);
    put(block, layout, GONE, builder->gone.data, builder->gone.size);
    memcpy(block + layout->header.at[DOCUMENT_ROW] + builder->document_row.size, &builder->rows,
           sizeof builder->rows);
    for (uint32_t i = 0; i < builder->documents; i++)
        order[i] = i;
    if (builder->documents)
        qsort_r(order, builder->documents, sizeof *order, by_id, builder->document_id.data);
}

/* Codes in the order of the lists, or as they came. */
static void put_codes(struct builder *builder, const struct layout *layout, uint8_t *block)
{
    const struct lists *lists = &layout->lists;
    const float *scales = (const float *)(const void *)builder->scales.data;
    const uint32_t *rows = (const uint32_t *)(const void *)builder->position_row.data;
    int32_t *row_position = (int32_t *)(void *)(block + layout->header.at[ROW_POSITION]);

    put(block, layout, ROW_POSITION, builder->row_position.data, builder->row_position.size);
    if (!lists->count) {
        put(block, layout, CODES, builder->codes.data, builder->codes.size);
        put(block, layout, SCALES, builder->scales.data, builder->scales.size);
        put(block, layout, POSITION_ROW, builder->position_row.data, builder->position_row.size);
        return;
    }
    float *scale = (float *)(void *)(block + layout->header.at[SCALES]);
    uint32_t *row = (uint32_t *)(void *)(block + layout->header.at[POSITION_ROW]);
    uint8_t *code = block + layout->header.at[CODES];
    for (uint32_t i = 0; i < builder->vectors; i++) {
        uint32_t from = lists->order[i];
        memcpy(code + (size_t)i * builder->stride,
               builder->codes.data + (size_t)from * builder->stride, builder->stride);
        scale[i] = scales[from];
        row[i] = rows[from];
        row_position[row[i]] = (int32_t)i;
    }
    put(block, layout, CENTROIDS, lists->centroids, (size_t)lists->count * builder->stride);
    put(block, layout, CENTROID_SCALES, lists->scales, lists->count * sizeof(float));
    put(block, layout, LIST_POSITION, lists->first, (lists->count + 1) * sizeof(uint32_t));
}

static void put_header(struct builder *builder, struct layout *layout, uint8_t *block)
{
    struct segment_header *header = &layout->header;
    const struct build *build = &builder->build;

    header->variant = build->variant;
    header->collection = build->collection;
    header->from = build->from;
    header->to = build->to;
    header->from_stamp = build->from_stamp;
    header->to_stamp = build->to_stamp;
    header->seen = build->seen;
    header->bytes = layout->bytes;
    header->dimensions = build->dimensions;
    header->stride = builder->stride;
    header->rows = builder->rows;
    header->documents = builder->documents;
    header->vectors = builder->vectors;
    header->lists = layout->lists.count;
    header->gone = (uint32_t)(builder->gone.size / sizeof(int64_t));
    header->length_sum = builder->length_sum;
    segment_seal(header);
    memcpy(block, header, sizeof *header);
}

void *builder_finish(struct builder *builder, size_t *bytes)
{
    struct layout layout = {.lists = {.count = 0}};
    uint8_t *block = NULL;

    if (builder->build.lists_above && builder->vectors > builder->build.lists_above &&
        !lists_make(&layout.lists, builder->codes.data,
                    (const float *)(const void *)builder->scales.data, builder->vectors,
                    builder->stride))
        goto out;
    if (!plan(builder, &layout) || !(block = aligned_alloc(ALIGN, layout.bytes)))
        goto out;
    memset(block, 0, layout.header.at[CODES]);
    put_codes(builder, &layout, block);
    drop(&builder->codes); /* the largest */
    put(block, &layout, ROW_PASSAGE, builder->row_passage.data, builder->row_passage.size);
    put(block, &layout, ROW_DOCUMENT, builder->row_document.data, builder->row_document.size);
    put(block, &layout, ROW_LENGTH, builder->row_length.data, builder->row_length.size);
    put_documents(builder, &layout, block);
    terms_write(builder->terms, (struct entry *)(void *)(block + layout.header.at[TERMS]),
                block + layout.header.at[POSTINGS], (char *)block + layout.header.at[TEXTS], 0);
    terms_write(builder->attributes, (struct entry *)(void *)(block + layout.header.at[ATTRIBUTES]),
                block + layout.header.at[HOLDERS], (char *)block + layout.header.at[TEXTS],
                (uint32_t)layout.term_texts);
    put_header(builder, &layout, block);
    *bytes = layout.bytes;
out:
    lists_free(&layout.lists);
    return block;
}
