/* Waiting for brokers that are away or topics without a leader: pauses that grow, and a line on the
 * log now and then.  Nobody but the clients' files includes this. */
#ifndef BASE_KAFKA_WAIT_H
#define BASE_KAFKA_WAIT_H

#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>

/* How long, in milliseconds: any negative number means for ever, 0 the standard. */
enum { KAFKA_WAIT_FOR_EVER = -1, KAFKA_WAIT_STANDARD_MS = 30000 };

struct kafka_wait {
    int64_t most_ms;
    uint64_t begun_ns, said_ns, silence_ns, pause_ns;
    bool said;
};

void kafka_wait_begin(struct kafka_wait *wait, int64_t most_ms);

/* After a failure: pauses, and true: the same again.  False: it has lasted too long, and the
 * failure's status is STOP now. */
bool kafka_wait_on(struct kafka_wait *wait, struct failure *failure);

/* After an answer: says so if the log was told that there is none. */
void kafka_wait_end(struct kafka_wait *wait);

#endif
