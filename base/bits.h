/* Which machines compute the same bits.  A digest of what this one makes of some products, roots,
 * exponentials and logarithms: the functions that the fold calls, over arguments that tell
 * libraries and processors apart.  It is kept in snapshots and journal entries; where it differs,
 * hashes of states and outputs are not compared, and that is said aloud. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdint.h>

uint64_t bits_digest(void);

#endif
