/* none - lets everybody in who comes from this machine, as one principal. For a first try and for
 * development; a peer from elsewhere is refused unless the option `anywhere` says otherwise. */
#include <patchbay/auth.h>

struct none {
    pb_str id;
    pb_str tenant;
    pb_list roles; /* of pb_str */
    bool anywhere;
};

static const pb_field none_options[] = {
    PB_STR(struct none, id, .def = "anonymous", .pattern = ".+", .help = "Who they all are."),
    PB_STR(struct none, tenant, .def = "default", .pattern = "[^/]+",
           .help = "Their tenant."),
    PB_LIST(struct none, roles, PB_KIND_STR, .def = "[admin]", .help = "Their roles."),
    PB_BOOL(struct none, anywhere, .def = "false",
            .help =
                "Let peers of other machines in too. Anyone who reaches the port may then ask."),
    PB_END,
};

static pb_status none_authenticate(void *self, const pb_credentials *credentials, pb_principal *out)
{
    const struct none *none = self;

    if (!credentials->loopback && !none->anywhere)
        return pb_fail(PB_FORBIDDEN, "only requests from this machine itself are let in");
    out->id = out->name = none->id;
    out->tenant = none->tenant;
    out->roles = (const pb_str *)none->roles.items;
    out->role_count = (uint32_t)none->roles.count;
    return PB_OK;
}

static void none_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct none *none = self;

    if (none->anywhere)
        pb_warning(diagnostics, "anywhere", "everyone who reaches a listener is let in");
}

PB_PLUGIN("none", "0.1.0", "Apache-2.0", "Lets everybody of this machine in.",
          PB_AUTH("none", struct none, none_options, .check = none_check,
                  .authenticate = none_authenticate));
