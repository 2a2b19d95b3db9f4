/* @NAME@ - a stage that explains a team's own words to the model.
 *
 * When terms of the glossary occur in the question, their meanings go before it as a system message.
 */
#include <patchbay/stage.h>
#include <patchbay/words.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_map terms; /* of pb_str */
    pb_str intro;
};

static const pb_field @ID@_options[] = {
    PB_MAP(struct @ID@, terms, PB_KIND_STR, .required = 1, .help = "Terms and what they mean."),
    PB_STR(struct @ID@, intro, .def = "Words that are used here:",
           .help = "Stands above the meanings."),
    PB_END,
};

static bool has_word(pb_str text, uint64_t key)
{
    pb_word word;

    for (size_t at = 0; pb_word_next(text, &at, &word);)
        if (word.key == key) /* the same word in any form: "desk", "Desks" */
            return true;
    return false;
}

/* Do all words of the term occur? A term without words never does. */
static bool has_term(pb_str text, pb_str term)
{
    pb_word word;
    bool found = false;

    for (size_t at = 0; pb_word_next(term, &at, &word); found = true)
        if (!has_word(text, word.key))
            return false;
    return found;
}

/* The meanings of the terms in the question, or the absent string. */
static pb_str meanings(const struct @ID@ *own, pb_str question)
{
    pb_buf note = {0}; /* its memory goes with the turn's stage: nothing is freed */

    for (size_t i = 0; i < own->terms.count; i++)
        if (has_term(question, own->terms.keys[i]))
            pb_buf_printf(&note, "\n%.*s: %.*s", PB_ARG(own->terms.keys[i]),
                          PB_ARG(PB_ITEM(own->terms, pb_str, i)));
    return note.size ? pb_printf("%.*s%.*s", PB_ARG(own->intro), PB_ARG(pb_buf_str(&note)))
                     : (pb_str){0};
}

static pb_status put_first(pb_turn *turn, pb_str note)
{
    size_t count;
    const pb_message *const *messages = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1);
    pb_message *first = pb_message_new(PB_ROLE_SYSTEM, note);

    if (!all || !first)
        return PB_NO_MEMORY;
    all[0] = first;
    memcpy(all + 1, messages, count * sizeof *all);
    return pb_turn_set_messages(turn, all, count + 1);
}

static pb_status @ID@_run(void *self, pb_turn *turn, const pb_next *next)
{
    const pb_message *question = pb_turn_question(turn);
    pb_str note = question ? meanings(self, question->text) : (pb_str){0};
    pb_status status = note.size ? put_first(turn, note) : (pb_status)PB_OK;

    return status == PB_OK ? pb_run_next(next, turn) : status;
}

static void @ID@_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct @ID@ *own = self;

    for (size_t i = 0; i < own->terms.count; i++)
        if (!has_term(own->terms.keys[i], own->terms.keys[i]))
            pb_problem(diagnostics, "terms", "the term '%.*s' has no word in it",
                       PB_ARG(own->terms.keys[i]));
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Explains a team's own words to the model.",
          PB_STAGE("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check, .run = @ID@_run));
