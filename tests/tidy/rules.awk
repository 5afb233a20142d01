# The rules of the house, as far as a machine can see them.  Reads all sources of the repository, named
# from its top, and prints FILE:LINE: WHAT for each breach; exits 1 if there was one.  Plain awk, because a
# minimal machine has no more.

BEGIN {
    function_lines_max = 70
    file_lines_max = 600
    columns_max = 100
    folders = "base ingest features models decisions monitor sinks engine"
    count = split(folders, names, " ")
    for (i = 1; i <= count; i++)
        is_folder[names[i]] = 1

    # Fences: a header, and the paths that may include it.
    fence("rdkafka(_mock)?[.]h", "^(base/kafka[^/]*|ingest/kafka_source[.]c|sinks/kafka_[^/]*|" \
          "engine/broker[.]c|tests/kafka/.*|tests/(unit|property)/[a-z]+_kafka[^/]*)$")
    fence("uv[.]h", "^(engine/|tests/[a-z]+/engine_)")
    fence("(cblas|lapacke|openblas_config)[.]h", "^models/linalg[.]c$")
    fence("simdjson[.]h", "^ingest/json_decoder[.]cc$")
    fence("re2/[a-z0-9]+[.]h", "^base/pattern[.]cc$")
    fence("xxhash[.]h", "^base/")
    fence("zlib[.]h", "^(ingest/|tests/)")
    fence("cmocka[.]h", "^tests/")

    # Calls that are unsafe, or that let the clock, chance or the locale into the fold.
    banned = "strcpy strcat sprintf vsprintf gets strtok rand srand random srandom drand48 time clock " \
             "localtime gmtime localtime_r gmtime_r mktime ctime asctime alloca system popen atoi atol atof"
    count = split(banned, names, " ")
    for (i = 1; i <= count; i++)
        is_banned[names[i]] = 1
    # Tests may take libc as their oracle and run programs; but they too must do the same every time.
    count = split("gets rand srand random srandom drand48 time", names, " ")
    for (i = 1; i <= count; i++)
        is_banned_in_tests[names[i]] = 1
    # What only the seams may call (base/clock.c is the clock).
    is_clock["clock_gettime"] = is_clock["gettimeofday"] = is_clock["timespec_get"] = 1

    # Written apart, so that this file does not find itself.
    unfinished = "(^|[^A-Za-z0-9_])(TO" "DO|FIX" "ME|XX" "X)([^A-Za-z0-9_]|$)"
}

FNR == 1 {
    end_file()
    begin_file()
}

{
    lines = FNR
    if (is_code)
        check_code($0)
    else if (FNR <= 2 && $0 ~ /^(#[^!]|#$|<!--|%)/)
        commented = 1
    if ($0 ~ unfinished)
        report(FNR, "unfinished work belongs into an issue, not into the source")
}

END {
    end_file()
    check_headers()
    check_variants()
    exit breaches > 0
}

function report(line, what)
{
    printf "%s:%d: %s\n", path, line, what
    breaches++
}

function fence(header, allowed)
{
    fence_header[++fence_count] = "^(.*/)?" header "$"
    fence_allowed[fence_count] = allowed
}

function begin_file()
{
    path = FILENAME
    sub(/^[.]\//, "", path)
    is_file[path] = 1
    is_code = path ~ /[.](c|h|cc)$/
    is_script = path ~ /[.](sh|awk|cmake)$/ || path ~ /(^|\/)(script\/[^\/]+|[.]ci\/run|CMakeLists[.]txt)$/
    is_test = path ~ /^tests\//
    folder = path
    sub(/\/.*/, "", folder)
    if (is_test)
        begin_test()
    lines = depth = commented = in_comment = in_function = 0
    declaration = ""
    split("", seen)
    guard = toupper(path)
    gsub(/[\/.]/, "_", guard)
    guarded = 0
}

# A test has the rights of the folder that its name begins with; without such a name it is not built.
function begin_test(    name)
{
    folder = "engine"
    if (!is_code || path !~ /^tests\/(unit|property|fuzz|bench)\//)
        return
    name = path
    sub(/.*\//, "", name)
    if (path ~ /[.]h$/ || name == "fuzz_main.c")
        return
    folder = name
    sub(/_.*/, "", folder)
    if (!(folder in is_folder) ||
        !(path ~ /^tests\/(unit|property)\/.*_test[.]c$/ || path ~ /^tests\/(fuzz\/.*_fuzz|bench\/.*_bench)[.]c$/)) {
        FNR = 1
        report(1, "a test is named FOLDER_..._test.c (_fuzz.c, _bench.c); this one is never built")
        folder = "engine"
    }
}

function end_file()
{
    if (!path)
        return
    if ((is_code || is_script) && !commented)
        report(1, "the file does not begin with a comment that says what it is")
    if (is_code && lines > file_lines_max)
        report(lines, "the file has " lines " lines, more than " file_lines_max)
    if (path ~ /[.]h$/ && guarded < 2)
        report(1, "the header has no guard named " guard)
}

function check_code(line,    code)
{
    if (FNR == 1 && line ~ /^(\/\*|\/\/)/)
        commented = 1
    if (length(line) > columns_max)
        report(FNR, "the line has " length(line) " columns, more than " columns_max)
    if (!in_comment && line ~ /^[ \t]*#/)
        check_directive(line)
    code = strip(line)
    check_calls(code)
    if (code ~ /(^|[^A-Za-z0-9_])typedef[ \t]+(struct|union|enum)([^A-Za-z0-9_]|$)/)
        report(FNR, "structures are named struct noun, never typedef")
    measure_functions(code)
}

function check_directive(line,    name)
{
    if (line ~ "^#ifndef " guard "$" || (guarded == 1 && line ~ "^#define " guard "$"))
        guarded++
    if (line !~ /^[ \t]*#[ \t]*include/)
        return
    name = line
    if (!sub(/^[ \t]*#[ \t]*include[ \t]*["<]/, "", name)) {
        report(FNR, "an include names its header as it is")
        return
    }
    sub(/[">].*/, "", name)
    if (name in seen)
        report(FNR, name " is included twice")
    seen[name] = 1
    check_fences(name)
    if (line ~ /"/)
        check_include(name)
}

function check_fences(name,    i)
{
    for (i = 1; i <= fence_count; i++)
        if (name ~ fence_header[i] && path !~ fence_allowed[i])
            report(FNR, name " may not be included here (library fences, ARCHITECTURE.md)")
}

function check_include(name,    from)
{
    from = name
    sub(/\/.*/, "", from)
    if (name !~ /\//) {
        report(FNR, "includes are written from the top: \"folder/" name "\"")
        return
    }
    remember_include(name)
    if (from == "tests" && is_test)
        return
    if (from != "base" && from != folder && !(folder == "engine" && from in is_folder))
        report(FNR, folder " may not include " name " (engine -> stages -> base)")
}

# Who includes a header: its own implementation does not count.
function remember_include(name,    own)
{
    include_path[++include_count] = path
    include_line[include_count] = FNR
    include_name[include_count] = name
    own = path
    sub(/[.](c|cc)$/, ".h", own)
    if (own != name)
        used[name] = 1
}

# The line without comments and without what strings contain.
function strip(line,    result, i, size, character, quote)
{
    if (!in_comment && line !~ /["'\/]/)
        return line
    size = length(line)
    for (i = 1; i <= size; i++) {
        character = substr(line, i, 1)
        if (in_comment) {
            if (character == "*" && substr(line, i + 1, 1) == "/") {
                in_comment = 0
                i++
            }
        } else if (quote) {
            if (character == "\\")
                i++
            else if (character == quote) {
                quote = ""
                result = result character
            }
        } else if (character == "/" && substr(line, i + 1, 1) == "*") {
            in_comment = 1
            i++
        } else if (character == "/" && substr(line, i + 1, 1) == "/") {
            break
        } else {
            if (character == "\"" || (character == "'" && substr(line, i - 1, 1) !~ /[0-9]/))
                quote = character
            result = result character
        }
    }
    return result
}

function check_calls(code,    rest, name, before)
{
    rest = code
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        name = substr(rest, RSTART, RLENGTH - 1)
        sub(/[ \t]+$/, "", name)
        before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : ""
        rest = substr(rest, RSTART + RLENGTH)
        if (before == "." || before == ">")
            continue # a member
        if (is_test ? name in is_banned_in_tests : name in is_banned)
            report(FNR, name "() is banned")
        if (name in is_clock && path != "base/clock.c" && !is_test)
            report(FNR, name "() is for base/clock.c alone: time comes from the records")
    }
}

# A function is what opens a brace outside of all braces after a closing parenthesis.
function measure_functions(code,    i, size, character)
{
    if (code ~ /^[ \t]*#/ || code ~ /^extern "" *\{/ || code ~ /^namespace/)
        return
    if (depth == 0 && code !~ /[{}]/) {
        declaration = code ~ /;[ \t]*$/ ? "" : declaration " " code
        return
    }
    size = length(code)
    for (i = 1; i <= size; i++) {
        character = substr(code, i, 1)
        if (character == "{") {
            if (depth++ == 0) {
                in_function = declaration ~ /\)[ \t]*(noexcept|const)?[ \t]*$/
                function_line = FNR
            }
        } else if (character == "}") {
            if (depth > 0 && --depth == 0) {
                end_function()
                declaration = ""
            }
        } else if (depth == 0) {
            declaration = character == ";" ? "" : declaration character
        }
    }
}

function end_function(    size)
{
    size = FNR - function_line + 1
    if (in_function && size > function_lines_max)
        report(function_line, "the function has " size " lines, more than " function_lines_max)
    in_function = 0
}

function check_headers(    i, file)
{
    for (i = 1; i <= include_count; i++)
        if (!(include_name[i] in is_file)) {
            path = include_path[i]
            report(include_line[i], "there is no " include_name[i])
        }
    for (file in is_file)
        if (file ~ /[.]h$/ && !(file in used)) {
            path = file
            report(1, "nobody but its own implementation includes this header")
        }
}

# A variant is one file and one row: x_kind.c beside kind_table.c is named there as x_kind.
function check_variants(    file, kind, table, name, line, found)
{
    for (file in is_file) {
        if (file !~ /^[a-z]+\/[a-z0-9_]+_[a-z]+[.](c|cc)$/)
            continue
        name = file
        sub(/[.](c|cc)$/, "", name)
        kind = name
        sub(/.*_/, "", kind)
        table = file
        sub(/\/.*/, "/" kind "_table.c", table)
        if (kind == "table" || !(table in is_file))
            continue
        sub(/.*\//, "", name)
        found = 0
        while ((getline line < table) > 0)
            if (line ~ "(^|[^A-Za-z0-9_])" name "([^A-Za-z0-9_]|$)")
                found = 1
        close(table)
        if (!found) {
            path = file
            report(1, table " has no row " name)
        }
    }
}
