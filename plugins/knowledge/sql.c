/* sql.c - the statements at one address each: a database prepares them by it, once. */
#include "knowledge.h"

#define DEFINE(name, text) const pb_str sql_##name = PB_LIT(text);
KNOWLEDGE_SQL(DEFINE)
