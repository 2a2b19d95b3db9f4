/* kit.h - a pipeline that looks something up on a shelf of the test. */
#ifndef RETRIEVE_TESTS_KIT_H
#define RETRIEVE_TESTS_KIT_H

#define pb_host_table    pb_host_table_shelf
#define PB_PLUGIN_SYMBOL patchbay_plugin_shelf

#include "suite.h"
#include "testkit.h"

#include "shelf.h"

extern const pb_plugin patchbay_plugin_fallback;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_memory;
extern const pb_plugin patchbay_plugin_prompt;
extern const pb_plugin patchbay_plugin_rerank;
extern const pb_plugin patchbay_plugin_retrieve;

static const pb_plugin *const plugins[] = {&patchbay_plugin_fallback, &patchbay_plugin_generate,
                                           &patchbay_plugin_memory,   &patchbay_plugin_prompt,
                                           &patchbay_plugin_rerank,   &patchbay_plugin_retrieve,
                                           &patchbay_plugin_shelf,    NULL};
static pb_harness *harness;

#define BOOKS                                                                                      \
    "[{document: a.md, heading: Install, text: 'Run it.', line: 3, lines: 2, vector: 0.8},"        \
    " {document: a.md, index: 1, text: 'Then stop it.', line: 6, lines: 1, vector: 0.5},"          \
    " {document: b.md, index: 0, text: 'Other things.', vector: 0.2, keyword: 10},"                \
    " {document: a.md, index: 2, text: 'At last.', hidden: true, line: 8, lines: 1}]"

static void open_with(const char *shelf, const char *options, const char *behind)
{
    char yaml[4096];

    memset(&shelf_seen, 0, sizeof shelf_seen);
    (void)snprintf(yaml, sizeof yaml,
                   "llms: {a: {use: scripted}, b: {use: scripted}}\n"
                   "caches: {found: {use: memory, size: 8MiB}}\n"
                   "retrievers: {shelf: {use: shelf, %s}}\n"
                   "rerankers: {diverse: {use: mmr}}\n"
                   "pipelines: {p: {stages: [retrieve: {retriever: shelf, %s}, %s generate: "
                   "{llm: a}]}}\n",
                   shelf, options, behind);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

#endif
