/* The drift detectors there are: one row each. */
#include "monitor/detector.h"
#include <string.h>

const char *const direction_choices[] = {"both", "up", "down", NULL};

extern const struct detector_kind adwin_detector, page_hinkley_detector;

const struct detector_kind *const detector_table[] = {
    &adwin_detector,
    &page_hinkley_detector,
    NULL,
};

const struct detector_kind *detector_find(const char *name)
{
    for (const struct detector_kind *const *kind = detector_table; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
