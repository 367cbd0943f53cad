/* plain.h: the words of core.h as plain loops, for processors without vectors and for compilers that know none of their own: C11.
 *
 * Sums are added in the same order as core.h adds them, the lanes of a DOT as the same tree: what differs is only whether a
 * multiply-add is one operation. -DNN_PLAIN takes them anywhere. */
#ifndef NNGEN_PLAIN_H
#define NNGEN_PLAIN_H

#include <stddef.h>
#include <string.h>

#if !defined __GNUC__ || !(defined __SSE2__ || defined __ARM_NEON || defined __ALTIVEC__ || defined __riscv_vector || defined __wasm_simd128__)
#ifndef NN_PLAIN
#define NN_PLAIN
#endif
#endif

#ifdef NN_PLAIN
#ifdef __GNUC__
#define NN_TYPE_(tile) __typeof__((tile)[0][0])
#define NN_UNUSED_ __attribute__((unused))
#else
#define NN_UNUSED_
#define NN_TYPE_(tile) NnReal           /* what a standalone text says it to be */
#endif
#define NN_FOLD(k, count) for (int k = 0; k < (count); k++)
#define NN_PART(k, end) for (int k = k##0; k < (end); k++)
#define NN_AHEAD(k, from, to, ahead, step) for (int k = ((void)(ahead), from); k < (to); k++)
#define NN_ODD_AHEAD NN_AHEAD
#ifndef NN_WIDE
#define NN_WIDE 1
#endif
#define NN_SIMD
#define NN_SIMD_SUMS
#define NN_ROLLED
enum { nn_one0 };                       /* where an axis of one element begins */
#define NN_LEAST(a, b) ((a) < (b) ? (a) : (b))

#define NN_CORE(tile, r, rows, c, columns, folds, A, B) NN_LINES(tile, r, rows, nn_one, 1, c, columns, folds, A, B)
#define NN_LINES(tile, r, rows, y, lines, c, columns, folds, A, B)                                                   \
    do {                                                                                                             \
        for (int r_ = 0; r_ < (rows); r_++)                                                                          \
            for (int c_ = 0; c_ < (lines) * (columns); c_++)                                                         \
                (tile)[r_][c_] = 0;                                                                                  \
        folds {                                                                                                      \
            for (int r_ = 0; r_ < (rows); r_++) {                                                                    \
                const int r = r##0 + r_;                                                                             \
                const NN_TYPE_(tile) a_ = (A);                                                                       \
                (void)r;                                                                                             \
                for (int c_ = 0; c_ < (lines) * (columns); c_++) {                                                   \
                    const int y = y##0 + c_ / (columns), c = c##0 + c_ % (columns);                                  \
                    (void)y, (void)c;                                                                                \
                    (tile)[r_][c_] += a_ * (B);                                                                      \
                }                                                                                                    \
            }                                                                                                        \
        }                                                                                                            \
    } while (0)

#define NN_PANELS(panel, c, first, end, width, folds, place, B)                                                      \
    do {                                                                                                             \
        for (int c_ = first; c_ < (end); c_ += (width))                                                              \
            folds                                                                                                    \
                for (int l_ = 0; l_ < (width); l_++) {                                                               \
                    const int c = c_ + l_;                                                                           \
                    (panel)[(c_ - (first)) / (width)] place[l_] = (B);                                               \
                }                                                                                                    \
    } while (0)
#define NN_TURNED_PANELS(panel, c, first, end, width, folds, k, from, to, place, B)                                  \
    NN_PANELS(panel, c, first, end, width, folds for (int k = from; k < (to); k++), place, B)

#define NN_SIDE(side, r, rows, folds, place, A)                                                                      \
    do {                                                                                                             \
        folds                                                                                                        \
            for (int r_ = 0; r_ < (rows); r_++) {                                                                    \
                const int r = r##0 + r_;                                                                             \
                (side) place[r_] = (A);                                                                              \
            }                                                                                                        \
    } while (0)
#define NN_SIDES(side, r, count, rows, folds, place, A)                                                              \
    do {                                                                                                             \
        folds                                                                                                        \
            for (int t_ = 0; t_ < (count); t_ += (rows))                                                             \
                for (int r_ = 0; r_ < (rows); r_++) {                                                                \
                    const int r = NN_LEAST(t_, (count) - (rows)) + r_;                                               \
                    (side)[t_ / (rows)] place[r_] = (A);                                                             \
                }                                                                                                    \
    } while (0)
#define NN_FETCH(r, rows, c, X) (void)0

#define NN_DOT(tile, r, rows, c, columns, folds, k, extent, lanes, A, B)                                             \
    do {                                                                                                             \
        NN_TYPE_(tile) lane_[rows][columns][lanes] = {{{0}}};                                                        \
        folds {                                                                                                      \
            for (int k = 0; k < (extent); k++) {                                                                     \
                const int l_ = k < (extent) / (lanes) * (lanes) ? k % (lanes) : k - ((extent) - (lanes));            \
                for (int r_ = 0; r_ < (rows); r_++) {                                                                \
                    const int r = r##0 + r_;                                                                         \
                    (void)r;                                                                                         \
                    for (int c_ = 0; c_ < (columns); c_++) {                                                         \
                        const int c = c##0 + c_;                                                                     \
                        (void)c;                                                                                     \
                        lane_[r_][c_][l_] += (A) * (B);                                                              \
                    }                                                                                                \
                }                                                                                                    \
            }                                                                                                        \
        }                                                                                                            \
        for (int r_ = 0; r_ < (rows); r_++)                                                                          \
            for (int c_ = 0; c_ < (columns); c_++) {                                                                 \
                NN_TYPE_(tile) *t_ = lane_[r_][c_];                                                                  \
                for (int half_ = (lanes) / 2; half_ > 0; half_ /= 2)                                                 \
                    for (int l_ = 0; l_ < half_; l_++)                                                               \
                        t_[l_] += t_[l_ + half_];                                                                    \
                (tile)[r_][c_] = t_[0];                                                                              \
            }                                                                                                        \
    } while (0)

#define NN_DOTS(tile, r, rows, c, columns, k, extent, lanes, A, B) NN_DOT(tile, r, rows, c, columns, , k, extent, lanes, A, B)

#define NN_ZERO(array, rows) memset((array), 0, (size_t)(rows) * sizeof *(array))
#define NN_ADD_RUN(into, factor, from, count)                                                                        \
    do {                                                                                                             \
        for (int i_ = 0; i_ < (count); i_++)                                                                         \
            (&(into))[i_] += (factor) * (&(from))[i_];                                                               \
    } while (0)

#define NN_ADD_RUNS(into, apart, runs, count, folds, factor, from, from_apart)                                       \
    do {                                                                                                             \
        folds {                                                                                                      \
            for (int r_ = 0; r_ < (runs); r_++)                                                                      \
                for (int i_ = 0; i_ < (count); i_++)                                                                 \
                    (&(into))[r_ * (apart) + i_] += (factor) * (&(from))[r_ * (from_apart) + i_];                    \
        }                                                                                                            \
    } while (0)

/* A factor of one in every lane: plain sums go through the same dots. */
static const float nn_onef[16] NN_UNUSED_ = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const double nn_oned[16] NN_UNUSED_ = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
#endif
#endif
