# Rows of many contacts: how long they take to load, what they weigh, whether a look-up costs more among them, and what
# a server of PostgreSQL takes. Needs sqlite3 and the package of PostgreSQL.

# fill_contacts COUNT FILE: a database of SQLite with users u0, u1, ... of whom each has a contact.
fill_contacts() {
    "$bin/sip-proxy" db create "sqlite:///$2" || return 1
    sqlite3 "$2" "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1)
        INSERT INTO location (ruid, username, contact, expires, callid, user_agent, socket, last_modified)
        SELECT 'uloc-1-2-' || i, 'u' || i, 'sip:u' || i || '@192.0.2.1:5060;transport=udp', julianday('now') + 1,
            'call-' || i || '@192.0.2.1', 'phone 1.0', 'udp:127.0.0.1:5060', julianday('now') FROM n" >/dev/null
}

# load_contacts COUNT: the proxy with so many contacts of a table. Sets proxy and load_ms, the time until it answers.
load_contacts() {
    local begin
    fill_contacts "$1" "$work/contacts.db" || { complain "no database of $1 contacts"; return 1; }
    free_port; proxy_port=$picked
    { echo "#!KAMAILIO"; echo '#!define WITH_STORE'; echo "#!define DBURL \"sqlite:///$work/contacts.db\""
        sed "s/@PROXY@/$proxy_port/" "$top/benches/peers/register.cfg"; } >register.cfg
    begin=$(date +%s%N)
    start proxy "$bin/sip-proxy" -f register.cfg -DD -E
    proxy=$pid
    wait_bound "$proxy_port" "$proxy" || { complain "no proxy with $1 contacts"; head -n 20 proxy.err >&2; return 1; }
    # A request waits at the door until the contacts are in.
    call "$bin/sipp" "$top/benches/peers/lookup-uac.xml" "$proxy_port" 1 1
    load_ms=$((($(date +%s%N) - begin) / 1000000))
    [ "$good" -eq 1 ] || complain "a user of the table is not found"
}

# more_contacts RATE SECONDS: registrations of u1, u2, ... into memory.
more_contacts() {
    call "$bin/sipp" "$top/benches/peers/register-uac.xml" "$proxy_port" "$1" "$2"
    [ "$good" -eq "$calls" ] || complain "$good of $calls registrations"
}

# look_up RATE: look-ups of so many users a second. Sets cost.
look_up() {
    local before
    before=$(cpu_ticks "$proxy")
    call "$bin/sipp" "$top/benches/peers/lookup-uac.xml" "$proxy_port" "$1" "$seconds"
    cost=$(calc "($(cpu_ticks "$proxy") - $before) * 1e6 / $ticks_per_second / $calls" %.1f)
    [ "$good" -eq "$calls" ] || complain "$good of $calls users were found"
}

row_contacts() {
    local few_users=$((3000 * seconds)) few
    load_contacts 100000 || return
    own_row "100,000 contacts of SQLite, until a call reaches one" "$load_ms" ms "< 2000"
    [ "$load_ms" -le 2000 ] || complain "100,000 contacts took $load_ms ms"
    end_slowly "$proxy"
    free_port; proxy_port=$picked
    { echo "#!KAMAILIO"; sed "s/@PROXY@/$proxy_port/" "$top/benches/peers/register.cfg"; } >register.cfg
    start proxy "$bin/sip-proxy" -f register.cfg -DD -E
    proxy=$pid
    wait_bound "$proxy_port" "$proxy" || { complain "no proxy for contacts"; return; }
    # The users of one measurement: each look-up is of another one.
    more_contacts 3000 "$seconds"
    look_up 3000
    few=$cost
    more_contacts 10000 100
    own_row "1,000,000 contacts, resident" "$(($(rss "$proxy") / 1024))" MiB "< 572"
    [ "$(rss "$proxy")" -le 585937 ] || complain "1,000,000 contacts take $(rss "$proxy") KiB"
    look_up 3000
    own_row "look-up among $few_users contacts, CPU each" "$few" us ""
    own_row "look-up among 1,000,000 contacts, CPU each" "$cost" us "as above"
    end_slowly "$proxy"
}

# A server of PostgreSQL of our own, with an empty database. Sets postgres (its process) and postgres_port.
start_postgres() {
    local programs=/usr/lib/postgresql/15/bin
    postgres_data=$work/postgres postgres_before=()
    [ -x "$programs/postgres" ] || { complain "$programs/postgres is missing (package postgresql)"; return 1; }
    rm -rf "$postgres_data"
    mkdir -p "$postgres_data"
    chmod 755 "$work"
    if [ "$(id -u)" -eq 0 ]; then
        # It does not run as root.
        postgres_before=(setpriv --reuid postgres --regid postgres --init-groups)
        chown postgres "$postgres_data"
    fi
    "${postgres_before[@]}" "$programs/initdb" -D "$postgres_data/data" -U kamailio --auth=trust -E UTF8 --no-sync \
        >initdb.out 2>&1 || { complain "initdb fails"; return 1; }
    free_port; postgres_port=$picked
    run_postgres
    for _ in $(seq 100); do
        "${postgres_before[@]}" "$programs/createdb" -h 127.0.0.1 -p "$postgres_port" -U kamailio kamailio \
            2>/dev/null && return
        sleep 0.1
    done
    complain "PostgreSQL does not start"
    return 1
}

# The server on the data it has.
run_postgres() {
    start postgres "${postgres_before[@]}" /usr/lib/postgresql/15/bin/postgres -D "$postgres_data/data" \
        -p "$postgres_port" -k "$postgres_data" -c listen_addresses=127.0.0.1
    postgres=$pid
}

# The registrations of row register, written back to PostgreSQL.
row_postgres() {
    start_postgres || return
    write_back PostgreSQL 2000 "postgres://kamailio@127.0.0.1:$postgres_port/kamailio"
    # At once: it waits for no client.
    kill -INT "$postgres"
}

# What a killed proxy has not written: 500 registrations/s, killed with the last one answered.
row_killed_contacts() {
    local stored
    "$bin/sip-proxy" db create "sqlite:///$work/killed.sqlite" || { complain "no tables"; return; }
    free_port; proxy_port=$picked
    { echo "#!KAMAILIO"; echo '#!define WITH_STORE'; echo "#!define DBURL \"sqlite:///$work/killed.sqlite\""
        sed "s/@PROXY@/$proxy_port/" "$top/benches/peers/register.cfg"; } >register.cfg
    start proxy "$bin/sip-proxy" -f register.cfg -DD -E
    proxy=$pid
    wait_bound "$proxy_port" "$proxy" || { complain "no proxy on SQLite"; return; }
    call "$bin/sipp" "$top/benches/peers/register-uac.xml" "$proxy_port" 500 "$((seconds + 6))"
    kill -KILL "$proxy"
    stored=$(("$("$bin/sip-proxy" db show "sqlite:///$work/killed.sqlite" location | wc -l)" - 1))
    own_row "db_mode 2, timer_interval 5, killed at 500/s" "$((good - stored))" "of $good lost" "< 2500"
    [ "$((good - stored))" -le 2500 ] || complain "more is lost than came within timer_interval"
}

# 500 registrations/s written through to PostgreSQL, which is away for two seconds.
row_dying_database() {
    start_postgres || return
    store=postgres://kamailio@127.0.0.1:$postgres_port/kamailio
    "$bin/sip-proxy" db create "$store" || { complain "no tables on PostgreSQL"; return; }
    free_port; proxy_port=$picked
    { echo "#!KAMAILIO"; echo '#!define WITH_STORE'; echo "#!define DBURL \"$store\""
        sed -e "s/@PROXY@/$proxy_port/" -e 's/"db_mode", 2/"db_mode", 1/' "$top/benches/peers/register.cfg"; } >register.cfg
    start proxy "$bin/sip-proxy" -f register.cfg -DD -E
    proxy=$pid
    wait_bound "$proxy_port" "$proxy" || { complain "no proxy on PostgreSQL"; return; }
    { sleep 2; kill -INT "$postgres"; sleep 2; } &
    call "$bin/sipp" "$top/benches/peers/register-uac.xml" "$proxy_port" 500 4
    run_postgres
    call "$bin/sipp" "$top/benches/peers/register-uac.xml" "$proxy_port" 500 4
    [ "$good" -eq "$calls" ] || complain "$good of $calls registrations"
    # The timer writes what failed.
    sleep 12
    stored=$(("$("$bin/sip-proxy" db show "$store" location | wc -l)" - 1))
    own_row "db_mode 1, PostgreSQL away for 2 s of 8 at 500/s" "$stored" "rows of $calls users" "all"
    [ "$stored" -ge "$calls" ] || complain "$stored rows of $calls users"
    end_slowly "$proxy"
    kill -INT "$postgres"
}
