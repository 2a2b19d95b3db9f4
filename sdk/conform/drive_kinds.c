/* drive_kinds.c - tools, credentials, vectors, passages, labels, spans, speech: kinds with a call
 * or two. */
#include "drive.h"

#include "plugin/instances.h"
#include <patchbay/auth.h>
#include <patchbay/classifier.h>
#include <patchbay/draft/exporter.h>
#include <patchbay/draft/speech.h>
#include <patchbay/embedder.h>
#include <patchbay/reranker.h>
#include <patchbay/retriever.h>
#include <patchbay/tool.h>
#include <stdio.h>
#include <stdlib.h>

pb_status drive_tool(struct drive *drive)
{
    pb_tool_list list = {.size = sizeof list};
    pb_status status = pb_tool_list_functions(drive->instance, &list);

    for (size_t i = 0; status == PB_OK && i < list.count; i++) {
        const pb_tool_function *function = list.functions[i];
        const pb_json *result = NULL, *arguments = sample_json(function->parameters, drive->number);
        pb_buf text = {0};
        pb_status called =
            pb_tool_call_function(drive->instance, function->name, arguments, &result);
        if (called == PB_OK)
            pb_json_write(&text, result);
        drive_say(drive, "%.*s: %s %.300s", PB_ARG(function->name), pb_status_name(called),
                  text.size ? text.data : "");
        if (called == PB_CANCELLED || called == PB_TIMEOUT)
            status = called;
    }
    const pb_json *nothing = NULL;
    pb_status unknown =
        status == PB_OK ? pb_tool_call_function(drive->instance, pb_lit("conform_no_such_function"),
                                                pb_json_new(PB_JSON_OBJECT, (pb_str){0}), &nothing)
                        : (pb_status)PB_OK;
    if (status == PB_OK && unknown == PB_OK)
        return pb_fail(PB_INTERNAL, "a function that it does not list is called, and it says ok");
    drive_say(drive, "unknown: %s", pb_status_name(unknown));
    return status;
}

/* Refusing is right; only what is none of the header's answers is passed on. */
static pb_status show(struct drive *drive, const char *what, pb_credentials *credentials)
{
    pb_principal out = {.size = sizeof out};

    credentials->size = sizeof *credentials;
    credentials->remote = pb_lit("127.0.0.1");
    credentials->loopback = 1;
    pb_error_clear();
    pb_status status = PB_CALL(authenticate)(drive->instance, credentials, &out);
    drive_say(drive, "%s: %s %.*s", what, pb_status_name(status), PB_ARG(out.id));
    if (status == PB_OK && (!out.id.size || !out.tenant.size))
        return pb_fail(PB_INTERNAL, "it lets somebody in without an id or a tenant (%s)", what);
    return status == PB_DECLINED || status == PB_UNAUTHENTICATED || status == PB_FORBIDDEN
               ? (pb_status)PB_OK
               : status;
}

pb_status drive_auth(struct drive *drive)
{
    size_t size = 100 * 1000;
    char *text = pb_alloc(size);
    pb_status status = show(drive, "nothing", &(pb_credentials){0});

    memset(text, 'a', size);
    if (status == PB_OK)
        status = show(drive, "a key",
                      &(pb_credentials){.authorization = pb_printf("Bearer pb_%u", drive->number),
                                        .api_key = pb_printf("pb_%u", drive->number)});
    if (status == PB_OK)
        status = show(drive, "garbage",
                      &(pb_credentials){.authorization = pb_lit("\x01\xff Basic ==="),
                                        .cookie = pb_lit("=;;=\"")});
    if (status == PB_OK)
        status = show(drive, "a long key",
                      &(pb_credentials){.authorization = pb_printf("Bearer %.*s", (int)size, text),
                                        .api_key = {text, size},
                                        .cookie = {text, size}});
    return status;
}

pb_status drive_embedder(struct drive *drive)
{
    pb_str texts[3] = {pb_printf("text %u", drive->number), pb_lit("a second text"), pb_lit("")};
    size_t dimensions = pb_embed_dimensions(drive->instance);
    pb_str model = pb_embed_model(drive->instance);
    float *out = dimensions && dimensions < 100000 ? PB_NEW_ARRAY(float, 3 * dimensions) : NULL;

    if (!out || !model.size)
        return pb_fail(PB_INTERNAL, "it has %zu dimensions and its model is called '%.*s'",
                       dimensions, PB_ARG(model));
    pb_status status = pb_embed(drive->instance, PB_EMBED_DOCUMENT, texts, 3, out);
    if (status == PB_OK)
        status = pb_embed(drive->instance, PB_EMBED_QUERY, texts, 1, out);
    drive_say(drive, "%s %.*s %zu: %.4f %.4f; %zu tokens", pb_status_name(status), PB_ARG(model),
              dimensions, status == PB_OK ? (double)out[0] : 0.0,
              status == PB_OK ? (double)out[dimensions - 1] : 0.0,
              pb_embed_tokens(drive->instance, texts[0]));
    return status;
}

static void say_passages(struct drive *drive, const char *what, const pb_passages *passages)
{
    for (size_t i = 0; i < passages->count; i++)
        drive_say(drive, "%s %zu: %.*s %.*s", what, i, PB_ARG(passages->items[i]->id),
                  PB_ARG(pb_str_slice(passages->items[i]->text, 0, 80)));
}

pb_status drive_retriever(struct drive *drive)
{
    pb_retrieve_request request = {.size = sizeof request,
                                   .top_k = 3,
                                   .mode = -1,
                                   .vector_weight = -1,
                                   .query = pb_printf("question %u about plugins", drive->number)};
    pb_passages found = {.size = sizeof found}, around = {.size = sizeof around};
    pb_str version = {0};
    pb_status status = pb_retrieve(drive->instance, &request, &found);

    drive_say(drive, "%s", pb_status_name(status));
    if (status != PB_OK)
        return status;
    if (found.count > request.top_k)
        return pb_fail(PB_INTERNAL, "it gives %zu passages where %u were asked for", found.count,
                       request.top_k);
    say_passages(drive, "found", &found);
    if (found.count) {
        pb_surround_request more = {.size = sizeof more, .passage = found.items[0], .last = -1};
        status = pb_surround(drive->instance, &more, &around);
        say_passages(drive, "around", &around);
    }
    if (status == PB_OK || status == PB_UNSUPPORTED)
        status = pb_retriever_version(drive->instance, &request, &version);
    return status == PB_UNSUPPORTED ? (pb_status)PB_OK : status;
}

pb_status drive_reranker(struct drive *drive)
{
    enum { PASSAGES = 5 };
    const pb_passage *items[PASSAGES];
    static float vectors[PASSAGES][4];
    pb_passages in = {.size = sizeof in, .items = items, .count = PASSAGES},
                out = {.size = sizeof out};

    for (unsigned i = 0; i < PASSAGES; i++) {
        pb_passage *passage =
            pb_passage_new(pb_printf("Passage %u of question %u.", i, drive->number));
        if (!passage)
            return PB_NO_MEMORY;
        vectors[i][i % 4] = 1;
        passage->id = pb_printf("p-%u", i);
        passage->score = 1.0 - i * 0.1;
        passage->vector = vectors[i];
        passage->dimensions = 4;
        items[i] = passage;
    }
    pb_status status =
        pb_rerank(drive->instance, pb_printf("question %u", drive->number), &in, &out);
    drive_say(drive, "%s", pb_status_name(status));
    if (status == PB_OK && out.count > PASSAGES)
        return pb_fail(PB_INTERNAL, "it gives %zu of %d passages", out.count, PASSAGES);
    if (status == PB_OK)
        say_passages(drive, "ranked", &out);
    return status;
}

pb_status drive_classifier(struct drive *drive)
{
    pb_str text =
        pb_printf("Käse: write to somebody-%u@example.org or call +49 30 1234567, card 4111 "
                  "1111 1111 1111.",
                  drive->number);
    pb_classify_request request = {.size = sizeof request, .text = text};
    pb_labels out = {.size = sizeof out};
    pb_status status = pb_classify(drive->instance, &request, &out);

    if (status == PB_UNSUPPORTED) { /* it judges files */
        request = (pb_classify_request){.size = sizeof request,
                                        .bytes = bytes_of(text.data, text.size),
                                        .type = pb_lit("text/plain")};
        out = (pb_labels){.size = sizeof out};
        status = pb_classify(drive->instance, &request, &out);
    }
    drive_say(drive, "%s", pb_status_name(status));
    for (size_t i = 0; status == PB_OK && i < out.count; i++) {
        const pb_label *label = out.items[i];
        drive_say(drive, "%.*s %lld %lld", PB_ARG(label->name), (long long)label->offset,
                  (long long)label->length);
        if (label->offset >= 0 &&
            (label->length < 0 || (uint64_t)label->offset + (uint64_t)label->length > text.size))
            return pb_fail(PB_INTERNAL, "its label '%.*s' lies outside the text",
                           PB_ARG(label->name));
    }
    return status;
}

pb_status drive_exporter(struct drive *drive)
{
    const pb_exporter *exporter = (const pb_exporter *)(const void *)drive->instance->interface;
    const pb_span_record span = {.size = sizeof span,
                                 .trace = pb_lit("0123456789abcdef0123456789abcdef"),
                                 .id = pb_printf("%016x", drive->number),
                                 .turn = pb_lit("00000000-0000-7000-8000-000000000001"),
                                 .tenant = pb_lit("default"),
                                 .kind = pb_lit("turn"),
                                 .name = pb_lit("conform"),
                                 .began = 1700000000000000000,
                                 .total = PB_SECOND,
                                 .self = PB_SECOND};
    const pb_audit_record audit = {.size = sizeof audit,
                                   .when = 1700000000000,
                                   .tenant = pb_lit("default"),
                                   .principal = pb_lit("tester"),
                                   .action = pb_lit("documents.delete"),
                                   .object = pb_printf("%u", drive->number)};
    void *before = instance_enter(drive->instance);
    pb_status status = PB_OK;

    if (exporter->span)
        status = exporter->span(drive->instance->self, (const pb_span_record *const[]){&span}, 1);
    if (status == PB_OK && exporter->audit)
        status =
            exporter->audit(drive->instance->self, (const pb_audit_record *const[]){&audit}, 1);
    instance_leave(before);
    drive_say(drive, "%s", pb_status_name(status));
    return status;
}

/* --- speech -------------------------------------------------------------------------------------
 */

struct silence {
    pb_reader base;
    size_t left;
};

static pb_status give_silence(pb_reader *reader, pb_bytes *out)
{
    static const char nothing[3200];
    struct silence *silence = (struct silence *)(void *)reader;
    size_t size = silence->left < sizeof nothing ? silence->left : sizeof nothing;

    silence->left -= size;
    *out = bytes_of(nothing, size);
    return pb_step();
}

struct swallow {
    pb_writer base;
    size_t bytes;
};

static pb_status swallow(pb_writer *writer, pb_bytes bytes)
{
    ((struct swallow *)(void *)writer)->bytes += bytes.size;
    return pb_step();
}

pb_status drive_speech(struct drive *drive)
{
    pb_speech_about about = {.size = sizeof about};
    pb_status status = PB_OK;

    pb_speech_about_of(drive->instance, &about);
    uint32_t rate = about.hear_rate ? about.hear_rate : 16000;
    pb_audio_format format = {
        .size = sizeof format, .rate = rate, .channels = 1, .type = pb_lit("audio/pcm")};
    if (about.listens) {
        struct silence silence = {{.size = sizeof(pb_reader), .read = give_silence}, 2 * rate};
        pb_transcribe_request request = {
            .size = sizeof request, .format = &format, .audio = &silence.base};
        pb_transcript out = {.size = sizeof out};
        status = pb_transcribe(drive->instance, &request, &out);
        drive_say(drive, "heard %s '%.*s'", pb_status_name(status), PB_ARG(out.text));
    }
    if (status == PB_OK && about.speaks) {
        struct swallow sink = {{.size = sizeof(pb_writer), .write = swallow}, 0};
        format.rate = about.say_rate;
        pb_synthesize_request request = {.size = sizeof request,
                                         .text = pb_printf("number %u", drive->number),
                                         .format = &format};
        status = pb_synthesize(drive->instance, &request, &sink.base);
        /* how much may differ from time to time, as no voice says a thing twice alike */
        drive_say(drive, "said %s, %s", pb_status_name(status), sink.bytes ? "audio" : "nothing");
    }
    if (status == PB_OK && about.detects) {
        double sure = 0;
        status = pb_speech_detect(drive->instance, PB_NEW_ARRAY(int16_t, 1600), 1600, &sure);
        drive_say(drive, "detected %s %.2f", pb_status_name(status), sure);
    }
    return status;
}
