/* patchbay.h - every stable header at once. */
#ifndef PATCHBAY_PATCHBAY_H
#define PATCHBAY_PATCHBAY_H

#include <patchbay/auth.h>
#include <patchbay/blob_store.h>
#include <patchbay/cache.h>
#include <patchbay/classifier.h>
#include <patchbay/cluster.h>
#include <patchbay/database.h>
#include <patchbay/document.h>
#include <patchbay/embedder.h>
#include <patchbay/extractor.h>
#include <patchbay/http.h>
#include <patchbay/http_server.h>
#include <patchbay/json.h>
#include <patchbay/llm.h>
#include <patchbay/lock.h>
#include <patchbay/passage.h>
#include <patchbay/pipeline.h>
#include <patchbay/plugin.h>
#include <patchbay/problem.h>
#include <patchbay/process.h>
#include <patchbay/question.h>
#include <patchbay/reply.h>
#include <patchbay/reranker.h>
#include <patchbay/retriever.h>
#include <patchbay/secret.h>
#include <patchbay/service.h>
#include <patchbay/source.h>
#include <patchbay/stage.h>
#include <patchbay/stream.h>
#include <patchbay/tool.h>
#include <patchbay/transport.h>
#include <patchbay/turn.h>
#include <patchbay/vector_store.h>
#include <patchbay/words.h>

#endif
