/* plugin.c - rerank: passages in better order, without a model (mmr) or with one (model). */
#include "rerank.h"

PB_PLUGIN("rerank", "0.1.0", "Apache-2.0", "Puts passages into better order.",
          PB_RERANKER("mmr", struct mmr, mmr_options, .rerank = mmr_rerank),
          PB_RERANKER("model", struct model, model_options, .rerank = model_rerank,
                      .stats = model_stats));
