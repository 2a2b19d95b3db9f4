/* key_text.c - keys as text: making one, and taking one apart. */
#include "api_key.h"

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* Letters and digits, each as likely as the others. */
static pb_status random_letters(char *out, size_t count)
{
    uint8_t bytes[64];

    while (count) {
        pb_status status = pb_random(bytes, sizeof bytes);
        if (status != PB_OK)
            return status;
        for (size_t i = 0; i < sizeof bytes && count; i++) {
            if (bytes[i] >= 248) /* 4 times 62 */
                continue;
            *out++ = letters[bytes[i] % 62];
            count--;
        }
    }
    return PB_OK;
}

pb_status key_text_renew(const char id[KEY_ID], char text[KEY_TEXT])
{
    memcpy(text, "pb_", 3);
    memcpy(text + 3, id, KEY_ID);
    text[3 + KEY_ID] = '_';
    return random_letters(text + 3 + KEY_ID + 1, KEY_SECRET);
}

pb_status key_text_new(char text[KEY_TEXT])
{
    char id[KEY_ID];
    pb_status status = random_letters(id, sizeof id);

    return status == PB_OK ? key_text_renew(id, text) : status;
}

pb_str key_text_id(pb_str text)
{
    if (text.size != KEY_TEXT || memcmp(text.data, "pb_", 3) != 0 || text.data[3 + KEY_ID] != '_')
        return (pb_str){0};
    for (size_t i = 3; i < KEY_TEXT; i++) {
        char c = text.data[i];
        if (i != 3 + KEY_ID &&
            !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return (pb_str){0};
    }
    return pb_str_slice(text, 3, KEY_ID);
}
