# The table of results.

# calc EXPRESSION FORMAT
calc() { awk "BEGIN { printf \"$2\", $1 }"; }

# row NAME UNIT ORIGINAL OURS AIM (a ratio ours/original, with < or >)
row() {
    local ratio
    ratio=$(calc "$4 / ($3 == 0 ? 1 : $3)" %.2f)
    rows+=("| $1 | $3 $2 | $4 $2 | $ratio | $5 |")
    printf '%-52s original %8s  ours %8s %-10s ratio %5s  (aim %s)\n' "$1" "$3" "$4" "$2" "$ratio" "$5"
}

# own_row NAME VALUE UNIT AIM
own_row() {
    rows+=("| $1 | | $2 $3 | | $4 |")
    printf '%-52s ours %8s %-10s (aim %s)\n' "$1" "$2" "$3" "$4"
}

# pair NAME UNIT AIM MEASURE: the original, then ours.
pair() {
    "$4" "$original_sipp"
    theirs=$cost
    "$4" "$bin/sipp"
    row "$1" "$2" "$theirs" "$cost" "$3"
}

# complain TEXT: a measurement that is not worth its number.
complain() { echo "bench: $*" >&2; failures=$((failures + 1)); }

write_report() {
    {
        echo
        echo "## $(date +%Y-%m-%d)"
        echo
        echo "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) cores," \
            "$(awk '/^MemTotal/ { printf "%d", $2 / 1048576 }' /proc/meminfo) GiB, Linux $(uname -r);" \
            "commit $(git -C "$top" rev-parse --short HEAD); load average at the end $(cut -d' ' -f1 /proc/loadavg)."
        echo
        echo "| Work | Original | Ours | Ratio | Aim of the ratio |"
        echo "|---|---|---|---|---|"
        printf '%s\n' "${rows[@]}"
    } >>"$top/docs/performance.md"
}
