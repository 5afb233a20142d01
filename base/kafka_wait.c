/* Pauses and log lines of a wait; see kafka_wait.h. */
#include "base/kafka_wait.h"
#include "base/clock.h"
#include "base/log.h"
#include <unistd.h>

static const uint64_t millisecond_ns = 1000000, second_ns = 1000000000;
enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 2000, SILENCE_FIRST_S = 3, SILENCE_MOST_S = 60 };

void kafka_wait_begin(struct kafka_wait *wait, int64_t most_ms)
{
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    *wait = (struct kafka_wait){
        .most_ms = most_ms == 0 ? KAFKA_WAIT_STANDARD_MS : most_ms,
        .begun_ns = now_ns,
        .silence_ns = SILENCE_FIRST_S * second_ns,
        .pause_ns = PAUSE_FIRST_MS * millisecond_ns,
    };
}

static uint64_t waited_ns(const struct kafka_wait *wait)
{
    return clock_monotonic_ns(&system_clock) - wait->begun_ns;
}

/* A hiccup is no news; a long outage is told once a minute. */
static void say(struct kafka_wait *wait, const struct failure *failure)
{
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    if (wait->said_ns == 0) /* the first failure; what came before may have been another wait */
        wait->said_ns = now_ns;
    if (now_ns - wait->said_ns < wait->silence_ns)
        return;
    wait->said_ns = now_ns;
    wait->silence_ns *= 2;
    if (wait->silence_ns > SILENCE_MOST_S * second_ns)
        wait->silence_ns = SILENCE_MOST_S * second_ns;
    log_warning("kafka", "%s; %s waited_s=%llu", failure->text,
                wait->said ? "still waiting"
                : wait->most_ms < 0
                    ? "waiting until it works, or a signal ends it (--wait limits it)"
                    : "waiting",
                (unsigned long long)(waited_ns(wait) / second_ns));
    wait->said = true;
}

bool kafka_wait_on(struct kafka_wait *wait, struct failure *failure)
{
    if (wait->most_ms >= 0 && waited_ns(wait) >= (uint64_t)wait->most_ms * millisecond_ns) {
        failure->status = STATUS_STOP;
        return false;
    }
    say(wait, failure);
    usleep((useconds_t)(wait->pause_ns / 1000));
    wait->pause_ns += wait->pause_ns / 2;
    if (wait->pause_ns > PAUSE_MOST_MS * millisecond_ns)
        wait->pause_ns = PAUSE_MOST_MS * millisecond_ns;
    return true;
}

void kafka_wait_end(struct kafka_wait *wait)
{
    if (wait->said)
        log_info("kafka", "the brokers answer again waited_s=%llu",
                 (unsigned long long)(waited_ns(wait) / second_ns));
    wait->said = false;
}
