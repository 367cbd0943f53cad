/* cuda_steps.h: steps on the device, launched in groups ahead of the loop and given to it one by one. */
#ifndef NNGEN_RUNTIME_CUDA_STEPS_H
#define NNGEN_RUNTIME_CUDA_STEPS_H

#include "cuda_device.h"
#include "run.h"

typedef enum NnWork { WORK_TRAIN, WORK_EVALUATE, WORK_PREDICT, WORK_KINDS } NnWork;

/* Room in the card's block that groups take, from `first` on; what they put in line lies in `state` of the card. */
size_t nn_group_bytes(const NnRun *run);
void nn_open_groups(const NnRun *run, NnAddress first, NnAddress state);
void nn_drop_groups(NnRun *run);                              /* what is in line is waited for, and its results forgotten */

/* The results of the step that run->drawn says, in the host's state; launched now, with as many of its successors as come before
 * the loop has something to do in between, or long since. Gives the loss. */
double nn_next_result(NnRun *run, NnWork work, const NnStep *step);

void nn_time_groups(NnRun *run, int64_t batches, int64_t count, double *seconds);

/* cuda_data.c: the data set on the device. */
size_t nn_staged_bytes(const NnRun *run);
bool nn_must_stream(const NnRun *run);                        /* is there an input that only the host can augment? */
size_t nn_streamed_bytes(const NnRun *run, int steps);        /* of the batches of so many steps */
void nn_stage_data(NnRun *run, NnAddress first, int streamed_steps);                  /* 0: the whole set */
int nn_streamed_steps(void);
/* Where the rows of a step come from: fills set_first, set_rows, first, is_shuffled, is_augmented; streams them to place `slot`. */
void nn_draw(NnRun *run, const NnDrawn *drawn, int slot, int buffer, NnDeviceStep *step);

#endif
