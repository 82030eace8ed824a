//! The files of a run: column by column what the packaged SIPp writes on the same calls; and files that cannot be
//! written.

use std::fs;

use e2e::programs::Running;
use e2e::side_by_side::{LIMIT, both, call, called, folder, ours, rows, text};

/// Answers every INVITE with 404, which the built-in uac does not expect.
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

/// The built-in uac up to the 200, with log actions.
const LOGS: &str = r#"<?xml version="1.0"?>
<scenario name="logs">
  <send retrans="500"><![CDATA[

INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:a@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <recv response="180"><action><log message="ringing [call_number] of [last_Call-ID:]"/></action></recv>
  <recv response="200"><action><log message="from [last_From:] with [last_cseq_number]"/></action></recv>
  <send><![CDATA[

ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:a@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

  ]]></send>
</scenario>
"#;

/// The scenarios above, as files.
const FILES: &[(&str, &str)] = &[("refuses.xml", REFUSES), ("logs.xml", LOGS)];

/// Columns that tell how long something took, or when it was.
fn is_about_time(column: &str) -> bool {
    ["Time", "Rate(", "CallLength", "Repartition"].iter().any(|word| column.contains(word))
}

/// How a value that differs from run to run is written: a number as such, anything else with its digits masked.
fn form(value: &str) -> String {
    if value.parse::<f64>().is_ok() {
        return "number".into();
    }
    value.chars().map(|letter| if letter.is_ascii_digit() { '9' } else { letter }).collect()
}

/// Twenty calls of the built-in uac with the files of numbers.
const CALLER: &str = "-sn uac -m 20 -r 50 -d 20 -trace_stat -fd 10 -trace_rtt -rtt_freq 1 -trace_counts \
                      -trace_error_codes -trace_shortmsg -trace_screen";

#[test]
fn statistics_have_the_columns_of_sipp() {
    for (name, scenario) in [("good", "-sn uas"), ("refused", "-sf refuses.xml")] {
        let Some(folders) = both(name, (scenario, CALLER), FILES) else { return };
        let texts = folders.each_ref().map(|folder| text(folder, "_.csv"));
        let [theirs, ours] = texts.each_ref().map(|text| rows(text));
        assert_eq!(theirs[0], ours[0], "{name}: names of the columns");
        assert_eq!(theirs.len(), ours.len(), "{name}: rows");
        // The first row, the last of the run, and the one behind it with an empty period.
        for row in [1, theirs.len() - 2, theirs.len() - 1] {
            assert_eq!(theirs[row].len(), ours[row].len(), "{name}: columns");
            for (column, (theirs, ours)) in theirs[0].iter().zip(theirs[row].iter().zip(&ours[row])) {
                let is_like = match is_about_time(column) {
                    true => form(theirs) == form(ours),
                    false => theirs == ours,
                };
                assert!(is_like, "{name}: {column}: {theirs} is {ours} with us");
            }
        }
        let texts = folders.each_ref().map(|folder| text(folder, "_counts.csv"));
        let [theirs, ours] = texts.each_ref().map(|text| rows(text));
        assert_eq!(theirs[0], ours[0], "{name}: names of the counts");
        assert_eq!(theirs.last().map(|row| &row[2..]), ours.last().map(|row| &row[2..]), "{name}: counts");
        let codes = folders.each_ref().map(|folder| text(folder, "_error_codes.csv").matches("404,").count());
        assert_eq!(codes[0], codes[1], "{name}: error codes");
        if name == "good" {
            // Without a sample the packaged SIPp makes no file of response times.
            let [theirs, ours] = folders.each_ref().map(|folder| text(folder, "_rtt.csv"));
            assert_eq!(theirs.lines().next(), ours.lines().next(), "names of the response times");
            assert_eq!(theirs.lines().count(), ours.lines().count(), "response times");
        }
        for folder in folders {
            fs::remove_dir_all(folder).expect("ours");
        }
    }
}

/// What differs from run to run: numbers.
fn without_digits(text: &str) -> Vec<String> {
    text.lines().map(|line| line.chars().filter(|letter| !letter.is_ascii_digit()).collect()).collect()
}

#[test]
fn short_messages_are_those_of_sipp() {
    let Some(folders) = both("short", ("-sn uas", CALLER), FILES) else { return };
    let mut lines = folders.each_ref().map(|folder| without_digits(&text(folder, "_shortmessages.log")));
    // Calls overlap: their messages come in another order in each run.
    lines.iter_mut().for_each(|lines| lines.sort());
    assert_eq!(lines[0], lines[1]);
}

/// Words of a text with their digits masked, line by line.
fn masked(text: &str) -> Vec<String> {
    let lines = without_digits(text).into_iter();
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// All screens of `-trace_screen`, and the closing ones, but for what the packaged program tells of its own trouble and
/// ours of its own quality.
#[test]
fn screens_are_those_of_sipp() {
    let Some(folders) = both("screens", ("-sn uas", CALLER), FILES) else { return };
    let screens = |folder: &std::path::PathBuf| {
        let closing = fs::read_to_string(folder.join("uac.out")).expect("it was written");
        let end = closing.find("Generator: ").unwrap_or(closing.len());
        let mut lines = [masked(&text(folder, "_screen.log")), masked(&closing[..end])];
        for lines in &mut lines {
            // A line about its epoll, and the line of sockets, which it prints twice.
            lines.retain(|line| !line.starts_with("Last Error") && !line.is_empty());
            lines.dedup();
        }
        lines
    };
    let [theirs, ours] = folders.each_ref().map(screens);
    assert_eq!(theirs, ours);
    assert!(ours[0].len() > 40 && ours[1].len() > 25, "{ours:?}");
    for folder in folders {
        fs::remove_dir_all(folder).expect("ours");
    }
}

#[test]
fn texts_of_log_actions_are_those_of_sipp() {
    let caller = "-sf logs.xml -m 3 -r 10 -trace_logs";
    let Some(folders) = both("logs", ("-sn uas", caller), FILES) else { return };
    let lines = folders.each_ref().map(|folder| without_digits(&text(folder, "_logs.log")));
    assert!(lines[0].len() == 6, "{:?}", lines[0]);
    assert_eq!(lines[0], lines[1]);
}

/// Where a call stands is told more often by the packaged program, which looks at its calls again and again.
#[test]
fn records_of_failed_calls_are_those_of_sipp() {
    let caller = "-sn uac -m 1 -trace_calldebug";
    let Some(folders) = both("debug", ("-sf refuses.xml", caller), FILES) else { return };
    let lines = folders.each_ref().map(|folder| {
        let mut lines = without_digits(&text(folder, "_calldebug.log"));
        lines.retain(|line| !line.contains("Processing message"));
        lines
    });
    assert!(lines[0].iter().any(|line| line.contains("Aborting call")), "{:?}", lines[0]);
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn a_full_disk_ends_no_call() {
    let folder = folder("full", FILES);
    let (_called, port) = called("-sn uas", &folder);
    for options in [
        "-trace_msg -message_file /dev/full",
        "-trace_shortmsg -shortmessage_file /dev/full",
        "-trace_stat -stf /dev/full",
        "-trace_screen -screen_file /dev/full",
        "-json /dev/full",
        "-junit /dev/full",
        "-html /dev/full",
    ] {
        let exit = call(&ours(), &folder, port, &format!("-sn uac -m 5 -r 100 -d 0 {options}"));
        assert_eq!(exit, Some(0), "{options}");
        let told = fs::read_to_string(folder.join("uac.err")).expect("it was written");
        assert!(told.contains("Unable to write") && told.contains("No space left"), "{options}: {told}");
    }
    fs::remove_dir_all(folder).expect("ours");
}

#[test]
fn what_cannot_be_written_is_refused_before_the_first_call() {
    let folder = folder("refused-names", FILES);
    let (_called, port) = called("-sn uas", &folder);
    let missing = folder.join("missing/file");
    for option in [
        "-trace_msg -message_file",
        "-trace_shortmsg -shortmessage_file",
        "-trace_err -error_file",
        "-trace_logs -log_file",
        "-trace_calldebug -calldebug_file",
        "-trace_screen -screen_file",
        "-trace_stat -stf",
        "-json",
        "-junit",
        "-html",
    ] {
        let exit =
            call(&ours(), &folder, port, &format!("-sn uac -m 5 -r 100 {option} {}", missing.display()));
        assert_eq!(exit, Some(255), "{option}");
        let told = fs::read_to_string(folder.join("uac.err")).expect("it was written");
        let refusals = told.lines().filter(|line| line.contains("Unable to create")).count();
        assert_eq!(refusals, 1, "{option}: {told}");
    }
    let told = fs::read_to_string(folder.join("uas.err")).expect("it was written");
    assert!(!told.contains("INVITE"), "{told}");
    fs::remove_dir_all(folder).expect("ours");
}

#[test]
fn numbers_out_of_range_are_refused() {
    let folder = folder("ranges", FILES);
    for options in [
        "-r -5",
        "-rp 0",
        "-rtcp 0",
        "-m -1",
        "-p 70000",
        "-lost 101",
        "-rtt_freq 0",
        "-failures_kept x",
        "-prometheus here",
    ] {
        let exit = call(&ours(), &folder, 9, &format!("-sn uac {options}"));
        assert_eq!(exit, Some(1), "{options}");
    }
    fs::remove_dir_all(folder).expect("ours");
}

/// What `limits` of the shell leave of a run with traces, in a folder of that name.
fn limited(name: &str, program: &std::path::Path, (limits, port): (&str, u16)) -> std::path::PathBuf {
    let folder = folder(name, FILES);
    let call = format!("{} -sn uac 127.0.0.1:{port} -i 127.0.0.1 -m 20 -r 50 -d 20", program.display());
    let script = format!("{limits}; exec {call} -trace_msg -trace_shortmsg -nostdin");
    let args = ["-c".to_owned(), script];
    let mut run = Running::start("/bin/sh".as_ref(), &args, &folder, "uac").expect("it starts");
    let exit = run.wait(LIMIT).expect("it ends").code();
    assert_eq!(exit, Some(0), "{name}: {}", run.output("err"));
    folder
}

/// SIGXFSZ: a file as large as the system allows ends the traces and says so in a file; the calls go on.
#[test]
fn a_file_of_the_largest_size_ends_the_traces() {
    let peer = folder("oversized-peer", FILES);
    let (_called, port) = called("-sn uas", &peer);
    let programs = [e2e::side_by_side::packaged(), Some(ours())];
    let told = programs.into_iter().flatten().enumerate().map(|(at, program)| {
        let folder = limited(&format!("oversized-{at}"), &program, ("ulimit -f 8", port));
        let told = without_digits(&text(&folder, "_traces_oversized.log"));
        assert!(text(&folder, "_messages.log").len() <= 8 << 10);
        fs::remove_dir_all(folder).expect("ours");
        told
    });
    let told: Vec<Vec<String>> = told.collect();
    assert!(
        told.iter().all(|told| *told == told[..][0..2] && told[1] == "Max file size reached - no more logs")
    );
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}

#[test]
fn closed_outputs_change_no_exit_code() {
    let peer = folder("closed-peer", FILES);
    let (_called, port) = called("-sn uas", &peer);
    for closed in ["exec >&-", "exec 2>&-", "exec >&- 2>&- <&-", "exec >/dev/full 2>/dev/full"] {
        let folder = limited("closed", &ours(), (closed, port));
        assert!(text(&folder, "_messages.log").contains("BYE sip:"), "{closed}");
        fs::remove_dir_all(folder).expect("ours");
    }
}

#[test]
fn redirected_output_has_no_escape_codes() {
    let peer = folder("plain-peer", FILES);
    let (_called, port) = called("-sn uas", &peer);
    let folder = folder("plain", FILES);
    assert_eq!(call(&ours(), &folder, port, "-sn uac -m 5 -r 50 -d 0"), Some(0));
    for name in ["uac.out", "uac.err"] {
        let text = fs::read_to_string(folder.join(name)).expect("it was written");
        assert!(text.lines().count() > 1 && !text.contains('\u{1b}'), "{name}: {text:?}");
    }
    fs::remove_dir_all(folder).expect("ours");
}
