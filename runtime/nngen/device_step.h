/* device_step.h: what a kernel may need to know of the step it runs in; read by both compilers, the host's and NVRTC, so it
 * includes nothing. The host writes as many of these ahead as it launches steps at once, and kernels get the address of theirs:
 * thus rates and schedules are computed by the same code as for C, and a captured graph never changes.
 *
 * Row r of the batch is  staged row set_first + p(first + r),  p being nn_permute over set_rows by (seed, epoch) where
 * is_shuffled, else the identity; rows from `rows` on repeat row 0. */
#ifndef NNGEN_DEVICE_STEP_H
#define NNGEN_DEVICE_STEP_H

typedef struct NnDeviceStep {
    unsigned long long seed, epoch;
    long long t;                        /* number of the step, from 1 */
    long long first;                    /* where the batch begins in its set, in the epoch's order */
    long long set_first, set_rows;      /* where the set lies among the staged rows */
    double lr, swept;
    int rows;                           /* valid rows of the batch */
    int is_shuffled;
    int is_augmented;                   /* drawn for training: the kernel that gathers moves and mirrors what `augment` names */
} NnDeviceStep;

#endif
