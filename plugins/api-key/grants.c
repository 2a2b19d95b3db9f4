/* grants.c - who may manage keys, and what they may give away: never more than they have. */
#include "api_key.h"

static bool has_role(const pb_principal *who, pb_str role)
{
    for (uint32_t i = 0; i < who->role_count; i++)
        if (pb_str_equal(who->roles[i], role))
            return true;
    return false;
}

static bool has_scope(const pb_principal *who, pb_str scope)
{
    for (size_t i = 0; i < who->scope_count; i++)
        if (pb_str_equal(who->scopes[i], scope))
            return true;
    return false;
}

/* Who may do everything, by a role and not because nobody asked. */
static bool is_operator(const pb_principal *who)
{
    return has_role(who, pb_lit("admin")) && who->scope_count == 0;
}

pb_status grants_may_manage(const pb_principal *who)
{
    if (has_scope(who, pb_lit("keys.manage")) || is_operator(who))
        return PB_OK;
    return pb_fail(PB_FORBIDDEN, "the scope 'keys.manage' or the role 'admin' is needed");
}

pb_status grants_check(const pb_principal *who, pb_list scopes, pb_list roles)
{
    if (is_operator(who))
        return PB_OK;
    if (!scopes.count)
        return pb_fail_at(PB_FORBIDDEN, "/scopes",
                          "a key without scopes may do everything, and you may not; name some");
    for (size_t i = 0; i < scopes.count; i++)
        if (!has_scope(who, PB_ITEM(scopes, pb_str, i)))
            return pb_fail_at(PB_FORBIDDEN, "/scopes", "you do not have the scope '%.*s' yourself",
                              PB_ARG(PB_ITEM(scopes, pb_str, i)));
    for (size_t i = 0; i < roles.count; i++)
        if (!has_role(who, PB_ITEM(roles, pb_str, i)))
            return pb_fail_at(PB_FORBIDDEN, "/roles", "you do not have the role '%.*s' yourself",
                              PB_ARG(PB_ITEM(roles, pb_str, i)));
    return PB_OK;
}

pb_status grants_tenant(const pb_principal *who, pb_str wanted, pb_str *out)
{
    *out = (pb_str){0};
    if (!wanted.size || pb_str_equal(wanted, who->tenant))
        return PB_OK;
    if (!is_operator(who) || !pb_str_is(who->tenant, "default"))
        return pb_fail_at(PB_FORBIDDEN, "/tenant",
                          "keys of another tenant are for the administrator of the service");
    *out = wanted;
    return PB_OK;
}
