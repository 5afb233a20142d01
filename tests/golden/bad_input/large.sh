# The records of bad_input that are too large for the repository, by name; read by check.sh.

repeat() { # COUNT CHARACTER
    head -c "$1" /dev/zero | tr '\0' "$2"
}

# The begin of a record that is good up to here.
large_open() { # NAME
    printf '{"id":"%s","time":1709287200,"card":"card of %s","amount":25,"x":' "$1" "$1"
}

# A record of exactly so many bytes.
large_padded() { # NAME SIZE
    local open
    open=$(large_open "$1")
    printf '%s"' "$open"
    repeat $(($2 - ${#open} - 3)) x
    printf '"}'
}

large_members() { # NAME COUNT
    large_open "$1"
    awk -v count="$2" 'BEGIN { printf "0"; for (i = 1; i <= count; i++) printf ",\"k%d\":1", i }'
    printf '}'
}

large() { # NAME
    case $1 in
    brackets_open) large_open "$1" && repeat 250000 '[' ;;
    brackets_closed) large_open "$1" && repeat 125000 '[' && repeat 125000 ']' && printf '}' ;;
    objects_nested) large_open "$1" && awk 'BEGIN { for (i = 0; i < 40000; i++) printf "{\"x\":" }' ;;
    brackets_million) repeat 1000000 '[' ;;
    payload_at_limit) large_padded "$1" 262144 ;;
    payload_above_limit) large_padded "$1" 262145 ;;
    string_10_megabytes) large_padded "$1" 10000000 ;;
    string_250_kilobytes) large_padded "$1" 250000 ;;
    keys_100_thousand) large_members "$1" 100000 ;;
    keys_20_thousand) large_members "$1" 20000 ;;
    *) return 1 ;;
    esac
}
