/* inline.h: functions that are written into the loops which call them, whatever the compiler thinks of their size: gcc -O2 leaves
 * what is long, or is called a few times in a program, a call, and a loop with a call in it is no vector code (tanh of softplus
 * behind three linear layers 98 for 29 us a step). Where a short program is asked for, -Os, the compiler's view counts. */
#ifndef NNGEN_INLINE_H
#define NNGEN_INLINE_H

#if defined __GNUC__ && !defined __OPTIMIZE_SIZE__
#define NN_INLINE __attribute__((always_inline)) static inline
#else
#define NN_INLINE static inline
#endif

#endif
