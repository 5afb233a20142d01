/* All commands, in the order of `weir help`. */
#include "engine/command.h"
#include <stddef.h>

extern const struct command command_run, command_replay, command_simulate, command_train,
    command_lint, command_explain, command_list, command_snapshot, command_tail, command_version;

const struct command *const command_table[] = {
    &command_run,
    &command_replay,
    &command_simulate,
    &command_train,
    &command_lint,
    &command_explain,
    &command_list,
    &command_snapshot,
    &command_tail,
    &command_version,
    NULL,
};
