/* Random words against the published answers, the numbers made of them against mathematics, permutations against their
 * definition. */
#include "runtime_child.h"
#include <math.h>
#include <nngen/random.h>

/* kat_vectors of Random123 1.14, rows "philox4x32 10": counter, key, answer. */
START_TEST(philox_known_answers)
{
    static const struct { uint32_t counter[4], key[2], answer[4]; } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        const uint32_t *c = rows[i].counter;
        NnWords words = nn_philox((uint64_t)rows[i].key[1] << 32 | rows[i].key[0], c[0], c[1], c[2], c[3]);
        for (int w = 0; w < 4; w++)
            ck_assert_uint_eq(words.word[w], rows[i].answer[w]);
    }
}
END_TEST

/* 64 elements are 16 counters: four planes, the first word of each counter, then the second … */
START_TEST(words_lie_in_planes)
{
    for (uint64_t e = 0; e < 300; e++) {
        uint32_t block = (uint32_t)(e / 64 * 16 + e % 16);
        ck_assert_uint_eq(nn_random_word(7, 11, 13, e), nn_philox(7, block, 0, 13, 11).word[e / 16 % 4]);
    }
    ck_assert_uint_ne(nn_random_word(7, 11, 13, 5), nn_random_word(7, 11, 13, 5 + ((uint64_t)1 << 34)));
}
END_TEST

/* Many at once are the same numbers, as many as were asked for and no more. */
START_TEST(many_are_those_of_each)
{
    static const int counts[] = {1, 15, 63, 64, 65, 130, 256, 299};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        float drawn[300];
        double wide[300];
        for (int e = 0; e < 300; e++)
            drawn[e] = -1, wide[e] = -1;
        nn_uniformsf((uint64_t)7 << 32 | 3, 11, 13, counts[c], drawn);
        nn_uniforms((uint64_t)7 << 32 | 3, 11, 13, counts[c], wide);
        for (int e = 0; e < 300; e++) {
            double want = e < counts[c] ? nn_uniform((uint64_t)7 << 32 | 3, 11, 13, (uint64_t)e) : -1;
            ck_assert_double_eq(drawn[e], want);
            ck_assert_double_eq(wide[e], want);
        }
    }
}
END_TEST

/* FNV-1a, from its authors' table of test vectors. */
START_TEST(stream_is_fnv1a)
{
    ck_assert_uint_eq(nn_stream(""), 0x811c9dc5);
    ck_assert_uint_eq(nn_stream("a"), 0xe40c292c);
    ck_assert_uint_eq(nn_stream("foobar"), 0xbf9cf968);
}
END_TEST

/* Moments of n draws lie within 5 standard errors; uniforms have 24 bits, so a float holds them. */
START_TEST(uniform_and_normal_have_their_moments)
{
    const int n = 200000;
    int wrong = 0;
    double sum = 0, square = 0, normal = 0, normal2 = 0, normal4 = 0;
    for (int i = 0; i < n; i++) {
        double u = nn_uniform(3, 1, 0, (uint64_t)i), z = nn_normal(3, 2, 0, (uint64_t)i);
        wrong += !(u >= 0 && u < 1 && (double)(float)u == u && isfinite(z));
        sum += u;
        square += u * u;
        normal += z;
        normal2 += z * z;
        normal4 += z * z * z * z;
    }
    ck_assert_int_eq(wrong, 0);
    ck_assert_double_eq_tol(sum / n, 0.5, 5 * sqrt(1 / 12.0 / n));
    ck_assert_double_eq_tol(square / n, 1 / 3.0, 5 * sqrt(4 / 45.0 / n));
    ck_assert_double_eq_tol(normal / n, 0, 5 / sqrt(n));
    ck_assert_double_eq_tol(normal2 / n, 1, 5 * sqrt(2.0 / n));
    ck_assert_double_eq_tol(normal4 / n, 3, 5 * sqrt(96.0 / n));
}
END_TEST

START_TEST(normal_is_box_muller)
{
    double u = 1 - nn_uniform(9, 4, 2, 20), v = nn_uniform(9, 4, 2, 21);
    ck_assert_double_eq_tol(nn_normal(9, 4, 2, 10), sqrt(-2 * log(u)) * cos(2 * acos(-1) * v), 1e-14);
}
END_TEST

START_TEST(permutation_is_a_bijection)
{
    static const int counts[] = {1, 2, 3, 4, 5, 7, 16, 17, 64, 97, 255, 256, 257, 1009, 4096, 4097, 60000, 65536, 65537};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            char *seen = calloc((size_t)counts[c], 1);
            int wrong = 0;
            for (int i = 0; i < counts[c]; i++) {
                uint64_t place = nn_permute((uint64_t)i, (uint64_t)counts[c], seed, seed + 5);
                wrong += place >= (uint64_t)counts[c] || seen[place]++;
            }
            ck_assert_msg(wrong == 0, "%d elements, seed %d: %d outside or twice", counts[c], (int)seed, wrong);
            free(seen);
        }
}
END_TEST

START_TEST(permutation_of_large_counts_stays_inside)
{
    const uint64_t count = ((uint64_t)1 << 40) + 12345;
    uint64_t last = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t place = nn_permute(i, count, 1, 2);
        ck_assert_uint_lt(place, count);
        ck_assert_uint_ne(place, last);
        last = place;
    }
    ck_assert_uint_lt(nn_permute(UINT64_MAX - 1, UINT64_MAX, 1, 2), UINT64_MAX);
}
END_TEST

/* Every element comes to every place equally often over epochs, and over seeds: chi-squared with n - 1 degrees of freedom,
 * within 5 of its standard deviations above its mean. */
START_TEST(permutation_is_uniform)
{
    static const int counts[] = {2, 3, 5, 10, 97};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int over_seeds = 0; over_seeds < 2; over_seeds++)
            for (int element = 0; element < 2; element++) {
                int n = counts[c], trials = 400 * n, *hits = calloc((size_t)n, sizeof *hits);
                for (int t = 0; t < trials; t++)
                    hits[nn_permute((uint64_t)element, (uint64_t)n, over_seeds ? (uint64_t)t : 1, over_seeds ? 0 : (uint64_t)t)]++;
                double chi = 0;
                for (int i = 0; i < n; i++)
                    chi += (hits[i] - 400.0) * (hits[i] - 400.0) / 400.0;
                ck_assert_double_lt(chi, n - 1 + 5 * sqrt(2.0 * (n - 1)) + 10);
                free(hits);
            }
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, philox_known_answers);
    tcase_add_test(cases, words_lie_in_planes);
    tcase_add_test(cases, many_are_those_of_each);
    tcase_add_test(cases, stream_is_fnv1a);
    tcase_add_test(cases, uniform_and_normal_have_their_moments);
    tcase_add_test(cases, normal_is_box_muller);
    tcase_add_test(cases, permutation_is_a_bijection);
    tcase_add_test(cases, permutation_of_large_counts_stays_inside);
    tcase_add_test(cases, permutation_is_uniform);
}

int main(void) { return run_suite("runtime_random", fill); }
