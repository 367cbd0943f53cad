/* failure.h: how the runtime says no.
 *
 * Every failure is one call that prints what, where, why and what to do on standard error and ends the process; there are no
 * error codes to thread through the readers. What must not be left behind (a temporary file) is removed before the call. */
#ifndef NNGEN_RUNTIME_FAILURE_H
#define NNGEN_RUNTIME_FAILURE_H

typedef enum NnStatus {
    NN_DONE = 0,
    NN_WRONG_INPUT = 1,                 /* the model, its data or a file that was named is wrong; training diverged */
    NN_WRONG_CALL = 2,                  /* the flags are wrong */
    NN_MACHINE_LACKS = 3,               /* memory, disk, a file that cannot be written */
    NN_OUR_FAULT = 70,
    NN_INTERRUPTED = 130,
} NnStatus;

/* Prints "PLACE: message". place is a file's name; NULL: the program's. Strings of the user that go into the message pass
 * through nn_quoted; place is escaped here. */
_Noreturn void nn_fail(NnStatus status, const char *place, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What was printed has arrived, or the program ends (3): a full disk, a closed pipe. */
void nn_flush_output(void);

/* 'text' with control characters escaped, long text cut: for messages. Good until the eighth call after it. */
const char *nn_quoted(const char *text);

/* The name that messages start with; nn_start takes it from argv[0]. */
extern const char *nn_program_name;

#endif
