/* Models, detectors and metrics; see migrate.h. */
#include "engine/migrate_parts.h"
#include <string.h>

void migrate_models(const struct migration_work *work)
{
    static const char *const why[] = {
        [MODEL_KEPT] = "",
        [MODEL_NEW] = "new",
        [MODEL_OTHER_KIND] = "its kind has changed",
        [MODEL_OTHER_OPTIONS] = "its options have changed",
        [MODEL_OTHER_FEATURES] = "its features have changed",
        [MODEL_OTHER_CLASSES] = "the classes of the labels have changed",
        [MODEL_OTHER_KEYS] = "the key that identifiers are hashed with has changed",
        [MODEL_OTHER_SCORES] = "a model whose score it sees begins anew",
        [MODEL_OTHER_ORDER] = "the order of its features has changed",
    };
    const struct pipeline *to = work->to, *from = work->from;
    bool taken[MODELS_MAX] = {false};
    for (uint32_t i = 0; i < to->config->model_count; i++) {
        uint32_t source;
        enum model_fate fate = models_fate(&work->to_models, &work->from_models, i, &source);
        if (source != UINT32_MAX)
            taken[source] = true;
        if (fate == MODEL_KEPT && work->moves)
            models_move(to->models, &work->to->state, i, from->models, &from->state, source);
        migration_add(work, fate == MODEL_KEPT ? MIGRATION_KEPT : MIGRATION_ANEW, "model",
                      to->config->model[i].name, "%s", why[fate]);
    }
    for (uint32_t i = 0; i < from->config->model_count; i++)
        if (!taken[i])
            migration_add(work, MIGRATION_GONE, "model", from->config->model[i].name, "%s", "");
}

static bool has_detector(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->detector_count; i++)
        if (strcmp(config->detector[i].name, name) == 0)
            return true;
    return false;
}

void migrate_monitor(const struct migration_work *work)
{
    static const char *const why[] = {
        [DETECTOR_KEPT] = "",
        [DETECTOR_NEW] = "new",
        [DETECTOR_OTHER_KIND] = "its kind has changed",
        [DETECTOR_OTHER_SUBJECT] = "what it watches has changed",
        [DETECTOR_OTHER_OPTIONS] = "its options have changed",
    };
    const struct pipeline *to = work->to, *from = work->from;
    if (work->moves)
        monitor_move(to->monitor, &work->to->state, from->monitor, &from->state);
    for (uint32_t i = 0; i < to->config->detector_count; i++) {
        enum detector_fate fate = monitor_fate(to->monitor, i, from->monitor);
        migration_add(work, fate == DETECTOR_KEPT ? MIGRATION_KEPT : MIGRATION_ANEW, "detector",
                      to->config->detector[i].name, "%s", why[fate]);
    }
    for (uint32_t i = 0; i < from->config->detector_count; i++)
        if (!has_detector(to->config, from->config->detector[i].name))
            migration_add(work, MIGRATION_GONE, "detector", from->config->detector[i].name, "%s",
                          "");
}
