/* A wall clock that an administrator or NTP sets an hour forward, back, and an hour back, again and
 * again; preloaded into a replay, which must not notice.  Monotonic time goes on as it does. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static const long jump_s[] = {0, 3600, 0, -3600};
    static unsigned asked;
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += jump_s[__atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED) % 4];
    return result;
}
