/* native.h - the native API: POST /v1/turns and the events of kept turns. */
#ifndef HTTP_NATIVE_H
#define HTTP_NATIVE_H

#include "http.h"

handler turns_create;
handler turns_events; /* GET /v1/turns/{id}/events; events.c */

struct turn_input {
    bool stream;
    bool detach;
    pb_turn_spec spec;
    const pb_message *message;
};
/* turns_input.c */
pb_status turn_input_read(struct exchange *exchange, struct turn_input *input);
/* message.c: text or a list of parts. */
const pb_message *message_native(struct exchange *exchange, const pb_json *json);
/* turns_stream.c */
pb_status turns_answer_stream(struct exchange *exchange);

/* schema.c: what both are, for the reference. */
extern const char turn_input_schema[], turn_input_example[], turn_output_schema[],
    turn_output_example[], turn_event_schema[];
extern const pb_header_help turn_request_headers[], turn_answer_headers[], events_request_headers[];
extern const int32_t turn_answers[], turn_errors[], events_answers[],
    events_errors[];

#endif
