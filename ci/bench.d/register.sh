# Rows of the registrar.

# register_at RATE SCENARIO COMMAND...: registrations of so many users, after register.cfg with $defines before it.
register_at() {
    local before rate=$1 scenario=$top/benches/peers/$2
    shift 2
    free_port; proxy_port=$picked
    { echo "#!KAMAILIO"; for define in $defines; do echo "#!define $define"; done; sed "s/@PROXY@/$proxy_port/" "$top/benches/peers/register.cfg"; } >register.cfg
    start proxy "$@"
    proxy=$pid
    cost=0 good=0 failed=0 resent=0
    if ! wait_bound "$proxy_port" "$proxy"; then
        complain "$1 does not start:"
        head -n 20 proxy.err >&2
        return
    fi
    call "$bin/sipp" "$scenario" "$proxy_port" 500 2
    before=$(cpu_ticks "$proxy")
    call "$bin/sipp" "$scenario" "$proxy_port" "$rate" "$seconds"
    cost=$(calc "($(cpu_ticks "$proxy") - $before) * 1e6 / $ticks_per_second / $calls" %.1f)
    [ "$good" -eq "$calls" ] || complain "$1: $good of $calls registrations"
}

# compare_registrations NAME RATE SCENARIO: the original with its cheaper allocator beside ours.
compare_registrations() {
    local theirs
    mkdir -p run
    register_at "$2" "$3" "$original_proxy" -f "$work/register.cfg" -DD -E -w "$work/run" -Y "$work/run" \
        -P "$work/run/pid" -m 256 -M 16 -n 2 -x fm
    end "$proxy"
    theirs=$cost
    register_at "$2" "$3" "$bin/sip-proxy" -f register.cfg -DD -E
    end "$proxy"
    row "$1" us "$theirs" "$cost" "< 0.7"
}

# write_back NAME RATE DBURL: the timer writes; all rows must be there in the end.
write_back() {
    local rows_there
    store=$3
    "$bin/sip-proxy" db create "$3" || { complain "no tables on $1"; return; }
    register_stored "$2"
    rows_there=$(("$("$bin/sip-proxy" db show "$3" location | wc -l)" - 1))
    rows+=("| REGISTER written back to $1 at $2/s, CPU each | | $cost us | | all $calls stored |")
    echo "  written back to $1 at $2/s: $cost us each, $good of $calls good, $rows_there rows"
    [ "$rows_there" -ge "$good" ] || complain "$1: $rows_there rows for $good registrations"
}

# The same as register_at with a database behind it.
register_stored() {
    local before
    free_port; proxy_port=$picked
    { echo "#!KAMAILIO"; echo '#!define WITH_STORE'; echo "#!define DBURL \"$store\""
        sed "s/@PROXY@/$proxy_port/" "$top/benches/peers/register.cfg"; } >register.cfg
    start proxy "$bin/sip-proxy" -f register.cfg -DD -E
    proxy=$pid
    wait_bound "$proxy_port" "$proxy" || { complain "no proxy on $store"; head -n 20 proxy.err >&2; return; }
    before=$(cpu_ticks "$proxy")
    call "$bin/sipp" "$top/benches/peers/register-uac.xml" "$proxy_port" "$1" "$seconds"
    # The end of the proxy writes what the timer has not.
    end_slowly "$proxy"
    cost=$(calc "($ended_ticks - $before) * 1e6 / $ticks_per_second / $calls" %.1f)
    [ "$good" -eq "$calls" ] || complain "$store: $good of $calls registrations"
}

row_register() {
    defines=''
    compare_registrations "REGISTER into memory at 3,000/s, CPU each" 3000 register-uac.xml
    defines='WITH_DIGEST'
    compare_registrations "REGISTER with digest at 2,000/s, CPU each" 2000 register-digest-uac.xml
    write_back SQLite 5000 "sqlite:///$work/contacts.sqlite"
}
