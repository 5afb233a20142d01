/* Assertions for our own faults.  They stay on in release: a wrong state must not decide anything.
 * The world's faults (bad input, a lost broker, a full disk) never come here; see status.h. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

/* Prints what was expected and where, then aborts. */
_Noreturn void assert_failed(const char *condition, const char *file, int line);

#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

#endif
