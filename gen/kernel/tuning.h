/* tuning.h: every number that a choice of loops depends on, with the measurement behind it. Cycles are those of a core with
 * two multiply-adds and two loads of 32 bytes a cycle (Zen 4 as AVX2, 2.9 GHz: 92 GF/s in f32); on wider registers the same
 * choices hold, for the text is shaped by core.h when it is compiled. */
#ifndef NNGEN_KERNEL_TUNING_H
#define NNGEN_KERNEL_TUNING_H

enum {
    REGISTER_BYTES = 32,                /* what the estimates count in */
    PANEL_BYTES = 64,                   /* columns of a tile: a cache line, two registers or one: 16 f32 */
    TILE_REGISTERS = 12,                /* sums of a tile. 6 x 16: 86 GF/s; 5 x 2 dots of two registers (20): spilled, 17 for 11.5 µs */
    MOST_ROWS = 12,
    MOST_DOT_ROWS = 3,                  /* 3 x 2 dots: 11.5 µs for 784-100 with 5 rows; 5 x 1: 12.1; 1 x 5: 13.4 */
    MULTIPLY_ADD_LATENCY = 4,           /* cycles: fewer than 8 sums in flight wait for each other */
    TILE_START = 10,                    /* cycles to begin a tile and to end it */
    TREE_CYCLES = 4,                    /* to add up the lanes of one dot */
    ELEMENT_CYCLES = 2,                 /* an epilogue's element, alone */
    LINE_BYTES = 64,
    FIRST_CACHE = 24 * 1024,            /* bytes that stay in the first cache beside what streams through: 32 KB less a quarter */
    SECOND_CACHE = 384 * 1024,          /* the same of 512 KB */
    SECOND_CACHE_RATE = 24,             /* bytes a cycle; 1 x 6 dots that sweep 314 KB of weights once a row: 28 for 11.5 µs */
    THIRD_CACHE_RATE = 10,
};

#endif
