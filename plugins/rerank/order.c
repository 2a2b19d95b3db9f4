/* order.c - passages in a new order. They are borrowed from whoever gave them, so one whose score
 * changes is copied; vectors and texts are shared. */
#include "rerank.h"

pb_status order_begin(struct order *order, const pb_passages *in)
{
    order->in = in;
    order->count = 0;
    order->items = PB_NEW_ARRAY(const pb_passage *, in->count + 1);
    order->taken = PB_NEW_ARRAY(bool, in->count + 1);
    return order->items && order->taken ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

pb_status order_take(struct order *order, size_t index, double score)
{
    const pb_passage *from = order->in->items[index];

    if (order->taken[index])
        return PB_OK;
    pb_passage *copy = PB_NEW(pb_passage);
    if (!copy)
        return PB_NO_MEMORY;
    memcpy(copy, from, from->size < sizeof *copy ? from->size : sizeof *copy);
    copy->size = (uint32_t)sizeof *copy;
    copy->score = score;
    order->taken[index] = true;
    order->items[order->count++] = copy;
    return PB_OK;
}

void order_end(const struct order *order, pb_passages *out)
{
    out->items = order->items;
    out->count = order->count;
}
