/* patchbay.h - every stable header at once. */
#ifndef PATCHBAY_PATCHBAY_H
#define PATCHBAY_PATCHBAY_H

#include <patchbay/auth.h>
#include <patchbay/cache.h>
#include <patchbay/cluster.h>
#include <patchbay/database.h>
#include <patchbay/http.h>
#include <patchbay/http_server.h>
#include <patchbay/json.h>
#include <patchbay/llm.h>
#include <patchbay/pipeline.h>
#include <patchbay/plugin.h>
#include <patchbay/problem.h>
#include <patchbay/reply.h>
#include <patchbay/secret.h>
#include <patchbay/service.h>
#include <patchbay/stage.h>
#include <patchbay/tool.h>
#include <patchbay/transport.h>
#include <patchbay/turn.h>

#endif
