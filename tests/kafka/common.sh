# What the tests against a real Kafka share; read by run.sh and faults.sh from the repository's top.
# Sets weir, reader, port, brokers, work, and leaves nothing behind.
# shellcheck shell=bash disable=SC2034
weir=${WEIR:-build/release/weir}
reader=$(dirname "$weir")/tests/kafka_reader
port=${KAFKA_TEST_PORT:-19292}
brokers=127.0.0.1:$port
deadline_s=180
passed=0 failed=0
started_broker=no
work=$(mktemp -d)
declare -A pid_of=() # process by name
mounted=''

finish() {
    local name
    for name in "${!pid_of[@]}"; do
        kill -CONT "${pid_of[$name]}" 2>/dev/null
        kill -KILL "${pid_of[$name]}" 2>/dev/null
    done
    wait 2>/dev/null
    [[ -z $mounted ]] || umount "$mounted" 2>/dev/null
    [[ $started_broker == no ]] || script/kafka erase "$port" 2>/dev/null
    if [[ -n ${KAFKA_TEST_LOGS:-} ]]; then
        mkdir -p "$KAFKA_TEST_LOGS" && cp "$work"/*.log "$work"/*.json "$KAFKA_TEST_LOGS" 2>/dev/null
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

say() {
    echo "    $*"
}

# The end of what was written last.
show_logs() {
    local log
    while read -r log; do
        say "${log##*/}:"
        tail -n 200 "$log" | cut -c1-200 | uniq -s 25 | tail -n 5 | sed 's/^/      /'
    done < <(ls -t "$work"/*.log 2>/dev/null | head -n 3)
}

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        show_logs
        echo "not ok $name"
    fi
}

summary() {
    echo "$passed passed, $failed failed"
    ((failed == 0))
}

# A broker of its own, unless one runs on the port already, and topics.
open_broker() { # NAME:PARTITIONS...
    if ! script/kafka status "$port" 2>/dev/null; then
        script/kafka erase "$port" 2>/dev/null
        script/kafka start "$port" || exit 1
        started_broker=yes
    fi
    script/kafka topics "$port" "$@" >"$work/topics" || exit 1
}

find_reader() {
    [[ ! -x $reader ]] || return 0
    reader=$work/kafka_reader
    cc -std=gnu17 -D_GNU_SOURCE -O2 -o "$reader" tests/kafka/reader.c -lrdkafka || exit 1
}

# One figure of a topic: records, distinct, duplicates, without_id, digest.
figure() { # TOPIC FIGURE
    "$reader" "$brokers" "$1" --committed 2>>"$work/reader.log" |
        sed -n "s/.*\"$2\":\"\{0,1\}\([0-9a-f]*\).*/\1/p"
}

# One member of a report, by its path: state_hash, journal.sequence.
member() { # FILE PATH
    python3 -c 'import functools, json, sys
print(functools.reduce(lambda tree, name: tree[name], sys.argv[2].split("."), json.load(open(sys.argv[1]))))' \
        "$1" "$2" 2>>"$work/member.log"
}

# Until a command is true.
wait_until() { # WHAT COMMAND...
    local what=$1 until=$((SECONDS + deadline_s))
    shift
    while ((SECONDS < until)); do
        "$@" && return 0
        sleep 0.1
    done
    say "$what: not after $deadline_s s"
    return 1
}

runs() { # NAME
    [[ -n ${pid_of[$1]:-} ]] && kill -0 "${pid_of[$1]}" 2>/dev/null
}

# Waits for a process; its exit code.
reap() { # NAME
    local status=0
    wait "${pid_of[$1]}" 2>/dev/null || status=$?
    unset "pid_of[$1]"
    return $status
}

# An orderly end; its exit code.
end_orderly() { # NAME
    local until=$((SECONDS + deadline_s))
    runs "$1" || say "$1 has ended by itself"
    kill -TERM "${pid_of[$1]}" 2>/dev/null
    while runs "$1" && ((SECONDS < until)); do
        sleep 0.02
    done
    if runs "$1"; then
        say "$1 did not end within $deadline_s s"
        kill -KILL "${pid_of[$1]}"
    fi
    reap "$1"
}

end_by_kill() { # NAME
    kill -KILL "${pid_of[$1]}"
    reap "$1"
    return 0
}
