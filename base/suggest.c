/* Edit distance with transpositions; see suggest.h. */
#include "base/suggest.h"
#include <string.h>

enum { SUGGEST_LENGTH_MAX = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance, three rows at a time. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[3][SUGGEST_LENGTH_MAX + 1];
    for (size_t j = 0; j <= b_size; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            now[j] = least(least(before[j] + 1, now[j - 1] + 1), before[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return row[a_size % 3][b_size];
}

void suggest_offer(const char *wanted, const char *candidate, const char **best, size_t *distance)
{
    size_t wanted_size = strlen(wanted), size = strlen(candidate);
    if (wanted_size > SUGGEST_LENGTH_MAX || size > SUGGEST_LENGTH_MAX)
        return;
    size_t edits = edit_distance(wanted, wanted_size, candidate, size);
    if (edits > wanted_size / 3 + (wanted_size >= 2))
        return;
    if (*best && edits >= *distance)
        return;
    *best = candidate;
    *distance = edits;
}
