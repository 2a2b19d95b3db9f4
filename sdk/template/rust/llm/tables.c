/* tables.c - what @NAME@ is to the host: its options, and which function does what. */
#include <patchbay/llm.h>

/* As in @NAME@.rs, with the same members in the same order. */
struct rule {
    pb_str words;
    pb_str reply;
};

/* The instance, filled by the host from YAML. */
struct @ID@ {
    pb_list rules; /* of struct rule */
    pb_str otherwise;
    pb_duration pause;
};
_Static_assert(sizeof(struct @ID@) == 40, "change @NAME@.rs as well");

void @ID@_check(const void *self, pb_diagnostics *diagnostics);
pb_status @ID@_generate(void *self, const pb_llm_request *request, pb_sink *sink);

static const pb_field rule_fields[] = {
    PB_STR(struct rule, words, .required = 1, .help = "Words that must occur in the question."),
    PB_STR(struct rule, reply, .required = 1, .help = "What is answered."),
    PB_END,
};

static const pb_field @ID@_options[] = {
    PB_LIST_OF(struct @ID@, rules, struct rule, rule_fields, .help = "Tried in this order."),
    PB_STR(struct @ID@, otherwise, .def = "I do not know.", .help = "What no rule answers."),
    PB_DURATION(struct @ID@, pause, .def = "0s", .max = 60, .help = "Wait between two words."),
    PB_END,
};

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Answers from rules.",
          PB_LLM("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check,
                 .generate = @ID@_generate));
