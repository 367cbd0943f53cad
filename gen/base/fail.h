/* fail.h: how nngen says no, and where.
 *
 * Every failure says what, where, why and what to do, on standard error, and ends the process with the status that the
 * command line promises. There are no error codes to thread through the passes: what needs undoing (a temporary output file)
 * registers itself with atexit. A message may have further lines after the first newline; they are printed indented below the
 * offending line of the model, and the last of them is the remedy:
 *
 *   mnist.lua:12: error: matmul: the inner sizes differ, 100 and 784
 *      12 | local logits = net(image)
 *     left   (100)       made at mnist.lua:9
 *     right  (784, 10)   made at mnist.lua:7
 *     swap the operands, or transpose the left one
 *
 * User strings go through `quoted` (text.h) before they are printed: escape sequences never reach the terminal. */
#ifndef NNGEN_BASE_FAIL_H
#define NNGEN_BASE_FAIL_H

enum { STATUS_DONE = 0, STATUS_MODEL = 1, STATUS_CALL = 2, STATUS_MACHINE = 3, STATUS_BUG = 70 };

typedef struct Place {
    const char *file;                   /* as the user named it; NULL: no place */
    int line;                           /* from 1; 0: the file as a whole */
} Place;

_Noreturn void fail_at(Place place, const char *format, ...) __attribute__((format(printf, 2, 3)));      /* the model is wrong: 1 */
_Noreturn void fail_call(const char *format, ...) __attribute__((format(printf, 1, 2)));                 /* the call is wrong: 2 */
_Noreturn void fail_machine(const char *format, ...) __attribute__((format(printf, 1, 2)));              /* something lacks: 3 */
_Noreturn void bug_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void warn_at(Place place, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)                                                 /* we are wrong: 70 */

#endif
