//! Options whose effect is seen from outside: on files, ports, rates and on messages that come late, each compared with
//! what the packaged SIPp does with the same words.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::ports;
use e2e::programs::Running;
use e2e::side_by_side::{LIMIT, both, call, called, folder, ours, packaged, rows, text, words};

/// Answers every INVITE with 404 and forgets the call soon after its ACK.
const REFUSES: &str = r#"<?xml version="1.0"?>
<scenario name="refuses">
  <recv request="INVITE"/>
  <send><![CDATA[
SIP/2.0 404 Not Found
[last_Via:]
[last_From:]
[last_To:];tag=b
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <recv request="ACK"/>
  <timewait milliseconds="10"/>
</scenario>
"#;

/// Our program, and the packaged one where it is installed.
fn programs() -> Vec<PathBuf> {
    packaged().into_iter().chain([ours()]).collect()
}

/// What `look` sees of each program is the same; gives that of ours.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, look: impl Fn(&Path) -> T) -> T {
    let mut seen: Vec<T> = programs().iter().map(|program| look(program)).collect();
    let ours = seen.pop().expect("ours is built");
    assert!(seen.iter().all(|theirs| *theirs == ours), "{what}: {seen:?} and {ours:?} with us");
    ours
}

/// Names of the files in a folder that have this word, without their numbers.
fn names(folder: &Path, word: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it was made");
    let all = entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
    let without = |name: String| name.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let mut names: Vec<String> = all.filter(|name| name.contains(word)).map(without).collect();
    names.sort();
    names
}

#[test]
fn trace_files_are_rotated_and_ended_by_size() {
    let caller = "-sn uac -m 20 -r 50 -d 20 -trace_msg";
    let rotated = format!("{caller} -ringbuffer_size 6000 -ringbuffer_files 2");
    let Some(folders) = both("rotated", ("-sn uas", &rotated), &[]) else { return };
    for folder in folders {
        // Of the files of one second all but the first have a number.
        let names =
            names(&folder, "_messages").iter().map(|name| name.replace("..", ".")).collect::<Vec<_>>();
        assert_eq!(names, ["uac__messages.log", "uac__messages_.log", "uac__messages_.log"]);
    }

    let ended = format!("{caller} -max_log_size 6000");
    let Some(folders) = both("ended", ("-sn uas", &ended), &[]) else { return };
    for folder in folders {
        // SIPp looks after each record: the file may be one of them longer.
        let length = text(&folder, "_messages.log").len();
        assert!((6000..7000).contains(&length), "{}: {length}", folder.display());
    }
}

/// Of each trace file with its own `-*_overwrite`: what was there stays, or goes.
#[test]
fn files_are_replaced_or_continued() {
    let kinds = [
        "-trace_msg -message_file f -message_overwrite",
        "-trace_shortmsg -shortmessage_file f -shortmessage_overwrite",
        "-trace_err -error_file f -error_overwrite",
        "-trace_calldebug -calldebug_file f -calldebug_overwrite",
        "-trace_screen -screen_file f -screen_overwrite",
        // Nothing is logged here, so the file is not touched.
        "-trace_logs -log_file f -log_overwrite",
    ];
    for (kind, overwrite) in kinds.iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let options = format!("-sn uac -m 2 -r 50 -nr -recv_timeout 50 {kind} {overwrite}");
        let stayed = same(&options, |program| {
            let folder = folder("overwrite", &[("f", "was there\n")]);
            assert_eq!(call(program, &folder, 9, &options), Some(1), "nobody answers");
            fs::read_to_string(folder.join("f")).expect("it was there").starts_with("was there\n")
        });
        assert_eq!(stayed, !overwrite || kind.contains("-log_file"), "{options}");
    }
}

#[test]
fn statistics_have_another_delimiter_and_periodic_repartitions() {
    let caller = "-sn uac -m 20 -r 20 -d 20 -trace_stat -fd 1 -stat_delimiter , -periodic_rtd";
    let Some(folders) = both("periodic", ("-sn uas", caller), &[]) else { return };
    let texts = folders.each_ref().map(|folder| text(folder, "_.csv").replace(',', ";"));
    let [theirs, ours] = texts.each_ref().map(|text| rows(text));
    assert_eq!(theirs[0], ours[0]);
    for table in [theirs, ours] {
        let first = table[0].iter().position(|title| *title == "CallLengthRepartition").expect("a title") + 1;
        let of_row =
            |row: &Vec<&str>| -> u64 { row[first..].iter().filter_map(|n| n.parse::<u64>().ok()).sum() };
        let periods: Vec<u64> = table[1..].iter().map(of_row).collect();
        // Each call stands in the period in which it ended, and in no other one.
        assert_eq!(periods.iter().sum::<u64>(), 20, "{periods:?}");
        assert!(periods.iter().all(|calls| *calls < 20), "{periods:?}");
    }
}

/// 3.6.1 has no `-rfc3339`.
#[test]
fn times_are_written_as_rfc_3339() {
    let peer = folder("dates-peer", &[]);
    let (_called, port) = called("-sn uas", &peer);
    let folder = folder("dates", &[]);
    let caller = "-sn uac -m 2 -r 50 -d 0 -rfc3339 -trace_stat -fd 10";
    assert_eq!(call(&ours(), &folder, port, caller), Some(0));
    let table = text(&folder, "_.csv");
    for cell in &rows(&table)[1][..3] {
        let masked: String = cell.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let (date, zone) = masked.split_at("9999-99-99T99:99:99.999999".len().min(masked.len()));
        assert_eq!(date, "9999-99-99T99:99:99.999999", "{cell}");
        assert!(["Z", "+99:99", "-99:99"].contains(&zone), "{cell}");
    }
}

/// The rate climbs each second to its largest value, where the run ends or stays.
#[test]
fn the_rate_climbs_to_its_largest_value() {
    for (options, exact) in [("", true), ("-no_rate_quit", false)] {
        let caller = format!(
            "-sn uac -r 20 -rate_increase 20 -rate_interval 1 -rate_max 40 -m 110 -trace_stat -fd 1 {options}"
        );
        let Some(folders) = both("climb", ("-sn uas", &caller), &[]) else { return };
        let texts = folders.each_ref().map(|folder| text(folder, "_.csv"));
        let [theirs, ours] = texts.each_ref().map(|text| {
            let table = rows(text);
            let mut targets: Vec<String> = table[1..].iter().map(|row| row[5].to_owned()).collect();
            targets.dedup();
            (targets, table.last().expect("a row")[12].parse::<u64>().expect("created"))
        });
        assert_eq!(theirs.0, ours.0, "{options}");
        assert_eq!(ours.0, ["20", "40"], "{options}");
        if exact {
            assert!((40..=80).contains(&ours.1), "two seconds of calls: {}", ours.1);
        } else {
            assert_eq!((theirs.1, ours.1), (110, 110));
        }
    }
}

/// `-nr`: an INVITE that nobody answers is sent once.
#[test]
fn nothing_is_sent_again_when_asked_so() {
    for (options, more) in [("-nr", false), ("", true)] {
        let came = same(options, |program| {
            let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = silent.local_addr().expect("bound").port();
            let folder = folder("again", &[]);
            call(program, &folder, port, &format!("-sn uac -m 1 -recv_timeout 1800 {options}"));
            silent.set_nonblocking(true).expect("allowed");
            let mut buffer = [0; 2000];
            let mut invites = 0;
            while let Ok(length) = silent.recv(&mut buffer) {
                invites += usize::from(buffer[..length].starts_with(b"INVITE"));
            }
            invites > 1
        });
        assert_eq!(came, more, "{options}");
    }
}

/// Each is for SIPp's loop or its watchdog; scripts pass them.
#[test]
fn options_of_sipps_loop_are_accepted() {
    let peer = folder("loop-peer", &[]);
    let (_called, port) = called("-sn uas", &peer);
    for options in [
        "-timer_resol 10 -max_recv_loops 10 -max_sched_loops 10 -skip_rlimit -sendbuffer_warn true",
        "-watchdog_interval 100 -watchdog_reset 1000 -watchdog_minor_threshold 600",
        "-watchdog_major_threshold 4000 -watchdog_major_maxtriggers 5 -watchdog_minor_maxtriggers 50",
        "-buff_size 0",
        "-buff_size 8000000",
    ] {
        let exit = same(options, |program| {
            let folder = folder("loop", &[]);
            call(program, &folder, port, &format!("-sn uac -m 5 -r 50 -d 0 {options}"))
        });
        assert_eq!(exit, Some(0), "{options}");
    }
}

/// Addresses that a process has bound UDP sockets to on that port.
fn bound_to(port: u16) -> Vec<Ipv4Addr> {
    let table = fs::read_to_string("/proc/net/udp").expect("the kernel tells");
    let bound = table.lines().skip(1).filter_map(|line| {
        let (addr, at) = line.split_whitespace().nth(1)?.split_once(':')?;
        let addr = u32::from_str_radix(addr, 16).ok()?;
        (u16::from_str_radix(at, 16).ok()? == port).then(|| Ipv4Addr::from(addr.swap_bytes()))
    });
    bound.collect()
}

/// `-bind_local`: the address found for the remote host, otherwise any.
#[test]
fn the_port_is_bound_to_the_local_address_when_asked_so() {
    for (options, addr) in [("-bind_local", Ipv4Addr::LOCALHOST), ("", Ipv4Addr::UNSPECIFIED)] {
        let addrs = same(options, |program| {
            let folder = folder("bind", &[]);
            let port = ports::free().expect("a free port");
            let line = format!("-sn uac 127.0.0.1:9 -p {port} -r 0 -nostdin {options}");
            let mut run = Running::start(program, &words(&line), &folder, "uac").expect("it starts");
            run.wait_until(LIMIT, || !bound_to(port).is_empty()).expect("it binds");
            bound_to(port)
        });
        assert_eq!(addrs, [addr], "{options}");
    }
}

/// `-ci` and `-cp`: where remote control listens; a key that comes there is obeyed, and others' addresses are not.
#[test]
fn remote_control_listens_where_it_is_told() {
    let addr = Ipv4Addr::new(127, 0, 0, 2);
    let exit = same("-ci", |program| {
        let folder = folder("control", &[]);
        let (port, control) = (ports::free().expect("a free port"), ports::free().expect("a free port"));
        let line = format!("-sn uas -i 127.0.0.1 -p {port} -ci {addr} -cp {control} -nostdin");
        let mut run = Running::start(program, &words(&line), &folder, "uas").expect("it starts");
        run.wait_until(LIMIT, || bound_to(control) == [addr] && ports::is_bound("udp", port))
            .expect("it binds");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let mut status = Err(String::new());
        while status.is_err() {
            // What comes before its traffic began, the packaged program may not heed.
            socket.send_to(b"q", (addr, control)).expect("sent");
            status = run.wait(Duration::from_millis(300));
        }
        status.expect("it ended").code()
    });
    assert_eq!(exit, Some(0));
}

/// A request as it comes from a peer.
fn request(method: &str, call_id: &str, from: u16) -> Vec<u8> {
    format!(
        "{method} sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{from};branch=z9hG4bK{method}\r\n\
         From: <sip:x@test>;tag=1\r\nTo: <sip:a@test>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// Created and successful calls, and messages for ended ones, after an INVITE and two ACK with these Call-IDs; the second
/// ACK comes when the call is over.
fn after_late_ack(program: &Path, options: &str, [invite, ack]: [&str; 2]) -> [String; 3] {
    let folder = folder("late", &[("refuses.xml", REFUSES)]);
    let (port, control) = (ports::free().expect("a free port"), ports::free().expect("a free port"));
    let line =
        format!("-sf refuses.xml -i 127.0.0.1 -p {port} -cp {control} -trace_stat -fd 1 -nostdin {options}");
    let mut run = Running::start(program, &words(&line), &folder, "uas").expect("it starts");
    run.wait_until(LIMIT, || ports::is_bound("udp", port) && ports::is_bound("udp", control))
        .expect("it listens");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_read_timeout(Some(LIMIT)).expect("allowed");
    let own = socket.local_addr().expect("bound").port();
    socket.send_to(&request("INVITE", invite, own), (Ipv4Addr::LOCALHOST, port)).expect("sent");
    socket.recv(&mut [0; 2000]).expect("an answer");
    for _ in 0..2 {
        socket.send_to(&request("ACK", ack, own), (Ipv4Addr::LOCALHOST, port)).expect("sent");
        // Longer than its timewait.
        std::thread::sleep(Duration::from_millis(200));
    }
    let column = |title: &str| {
        let table = text(&folder, "_.csv");
        let table = rows(&table);
        let at = table[0].iter().position(|name| *name == title).expect("a title");
        table.last().expect("a row")[at].to_owned()
    };
    // A row comes each second.
    run.wait_until(LIMIT, || column("TotalCallCreated") != "0").expect("a row");
    run.end();
    ["TotalCallCreated", "SuccessfulCall(C)", "DeadCallMsgs(C)"].map(column)
}

#[test]
fn ended_calls_are_remembered_as_long_as_asked() {
    let seen = |options: &'static str, ids: [&'static str; 2]| {
        same(options, |program| after_late_ack(program, options, ids)).join(" ")
    };
    assert_eq!(seen("", ["a", "a"]), "1 1 1", "the second ACK is one for an ended call");
    assert_eq!(seen("-deadcall_wait 0", ["a", "a"]), "2 1 0", "it opens another call");
}

/// What stands before `///` in a Call-ID is a number that SIPp itself put there, unless it is asked to leave it.
#[test]
fn the_front_of_a_call_id_counts_when_asked_so() {
    let seen = |options: &'static str, ids: [&'static str; 2]| {
        same(options, |program| after_late_ack(program, options, ids)).join(" ")
    };
    assert_eq!(seen("", ["x///a", "a"]), "1 1 1");
    assert_eq!(seen("-callid_slash_ign", ["x///a", "a"]), "2 0 1");
}
