/* pending.c - stands in until the files of this folder are written. */
#include "cluster/node.h"

void host_publish(pb_str topic, pb_str body) { (void)topic; (void)body; }
pb_status host_subscribe(pb_str topic, void (*fn)(void *, const pb_bus_message *), void *arg, pb_subscription **out)
{ (void)topic; (void)fn; (void)arg; *out = NULL; return PB_OK; }
pb_status host_bus_wait(pb_subscription *s, pb_duration limit, const pb_bus_message **out)
{ (void)s; *out = NULL; pb_status status = pb_sleep(limit); return status == PB_OK ? (pb_status)PB_DECLINED : status; }
void host_unsubscribe(pb_subscription *s) { (void)s; }
pb_status host_lease_take(pb_str name, pb_duration ttl, pb_lease **out) { (void)name; (void)ttl; *out = NULL; return PB_OK; }
int64_t host_lease_token(const pb_lease *l) { (void)l; return 1; }
bool host_lease_held(const pb_lease *l) { (void)l; return true; }
void host_lease_release(pb_lease *l) { (void)l; }
pb_status host_shared_open(const pb_shared_spec *spec, pb_shared **out) { (void)spec; (void)out; return PB_UNAVAILABLE; }
void *host_shared_memory(pb_shared *s) { return s; }
pb_status host_shared_lock(pb_shared *s, uint32_t i) { (void)s; (void)i; return PB_OK; }
void host_shared_unlock(pb_shared *s, uint32_t i) { (void)s; (void)i; }
void host_shared_close(pb_shared *s) { (void)s; }
pb_str host_node_id(void) { return pb_lit("alone"); }
bool host_node_alive(pb_str id) { return pb_str_is(id, "alone"); }
enum node_kind node_kind(void) { return NODE_ALONE; }
