#!/bin/sh
# Checks all sources against the rules of the house (rules.awk).
#
#   tests/tidy/run.sh [TOP]     default: the repository that this file is in
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"
status=0

find . \( -name .git -o -path ./build -o -name corpus \) -prune -o -type f -size +0 \
    \( -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.sh' -o -name '*.awk' -o -name '*.md' \
    -o -name '*.cmake' -o -name CMakeLists.txt -o -path './script/*' -o -path './.ci/*' \) -print |
    sort | xargs awk -f "$here/rules.awk" || status=1

# A fuzz target without seeds would replay nothing and pass.
for target in tests/fuzz/*_fuzz.c; do
    seeds=tests/fuzz/corpus/$(basename "$target" .c)
    if [ -e "$target" ] && [ -z "$(ls -A "$seeds" 2>/dev/null)" ]; then
        echo "$target:1: there are no seeds in $seeds"
        status=1
    fi
done
exit $status
