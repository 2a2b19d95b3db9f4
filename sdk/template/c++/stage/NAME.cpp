/* @NAME@ - a stage that explains a team's own words to the model.
 *
 * When terms of the glossary occur in the question, their meanings go before it as a system message.
 */
#include "@NAME@.h"

#include "guard.hpp"

#include <patchbay/words.h>
#include <set>
#include <string>

namespace {

using words = std::set<uint64_t>;

/* The same word has the same key in any form: "desk", "Desks". */
words words_of(pb_str text)
{
    words found;
    pb_word word;

    for (size_t at = 0; pb_word_next(text, &at, &word);)
        found.insert(word.key);
    return found;
}

/* Do all words of the term occur? A term without words never does. */
bool has_term(const words &question, pb_str term)
{
    const words wanted = words_of(term);

    for (uint64_t key : wanted)
        if (!question.count(key))
            return false;
    return !wanted.empty();
}

/* The meanings of the terms in the question; empty when there are none. */
std::string meanings(const struct @ID@ &own, pb_str question)
{
    const words asked = words_of(question);
    std::string note;

    for (size_t i = 0; i < own.terms.count; i++)
        if (has_term(asked, own.terms.keys[i]))
            note.append("\n").append(view(own.terms.keys[i])).append(": ").append(
                view(PB_ITEM(own.terms, pb_str, i)));
    return note.empty() ? note : std::string(view(own.intro)) + note;
}

/* The turn borrows messages: text and list are memory of the running stage, not of C++. */
pb_status put_first(pb_turn *turn, const std::string &note)
{
    size_t count;
    const pb_message *const *messages = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1);
    pb_str text = pb_copy(str(note));
    pb_message *first = pb_message_new(PB_ROLE_SYSTEM, text);

    if (!all || !text.data || !first)
        return PB_NO_MEMORY;
    all[0] = first;
    for (size_t i = 0; i < count; i++)
        all[i + 1] = messages[i];
    return pb_turn_set_messages(turn, all, count + 1);
}

} // namespace

pb_status @ID@_run(void *self, pb_turn *turn, const pb_next *next) noexcept
{
    const struct @ID@ &own = *static_cast<const struct @ID@ *>(self);
    const pb_message *question = pb_turn_question(turn);
    pb_status status = guarded([&]() -> pb_status {
        std::string note = question ? meanings(own, question->text) : std::string();
        return note.empty() ? static_cast<pb_status>(PB_OK) : put_first(turn, note);
    });

    return status == PB_OK ? pb_run_next(next, turn) : status;
}

void @ID@_check(const void *self, pb_diagnostics *diagnostics) noexcept
{
    const struct @ID@ &own = *static_cast<const struct @ID@ *>(self);

    (void)guarded([&]() -> pb_status {
        for (size_t i = 0; i < own.terms.count; i++)
            if (words_of(own.terms.keys[i]).empty())
                pb_problem(diagnostics, "terms", "the term '%.*s' has no word in it",
                           PB_ARG(own.terms.keys[i]));
        return PB_OK;
    });
}
