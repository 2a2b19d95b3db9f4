/* Plugins that must not load, one for each -D: their manifest and descriptor are written out by
 * hand, because PB_PLUGIN makes good ones only. Without any -D this one loads. */
#include <patchbay/stage.h>

#include <stdlib.h>

#ifndef MAGIC
#define MAGIC PB_MAGIC
#endif
#ifndef ABI
#define ABI 0
#endif
#ifndef LEVEL
#define LEVEL 1
#endif
#ifndef KIND
#define KIND "stage"
#endif
#ifndef REVISION
#define REVISION 1
#endif
#ifndef VERSION_SAID
#define VERSION_SAID "1.0.0"
#endif
#ifndef NAME_SAID
#define NAME_SAID "step"
#endif
#ifndef DESCRIPTOR_ABI
#define DESCRIPTOR_ABI ABI
#endif
#ifndef HEAD
#define HEAD "PATCHBAY/1 abi=" PB_TEXT(ABI) " level=" PB_TEXT(LEVEL)
#endif

#ifndef NO_MANIFEST
PB_SECTION static const char manifest[] =
    HEAD " name=broken version=" VERSION_SAID " license=MIT\0"
         "PATCHBAY/component " KIND "/" PB_TEXT(REVISION) ":" NAME_SAID "\0";
#endif

#ifdef CRASH
__attribute__((constructor)) static void crash(void)
{
    abort();
}
#endif
#ifdef LEAVE
__attribute__((constructor)) static void leave(void)
{
    _Exit(3);
}
#endif
#ifdef UNRESOLVED
void there_is_no_such_function(void);
void (*volatile use_it)(void) = there_is_no_such_function;
#endif

struct step {
    int64_t count;
};

static const pb_field options[] = {
#ifdef FIELD_OUTSIDE
    {.size = sizeof(pb_field), .kind = PB_KIND_INT, .offset = 4096, .member = "count"},
#elif defined(FIELD_UNKNOWN)
    {.size = sizeof(pb_field), .kind = 99, .member = "count"},
#elif defined(FIELD_TWICE)
    PB_INT(struct step, count, .help = "One."), PB_INT(struct step, count, .help = "Two."),
#else
    PB_INT(struct step, count, .def = "1", .help = "How often."),
#endif
    PB_END};

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}

PB_HIDDEN const pb_host *pb_host_table;

#ifndef NO_SYMBOL
extern PB_EXPORT const pb_plugin patchbay_plugin;
PB_EXPORT const pb_plugin patchbay_plugin = {
    .magic = MAGIC,
    .abi_major = DESCRIPTOR_ABI,
    .size = sizeof(pb_plugin),
    .api_level = LEVEL,
    .name = "broken",
    .version = "1.0.0",
    .license = "MIT",
    .help = "Does not load.",
    .components =
        (const pb_component *const[]){
            &(const pb_component){.size = sizeof(pb_component),
                                  .instance_size = sizeof(struct step),
                                  .kind = KIND,
                                  .name = "step",
                                  .options = options,
                                  .interface = (const pb_interface *)&(const pb_stage){
#ifdef SHORT_INTERFACE
                                      .size = 8,
#else
                                      .size = sizeof(pb_stage),
#endif
                                      .revision = REVISION,
#ifndef NO_RUN
                                      .run = run,
#endif
                                  }},
            NULL},
    .host = &pb_host_table,
};
#endif
