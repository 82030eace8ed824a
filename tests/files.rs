//! The files of a run: column by column what the packaged SIPp writes on the same calls; and files that cannot be
//! written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::ports;
use e2e::programs::{self, Missing, Running};

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(60);

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

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sipp-e2e-files-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder for temporary files");
    for (name, text) in [("refuses.xml", REFUSES), ("logs.xml", LOGS)] {
        fs::write(path.join(name), text).expect("writable");
    }
    path
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Our called party in `folder`, and the port it listens on.
fn called(scenario: &str, folder: &Path) -> (Running, u16) {
    let port = ports::free().expect("a free port");
    let sipp = programs::locate("sipp").expect("cargo build --workspace --bins");
    let args = words(&format!("{scenario} -i 127.0.0.1 -p {port} -nostdin"));
    let mut running = Running::start(&sipp, &args, folder, "uas").expect("it starts");
    running.wait_until(LIMIT, || ports::is_bound("udp", port)).expect("it listens");
    (running, port)
}

/// Runs a calling party in `folder` against `called` and gives its exit code; `options` begin with its scenario.
fn call(program: &Path, folder: &Path, called: u16, options: &str) -> Option<i32> {
    let own = ports::free().expect("a free port");
    let line = format!("{options} 127.0.0.1:{called} -i 127.0.0.1 -p {own} -nostdin");
    let mut running = Running::start(program, &words(&line), folder, "uac").expect("it starts");
    running.wait(LIMIT).expect("it ends").code()
}

/// The text of the file in `folder` whose name ends like that.
fn text(folder: &Path, ending: &str) -> String {
    let entries = fs::read_dir(folder).expect("it was made");
    let mut paths = entries.map(|entry| entry.expect("readable").path());
    let path = paths.find(|path| path.to_string_lossy().ends_with(ending));
    fs::read_to_string(path.unwrap_or_else(|| panic!("no file *{ending}"))).expect("readable")
}

fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(';').collect()).collect()
}

/// Columns that tell how long something took, or when it was.
fn is_about_time(column: &str) -> bool {
    ["Time", "Rate(", "CallLength", "Repartition"].iter().any(|word| column.contains(word))
}

/// Twenty calls of the built-in uac with the files of numbers.
const CALLER: &str = "-sn uac -m 20 -r 50 -d 20 -trace_stat -fd 10 -trace_rtt -rtt_freq 1 -trace_counts \
                      -trace_error_codes -trace_shortmsg -trace_screen";

/// Both programs make the same calls to the same peer; gives the folders, the packaged one first.
fn both(name: &str, (scenario, options): (&str, &str)) -> Option<[PathBuf; 2]> {
    let mut folders = Vec::new();
    let mut exits = Vec::new();
    for program in ["packaged-sipp", "sipp"] {
        let path = match programs::locate(program) {
            Ok(path) => path,
            Err(Missing::Original(what)) if std::env::var("CI").as_deref() != Ok("true") => {
                // Nothing is lost when nobody reads it.
                let _ = writeln!(std::io::stderr(), "left out: {what}");
                return None;
            }
            Err(missing) => panic!("{missing:?}"),
        };
        let folder = folder(&format!("{name}-{program}"));
        let peer = self::folder(&format!("{name}-{program}-peer"));
        let (_called, port) = called(scenario, &peer);
        exits.push(call(&path, &folder, port, options));
        folders.push(folder);
    }
    assert_eq!(exits[0], exits[1], "exit codes");
    folders.try_into().ok()
}

#[test]
fn statistics_have_the_columns_of_sipp() {
    for (name, scenario) in [("good", "-sn uas"), ("refused", "-sf refuses.xml")] {
        let Some(folders) = both(name, (scenario, CALLER)) else { return };
        let texts = folders.each_ref().map(|folder| text(folder, "_.csv"));
        let [theirs, ours] = texts.each_ref().map(|text| rows(text));
        assert_eq!(theirs[0], ours[0], "{name}: names of the columns");
        assert_eq!(theirs.len(), ours.len(), "{name}: rows");
        // The first row, the last of the run, and the one behind it with an empty period.
        for row in [1, theirs.len() - 2, theirs.len() - 1] {
            assert_eq!(theirs[row].len(), ours[row].len(), "{name}: columns");
            for (column, (theirs, ours)) in theirs[0].iter().zip(theirs[row].iter().zip(&ours[row])) {
                assert!(
                    is_about_time(column) || theirs == ours,
                    "{name}: {column}: {theirs} is {ours} with us"
                );
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
    let Some(folders) = both("short", ("-sn uas", CALLER)) else { return };
    let mut lines = folders.each_ref().map(|folder| without_digits(&text(folder, "_shortmessages.log")));
    // Calls overlap: their messages come in another order in each run.
    lines.iter_mut().for_each(|lines| lines.sort());
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn texts_of_log_actions_are_those_of_sipp() {
    let caller = "-sf logs.xml -m 3 -r 10 -trace_logs";
    let Some(folders) = both("logs", ("-sn uas", caller)) else { return };
    let lines = folders.each_ref().map(|folder| without_digits(&text(folder, "_logs.log")));
    assert!(lines[0].len() == 6, "{:?}", lines[0]);
    assert_eq!(lines[0], lines[1]);
}

/// Where a call stands is told more often by the packaged program, which looks at its calls again and again.
#[test]
fn records_of_failed_calls_are_those_of_sipp() {
    let caller = "-sn uac -m 1 -trace_calldebug";
    let Some(folders) = both("debug", ("-sf refuses.xml", caller)) else { return };
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
    let folder = folder("full");
    let sipp = programs::locate("sipp").expect("cargo build --workspace --bins");
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
        let exit = call(&sipp, &folder, port, &format!("-sn uac -m 5 -r 100 -d 0 {options}"));
        assert_eq!(exit, Some(0), "{options}");
        let told = fs::read_to_string(folder.join("uac.err")).expect("it was written");
        assert!(told.contains("Unable to write") && told.contains("No space left"), "{options}: {told}");
    }
    fs::remove_dir_all(folder).expect("ours");
}

#[test]
fn what_cannot_be_written_is_refused_before_the_first_call() {
    let folder = folder("refused-names");
    let sipp = programs::locate("sipp").expect("cargo build --workspace --bins");
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
        let exit = call(&sipp, &folder, port, &format!("-sn uac -m 5 -r 100 {option} {}", missing.display()));
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
    let folder = folder("ranges");
    let sipp = programs::locate("sipp").expect("cargo build --workspace --bins");
    for options in
        ["-r -5", "-m -1", "-p 70000", "-lost 101", "-rtt_freq 0", "-failures_kept x", "-prometheus here"]
    {
        let exit = call(&sipp, &folder, 9, &format!("-sn uac {options}"));
        assert_eq!(exit, Some(1), "{options}");
    }
    fs::remove_dir_all(folder).expect("ours");
}
