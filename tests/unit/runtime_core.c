/* The core of core.h against plain sums: whole integers, so that every order of additions gives the same number and any wrong
 * element shows; ragged folds, one row, several folds, both types; panels, copied and turned. */
#include "runtime_child.h"
#include <nngen/core.h>

enum { ROWS = 6, COLUMNS = 16, LONG = 53 };

#define CORE_TEST(REAL, WIDTH)                                                                                       \
    START_TEST(core_is_a_product_##REAL)                                                                             \
    {                                                                                                                \
        REAL a[ROWS + 1][LONG], b[LONG][COLUMNS + 3], bt[COLUMNS + 3][LONG], tile[ROWS][COLUMNS], few[3][2], sums[1][WIDTH]; \
        REAL panel[2][LONG][8], turned[2][LONG][8], parts[2][LONG][8];                                               \
        for (int i = 0; i <= ROWS; i++)                                                                              \
            for (int k = 0; k < LONG; k++)                                                                           \
                a[i][k] = (REAL)((i * 7 + k * 5) % 11 - 5);                                                          \
        for (int j = 0; j < COLUMNS + 3; j++)                                                                        \
            for (int k = 0; k < LONG; k++)                                                                           \
                bt[j][k] = b[k][j] = (REAL)((j * 3 + k * k) % 13 - 6);                                               \
        const int i0 = 1, j0 = 2;                                                                                    \
        NN_CORE(tile, i, ROWS, j, COLUMNS, NN_FOLD(k, LONG), a[i][k], b[k][j]);                                      \
        NN_DOT(few, i, 3, j, 2, , k, LONG, WIDTH, a[i][k], bt[j][k]);                                                \
        NN_CORE(sums, nn_one, 1, j, WIDTH, for (int p = 0; p < 2; p++) for (int k = p; k < LONG; k += 2), 1, b[k][j]); \
        NN_PANELS(panel, j, j0, j0 + 16, 8, NN_FOLD(k, LONG), [k], b[k][j]);                                         \
        NN_TURNED_PANELS(turned, j, j0, j0 + 16, 8, , k, 0, LONG, [k], bt[j][k]);                                    \
        for (int k0 = 0; k0 < LONG; k0 += 20)                                                                        \
            NN_TURNED_PANELS(parts, j, j0, j0 + 16, 8, , k, k0, NN_LEAST(k0 + 20, LONG), [k], bt[j][k]);             \
        for (int i = i0; i < i0 + ROWS; i++)                                                                         \
            for (int j = j0; j < j0 + COLUMNS; j++) {                                                                \
                REAL product = 0, sum = 0;                                                                           \
                for (int k = 0; k < LONG; k++) {                                                                     \
                    product += a[i][k] * b[k][j];                                                                    \
                    sum += b[k][j];                                                                                  \
                }                                                                                                    \
                ck_assert_msg(tile[i - i0][j - j0] == product, "tile %d %d", i, j);                                  \
                ck_assert_msg(i - i0 >= 3 || j - j0 >= 2 || few[i - i0][j - j0] == product, "dot %d %d", i, j);      \
                ck_assert_msg(i > i0 || j - j0 >= WIDTH || sums[0][j - j0] == sum, "sum %d", j);                     \
            }                                                                                                        \
        for (int j = j0; j < j0 + 16; j++)                                                                           \
            for (int k = 0; k < LONG; k++) {                                                                         \
                ck_assert_msg(panel[(j - j0) / 8][k][(j - j0) % 8] == b[k][j], "panel %d %d", j, k);                 \
                ck_assert_msg(turned[(j - j0) / 8][k][(j - j0) % 8] == b[k][j], "turned %d %d", j, k);               \
                ck_assert_msg(parts[(j - j0) / 8][k][(j - j0) % 8] == b[k][j], "turned in parts %d %d", j, k);       \
            }                                                                                                        \
    }                                                                                                                \
    END_TEST

CORE_TEST(float, 16)
CORE_TEST(double, 8)

/* Sums of rows side by side, of an even, an odd and no number of terms. */
START_TEST(row_sums)
{
    float x[20], w[7], sum[16];
    for (int b = 0; b < 20; b++)
        x[b] = (float)(b * 3 % 7 - 3);
    for (int k = 0; k < 7; k++)
        w[k] = (float)(k + 1);
    const int b0 = 3;
#define ROW_SUM(LENGTH)                                                                       \
    do {                                                                                      \
        NN_ROW_SUM(float, sum, b, 16, k, LENGTH, x[b] * w[k] + k);                            \
        for (int b = b0; b < b0 + 16; b++) {                                                  \
            float plain = 0;                                                                  \
            for (int k = 0; k < LENGTH; k++)                                                  \
                plain += x[b] * w[k] + (float)k;                                              \
            ck_assert_msg(sum[b - b0] == plain, "%d terms, row %d", LENGTH, b);               \
        }                                                                                     \
    } while (0)
    ROW_SUM(0);
    ROW_SUM(1);
    ROW_SUM(6);
    ROW_SUM(7);
}
END_TEST

/* Every width of a dot, folds from just one step to a ragged end. */
START_TEST(dots_of_all_widths)
{
    float a[2][40], b[2][40], sum[1][1];
    for (int k = 0; k < 40; k++) {
        a[1][k] = (float)(k % 7 - 3);
        b[1][k] = (float)(k % 5 + 1);
    }
    const int i0 = 1, j0 = 1;
#define DOT(LENGTH, WIDTH)                                                                    \
    do {                                                                                      \
        float expected = 0;                                                                   \
        for (int k = 0; k < LENGTH; k++)                                                      \
            expected += a[1][k] * b[1][k];                                                    \
        NN_DOT(sum, i, 1, j, 1, , k, LENGTH, WIDTH, a[i][k], b[j][k]);                        \
        ck_assert_msg(sum[0][0] == expected, "%d elements, %d at a time", LENGTH, WIDTH);     \
    } while (0)
    DOT(4, 4); DOT(5, 4); DOT(7, 4); DOT(8, 8); DOT(9, 8); DOT(13, 8); DOT(15, 8); DOT(16, 16); DOT(17, 16); DOT(24, 16); DOT(31, 16);
    DOT(39, 16);
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, core_is_a_product_float);
    tcase_add_test(cases, core_is_a_product_double);
    tcase_add_test(cases, dots_of_all_widths);
    tcase_add_test(cases, row_sums);
}

int main(void) { return run_suite("runtime_core", fill); }
