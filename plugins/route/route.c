/* route - the first case whose condition holds decides which stages run.
 *
 * The chosen stages stand where the route stands; behind them the pipeline goes on. When no case
 * holds, `otherwise` runs, or simply what follows.
 */
#include "condition.h"

struct route_case {
    struct condition when;
    pb_pipeline *stages;
};

struct route {
    pb_list cases; /* of struct route_case */
    pb_pipeline *otherwise;
};

static const pb_field case_fields[] = {
    PB_STRUCT(struct route_case, when, struct condition, condition_fields,
              .help = "All that is given must hold."),
    PB_PIPELINE(struct route_case, stages, .required = 1, .help = "What runs then."),
    PB_END,
};

static const pb_field route_options[] = {
    PB_LIST_OF(struct route, cases, struct route_case, case_fields, .required = 1,
               .help = "Cases in the order in which they are looked at."),
    PB_PIPELINE(struct route, otherwise, .help = "What runs when no case holds."),
    PB_END,
};

static void check_words(size_t i, pb_list words, pb_diagnostics *diagnostics)
{
    char field[80];

    for (size_t j = 0; j < words.count; j++) {
        (void)snprintf(field, sizeof field, "cases[%zu].when.input.contains[%zu]", i, j);
        if (!PB_ITEM(words, pb_str, j).size)
            pb_problem(diagnostics, field, "the empty word is in every question; leave it out");
    }
}

static void route_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct route *route = self;
    char field[80];

    if (!route->cases.count)
        pb_problem(diagnostics, "cases", "there is no case; give at least one");
    for (size_t i = 0; i < route->cases.count; i++) {
        const struct condition *when = &PB_ITEM(route->cases, struct route_case, i).when;
        pb_str why = condition_problem(when);
        if (why.size) {
            (void)snprintf(field, sizeof field, "cases[%zu].when.input.matches", i);
            pb_problem(diagnostics, field, "the expression is wrong: %.*s", PB_ARG(why));
        }
        check_words(i, when->input.contains, diagnostics);
        (void)snprintf(field, sizeof field, "cases[%zu]", i);
        if (condition_is_empty(when))
            pb_warning(diagnostics, field,
                       "this case holds always, so nothing behind it is looked at");
    }
}

static pb_status route_create(void *self)
{
    const struct route *route = self;
    pb_status status = PB_OK;
    size_t i;

    for (i = 0; status == PB_OK && i < route->cases.count; i++)
        status = condition_create(&PB_ITEM(route->cases, struct route_case, i).when);
    while (status != PB_OK && i--)
        condition_destroy(&PB_ITEM(route->cases, struct route_case, i).when);
    return status;
}

static void route_destroy(void *self)
{
    const struct route *route = self;

    for (size_t i = 0; i < route->cases.count; i++)
        condition_destroy(&PB_ITEM(route->cases, struct route_case, i).when);
}

static pb_status route_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct route *route = self;

    for (size_t i = 0; i < route->cases.count; i++) {
        const struct route_case *one = &PB_ITEM(route->cases, struct route_case, i);
        if (condition_holds(&one->when, turn))
            return pb_run_pipeline(one->stages, turn, next);
    }
    return pb_run_pipeline(route->otherwise, turn, next);
}

PB_PLUGIN("route", "0.1.0", "Apache-2.0", "Chooses stages by conditions on the turn.",
          PB_STAGE("route", struct route, route_options, .check = route_check,
                   .create = route_create, .destroy = route_destroy, .run = route_run));
