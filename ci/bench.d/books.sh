# What the programs have counted: the statistics of each sipp in a folder of its own, the proxy's by its answer.

declare -A proxy_books

# counting_sipp NAME SCENARIO PORT OPTIONS...: one sipp in a folder of its own, where its statistics are.
counting_sipp() {
    mkdir "$1" && cd "$1" || exit 1
    start ../"$1" "$bin/sipp" -sf "$top/$2" -i 127.0.0.1 -p "$3" -nostdin -trace_stat -stf stat.csv -trace_counts -fd 1 "${@:4}"
    cd "$work" || exit 1
}

# The request for the proxy's books.
write_ask() {
    printf '%s\r\n' 'OPTIONS sip:books@127.0.0.1 SIP/2.0' 'Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKbooks' \
        'From: <sip:soak@127.0.0.1>;tag=s' 'To: <sip:books@127.0.0.1>' 'Call-ID: books' 'CSeq: 1 OPTIONS' 'Content-Length: 0' '' >ask
}

# Reads the proxy's counters into proxy_books; an answer may be lost like any datagram.
read_proxy_books() {
    local ask answer='' name value
    for _ in 1 2 3; do
        exec {ask}<>"/dev/udp/127.0.0.1/$proxy_port"
        cat ask >&"$ask"
        answer=$(timeout 3 dd bs=65535 count=1 status=none <&"$ask" | tr -d '\r' | sed -n 's/^X-Books: //p')
        exec {ask}>&-
        [ -n "$answer" ] && break
    done
    # shellcheck disable=SC2086 # split into words
    set -- $answer
    while [ $# -gt 1 ]; do proxy_books[$1]=$2; shift 2; done
}

# sipp_sent MESSAGE: how often all sipps have sent it, repetitions included.
sipp_sent() {
    local file
    for file in */*_counts.csv; do
        paste -d' ' <(head -n 1 "$file" | tr ';' '\n') <(tail -n 1 "$file" | tr ';' '\n')
    done | awk -v message="$1" '$1 ~ "^[0-9]+_" message "_(Sent|Retrans)$" { sum += $2 } END { print sum + 0 }'
}

# calls_of COLUMN NAMES...: a column of the statistics of some sipps, summed.
calls_of() {
    local sum=0 name wanted=$1
    shift
    for name in "$@"; do
        header=$(head -n 1 "$name/stat.csv") last=$(tail -n 1 "$name/stat.csv")
        sum=$((sum + $(column "$wanted")))
    done
    echo "$sum"
}
