/* core.h: the sums of products inside kernels, and the only place that knows the processor.
 *
 *   NN_CORE   tile[r][c] = sum over the folds of A(r) B(c)       A is one number for all columns; neighbouring columns of B are
 *                                                               neighbours in memory
 *   NN_PANELS copies B into panels first, where it lies otherwise or its rows far apart; NN_TURNED_PANELS turns it; NN_SIDE copies
 *               A of a tile's rows, NN_FETCH asks for what an update will change
 *   NN_DOT    the same, where A and B are both neighbours in memory along the last fold: `lanes` partial sums, then a tree;
 *               NN_DOTS of more rows and columns than registers hold
 *   NN_SUM    the sum over k of any expression, NN_LARGEST its largest value: up to 64 at a time, then a tree
 *   NN_ROW_SUM  the same for rows side by side
 *
 * A tile lies in registers while its sums are made, then in memory, where what follows it (bias, relu, the update of a weight)
 * is plain C. Rows and columns have the letters that the kernel gives them: row b of a tile that begins at b0 is b - b0.
 * Each sum is added in the order of its folds, the lanes of a DOT as one tree, so that every width of registers gives the same
 * bits, wherever multiply-add is one operation.
 *
 *   for (int j0 = 0; j0 < 96; j0 += 16) {
 *       float product[5][16];
 *       NN_CORE(product, b, 5, j, 16, NN_FOLD(i, 784), image[b][i], weight[i][j]);
 *       for (int b = b0; …) for (int j = j0; …)  h[b][j] = product[b - b0][j - j0] + bias[j];
 *
 * What compilers need to be told, each found in their assembly (GF/s of 92 that the processor has):
 *   NN_PIN       gcc folds a load into each multiply-add that uses it and loads MR times what it could load once: 58 for 86. In any
 *                register ("v"): "x" are the first sixteen of AVX-512's thirty-two, 12 x 32 by clang 80 for 160 (of 214)
 *   a - (V){0}   a number in all lanes; + is none, for -0 + 0 is 0, and the addition stays: 60 for 88
 *   NN_SEAL      clang forwards the tile's first element into the loop after it, peels that and masks the rest: 153 µs for 128
 *   NN_UNROLL    clang keeps the tile in memory unless told `full`: 24 for 86; it ignores gcc's pragma without a word
 *   NN_FOLD      gcc -O2 leaves short folds rolled: 37 µs for 29; clang chooses well. Of a part of a long fold, NN_PART: 256 of 10,000
 *                steps at a time, tiles of 5 x 16 in panels, 18 ms for 22. NN_AHEAD: 10,000 rows of 784 come from memory, forward and
 *                this 10.9 and 12.6 ms (of 214 GF/s), each eighth step asking ahead 9.2 and 10.0, a burst before each tile 12.4
 *   NN_SIMD      gcc -O3 unrolls a loop over 16 columns before it could vectorise it: 73 µs for 15; clang loses sight of
 *                `restrict` in inlined functions: sigmoid of 300 x 10 15 µs for 3
 *   peel-loops   once vectorised, gcc writes a loop over a tile's 16 columns out, two registers that need not go through memory then:
 *                784-100-10 with 5 rows 24.9 and 21.7 µs, 2-10-10-3 with 300 9.0 and 8.2, a CNN with 64 images 1175 and 1094 (AVX2)
 *   NN_SIMD_SUMS a loop over the 16 rows whose sums the loop around it makes: as two rounds of 8, rolled, the sums would go through
 *                memory at each step: 2.2 µs for 0.9 (gcc), forward 2.6 for 1.1 (clang)
 *   NN_ROLLED    the loop around several such sums: clang takes ten rounds of it at once and spills them: 1.54 for 0.84 µs */
#ifndef NNGEN_CORE_H
#define NNGEN_CORE_H

#include <nngen/plain.h>

/* NN_THREADS kernel(…): all threads of --threads run it, and share out the rounds of its loops that are NN_SHARED, which are
 * independent of each other; behind each such loop they meet, but for NN_SHARED_ON: there a thread has the same rounds every time
 * that the loop comes, and no use for the others'. */
#if defined _OPENMP
#define NN_THREADS   _Pragma("omp parallel")
#define NN_SHARED    _Pragma("omp for schedule(static)")
#define NN_SHARED_ON _Pragma("omp for schedule(static) nowait")
#else
#define NN_THREADS
#define NN_SHARED
#define NN_SHARED_ON
#endif

#ifndef NN_PLAIN

#if defined __AVX512F__
enum { NN_WIDTH = 64 };                 /* bytes of a register */
#elif defined __AVX__
enum { NN_WIDTH = 32 };
#else
enum { NN_WIDTH = 16 };                 /* SSE, NEON */
#endif

#ifndef NN_WIDE
#define NN_WIDE (NN_WIDTH > 32 ? 2 : 1) /* by what tiles grow: 16 columns are one register of 64 bytes, and six sums wait for each other */
#endif

#if defined __clang__
#pragma clang diagnostic ignored "-Wpass-failed"        /* below -O2 loops stay as they are, which is no mistake */
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define NN_UNROLL                       /* with their checks in it: NN_TURNED_PANELS of 16 columns more than an hour, rolled 0.1 s */
#else
#define NN_UNROLL _Pragma("clang loop unroll(full)")
#endif
#define NN_UNROLL_8_
#define NN_SEAL(tile) __asm__("" : : "r"(tile) : "memory")
#else
#pragma GCC optimize ("peel-loops")
#define NN_UNROLL _Pragma("GCC unroll 16")
#define NN_UNROLL_8_ _Pragma("GCC unroll 8")
#define NN_SEAL(tile) (void)0
#endif
#define NN_FROM_(k, from, to) NN_UNROLL_8_ for (int k = from; k < (to); k++)
#define NN_FOLD(k, count) NN_FROM_(k, 0, count)
#define NN_PART(k, end) NN_FROM_(k, k##0, end)

/* The steps of a fold from one to another, a multiple of eight of them. At each eighth it asks for as many lines as a tile of 16 columns
 * is wide, at `ahead` and then `step` numbers on: what the next tiles read comes into the second cache while these are summed, also
 * where it ends behind an array. NN_ODD_AHEAD: of any number of steps. */
#define NN_AHEAD(k, from, to, ahead, step)                                                                           \
    for (int k##8_ = from; k##8_ < (to); k##8_ += 8)                                                                 \
        NN_UNROLL for (int k = (NN_ASK_(ahead, step), k##8_); k < k##8_ + 8; k++)
#define NN_ODD_AHEAD(k, from, to, ahead, step)                                                                       \
    NN_UNROLL_8_ for (int k = from; k < (to); k++, k % 8 == 0 ? (void)NN_ASK_(ahead, step) : (void)0)
#define NN_ASK_(ahead, step)                                                                                         \
    (__builtin_prefetch(ahead, 0, 2), NN_WIDE > 1 ? __builtin_prefetch((const char *)(ahead) + 64, 0, 2) : (void)0, (ahead) += (step))
#if defined __x86_64__
#define NN_PIN(x) __asm__("" : "+v"(x))
#elif defined __aarch64__
#define NN_PIN(x) __asm__("" : "+w"(x))
#else
#define NN_PIN(x) (void)0
#endif
#if defined __clang__
#define NN_SIMD _Pragma("clang loop vectorize(assume_safety)")
#define NN_SIMD_SUMS _Pragma("clang loop vectorize(assume_safety) vectorize_width(16)")
#pragma clang diagnostic ignored "-Wpass-failed"        /* where it does not pay, clang may leave it */
#elif defined _OPENMP
#define NN_SIMD _Pragma("omp simd")
#else
#define NN_SIMD
#endif
#if defined __clang__
#define NN_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define NN_SIMD_SUMS _Pragma("GCC unroll 8") _Pragma("GCC ivdep")
#define NN_ROLLED
#endif
enum { nn_one0 };                       /* where an axis of one element begins */
#define NN_LEAST(a, b) ((a) < (b) ? (a) : (b))

/* A register of at most `count` numbers of the tile's type, and the same in memory, where it may lie anywhere. */
#define NN_LANES(tile, count)                                                                                        \
    enum { lanes_ = NN_LEAST(NN_WIDTH / (int)sizeof(tile)[0][0], count) };                                           \
    typedef __typeof__((tile)[0][0]) Lanes_ __attribute__((vector_size(lanes_ * sizeof(tile)[0][0])));               \
    typedef __typeof__((tile)[0][0]) Loose_                                                                          \
        __attribute__((vector_size(lanes_ * sizeof(tile)[0][0]), aligned(sizeof(tile)[0][0]), may_alias))

#define NN_CORE(tile, r, rows, c, columns, folds, A, B) NN_LINES(tile, r, rows, nn_one, 1, c, columns, folds, A, B)

/* The same where columns are neighbours in each of a few lines, tile[r][(y - y0) columns + c - c0]: a narrow image's rows. */
#define NN_LINES(tile, r, rows, y, lines, c, columns, folds, A, B)                                                   \
    do {                                                                                                             \
        NN_LANES(tile, columns);                                                                                     \
        enum { parts_ = (columns) / lanes_ };                                                                        \
        Lanes_ sum_[rows][lines][parts_];                                                                            \
        NN_UNROLL for (int r_ = 0; r_ < rows; r_++)                                                                  \
            NN_UNROLL for (int y_ = 0; y_ < lines; y_++)                                                             \
                NN_UNROLL for (int p_ = 0; p_ < parts_; p_++)                                                        \
                    sum_[r_][y_][p_] = (Lanes_){0};                                                                  \
        folds {                                                                                                      \
            Lanes_ b_[lines][parts_];                                                                                \
            NN_UNROLL for (int y_ = 0; y_ < lines; y_++)                                                             \
                NN_UNROLL for (int p_ = 0; p_ < parts_; p_++) {                                                      \
                    const int y = y##0 + y_, c = c##0 + p_ * lanes_;                                                 \
                    (void)y;                                                                                         \
                    b_[y_][p_] = *(const Loose_ *)&(B);                                                              \
                    NN_PIN(b_[y_][p_]);                                                                              \
                }                                                                                                    \
            NN_UNROLL for (int r_ = 0; r_ < rows; r_++) {                                                            \
                const int r = r##0 + r_;                                                                             \
                (void)r;                                                                                             \
                Lanes_ a_ = (A) - (Lanes_){0};                                                                       \
                if ((lines) * parts_ > 1)                                                                            \
                    NN_PIN(a_);                                                                                      \
                NN_UNROLL for (int y_ = 0; y_ < lines; y_++)                                                         \
                    NN_UNROLL for (int p_ = 0; p_ < parts_; p_++)                                                    \
                        sum_[r_][y_][p_] += a_ * b_[y_][p_];                                                         \
            }                                                                                                        \
        }                                                                                                            \
        NN_UNROLL for (int r_ = 0; r_ < rows; r_++)                                                                  \
            NN_UNROLL for (int y_ = 0; y_ < lines; y_++)                                                             \
                NN_UNROLL for (int p_ = 0; p_ < parts_; p_++) {                                                      \
                    NN_PIN(sum_[r_][y_][p_]);                                                                        \
                    *(Loose_ *)&(tile)[r_][y_ * (columns) + p_ * lanes_] = sum_[r_][y_][p_];                         \
                }                                                                                                    \
        NN_SEAL(tile);                                                                                               \
    } while (0)

/* panel[(c - first) / width][place of the fold][(c - first) % width] = B for columns c from `first` to `end`: the columns of a
 * tile side by side, one step of the fold behind the other. */
#define NN_PANELS(panel, c, first, end, width, folds, place, B)                                                      \
    do {                                                                                                             \
        for (int c_ = first; c_ < (end); c_ += (width))                                                              \
            folds                                                                                                    \
                NN_SIMD for (int l_ = 0; l_ < (width); l_++) {                                                       \
                    const int c = c_ + l_;                                                                           \
                    (panel)[(c_ - (first)) / (width)] place[l_] = (B);                                               \
                }                                                                                                    \
    } while (0)

/* The same where neighbours along the last fold, k from `from` to `to`, are neighbours in memory: turned four by four. */
#define NN_TURNED_PANELS(panel, c, first, end, width, folds, k, from, to, place, B)                                  \
    do {                                                                                                             \
        for (int c_ = first; c_ < (end); c_ += (width))                                                              \
            folds                                                                                                    \
                for (int k1_ = from; k1_ < (to); k1_ += 4) {                                                         \
                    const int k_ = NN_LEAST(k1_, (to) - 4);                                                          \
                    NN_UNROLL for (int l_ = 0; l_ < (width); l_ += 4) {                                              \
                        const int c = c_ + l_, k = k_;                                                               \
                        typedef __typeof__((B) + 0) Real_;                                                           \
                        typedef Real_ Four_                                                                          \
                            __attribute__((vector_size(4 * sizeof(Real_)), aligned(sizeof(Real_)), may_alias));      \
                        Four_ x_[4], y_[4];                                                                          \
                        NN_UNROLL for (int e_ = 0; e_ < 4; e_++) {                                                   \
                            const int c = c_ + l_ + e_;                                                              \
                            x_[e_] = *(const Four_ *)&(B);                                                           \
                        }                                                                                            \
                        y_[0] = __builtin_shufflevector(x_[0], x_[1], 0, 4, 1, 5);                                   \
                        y_[1] = __builtin_shufflevector(x_[2], x_[3], 0, 4, 1, 5);                                   \
                        y_[2] = __builtin_shufflevector(x_[0], x_[1], 2, 6, 3, 7);                                   \
                        y_[3] = __builtin_shufflevector(x_[2], x_[3], 2, 6, 3, 7);                                   \
                        x_[0] = __builtin_shufflevector(y_[0], y_[1], 0, 1, 4, 5);                                   \
                        x_[1] = __builtin_shufflevector(y_[0], y_[1], 2, 3, 6, 7);                                   \
                        x_[2] = __builtin_shufflevector(y_[2], y_[3], 0, 1, 4, 5);                                   \
                        x_[3] = __builtin_shufflevector(y_[2], y_[3], 2, 3, 6, 7);                                   \
                        NN_UNROLL for (int e_ = 0; e_ < 4; e_++) {                                                   \
                            const int k = k_ + e_;                                                                   \
                            (void)k;                                                                                 \
                            *(Four_ *)&(panel)[(c_ - (first)) / (width)] place[l_] = x_[e_];                         \
                        }                                                                                            \
                    }                                                                                                \
                }                                                                                                    \
    } while (0)

/* side[place of the fold][r - r0] = A: what a tile's rows are multiplied with, for all tiles along these rows. */
#define NN_SIDE(side, r, rows, folds, place, A)                                                                      \
    do {                                                                                                             \
        folds                                                                                                        \
            NN_UNROLL for (int r_ = 0; r_ < (rows); r_++) {                                                          \
                const int r = r##0 + r_;                                                                             \
                (side) place[r_] = (A);                                                                              \
            }                                                                                                        \
    } while (0)

/* side[r / rows][place of the fold][r - r0] = A: the same for all tiles of `count` rows, the last of which begins earlier. */
#define NN_SIDES(side, r, count, rows, folds, place, A)                                                              \
    do {                                                                                                             \
        folds                                                                                                        \
            for (int t_ = 0; t_ < (count); t_ += (rows))                                                             \
                NN_UNROLL for (int r_ = 0; r_ < (rows); r_++) {                                                      \
                    const int r = NN_LEAST(t_, (count) - (rows)) + r_;                                               \
                    (side)[t_ / (rows)] place[r_] = (A);                                                             \
                }                                                                                                    \
    } while (0)

/* Asks for a tile's lines of an array, which come while its sums are made. */
#define NN_FETCH(r, rows, c, X)                                                                                      \
    NN_UNROLL for (int r_ = 0; r_ < (rows); r_++) {                                                                  \
        const int r = r##0 + r_, c = c##0;                                                                           \
        __builtin_prefetch(&(X), 1);                                                                                 \
    }

/* One step of a DOT: `lanes_` products of each row with each column. VALUE reads a register. */
#define NN_DOT_STEP_(r, rows, c, columns, A, B, VALUE)                                                               \
    Lanes_ a_[rows];                                                                                                 \
    NN_UNROLL for (int r_ = 0; r_ < rows; r_++) {                                                                    \
        const int r = r##0 + r_;                                                                                     \
        (void)r;                                                                                                     \
        a_[r_] = VALUE(A);                                                                                           \
        NN_PIN(a_[r_]);                                                                                              \
    }                                                                                                                \
    NN_UNROLL for (int c_ = 0; c_ < columns; c_++) {                                                                 \
        const int c = c##0 + c_;                                                                                     \
        (void)c;                                                                                                     \
        Lanes_ b_ = VALUE(B);                                                                                        \
        NN_PIN(b_);                                                                                                  \
        NN_UNROLL for (int r_ = 0; r_ < rows; r_++)                                                                  \
            sum_[r_][c_][p_] += a_[r_] * b_;                                                                         \
    }
#define NN_WHOLE_(x) *(const Loose_ *)&(x)
#define NN_NEW_(x)   (Lanes_)(*(const Mask_ *)&(x) & *(const Mask_ *)(nn_ones + 64 - old_ * sizeof(**sum_)[0][0]))

/* Sums that fit in sixteen registers beside the factors; of a larger tile's, one part of the lanes after the other. */
enum { NN_SUMS_ = 12 };

/* `folds` are the outer folds, if any; k runs over `extent` elements, `lanes` (4, 8 or 16) at a time. Where that does not come out
 * even, the last step begins `lanes` before the end, and what was added before counts as zero in it. */
#define NN_DOT(tile, r, rows, c, columns, folds, k, extent, lanes, A, B)                                             \
    do {                                                                                                             \
        NN_LANES(tile, lanes);                                                                                       \
        typedef __typeof__((Lanes_){0} < (Lanes_){0}) Bits_;                                                         \
        typedef Bits_ Mask_ __attribute__((aligned(1), may_alias));                                                  \
        enum { parts_ = (lanes) / lanes_, even_ = (extent) / (lanes) * (lanes), count_ = (rows) * (columns) };       \
        enum { at_once_ = count_ * parts_ <= NN_SUMS_ ? (int)parts_ : 1, padded_ = (count_ + 3) / 4 * 4 };           \
        _Alignas(64) __typeof__((tile)[0][0]) lane_[padded_][lanes], root_[padded_];                                 \
        for (int q_ = 0; q_ < parts_; q_ += at_once_) {                                                              \
            Lanes_ sum_[rows][columns][at_once_];                                                                    \
            NN_UNROLL for (int r_ = 0; r_ < rows; r_++)                                                              \
                NN_UNROLL for (int c_ = 0; c_ < columns; c_++)                                                       \
                    NN_UNROLL for (int p_ = 0; p_ < at_once_; p_++)                                                  \
                        sum_[r_][c_][p_] = (Lanes_){0};                                                              \
            folds {                                                                                                  \
                for (int k_ = q_ * lanes_; k_ < even_; k_ += (lanes))                                                \
                    NN_UNROLL for (int p_ = 0; p_ < at_once_; p_++) {                                                \
                        const int k = k_ + p_ * lanes_;                                                              \
                        NN_DOT_STEP_(r, rows, c, columns, A, B, NN_WHOLE_)                                           \
                    }                                                                                                \
                if ((int)even_ < (int)(extent))                                                                      \
                    NN_UNROLL for (int p_ = 0; p_ < at_once_; p_++) {                                                \
                        const int k = (extent) - (lanes) + (q_ + p_) * lanes_;                                       \
                        const int old_ = even_ <= k ? 0 : NN_LEAST(even_ - k, (int)lanes_);                          \
                        NN_DOT_STEP_(r, rows, c, columns, A, B, NN_NEW_)                                             \
                    }                                                                                                \
            }                                                                                                        \
            NN_UNROLL for (int s_ = 0; s_ < padded_; s_++)                                                           \
                NN_UNROLL for (int p_ = 0; p_ < at_once_; p_++)                                                      \
                    *(Lanes_ *)&lane_[s_][(q_ + p_) * lanes_] = s_ < count_ ? sum_[s_ / (columns) % (rows)][s_ % (columns)][p_] : (Lanes_){0};\
        }                                                                                                            \
        NN_UNROLL for (int s_ = 0; s_ < padded_; s_ += 4)                                                            \
            NN_FOUR_TREES_(root_ + s_, lane_[s_], lanes);                                                            \
        NN_UNROLL for (int s_ = 0; s_ < count_; s_++)                                                                \
            (tile)[s_ / (columns)][s_ % (columns)] = root_[s_];                                                      \
        NN_SEAL(tile);                                                                                               \
    } while (0)

/* The same of any multiple of three rows (six, where registers are wide) and of two columns. */
#define NN_DOTS(tile, r, rows, c, columns, k, extent, lanes, A, B)                                                   \
    do {                                                                                                             \
        const int first_row_ = r##0, first_column_ = c##0;                                                           \
        for (int t_ = 0; t_ < (rows); t_ += 3 * NN_WIDE)                                                             \
            for (int d_ = 0; d_ < (columns); d_ += 2) {                                                              \
                const int r##0 = first_row_ + t_, c##0 = first_column_ + d_;                                         \
                __typeof__((tile)[0][0]) dot_[3 * NN_WIDE][2];                                                       \
                NN_DOT(dot_, r, 3 * NN_WIDE, c, 2, , k, extent, lanes, A, B);                                        \
                for (int r_ = 0; r_ < 3 * NN_WIDE; r_++)                                                             \
                    (tile)[t_ + r_][d_] = dot_[r_][0], (tile)[t_ + r_][d_ + 1] = dot_[r_][1];                        \
            }                                                                                                        \
    } while (0)

static const unsigned char nn_ones[128] __attribute__((unused, aligned(64))) = {
    [64] = 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

/* The sums that grow run by run begin as zeros. */
#define NN_ZERO(array, rows) __builtin_memset((array), 0, (size_t)(rows) * sizeof *(array))

/* into[i] += factor from[i] for `count` neighbours, `into` and `from` being the first of them. */
#define NN_ADD_RUN(into, factor, from, count)                                                                        \
    do {                                                                                                             \
        enum { lanes_ = NN_WIDTH / (int)sizeof(into) < (count) ? NN_WIDTH / (int)sizeof(into) : 1 };                 \
        typedef __typeof__(into) Run_ __attribute__((vector_size(lanes_ * sizeof(into)), aligned(sizeof(into)), may_alias)); \
        __typeof__(into) *const into_ = &(into);                                                                     \
        const __typeof__(into) *const from_ = &(from);                                                               \
        NN_UNROLL for (int i_ = 0; i_ + (int)lanes_ <= (count); i_ += lanes_)                                        \
            *(Run_ *)(into_ + i_) += (factor) * *(const Run_ *)(from_ + i_);                                         \
        NN_UNROLL for (int i_ = (count) / lanes_ * lanes_; i_ < (count); i_++)                                       \
            into_[i_] += (factor) * from_[i_];                                                                       \
    } while (0)

/* Runs of `count` neighbours, `apart` elements apart, the first beginning at `into`, that stay in registers through the folds:
 *   into[r apart + i] += sum over the folds of factor from[r from_apart + i].
 * `from` is read in whole registers, up to seven elements beyond the run, which count for nothing: in a program's state another
 * array follows each. */
#define NN_ADD_RUNS(into, apart, runs, count, folds, factor, from, from_apart)                                       \
    do {                                                                                                             \
        typedef __typeof__(into) Real_;                                                                              \
        enum { lanes_ = NN_LEAST(NN_WIDTH, 32) / (int)sizeof(Real_), whole_ = (count) / lanes_, rest_ = (count) % lanes_ };\
        typedef Real_ Run_ __attribute__((vector_size(lanes_ * sizeof(Real_)), aligned(sizeof(Real_)), may_alias));  \
        Run_ sum_[runs][whole_ + (rest_ > 0)];                                                                       \
        Real_ *const into_ = &(into);                                                                                \
        NN_UNROLL for (int r_ = 0; r_ < (runs); r_++) {                                                              \
            NN_UNROLL for (int p_ = 0; p_ < (int)whole_; p_++)                                                       \
                sum_[r_][p_] = *(const Run_ *)(into_ + r_ * (apart) + p_ * lanes_);                                  \
            if (rest_ > 0)                                                                                           \
                sum_[r_][whole_ + (rest_ > 0) - 1] = (Run_){0};                                                      \
            NN_UNROLL for (int i_ = 0; i_ < (int)rest_; i_++)                                                        \
                sum_[r_][whole_ + (rest_ > 0) - 1][i_] = into_[r_ * (apart) + whole_ * lanes_ + i_];                 \
        }                                                                                                            \
        folds {                                                                                                      \
            const Real_ factor_ = (factor), *const from_ = &(from);                                                  \
            NN_UNROLL for (int r_ = 0; r_ < (runs); r_++)                                                            \
                NN_UNROLL for (int p_ = 0; p_ < (int)whole_ + (rest_ > 0); p_++)                                     \
                    sum_[r_][p_] += factor_ * *(const Run_ *)(from_ + r_ * (from_apart) + p_ * lanes_);              \
        }                                                                                                            \
        NN_UNROLL for (int r_ = 0; r_ < (runs); r_++) {                                                              \
            NN_UNROLL for (int p_ = 0; p_ < (int)whole_; p_++)                                                       \
                *(Run_ *)(into_ + r_ * (apart) + p_ * lanes_) = sum_[r_][p_];                                        \
            NN_UNROLL for (int i_ = 0; i_ < (int)rest_; i_++)                                                        \
                into_[r_ * (apart) + whole_ * lanes_ + i_] = sum_[r_][whole_ + (rest_ > 0) - 1][i_];                 \
        }                                                                                                            \
    } while (0)

/* A factor of one in every lane: plain sums go through the same dots. */
static const float nn_onef[16] __attribute__((unused, aligned(64))) = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const double nn_oned[16] __attribute__((unused, aligned(64))) = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* Partial sums of four as trees: l and l + 8, then l + 4, l + 2, l + 1. The last two steps are those of all four in one register:
 * one by one the ten sums of a tile take a third of the time of 784 products each. */
#define NN_FOUR_TREES_(root, lane, lanes)                                                                            \
    _Generic((lane)[0], float: nn_four_trees_float, double: nn_four_trees_double)(root, &(lane)[0], lanes)
#define NN_FOUR_TREES_OF_(REAL)                                                                                      \
    __attribute__((always_inline, unused)) static inline void nn_four_trees_##REAL(REAL *root, const REAL *lane, const int lanes)\
    {                                                                                                                \
        typedef REAL Four __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));          \
        Four tree[4];                                                                                                \
        NN_UNROLL for (int t = 0; t < 4; t++) {                                                                      \
            const Four *four = (const Four *)(lane + t * lanes);                                                     \
            tree[t] = four[0];                                                                                       \
            if (lanes == 8)                                                                                          \
                tree[t] += four[1];                                                                                  \
            else if (lanes == 16)                                                                                    \
                tree[t] = (four[0] + four[2]) + (four[1] + four[3]);                                                 \
        }                                                                                                            \
        NN_UNROLL for (int t = 0; t < 4; t += 2)                                                                     \
            tree[t] = __builtin_shufflevector(tree[t], tree[t + 1], 0, 1, 4, 5)                                      \
                    + __builtin_shufflevector(tree[t], tree[t + 1], 2, 3, 6, 7);                                     \
        *(Four *)root = __builtin_shufflevector(tree[0], tree[2], 0, 2, 4, 6) + __builtin_shufflevector(tree[0], tree[2], 1, 3, 5, 7);\
    }
NN_FOUR_TREES_OF_(float)
NN_FOUR_TREES_OF_(double)

#endif                                  /* NN_PLAIN */

/* Adds the sum over k of X to `sum`, or makes `largest` the largest: up to 64 partial results, k and k + 64 in one of them, then a
 * tree, whatever the width of a register. As one sum a row of 64 takes 256 cycles, each addition waiting for the one before; so,
 * 40. What fills no register begins earlier, as tiles do: the largest stays the same, and of a sum those count nothing that have
 * been added. One by one, the last of 500 took as long as all others: sum 36.5 and 20.3 ns (gcc), largest of 10 12.3 and 4.8, of 16
 * 24.8 and 3.2 (clang, which peels a loop over a lane that it knows: the first are compared with nothing). A sum takes the `folds`
 * around its innermost along: 8192 elements of a channel, 16 in a line, 7.6 µs as one sum, 0.9 so. */
#define NN_ADD_LANES(sum, lane)                                                                                      \
    do {                                                                                                             \
        for (int half_ = (int)(sizeof(lane) / sizeof *(lane)) / 2; half_; half_ /= 2)                                \
            NN_SIMD for (int l_ = 0; l_ < half_; l_++)                                                               \
                (lane)[l_] += (lane)[l_ + half_];                                                                    \
        (sum) += (lane)[0];                                                                                          \
    } while (0)
#define NN_SUM(REAL, sum, folds, k, extent, X)                                                                       \
    do {                                                                                                             \
        enum { lanes_ = (extent) < 8 ? 1 : (extent) < 32 ? 8 : (extent) < 512 ? 16 : 64, part_ = NN_LEAST(lanes_, 16) }; \
        enum { whole_ = (extent) / lanes_ * lanes_, even_ = (extent) / part_ * part_ };                              \
        _Alignas(64) REAL lane_[lanes_] = {0};                                                                       \
        folds {                                                                                                      \
            for (int k_ = 0; k_ < whole_; k_ += lanes_)                                                              \
                NN_SIMD for (int l_ = 0; l_ < lanes_; l_++) {                                                        \
                    const int k = k_ + l_;                                                                           \
                    lane_[l_] += (X);                                                                                \
                }                                                                                                    \
            for (int k_ = whole_; k_ < even_; k_ += part_)                                                           \
                NN_SIMD for (int l_ = 0; l_ < part_; l_++) {                                                         \
                    const int k = k_ + l_;                                                                           \
                    lane_[l_] += (X);                                                                                \
                }                                                                                                    \
            for (int k_ = even_; k_ < (extent); k_ += part_)                                                         \
                NN_SIMD for (int l_ = 0; l_ < part_; l_++) {                                                         \
                    const int k = (extent) - part_ + l_;                                                             \
                    const REAL x_ = (X);                                                                             \
                    lane_[l_] += k < even_ ? 0 : x_;                                                                 \
                }                                                                                                    \
        }                                                                                                            \
        NN_ADD_LANES(sum, lane_);                                                                                    \
    } while (0)
/* sum[b - b0] = the sum over k of X for neighbouring rows b, from b0 on: even and odd k in a partial sum each, since an addition
 * waits four cycles for the one before it. 1-80-1 with 100 rows: 0.52 for 0.71 µs. */
#define NN_ROW_SUM(REAL, sum, b, rows, k, extent, X)                                                                 \
    do {                                                                                                             \
        REAL part_[2][rows] = {{0}};                                                                                 \
        for (int k_ = 0; k_ < (extent) / 2 * 2; k_ += 2)                                                             \
            NN_SIMD_SUMS for (int l_ = 0; l_ < (rows); l_++) {                                                       \
                const int b = b##0 + l_;                                                                             \
                { const int k = k_; part_[0][l_] += (X); }                                                           \
                { const int k = k_ + 1; part_[1][l_] += (X); }                                                       \
            }                                                                                                        \
        for (int k = (extent) / 2 * 2; k < (extent); k++)                                                            \
            NN_SIMD_SUMS for (int l_ = 0; l_ < (rows); l_++) {                                                       \
                const int b = b##0 + l_;                                                                             \
                part_[0][l_] += (X);                                                                                 \
            }                                                                                                        \
        for (int l_ = 0; l_ < (rows); l_++)                                                                          \
            (sum)[l_] = part_[0][l_] + part_[1][l_];                                                                 \
    } while (0)
#define NN_LARGEST(REAL, largest, k, extent, X)                                                                      \
    do {                                                                                                             \
        enum { lanes_ = (extent) < 4 ? 1 : (extent) < 8 ? 4 : (extent) < 32 ? 8 : (extent) < 128 ? 16 : 64 };        \
        enum { part_ = NN_LEAST(lanes_, 16), whole_ = (extent) / lanes_ * lanes_ };                                  \
        _Alignas(64) REAL lane_[lanes_];                                                                             \
        NN_SIMD for (int l_ = 0; l_ < lanes_; l_++) {                                                                \
            const int k = l_;                                                                                        \
            lane_[l_] = NN_MAXIMUM_(X, (REAL)-INFINITY);                                                             \
        }                                                                                                            \
        for (int k_ = lanes_; k_ < whole_; k_ += lanes_)                                                             \
            NN_SIMD for (int l_ = 0; l_ < lanes_; l_++) {                                                            \
                const int k = k_ + l_;                                                                               \
                lane_[l_] = NN_MAXIMUM_(X, lane_[l_]);                                                               \
            }                                                                                                        \
        for (int k_ = whole_; k_ < (extent); k_ += part_)                                                            \
            NN_SIMD for (int l_ = 0; l_ < part_; l_++) {                                                             \
                const int k = NN_LEAST(k_, (extent) - part_) + l_;                                                   \
                lane_[l_] = NN_MAXIMUM_(X, lane_[l_]);                                                               \
            }                                                                                                        \
        for (int half_ = lanes_ / 2; half_; half_ /= 2)                                                              \
            NN_SIMD for (int l_ = 0; l_ < half_; l_++)                                                               \
                lane_[l_] = NN_MAXIMUM_(lane_[l_ + half_], lane_[l_]);                                               \
        (largest) = NN_MAXIMUM_(lane_[0], largest);                                                                  \
    } while (0)
#define NN_MAXIMUM_(a, b) _Generic((b), float: nn_maximumf, double: nn_maximum)(a, b)

#endif
