/* threads.c: runs a launch: the threads of a block as fibers on one processor, block after block.
 *
 * A thread runs until it waits: at a barrier of its block, or of its warp (a shuffle is one). The order in which threads get their
 * turn is one of four schedules, NNGEN_STAND_IN_SCHEDULE = 0 to 3; a program without races gives equal bits in all of them:
 *   0  turns in order          1  turns in random order, blocks backwards
 *   2  warps in random order, each as far as it can go before the next one starts          3  2 with blocks backwards
 * The first alone hides a missing barrier at the end of a loop; the third shows it.
 *
 * A switch is a swap of stacks: swapcontext would make a system call of each (508 against 38 ns measured). */
#define _GNU_SOURCE
#include "stand_in.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

enum { WARP = 32, MOST_THREADS = 1024, STACK = 256 << 10, MOST_WORDS = 128 };

typedef enum Phase { NEW, READY, AT_BLOCK, AT_WARP, OVER } Phase;

typedef struct Fiber {
#ifdef __x86_64__
    void *stack_pointer;
#else
    ucontext_t context;
#endif
    char *stack;
} Fiber;

typedef struct Thread {
    NnIndex index;
    Phase phase;
    int site, parity;                   /* where it waits; which of the two slots of its warp is next */
    Fiber *fiber;                       /* while it is between its first turn and its end */
} Thread;

typedef struct Warp {
    int alive, waiting;
    _Alignas(8) unsigned char slot[2][WARP][NN_SLOT];     /* two: who is quick may bring the next value while others still read this one */
} Warp;

static Thread thread[MOST_THREADS];
static Warp warp[MOST_THREADS / WARP];
static int thread_count, alive, waiting;
static Thread *current;
static NnStandIn *shown;

static const char *kernel_name;
static void (*kernel_entry)(void);
static const unsigned long long *kernel_words;
static int kernel_word_count;

/* ---- fibers ---- */

/* Known where the process has AddressSanitizer in it, which must be told of other stacks. */
extern void __sanitizer_start_switch_fiber(void **fake, const void *bottom, size_t size) __attribute__((weak));
extern void __sanitizer_finish_switch_fiber(void *fake, const void **bottom, size_t *size) __attribute__((weak));
static const void *main_bottom;
static size_t main_size;

static Fiber fibers[MOST_THREADS], *idle[MOST_THREADS], scheduler;
static int idle_count = -1;

#ifdef __x86_64__
void nn_swap_stacks(void **save, void *load);
__asm__(".text\n.globl nn_swap_stacks\n.hidden nn_swap_stacks\n.type nn_swap_stacks,@function\nnn_swap_stacks:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n.size nn_swap_stacks,.-nn_swap_stacks\n");
#endif

static void swap_to(Fiber *from, Fiber *to)
{
#ifdef __x86_64__
    nn_swap_stacks(&from->stack_pointer, to->stack_pointer);
#else
    swapcontext(&from->context, &to->context);
#endif
}

static void give_way(Phase phase, int site)
{
    Thread *self = current;
    Fiber *fiber = self->fiber;
    void *fake = NULL;
    self->phase = phase;
    self->site = site;
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(phase == OVER ? NULL : &fake, main_bottom, main_size);
    swap_to(fiber, &scheduler);
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(fake, &main_bottom, &main_size);
}

/* Words are passed as a C function takes them, in registers and then on the stack; more than it has do no harm. */
static void call_kernel(void)
{
#define EIGHT W, W, W, W, W, W, W, W
#define SIXTY_FOUR EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT
#define EIGHT_OF(i) w[i], w[i + 1], w[i + 2], w[i + 3], w[i + 4], w[i + 5], w[i + 6], w[i + 7]
#define SIXTY_FOUR_OF(i) EIGHT_OF(i), EIGHT_OF(i + 8), EIGHT_OF(i + 16), EIGHT_OF(i + 24), EIGHT_OF(i + 32), EIGHT_OF(i + 40), EIGHT_OF(i + 48), EIGHT_OF(i + 56)
    typedef unsigned long long W;
    typedef void Called(SIXTY_FOUR, SIXTY_FOUR);
    W w[MOST_WORDS] = {0};
    memcpy(w, kernel_words, (size_t)kernel_word_count * sizeof *w);
    ((Called *)kernel_entry)(SIXTY_FOUR_OF(0), SIXTY_FOUR_OF(64));
}

static void fiber_main(void)
{
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(NULL, &main_bottom, &main_size);
    for (;;) {                                                /* a fiber that is done waits for another thread's first turn */
        call_kernel();
        give_way(OVER, 0);
    }
}

static void make_fibers(void)
{
    char *stacks = mmap(NULL, (size_t)MOST_THREADS * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED) {
        perror("stand-in: stacks");
        exit(3);
    }
    for (int i = MOST_THREADS - 1; i >= 0; i--) {
        Fiber *fiber = idle[MOST_THREADS - 1 - i] = &fibers[i];
        fiber->stack = stacks + (size_t)i * STACK;
#ifdef __x86_64__
        void **top = (void **)(fiber->stack + STACK) - 3;
        *--top = (void *)fiber_main;
        top -= 6;
        memset(top, 0, 6 * sizeof *top);
        fiber->stack_pointer = top;
#else
        getcontext(&fiber->context);
        fiber->context.uc_stack.ss_sp = fiber->stack;
        fiber->context.uc_stack.ss_size = STACK;
        makecontext(&fiber->context, fiber_main, 0);
#endif
    }
    idle_count = MOST_THREADS;
}

static void resume(Thread *next)
{
    void *fake = NULL;
    if (!next->fiber)
        next->fiber = idle[--idle_count];
    next->phase = READY;
    current = next;
    shown->thread = next->index;
    shown->lane = (int)(next - thread) % WARP;
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(&fake, next->fiber->stack, STACK);
    swap_to(&scheduler, next->fiber);
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

/* ---- what kernels call ---- */

static _Noreturn void die(const char *what, int a, int b)
{
    fprintf(stderr, "stand-in: kernel %s, block (%u, %u, %u): ", kernel_name, shown->block.x, shown->block.y, shown->block.z);
    fprintf(stderr, what, a, b);
    fputc('\n', stderr);
    abort();
}

static void block_barrier(int site) { give_way(AT_BLOCK, site); }
static void warp_barrier(int site)  { give_way(AT_WARP, site); }

static Warp *bring(const void *value, size_t bytes, int site, int *parity)
{
    Thread *self = current;
    Warp *own = &warp[(self - thread) / WARP];
    *parity = self->parity ^= 1;
    memcpy(own->slot[*parity][(self - thread) % WARP], value, bytes);
    give_way(AT_WARP, site);
    return own;
}

static void exchange(void *value, size_t bytes, int lane, int site)
{
    int parity;
    const Warp *own = bring(value, bytes, site, &parity);
    memcpy(value, own->slot[parity][lane & (WARP - 1)], bytes);
}

static const void *collect(const void *value, size_t bytes, int site)
{
    int parity;
    const Warp *own = bring(value, bytes, site, &parity);
    return own->slot[parity];
}

static int vote(int value, int site)
{
    int parity;
    unsigned bits = 0;
    const int first = (int)(current - thread) / WARP * WARP;
    const Warp *own = bring(&value, sizeof value, site, &parity);
    for (int lane = 0; lane < WARP && first + lane < thread_count; lane++) {
        int one;
        memcpy(&one, own->slot[parity][lane], sizeof one);
        bits |= (unsigned)(one != 0 && thread[first + lane].phase != OVER) << lane;
    }
    return (int)bits;
}

/* ---- turns ---- */

static uint32_t random_state;
static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

static void shuffle(int *order, int count)
{
    for (int i = count - 1; i > 0; i--) {
        const int j = (int)(draw() % (uint32_t)(i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* All that are alive have come: they go on. */
static void release(int first, int count, Phase phase)
{
    int site = -1;
    for (int i = first; i < first + count; i++)
        if (thread[i].phase == phase) {
            if (site >= 0 && site != thread[i].site)
                die(phase == AT_BLOCK ? "divergent barrier: threads wait at __syncthreads number %d and %d of the text"
                                      : "divergent warp: lanes are at shuffle number %d and %d of the text", site, thread[i].site);
            site = thread[i].site;
            thread[i].phase = READY;
        }
}

static bool take_turn(int t)
{
    Thread *one = &thread[t];
    Warp *own = &warp[t / WARP];
    if (one->phase != NEW && one->phase != READY)
        return false;
    resume(one);
    if (one->phase == OVER) {
        idle[idle_count++] = one->fiber;
        one->fiber = NULL;
        alive--;
        own->alive--;
    }
    waiting += one->phase == AT_BLOCK;
    own->waiting += one->phase == AT_WARP;
    if (own->waiting && own->waiting == own->alive) {
        const int first = t / WARP * WARP;
        own->waiting = 0;
        release(first, thread_count - first < WARP ? thread_count - first : WARP, AT_WARP);
    }
    if (waiting && waiting == alive) {
        waiting = 0;
        release(0, thread_count, AT_BLOCK);
    }
    return true;
}

static bool one_round(int schedule)
{
    static int order[MOST_THREADS];
    bool any = false;
    if (schedule < 2) {
        for (int i = 0; i < thread_count; i++)
            order[i] = i;
        if (schedule == 1)
            shuffle(order, thread_count);
        for (int i = 0; i < thread_count; i++)
            any |= take_turn(order[i]);
        return any;
    }
    const int warps = (thread_count + WARP - 1) / WARP;
    for (int i = 0; i < warps; i++)
        order[i] = i;
    shuffle(order, warps);
    for (int i = 0; i < warps; i++) {
        const int first = order[i] * WARP, count = thread_count - first < WARP ? thread_count - first : WARP;
        for (bool more = true; more; any |= more) {
            more = false;
            for (int lane = 0; lane < count; lane++)
                more |= take_turn(first + lane);
        }
    }
    return any;
}

static void run_block(NnIndex threads, int schedule)
{
    alive = thread_count = (int)(threads.x * threads.y * threads.z);
    waiting = 0;
    memset(warp, 0xff, sizeof warp);                          /* a lane that nobody brought a value for: NaN */
    for (int w = 0; w * WARP < thread_count; w++) {
        warp[w].alive = thread_count - w * WARP < WARP ? thread_count - w * WARP : WARP;
        warp[w].waiting = 0;
    }
    for (int t = 0; t < thread_count; t++)
        thread[t] = (Thread){.index = {(unsigned)t % threads.x, (unsigned)t / threads.x % threads.y, (unsigned)t / threads.x / threads.y}};
    while (alive)
        if (!one_round(schedule))
            for (int t = 0; t < thread_count; t++)
                if (thread[t].phase == AT_BLOCK || thread[t].phase == AT_WARP)
                    die("deadlock: thread %d waits in vain, at barrier number %d of the text", t, thread[t].site);
}

void nn_run_launch(NnStandIn *own, const char *name, void (*entry)(void), const unsigned long long *words, int count, NnIndex blocks,
                   NnIndex threads)
{
    const char *given = getenv("NNGEN_STAND_IN_SCHEDULE");
    const int schedule = given ? atoi(given) & 3 : 0;
    const unsigned total = blocks.x * blocks.y * blocks.z;
    if (idle_count < 0)
        make_fibers();
    if (count > MOST_WORDS) {
        fprintf(stderr, "stand-in: kernel %s has %d parameters; %d are the most\n", name, count, MOST_WORDS);
        abort();
    }
    kernel_name = name;
    kernel_entry = entry;
    kernel_words = words;
    kernel_word_count = count;
    shown = own;
    *own = (NnStandIn){.blocks = blocks, .threads = threads, .block_barrier = block_barrier, .warp_barrier = warp_barrier,
                       .exchange = exchange, .vote = vote, .collect = collect};
    random_state = 2654435761u * (unsigned)(schedule + 1);
    for (unsigned i = 0; i < total; i++) {
        const unsigned b = schedule & 1 ? total - 1 - i : i;
        own->block = (NnIndex){b % blocks.x, b / blocks.x % blocks.y, b / blocks.x / blocks.y};
        run_block(threads, schedule);
    }
}
