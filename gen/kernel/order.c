/* order.c: an order in which kernels may run, kept while they are joined.
 *
 * Two kernels may be one if nothing must run between them: no way leads from the producer to the consumer but the direct step.
 * Positions in a topological order bound the search for such a way: whatever lies on it stands between the two. And what the
 * search came by, when it found none, is what must stand behind the joined kernel: so the order is mended by moving that.
 * After Pearce and Kelly, A dynamic topological sort algorithm, 2006, for edges that are contracted instead of added.
 *
 * Rejected: a search through all that follows the producer, which makes fusing a chain quadratic. */
#include "kernel/fuse_internal.h"

/* ---- the least first -------------------------------------------------------------------------------------------------- */

static bool is_before(const Queue *queue, int a, int b)
{
    return queue->rank[queue->item[a]] < queue->rank[queue->item[b]];
}

static void swap_items(Queue *queue, int a, int b)
{
    int held = queue->item[a];
    queue->item[a] = queue->item[b];
    queue->item[b] = held;
}

void queue_push(Arena *arena, Queue *queue, int item)
{
    ARENA_PUSH(arena, queue->item, queue->count, queue->room, item);
    for (int at = queue->count - 1; at > 0 && is_before(queue, at, (at - 1) / 2); at = (at - 1) / 2)
        swap_items(queue, at, (at - 1) / 2);
}

int queue_pop(Queue *queue)
{
    int least = queue->item[0];
    queue->item[0] = queue->item[--queue->count];
    for (int at = 0, child; (child = 2 * at + 1) < queue->count; at = child) {
        if (child + 1 < queue->count && is_before(queue, child + 1, child))
            child++;
        if (!is_before(queue, child, at))
            break;
        swap_items(queue, at, child);
    }
    return least;
}

/* ---- the order ---------------------------------------------------------------------------------------------------------- */

int representative(const Joining *joining, int kernel)
{
    while (joining->joined[kernel] != kernel)
        kernel = joining->joined[kernel] = joining->joined[joining->joined[kernel]];     /* halves the way for the next one */
    return kernel;
}

static void put(Joining *joining, int kernel, int position)
{
    joining->at[position] = kernel;
    joining->position[kernel] = position;
}

/* The order of the graph, but for what must wait for a kernel made of a later node. */
void order_kernels(Joining *joining, Arena *arena)
{
    int count = joining->count, placed = 0;
    int *waiting = NEW(arena, int, count + 1), *number = NEW(arena, int, count + 1);
    joining->at = NEW(arena, int, count + 1);
    joining->position = NEW(arena, int, count + 1);
    joining->visited = NEW(arena, int, count + 1);
    joining->stack = NEW(arena, int, count + 1);
    for (int i = 0; i < count; i++)
        for (int n = 0; n < joining->next_count[i]; n++)
            waiting[joining->next[i][n]]++;
    Queue ready = {.rank = number};
    for (int i = 0; i < count; i++) {
        number[i] = i;
        if (waiting[i] == 0)
            queue_push(arena, &ready, i);
    }
    while (ready.count) {
        int kernel = queue_pop(&ready);
        put(joining, kernel, placed++);
        for (int n = 0; n < joining->next_count[kernel]; n++)
            if (--waiting[joining->next[kernel][n]] == 0)
                queue_push(arena, &ready, joining->next[kernel][n]);
    }
    if (placed != count)
        bug("kernels wait for each other");
}

/* Marks what `from` leads to on this side of `to`; true if that leads to `to` itself. The direct step counts only if `from` is not
 * where the search began. */
static bool follow(Joining *joining, int from, int to, bool direct, int *waiting)
{
    for (int i = from; i != NONE; i = joining->next_member[i])
        for (int n = 0; n < joining->next_count[i]; n++) {
            int next = representative(joining, joining->next[i][n]);
            if (next == to && !direct)
                return true;
            if (next == from || joining->visited[next] == joining->search || joining->position[next] >= joining->position[to])
                continue;
            joining->visited[next] = joining->search;
            joining->stack[(*waiting)++] = next;
        }
    return false;
}

bool must_run_between(Joining *joining, int producer, int consumer)
{
    int waiting = 0;
    joining->search++;
    bool found = follow(joining, producer, consumer, true, &waiting);
    while (!found && waiting)
        found = follow(joining, joining->stack[--waiting], consumer, false, &waiting);
    return found;
}

void close_up(Joining *joining, int producer, int consumer)
{
    int to = joining->position[consumer], place = joining->position[producer], behind = 0;
    for (int position = place + 1; position < to; position++) {
        int kernel = joining->at[position];
        if (kernel == NONE)
            continue;
        if (joining->visited[kernel] == joining->search)
            joining->stack[behind++] = kernel;
        else
            put(joining, kernel, place++);
    }
    put(joining, producer, place++);
    for (int i = 0; i < behind; i++)
        put(joining, joining->stack[i], place++);
    while (place <= to)
        joining->at[place++] = NONE;
}
