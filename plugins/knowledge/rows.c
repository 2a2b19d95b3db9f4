/* rows.c - rows as operations show them. */
#include "knowledge.h"

const char *const state_names[] = {"queued", "processing", "ready", "failed", "removed", NULL};
const char *const job_state_names[] = {"queued", "running", "done", "failed", "cancelled", NULL};
static const char *const kind_names[] = {"ingest", "relabel", "remove", "clear", NULL};

const pb_field collection_fields[] = {
    PB_STR(struct collection, name, .required = 1, .help = "Its name."),
    PB_STR(struct collection, description, .help = "What is in it."),
    PB_STR(struct collection, owner, .help = "Who made it; absent: the configuration."),
    PB_JSON(struct collection, access,
            .help = "Who sees what is put there, unless told otherwise."),
    PB_JSON(struct collection, tags, .help = "Tags of what is put there."),
    PB_BOOL(struct collection, configured, .help = "It stands in the configuration."),
    PB_STR(struct collection, model, .help = "The model that its passages were embedded with."),
    PB_INT(struct collection, dimensions, .help = "Of its vectors; 0: there are none yet."),
    PB_BOOL(struct collection, reindex,
            .help = "The pipeline embeds with another model now: collections.reindex is needed."),
    PB_JSON(struct collection, documents, .help = "How many documents are in which state."),
    PB_INT(struct collection, passages, .help = "How many passages they have."),
    PB_STR(struct collection, created, .required = 1, .help = "When it was made."),
    PB_STR(struct collection, updated, .required = 1, .help = "When it was changed."),
    PB_INT(struct collection, edition, .name = "revision",
           .help = "Grows with each edit; see If-Match."),
    PB_END,
};

const pb_field document_fields[] = {
    PB_STR(struct document, id, .required = 1, .help = "Its id."),
    PB_STR(struct document, collection, .required = 1, .help = "The collection that it is in."),
    PB_STR(struct document, name, .required = 1, .help = "Its name or path."),
    PB_STR(struct document, title, .help = "Its title, as it says itself."),
    PB_STR(struct document, type, .help = "What it is, by its content."),
    PB_INT(struct document, size, .help = "Bytes."),
    PB_STR(struct document, digest, .help = "SHA-256 of the bytes."),
    PB_STR(struct document, url, .help = "Where a person can read it."),
    PB_STR(struct document, source, .help = "The source that it came from."),
    PB_INT(struct document, version, .help = "The newest version, from 1."),
    PB_INT(struct document, ready_version, .help = "The version that is found; 0: none yet."),
    PB_ENUM(struct document, state, .required = 1, .values = state_names,
            .help = "How far the newest version is."),
    PB_STR(struct document, stage, .help = "What is being done with it."),
    PB_FLOAT(struct document, progress, .help = "How much of that is done, 0 to 1."),
    PB_STR(struct document, error, .help = "Why it failed."),
    PB_INT(struct document, chunks, .help = "Passages that it was made into."),
    PB_INT(struct document, tokens, .help = "Tokens of these."),
    PB_INT(struct document, retrievals, .help = "How often a passage of it was found."),
    PB_STR(struct document, used, .help = "When that was last."),
    PB_JSON(struct document, metadata, .help = "An object for filters and templates."),
    PB_JSON(struct document, tags, .help = "Words to find it by."),
    PB_JSON(struct document, access, .help = "Who sees it."),
    PB_STR(struct document, owner, .help = "Whose it is."),
    PB_BOOL(struct document, duplicate, .help = "These bytes were there already: this is it."),
    PB_STR(struct document, created, .required = 1, .help = "When it came."),
    PB_STR(struct document, updated, .required = 1, .help = "When it was changed."),
    PB_INT(struct document, edition, .name = "revision",
           .help = "Grows with each edit; see If-Match."),
    PB_END,
};

const pb_field job_fields[] = {
    PB_STR(struct job, id, .required = 1, .help = "Its id."),
    PB_ENUM(struct job, kind, .required = 1, .values = kind_names, .help = "What is to be done."),
    PB_ENUM(struct job, state, .required = 1, .values = job_state_names, .help = "How far it is."),
    PB_STR(struct job, document, .help = "The document that it is about."),
    PB_STR(struct job, collection, .help = "Its collection."),
    PB_INT(struct job, attempts, .help = "How often it was begun."),
    PB_STR(struct job, worker, .help = "The worker that runs it."),
    PB_STR(struct job, stage, .help = "What is being done."),
    PB_FLOAT(struct job, progress, .help = "How much of that is done, 0 to 1."),
    PB_STR(struct job, error, .help = "Why it failed, or is tried again."),
    PB_STR(struct job, not_before, .help = "When it is tried next."),
    PB_STR(struct job, created, .required = 1, .help = "When it was wanted."),
    PB_STR(struct job, started, .help = "When it was last begun."),
    PB_STR(struct job, ended, .help = "When it ended."),
    PB_END,
};

pb_status collection_read(const pb_rows *rows, size_t row, struct collection *out)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    memset(out, 0, sizeof *out);
    out->key = cell[0].integer;
    out->name = cell_text(&cell[1]);
    out->owner = cell[2].text.size ? cell[2].text : pb_str_make(NULL, 0);
    out->description = cell_text(&cell[3]);
    out->access_json = cell_text(&cell[4]);
    out->tags_json = cell_text(&cell[5]);
    out->configured = cell[6].integer != 0;
    out->model = cell_text(&cell[7]);
    out->dimensions = cell[8].integer;
    out->refused = cell_text(&cell[9]);
    out->reindex = out->refused.data != NULL;
    out->created = time_text(cell[10].integer);
    out->updated = time_text(cell[11].integer);
    out->edition = cell[11].integer;
    pb_status status = json_of(out->access_json, &out->access);
    return status == PB_OK ? json_of(out->tags_json, &out->tags) : status;
}

static void read_content(const pb_value *cell, struct document *out)
{
    out->key = cell[0].integer;
    out->id = cell_text(&cell[1]);
    out->owner = cell_text(&cell[2]);
    out->collection = cell_text(&cell[3]);
    out->name = cell_text(&cell[4]);
    out->type = cell_text(&cell[5]);
    out->size = cell[6].integer;
    out->digest = cell_text(&cell[7]);
    out->url = cell_text(&cell[8]);
    out->source = cell_text(&cell[9]);
    out->source_id = cell_text(&cell[10]);
    out->version = cell[11].integer;
    out->ready_version = cell[12].integer;
    out->title = cell_text(&cell[13]);
    out->metadata_json = cell_text(&cell[14]);
    out->tags_json = cell_text(&cell[15]);
    out->access_json = cell_text(&cell[16]);
}

pb_status document_read(const pb_rows *rows, size_t row, struct document *out)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    memset(out, 0, sizeof *out);
    read_content(cell, out);
    out->state = (int32_t)cell[17].integer;
    out->stage = cell_text(&cell[18]);
    out->progress = cell[19].real;
    out->error = cell_text(&cell[20]);
    out->chunks = cell[21].integer;
    out->tokens = cell[22].integer;
    out->retrievals = cell[23].integer;
    out->used = time_text(cell[24].integer);
    out->created = time_text(cell[25].integer);
    out->updated_at = cell[26].integer;
    out->updated = time_text(cell[26].integer);
    out->blob = cell_text(&cell[27]);
    out->collection_key = cell[28].integer;
    out->revision = cell[29].integer;
    out->edition = out->revision + 1; /* 0 would be no revision */
    out->deleted = cell_there(&cell[30]);
    pb_status status = json_of(out->metadata_json, &out->metadata);
    if (status == PB_OK)
        status = json_of(out->tags_json, &out->tags);
    return status == PB_OK ? json_of(out->access_json, &out->access) : status;
}

void job_read(const pb_rows *rows, size_t row, struct job *out)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    memset(out, 0, sizeof *out);
    out->key = cell[0].integer;
    out->id = cell_text(&cell[1]);
    out->kind = (int32_t)cell[2].integer;
    out->state = (int32_t)cell[3].integer;
    out->attempts = cell[4].integer;
    if (out->state == JOB_QUEUED)
        out->not_before = time_text(cell[5].integer);
    out->worker = cell_text(&cell[6]);
    out->stage = cell_text(&cell[7]);
    out->progress = cell[8].real;
    out->error = cell_text(&cell[9]);
    out->created = time_text(cell[10].integer);
    out->started = time_text(cell[11].integer);
    out->ended = time_text(cell[12].integer);
    out->document = cell_text(&cell[13]);
    out->collection = cell_text(&cell[14]);
}

static void write_text(pb_json_writer *writer, const char *key, pb_str text)
{
    if (!text.data)
        return;
    pb_jw_key(writer, key);
    pb_jw_str(writer, text);
}

static void write_number(pb_json_writer *writer, const char *key, int64_t number)
{
    pb_jw_key(writer, key);
    pb_jw_int(writer, number);
}

static void write_json(pb_json_writer *writer, const char *key, const pb_json *json)
{
    if (!json)
        return;
    pb_jw_key(writer, key);
    pb_jw_json(writer, json);
}

void document_write(pb_json_writer *writer, const struct document *document)
{
    pb_jw_open(writer, '{');
    write_text(writer, "id", document->id);
    write_text(writer, "collection", document->collection);
    write_text(writer, "name", document->name);
    write_text(writer, "title", document->title);
    write_text(writer, "type", document->type);
    write_number(writer, "size", document->size);
    write_text(writer, "digest", document->digest);
    write_text(writer, "url", document->url);
    write_text(writer, "source", document->source);
    write_number(writer, "version", document->version);
    write_number(writer, "ready_version", document->ready_version);
    write_text(writer, "state", pb_str_of(state_names[document->state]));
    write_text(writer, "stage", document->stage);
    pb_jw_key(writer, "progress");
    pb_jw_double(writer, document->progress);
    write_text(writer, "error", document->error);
    write_number(writer, "chunks", document->chunks);
    write_number(writer, "tokens", document->tokens);
    write_number(writer, "retrievals", document->retrievals);
    write_text(writer, "used", document->used);
    write_json(writer, "metadata", document->metadata);
    write_json(writer, "tags", document->tags);
    write_json(writer, "access", document->access);
    write_text(writer, "owner", document->owner);
    pb_jw_key(writer, "duplicate");
    pb_jw_bool(writer, document->duplicate);
    write_text(writer, "created", document->created);
    write_text(writer, "updated", document->updated);
    write_number(writer, "revision", document->edition);
    pb_jw_close(writer, '}');
}
