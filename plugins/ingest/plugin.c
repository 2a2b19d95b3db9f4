/* ingest - the stages that bring a document into a vector store: scan, extract, chunk, classify,
 * embed, store. Each reads what those above it left in the document and adds its own. */
#include "ingest.h"

pb_status ingest_document(pb_turn *turn, const char *stage, pb_document **out)
{
    *out = pb_turn_document(turn);
    if (*out)
        return PB_OK;
    return pb_fail(PB_INVALID,
                   "'%s' belongs into a pipeline for documents, and this turn carries none", stage);
}

PB_PLUGIN("ingest", "0.1.0", "Apache-2.0", "Takes documents apart and stores their passages.",
          PB_STAGE("scan", struct scan, scan_options, .check = scan_check, .run = scan_run),
          PB_STAGE("extract", struct extract, extract_options, .check = extract_check,
                   .run = extract_run),
          PB_STAGE("chunk", struct chunk, chunk_options, .check = chunk_check, .create = chunk_create,
                   .run = chunk_run),
          PB_STAGE("classify", struct classify, classify_options, .check = classify_check,
                   .run = classify_run),
          PB_STAGE("embed", struct embed, embed_options, .run = embed_run),
          PB_STAGE("store", struct store, store_options, .run = store_run, .stats = store_stats));
