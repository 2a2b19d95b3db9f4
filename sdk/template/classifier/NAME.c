/* @NAME@ - finds numbers of payment cards in a text.
 *
 * 13 to 19 digits, with single spaces or hyphens between them, whose last one is the check digit of the
 * others (Luhn). The label's span is where they stand.
 */
#include <patchbay/classifier.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_str label;
    pb_list ignore; /* of pb_str: digits */
};

static const pb_field @ID@_options[] = {
    PB_STR(struct @ID@, label, .def = "card", .pattern = ".+", .help = "What a finding is called."),
    PB_LIST(struct @ID@, ignore, PB_KIND_STR,
            .help = "Numbers that are no finding: those for tests, as digits only."),
    PB_END,
};

enum { FEWEST = 13, MOST = 19 };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* A number as it stands in the text. */
struct number {
    char digits[MOST];
    size_t count;
    size_t end; /* behind its last digit */
};

/* Reads the number that begins at `at`, which is a digit; false when it is longer than any card's. */
static bool read_number(pb_str text, size_t at, struct number *out)
{
    bool fits = true;

    for (out->count = 0; at < text.size; at++) {
        bool between = (text.data[at] == ' ' || text.data[at] == '-') && at + 1 < text.size &&
                       is_digit(text.data[at + 1]);
        if (!is_digit(text.data[at]) && !between)
            break;
        if (between)
            continue;
        if (out->count < MOST)
            out->digits[out->count++] = text.data[at];
        else
            fits = false;
        out->end = at + 1;
    }
    return fits && out->count >= FEWEST;
}

/* Every second digit from the right counts twice. */
static bool is_card(const struct number *number)
{
    int sum = 0;

    for (size_t i = 0; i < number->count; i++) {
        int digit = number->digits[number->count - 1 - i] - '0';
        sum += i % 2 ? digit * 2 - (digit > 4 ? 9 : 0) : digit;
    }
    return sum % 10 == 0 && sum > 0;
}

static bool is_ignored(const struct @ID@ *own, const struct number *number)
{
    for (size_t i = 0; i < own->ignore.count; i++)
        if (pb_str_equal(PB_ITEM(own->ignore, pb_str, i),
                         pb_str_make(number->digits, number->count)))
            return true;
    return false;
}

static pb_status add_label(pb_labels *out, const pb_label **items, pb_label label)
{
    pb_label *copy = PB_NEW(pb_label); /* in the scope of who asks, as out is */

    if (!copy)
        return PB_NO_MEMORY;
    *copy = label;
    items[out->count++] = copy;
    return PB_OK;
}

static pb_status @ID@_classify(void *self, const pb_classify_request *request, pb_labels *out)
{
    const struct @ID@ *own = self;
    pb_str text = request->text;
    const pb_label **items = PB_NEW_ARRAY(const pb_label *, text.size / FEWEST + 1);
    struct number number;
    pb_status status = items ? PB_OK : PB_NO_MEMORY;

    if (!text.data)
        return pb_fail(PB_UNSUPPORTED, "only text is looked at");
    out->items = items;
    for (size_t at = 0; at < text.size && status == PB_OK; at++) {
        if (!is_digit(text.data[at]))
            continue;
        if (read_number(text, at, &number) && is_card(&number) && !is_ignored(own, &number))
            status = add_label(out, items,
                               (pb_label){.size = sizeof(pb_label), .name = own->label,
                                          .score = 1, .offset = (int64_t)at,
                                          .length = (int64_t)(number.end - at)});
        at = number.end;
    }
    return status;
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Finds numbers of payment cards.",
          PB_CLASSIFIER("@NAME@", struct @ID@, @ID@_options, .classify = @ID@_classify));
