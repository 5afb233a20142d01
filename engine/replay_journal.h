/* `weir replay --journal`: a node that follows the journal to its end and compares everything that
 * it states. */
#ifndef ENGINE_REPLAY_JOURNAL_H
#define ENGINE_REPLAY_JOURNAL_H

#include "engine/config.h"

struct replay_journal_setting {
    struct config *config;
    const char *kafka; /* brokers in place of the configured ones; NULL: those */
    const char *state; /* directory whose newest snapshot it begins at; NULL: the journal's begin */
    const char *scores, *features; /* CSV files to write, as of a replay of files; NULL: none */
    bool json;
};

/* Runs and prints its report; returns the command's exit code. */
int replay_journal(const struct replay_journal_setting *setting);

#endif
