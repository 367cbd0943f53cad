/* board.c: trains the digits library on a Cortex-M4 without an operating system; semihosting prints.
 *
 * rows.h holds the rows as bytes, as a board would have them in flash; a batch becomes floats when it is its turn. */
#include "digits.h"
#include "rows.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 100, STACK_TOP = 0x20400000 };
static unsigned char state[digits_STATE_BYTES];
static float batch[digits_BATCH][64];
static int classes[digits_BATCH];

int main(void)
{
    digits_init(state, 1);
    for (int step = 0, first = 0; step < STEPS; step++) {
        const int here = ROWS - first < digits_BATCH ? ROWS - first : digits_BATCH;
        for (int r = 0; r < here; r++) {
            for (int i = 0; i < 64; i++)
                batch[r][i] = pixels[first + r][i];
            classes[r] = label[first + r];
        }
        printf("%.9g\n", (double)digits_train_step(state, batch[0], classes, here));
        first = first + here < ROWS ? first + here : 0;
    }
    return 0;
}

/* ---- what a board needs before main ---- */

void initialise_monitor_handles(void);                        /* semihosting, of newlib's rdimon */
void reset(void);

void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20;            /* CPACR: the floating-point unit is on */
    __asm__ volatile("dsb\n isb");
    initialise_monitor_handles();
    exit(main());
}

static void fault(void)
{
    puts("a fault");
    exit(1);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    (void *)STACK_TOP, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
