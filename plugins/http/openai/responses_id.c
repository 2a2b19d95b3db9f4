/* responses_id.c - ids that say where what they name is stored. */
#include "openai/responses.h"

#include <patchbay/secret.h>

enum { HEX = 32 }; /* digits of a UUID */

static void add_hex(pb_buf *buf, pb_str uuid)
{
    for (size_t i = 0; i < uuid.size; i++)
        if (uuid.data[i] != '-')
            pb_buf_byte(buf, uuid.data[i]);
}

pb_str base_make(pb_str conversation, pb_str message)
{
    pb_buf buf = {0};

    add_hex(&buf, conversation);
    add_hex(&buf, message);
    return pb_buf_str(&buf);
}

pb_str item_id(const char *prefix, pb_str base, size_t number)
{
    return pb_printf("%s%.*s%02zx", prefix, PB_ARG(base), number);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static pb_str uuid_of(pb_str hex)
{
    pb_buf buf = {0};

    for (size_t i = 0; i < HEX; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            pb_buf_byte(&buf, '-');
        pb_buf_byte(&buf, hex.data[i]);
    }
    return pb_buf_str(&buf);
}

static size_t number_of(pb_str hex)
{
    size_t number = 0;

    for (size_t i = 0; i < hex.size; i++)
        number = number * 16 + (size_t)(hex.data[i] <= '9' ? hex.data[i] - '0'
                                                           : hex.data[i] - 'a' + 10);
    return number;
}

bool reference_read(pb_str id, struct reference *out)
{
    size_t mark = pb_str_find(id, '_');
    pb_str rest = pb_str_slice(id, mark + 1, id.size);
    bool response = pb_str_starts(id, pb_lit("resp_"));

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < rest.size; i++)
        if (!is_hex(rest.data[i]))
            return false;
    out->prefix = pb_str_slice(id, 0, mark + 1);
    if (rest.size == HEX || (!response && rest.size > HEX && rest.size <= HEX + 4))
        return true; /* of a turn that was not stored */
    if (rest.size < BASE_MOST || rest.size > BASE_MOST + (response ? 0 : 4))
        return false;
    out->conversation = uuid_of(rest);
    out->message = uuid_of(pb_str_slice(rest, HEX, rest.size));
    out->number = number_of(pb_str_slice(rest, BASE_MOST, rest.size));
    return true;
}

pb_time uuid_time(pb_str uuid)
{
    uint8_t bytes[16];
    pb_time time = 0;

    if (!pb_uuid_bytes(uuid, bytes))
        return 0;
    for (size_t i = 0; i < 6; i++)
        time = time << 8 | bytes[i];
    return time;
}
