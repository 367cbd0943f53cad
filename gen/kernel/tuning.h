/* tuning.h: the numbers that the choice of loops depends on, each with the measurement behind it (those of a GPU are in device.c). Cycles are those of a core with
 * two multiply-adds and two loads of 32 bytes a cycle (Zen 4 as AVX2, 2.9 GHz: 92 GF/s in f32). On wider registers the same choices
 * hold, with twice the rows or columns of a tile (tile.c, widen): the text is shaped by core.h when it is compiled. */
#ifndef NNGEN_KERNEL_TUNING_H
#define NNGEN_KERNEL_TUNING_H

enum {
    REGISTER_BYTES = 32,                /* what the estimates count in */
    PANEL_BYTES = 64,                   /* columns of a tile: a cache line, two registers or one: 16 f32 */
    TILE_REGISTERS = 12,                /* sums of a tile. 6 x 16: 86 GF/s; 5 x 2 dots of two registers (20): spilled, 17 for 11.5 µs */
    MOST_ROWS = 12,
    MOST_LINES = 4,                     /* of a tile: 5 x 2 lines of 8 410 µs (10 to 20, 5 x 5, 8 x 8, 64 rows), 4 x 2 418, 10 x 1 517 */
    MOST_MADE_AGAIN = 8,                /* a part of the rows, by tiles of twice as many where registers are wide: 10.0 ms for 8.6 where 24 were made for 16 */
    LEAST_OF_PASSES = 256,              /* steps of dots whose sums are made in two passes, a register of each: 784-100 with 5 rows by 2 x 5
                                           dots 8.9 µs, by 1 x 5 in one 11.1; of 60 steps they are slower */
    MOST_DOT_ROWS = 3,                  /* 3 x 2 dots: 11.5 µs for 784-100 with 5 rows; 5 x 1: 12.1; 1 x 5: 13.4 */
    MULTIPLY_ADD_LATENCY = 4,           /* cycles: fewer than 8 sums in flight wait for each other */
    SHORT_FOLD = 16,
    MOST_COMPUTED_AGAIN = 8,            /* operations of a value that each reader computes: 1-80-1 with 100 rows, 6 of them: 2.0 for 4.6 µs */
    SMALLER_BEHIND = 8,                 /* how much smaller the vectors are that it is made of */
    WIDEST_WINDOW = 16,                 /* of which the largest value and its place are found together; a wider one has its lanes along itself */
    MOST_SUMS_TOGETHER = 4,             /* of one kernel: three of two registers each and what they share need all 16; a fifth would spill */
    FEWEST_TERMS_TOGETHER = 8,
    TILE_START = 10,                    /* cycles to begin a tile and to end it */
    TREE_CYCLES = 4,                    /* to add up the lanes of one dot */
    ELEMENT_CYCLES = 2,                 /* an epilogue's element, alone */
    CHANCE_CYCLES = 8,                  /* a choice of an element alone is a branch on chance: relu's mask in 262,000 elements 2900 for 900 µs */
    CALL_CYCLES = 20,                   /* exp and its kin, of a register or of a number alone: 12 to 20 */
    LINE_BYTES = 64,
    FIRST_CACHE = 24 * 1024,            /* bytes that stay in the first cache beside what streams through: 32 KB less a quarter */
    SECOND_CACHE = 384 * 1024,          /* the same of 512 KB */
    SECOND_CACHE_RATE = 14,             /* bytes a cycle; 1 x 6 dots that sweep 314 KB of weights once a row: 28 for 11.5 µs */
    THIRD_CACHE_RATE = 10,
    PANELS_BYTES = 192 * 1024,          /* panels that stay in the second cache while all rows pass: 256 x 1024 x 1024 forward, groups of 128, 192,
                                           320 KB: best 5.9, 5.8, 5.9 ms, median of a loud machine 6.5, 6.6, 6.6; clang best 6.4, 6.0, 6.2 */
    MOST_PANELS_BYTES = 320 * 1024,     /* where that makes them all, or a tile's rows are copied for them: weight gradient with Adam of that size,
                                           groups of 64, 128, 256 KB: 7.0, 6.8, 6.7 ms; b where it lies 11.4, panels with rows inside 10.5.
                                           All 96 columns of 784-100 at once: 10,000 rows come once from memory, a step 58 for 61 ms */
    LONGEST_PANEL = 2048,               /* steps; longer folds are added up part by part. Panels of 16 KB or 64 KB: forward 5.9 or 5.7 ms */
    PANEL_STEPS = 256,                  /* of such a part */
    COPY_QUARTERS = 1, TURN_QUARTERS = 3, GATHER_QUARTERS = 8,    /* quarters of a cycle for an element of a panel: neighbours copied, turned
                                           four by four, one by one */
    NEAR_ROWS = 64, FAR_ROW = 512,      /* rows of so many bytes, more of them than the first table of pages holds, or few in a page. In
                                           panels instead of where they lie, momentum: 500-500-500-10 with 200 rows 6.0 for 9.8 ms, widths
                                           of 250 with 256 rows 2.4 for 2.9, of 128 0.59 for 0.63. They */
    FAR_SHARE = 8,                      /* take that part of a step more. Where the fold is taken BLOCK steps at a time, only rows of */
    FAR_ROW_OF_BLOCK = 1536,            /* bytes take, and they the */
    FAR_SHARE_OF_BLOCK = 4,             /* part. Linear layers, a step with blocks where they lie and with MOST_SIDES_BYTES: 784-100 with 1100, 2100,
                                           5000 rows 4.7, 11.1, 26.7 and 4.1, 9.0, 23.2 ms; 1024-256 with 1024 17.3 and 11.7, 512-512 with
                                           2100 28.8 and 25.9, 500-100 with 2100 6.7 and 5.9; 300-100 with 1100 1.55 and 1.61 */
    FEW_ROWS = 16, ROW_APART = 1024,    /* bytes that come from the third cache down more rows than that, so far apart, come at: */
    FAR_ROW_RATE = 6,                   /* 256 x 1024 x 1024 with its 4 MB swept so once for 6 rows: 8.3 ms, in panels 5.9; 64 rows of
                                           30,000 21 ms, a vector times 1024 x 256 73 µs */
    BLOCK = 128,                        /* steps of a long fold at a time: a panel is 8 KB then. 784-100 with 10,000 rows, weight
                                           gradient: 20 for 109 ms; an LSTM's over 16 rows of 64 times 1.6 for 2.6 ms in panels */
    SET_STRIDE = 1024,                  /* bytes: rows this far apart share few sets of the cache. 1024 x 1024 by plain rows 45-58 GF/s,
                                           with LINE_BYTES more a row 78-82 */
    SET_STRIDE_OF_TIMES = 512,          /* the same where a fold takes BLOCK rows of a row at a time, of which 64 fit: weight gradient of
                                           512 x 128, 16 rows of 64 times, 2440 or 1640 µs (gcc); with 2 KB apart as well 2900 */
    SET_ROWS = 8,                       /* what a set holds: fewer rows stay there anyhow */
    SIDE_STEPS = 96, SIDE_PANELS = 4,   /* panels with rows whose factor lies across the fold, a line a step: copied side by side first, where
                                           so many panels follow. Weight gradient with momentum 256 x 1024 x 1024, best of many rounds: tiles
                                           of 5 where it lies 7.4 ms, 6 copied 6.3; clang 7.8, 6.4 */
    DOTS_ROWS = 3, DOTS_COLUMNS = 2,    /* of core.h's NN_DOTS, in registers of REGISTER_BYTES */
    MOST_DOTS_COLUMNS = 4,              /* beside tiles: 784-100 with 10,000 rows forward 9.2 ms, its last 4 in tiles of 12 x 8 10.2 */
    FEWEST_TILES_AHEAD = 2,             /* of columns, that ask for the next rows: a sixth of them each */
    AHEAD_STEPS = 32,                   /* rows that a tile asks for in a part of a long fold: one each eighth of its steps */
    AHEAD_BYTES = 1280 * 1024,          /* a factor larger than that comes from memory: tiles ask for what the next ones read. 784-100 with 10,000
                                           rows, forward and weight gradient 10.9 and 12.6 ms without, 9.2 and 10.0 with (AVX-512); compiled for
                                           AVX2 there 17.0 and 19.8, 15.3 and 17.1. Panels of the weight gradient as well: 10.5 and 17.2 */
    MOST_SIDES_BYTES = 512 * 1024,      /* of a part of a long fold, for all rows at once. Weight gradient 100 x 784 with 10,000 rows, a step: where
                                           they lie 52 ms, rows copied 47, panels as well 44, of 256 steps instead of BLOCK 41 */
    FETCH_STEPS = 64,                   /* of a fold: time enough for what an update changes to come. The same: 6.2 ms; clang 6.2 */
    STREAM_CYCLES = 8,                  /* a register of each further row of a tile whose rows come from memory and go back: an update of
                                           784-100 by tiles of 1, 2, 5 rows 15, 18.5, 19 µs */
    SHARED_CYCLES = 200000,             /* that threads share. 784-50-10 with 64 rows (two kernels of 225,000): 133 for 180 µs with two
                                           threads; the update of 784-100 with 5 rows (142,000): 34 for 31, and 32 with one */
    SHARED_CYCLES_NEAR = 50000,         /* where most of what a kernel reads was left by threads: a CNN with 64 images 745 µs, 635 with it. All
                                           kernels of 50,000: 784-50-10 with 64 rows 47 for 34, 784-10 with 100 40 for 21, of 100,000:
                                           784-100-10 with 5 rows 53 for 18, for arrays go from processor to processor */
    OPERATIONS_A_CYCLE = 4,             /* of loops that are no product */
    FEWEST_DRAWN = 64,                  /* random numbers: as many as 16 counters make */
    LEAST_CALL = 256,                   /* products of a call of CBLAS: it costs 100 to 200 ns, as much as 200 in a loop */
    COLUMN_STREAM_CYCLES = 25,          /* a register of an array beyond the second cache that is changed down its columns: Adam's three
                                           arrays of 1024 x 1024 3.7 ms */
    LEAST_ROWS_IN_LANES = 16,
    MOST_TURNED = 64,                   /* values and kernels of a step that are looked at together: products of both, in time */
    SCALAR_CYCLES = 4,                  /* a product of a scalar sum waits for the one before */
    ALONE_QUARTERS = 8,                 /* quarters of a cycle: a number that is read alone, where its neighbours lie elsewhere */
    ROW_STEPS = 64,                     /* steps of a sum at least, where rows of the batch are taken in parts */
    LOOK_CYCLES = 2,                    /* to see that a factor is zero */
    CHANCE_MISSED = 15,                 /* that one is not was not foreseen */
    LANES_OF_RUN = 8,                   /* of a run that grows by a factor times another: a load, a multiply-add, a store a register */
    MOST_RUN_REGISTERS = 12,            /* of sixteen: runs that grow there while elements are added to them */
    MOST_LISTED = 1024,                 /* elements of a list of those that are not zero: 12 KB */
    LIST_CYCLES = 4,                    /* an element that is put into such a list, or not */
    ALL_CYCLES = 2,                     /* an element that is added zero or not, beside its registers: 5 x 5 of one channel, 92160 windows 130 for 295 us */
    RUN_QUARTERS = 5,                   /* quarters of a cycle a register of a run */
    KEPT_TOGETHER = 2,                  /* channels of a tile, where those that dropout2d drops are left out: of an odd number one is made twice */
    MOST_KEPT_PERCENT = 80,             /* of them, where leaving the others out is tried */
    TURN_CYCLES = 2,                    /* an element of a matrix that is copied with its rows as columns */
    MOST_RESIDUES = 25,                 /* kernels that one becomes for the residues of strides: 5 x 5 */
    WORTH_ANOTHER_LAYOUT = 95,          /* per cent of the cycles that it must come down to */
};

#endif
