#!/bin/sh
# Tests the rules: a clean tree full of near misses must pass; then one planted breach after another must
# be found, at its line, with nothing else.  Prints `ok NAME` or `not ok NAME`, as all scripted tests do.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
failures=0

repeat() {
    awk -v count="$1" -v text="$2" 'BEGIN { while (count--) print text }'
}

plant() {
    mkdir -p "$top/$(dirname "$1")"
    cat >"$top/$1"
}

clean_tree() {
    rm -rf "$top"
    plant base/thing.h <<'END'
/* A thing; it does not call strcpy(a, b), and typedef struct x is but a word here. */
#ifndef BASE_THING_H
#define BASE_THING_H
struct thing {
    int (*time)(void);
};
int thing_count(const struct thing *thing);
#endif
END
    {
        echo '/* Seventy lines are allowed, and a member may be named time. */'
        echo '#include "base/thing.h"'
        echo 'int thing_count(const struct thing *thing)'
        echo '{'
        echo '    char quote = '"'\"'"', brace = '"'{'"';'
        echo '    const char *text = "system( } /* ";'
        repeat 65 '    /* sprintf( */'
        echo '    return thing->time() + quote + brace + text[0];'
        echo '}'
        echo 'const struct thing table = {'
        repeat 80 '    /* not a function */'
        echo '};'
    } | plant base/thing.c
    {
        printf '/* %s */\n' "$(repeat 94 x | tr -d '\n')"
        echo '#include "base/thing.h"'
        echo '#include <cblas.h>'
        repeat 597 '/* six hundred lines are allowed */'
    } | plant models/linalg.c
    {
        echo '/* The engine may include all. */'
        echo '#include "base/thing.h"'
        echo '#include "engine/step.h"'
        echo '#include "models/model.h"'
        echo '#include <uv.h>'
    } | plant engine/run.c
    printf '/* Step. */\n#ifndef ENGINE_STEP_H\n#define ENGINE_STEP_H\n#endif\n' |
        plant engine/step.h
    printf '/* A table. */\n#ifndef MODELS_MODEL_H\n#define MODELS_MODEL_H\n#endif\n' |
        plant models/model.h
    printf '/* All. */\nconst void *const t[] = {&tree_model};\n' | plant models/model_table.c
    printf '/* A tree. */\nint tree_model;\n' | plant models/tree_model.c
    printf '/* Its test. */\n#include "models/model.h"\n#include <cmocka.h>\n' |
        plant tests/unit/models_tree_test.c
    printf '/* The clock. */\nint x = clock_gettime(0, 0);\n' | plant base/clock.c
    printf '/* A target. */\n' | plant tests/fuzz/base_thing_fuzz.c
    echo seed | plant tests/fuzz/corpus/base_thing_fuzz/seed
    printf '#!/bin/sh\n# A script.\nmktemp -d /x.XXXXXX\n' | plant script/x
}

judge() {
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        failures=$((failures + 1))
        printf 'not ok %s\nexpected: %s\nfound: %s\n' "$1" "$2" "$3"
    fi
}

# breach NAME PATH LINE WHAT: standard input, planted at PATH, is found.
breach() {
    clean_tree
    plant "$2"
    judge "$1" "$2:$3: $4" "$("$here/run.sh" "$top" || true)"
}

# line NAME WHAT CODE: one line of code in a stage is found.
line() {
    printf '/* A stage. */\n#include "base/thing.h"\n%s\n' "$3" >"$top.code"
    breach "$1" sinks/planted.c 3 "$2" <"$top.code"
    rm -f "$top.code"
}

clean_tree
judge 'a clean tree' '' "$("$here/run.sh" "$top" || true)"

fences='may not be included here (library fences, ARCHITECTURE.md)'
direction='(engine -> stages -> base)'
line 'a stage includes a stage' "sinks may not include models/model.h $direction" \
    '#include "models/model.h"'
line 'a stage includes the engine' "sinks may not include engine/step.h $direction" \
    '#include "engine/step.h"'
breach 'base includes a stage' base/planted.c 2 "base may not include models/model.h $direction" <<'END'
/* Base. */
#include "models/model.h"
END
breach 'a test includes another folder' tests/unit/sinks_planted_test.c 2 \
    "sinks may not include models/model.h $direction" <<'END'
/* A test has the rights of the folder that it tests. */
#include "models/model.h"
END
line 'an include not from the top' 'includes are written from the top: "folder/thing.h"' \
    '#include "thing.h"'
line 'an include of nothing' 'there is no base/nothing.h' '#include "base/nothing.h"'
line 'an include twice' 'base/thing.h is included twice' '#include "base/thing.h"'
line 'an include by macro' 'an include names its header as it is' '#include THING'

line 'fence of librdkafka' "librdkafka/rdkafka.h $fences" '#include <librdkafka/rdkafka.h>'
line 'fence of its mock' "librdkafka/rdkafka_mock.h $fences" '#include <librdkafka/rdkafka_mock.h>'
line 'fence of libuv' "uv.h $fences" '#include <uv.h>'
line 'fence of BLAS' "cblas.h $fences" '#include <cblas.h>'
line 'fence of simdjson' "simdjson.h $fences" '#include <simdjson.h>'
line 'fence of xxhash' "xxhash.h $fences" '#include <xxhash.h>'
line 'fence of zlib' "zlib.h $fences" '#include <zlib.h>'
line 'fence of cmocka' "cmocka.h $fences" '#include <cmocka.h>'

for name in strcpy strcat sprintf gets strtok rand srand time localtime gmtime alloca system popen atoi; do
    line "call of $name" "$name() is banned" "int x = $name(0);"
done
breach 'chance in a test' tests/unit/sinks_planted_test.c 2 'rand() is banned' <<'END'
/* A test may call strcpy(), but chance must come from a seed. */
int x = rand() + strcpy(a, b);
END
line 'a call after a comment and a string' 'strcpy() is banned' \
    'int x = /* not "this */ f("\"", '"'\"'"') + strcpy (a, b);'
line 'the clock' 'clock_gettime() is for base/clock.c alone: time comes from the records' \
    'int x = clock_gettime(0, 0);'
line 'a typedef of a structure' 'structures are named struct noun, never typedef' \
    'typedef struct planted planted;'
line 'unfinished work' 'unfinished work belongs into an issue, not into the source' "/* TO""DO: all */"
line 'a long line' 'the line has 101 columns, more than 100' "/*$(repeat 97 x | tr -d '\n')*/"

{
    printf '/* Long. */\nint planted(void)\n{\n'
    repeat 69 '    ;'
    echo '}'
} | breach 'a long function' sinks/planted.c 3 'the function has 71 lines, more than 70'
{
    printf '/* Long. */\nstatic int planted(int a,\n                   int b) {\n'
    repeat 69 '    if (a) { b++; }'
    echo '}'
} | breach 'a long function with its brace behind' sinks/planted.c 3 \
    'the function has 71 lines, more than 70'
{
    echo '/* Long. */'
    repeat 600 '/* a line */'
} | breach 'a long file' sinks/planted.c 601 'the file has 601 lines, more than 600'

silent='the file does not begin with a comment that says what it is'
echo 'int planted;' | breach 'a source without comment' sinks/planted.c 1 "$silent"
printf '#!/bin/sh\necho\n' | breach 'a script without comment' script/planted 1 "$silent"
printf '/* H. */\n#ifndef PLANTED_H\n#define PLANTED_H\n#endif\n#include "base/thing.h"\n' |
    breach 'a wrong header guard' base/thing.h 1 'the header has no guard named BASE_THING_H'
printf '/* H. */\n#ifndef SINKS_PLANTED_H\n#define SINKS_PLANTED_H\n#endif\n' |
    breach 'a header that nobody includes' sinks/planted.h 1 \
        'nobody but its own implementation includes this header'
printf '/* M. */\nint planted_model;\n' | breach 'a variant without a row' models/planted_model.c 1 \
    'models/model_table.c has no row planted_model'
named='a test is named FOLDER_..._test.c (_fuzz.c, _bench.c); this one is never built'
echo '/* T. */' | breach 'a test of no folder' tests/unit/planted_test.c 1 "$named"
echo '/* T. */' | breach 'a test that is not called so' tests/unit/base_planted.c 1 "$named"
echo '/* F. */' | breach 'a fuzz target without seeds' tests/fuzz/base_planted_fuzz.c 1 \
    'there are no seeds in tests/fuzz/corpus/base_planted_fuzz'

[ $failures = 0 ]
