/* audio - a service that speaks and transcribes over HTTP as OpenAI's clients ask for it; instances of
 * kind speech do the work. */
#include "audio.h"

static const pb_field audio_options[] = {
    PB_LIST(struct audio, models, PB_KIND_REF, .ref = "speech", .required = 1, .max_length = 64,
            .help = "Instances of kind speech that clients may use; `model` of a request names one."),
    PB_SIZE(struct audio, max_input, .def = "16KiB", .min = 1, .max = 1048576,
            .help = "The longest text that is spoken at once."),
    PB_SIZE(struct audio, max_file, .def = "25MiB", .min = 1,
            .help = "The largest file that is transcribed; `max_upload` of the transport goes before it."),
    PB_DURATION(struct audio, max_duration, .def = "1h", .min = 1, .max = 86400,
                .help = "The longest audio that is transcribed at once."),
    PB_END};

static const pb_field speech_in[] = {
    PB_STR(struct speech_in, model, .required = 1, .max_length = 256, .help = "Which model speaks."),
    PB_STR(struct speech_in, input, .required = 1, .help = "The text."),
    PB_JSON(struct speech_in, voice, .help = "The voice's name, or {\"id\": name}; else the model's own.",
            .schema = "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"id\":"
                      "{\"type\":\"string\"}},\"required\":[\"id\"]},{\"type\":\"null\"}]}"),
    PB_ENUM(struct speech_in, format, .name = "response_format", .def = "wav",
            .values = PB_VALUES("mp3", "opus", "aac", "flac", "wav", "pcm"),
            .help = "`pcm`: samples of 16 bits, low byte first, 24000 a second. Every model makes `wav` and "
                    "`pcm`; the others are refused by models that cannot."),
    PB_FLOAT(struct speech_in, speed, .def = "1", .min = 0.25, .max = 4, .help = "1: as usual."),
    PB_ENUM(struct speech_in, stream, .name = "stream_format", .def = "audio",
            .values = PB_VALUES("audio", "sse"), .help = "Only `audio`: bytes, as they are made."),
    PB_STR(struct speech_in, instructions, .max_length = 4096, .help = "Has no effect here."),
    PB_END};

static const pb_field transcribe_in[] = {
    PB_STR(struct transcribe_in, model, .max_length = 256, .help = "Which model listens."),
    PB_STR(struct transcribe_in, language, .max_length = 64, .help = "The language that is spoken: `en`."),
    PB_STR(struct transcribe_in, prompt, .max_length = 4096, .help = "Words that are likely."),
    PB_STR(struct transcribe_in, format, .name = "response_format", .max_length = 32,
           .help = "`json`, `text`, `srt`, `verbose_json` or `vtt`."),
    PB_END};

static const char transcript_schema[] = PB_JSON_TEXT({
    "title": "Transcript", "type": "object", "description": "What was heard.",
    "properties": {
        "text": {"type": "string"},
        "task": {"type": "string", "description": "Of verbose_json, as those that follow."},
        "language": {"type": "string", "description": "und: not known."},
        "duration": {"type": "number", "description": "Seconds."},
        "segments": {"type": "array", "items": {"$ref": "#/$defs/TranscriptSegment"}},
        "usage": {"type": "object", "properties": {
            "type": {"type": "string", "const": "duration"},
            "seconds": {"type": "number"}}}},
    "required": ["text"],
    "$defs": {"TranscriptSegment": {
        "type": "object", "description": "What the model does not tell is 0.",
        "properties": {
            "id": {"type": "integer"}, "start": {"type": "number"}, "end": {"type": "number"},
            "text": {"type": "string"}, "tokens": {"type": "array", "items": {"type": "integer"}},
            "seek": {"type": "integer"}, "temperature": {"type": "number"},
            "avg_logprob": {"type": "number"}, "compression_ratio": {"type": "number"},
            "no_speech_prob": {"type": "number"}},
        "required": ["id", "start", "end", "text"]}}
});

static const char models_schema[] = PB_JSON_TEXT({
    "title": "AudioModels", "type": "object",
    "properties": {"models": {"type": "array", "items": {"type": "object",
        "properties": {
            "id": {"type": "string"}, "speaks": {"type": "boolean"}, "transcribes": {"type": "boolean"},
            "voices": {"type": "array", "items": {"type": "string"}}},
        "required": ["id", "speaks", "transcribes", "voices"]}}},
    "required": ["models"]
});

static const char error_schema[] = PB_JSON_TEXT({
    "title": "AudioError", "type": "object", "description": "What went wrong, as OpenAI's API tells it.",
    "properties": {"error": {
        "type": "object",
        "properties": {
            "message": {"type": "string", "description": "What is wrong, and what would be right."},
            "type": {"type": "string"},
            "param": {"type": ["string", "null"], "description": "The field at fault."},
            "code": {"type": ["string", "null"]}},
        "required": ["message", "type", "param", "code"]}},
    "required": ["error"]
});

static const int32_t speech_errors[] = {PB_NOT_FOUND, PB_UNPROCESSABLE, PB_RATE_LIMITED, PB_TIMEOUT,
                                        PB_BAD_UPSTREAM, 0};

static const pb_header_help answer_headers[] = {
    {"Patchbay-Ignored", "Fields that had no effect, with commas between."}, {NULL, NULL}};

static const pb_operation audio_operations[] = {
    {PB_OPERATION("audio.speech", "POST", "/v1/audio/speech", "Speaks a text."),
     .description = "The audio comes as it is made. `model` names one of the service's `models`. Without "
                    "`response_format` it is WAV.",
     .scope = "audio.create", .flags = PB_OPERATION_NO_TOOL | PB_OPERATION_NO_AUDIT, .raw = audio_speech, .input = speech_in,
     .input_size = sizeof(struct speech_in), .dialect = "openai", .error_schema = error_schema,
     .input_example = "{\"model\": \"espeak\", \"input\": \"Hello there.\", \"voice\": \"en-us\"}",
     .output_type = "audio/wav, audio/pcm, audio/mpeg, audio/ogg, audio/aac, audio/flac, "
                    "application/octet-stream",
     .errors = speech_errors, .answer_headers = answer_headers},
    {PB_OPERATION("audio.transcribe", "POST", "/v1/audio/transcriptions", "Writes down what is spoken."),
     .description =
         "A form (multipart/form-data) with `file`, `model`, `language`, `prompt` and `response_format`; or "
         "the audio alone as the body, the rest in the query: then it is heard as it comes in. Every model "
         "takes WAV, and bare samples as `audio/pcm;rate=16000;channels=1` (16 bits, low byte first).",
     .scope = "audio.create", .flags = PB_OPERATION_NO_TOOL | PB_OPERATION_NO_AUDIT, .raw = audio_transcribe, .upload = 1,
     .input = transcribe_in, .input_size = sizeof(struct transcribe_in), .dialect = "openai",
     .input_type = "multipart/form-data", .output_schema = transcript_schema,
     .output_type = "application/json, text/plain, text/vtt",
     .output_example = "{\"text\": \"go forward ten meters\", \"usage\": {\"type\": \"duration\", "
                       "\"seconds\": 1.9}}",
     .error_schema = error_schema, .errors = speech_errors, .answer_headers = answer_headers},
    {PB_OPERATION("audio.models", "GET", "/v1/audio/models", "Which models speak and listen."),
     .scope = "audio.read", .raw = audio_models, .output_schema = models_schema,
     .output_example = "{\"models\": [{\"id\": \"espeak\", \"speaks\": true, \"transcribes\": false, "
                       "\"voices\": [\"de\", \"en-us\"]}]}"},
    PB_OPERATION_END};

PB_PLUGIN("audio", "0.1.0", "Apache-2.0", "Speaks and transcribes as OpenAI's API does.",
          PB_SERVICE("audio", struct audio, audio_options, .operations = audio_operations));
