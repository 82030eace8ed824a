//! What the README shows is true: its scenario and its configuration load, its mistake is reported as it says, and
//! every option in its command lines exists.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use e2e::folder::Folder;
use e2e::{ports, programs};

const README: &str = include_str!("../README.md");

/// The tour of the proxy.
const TOUR: &str = include_str!("../proxy/README.md");

/// The fenced blocks of the README, each with its language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    fenced(README)
}

fn fenced(page: &'static str) -> Vec<(&'static str, &'static str)> {
    let parts: Vec<&str> = page.split("```").collect();
    parts.iter().skip(1).step_by(2).map(|block| block.split_once('\n').expect("a block has lines")).collect()
}

/// The one block that contains `sign`.
fn block_with(sign: &str) -> &'static str {
    let mut found = blocks().into_iter().filter(|(_, text)| text.contains(sign));
    let (_, text) = found.next().unwrap_or_else(|| panic!("no block with {sign}"));
    assert!(found.next().is_none(), "two blocks with {sign}");
    text
}

/// Writes `text` to a file of its own and runs `program` there.
fn run(program: &str, args: &[&str], file: &str, text: &str) -> Output {
    let folder: PathBuf =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{program}-{}", text.len()));
    fs::create_dir_all(&folder).expect("the temporary folder can be written");
    fs::write(folder.join(file), text).expect("the temporary folder can be written");
    let program = programs::locate(program).expect("cargo build --workspace --bins");
    Command::new(program).args(args).current_dir(folder).output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn the_scenario_has_no_mistake_and_no_doubt() {
    let output = run("sipp", &["--check", "options.xml"], "options.xml", block_with("<scenario"));
    assert!(output.status.success(), "{}", said(&output));
    assert!(!said(&output).contains("warning"), "{}", said(&output));
}

#[test]
fn a_mistake_is_reported_in_the_words_shown() {
    let wrong = block_with("<scenario").replace("[remote_ip]", "[remot_ip]");
    let output = run("sipp", &["-sf", "options.xml", "127.0.0.1"], "options.xml", &wrong);
    let shown = block_with("did you mean").trim();
    assert!(!output.status.success());
    assert!(said(&output).contains(shown), "expected {shown}\nin {}", said(&output));
}

#[test]
fn the_configuration_loads() {
    let output = run("sip-proxy", &["-f", "my.cfg", "-c"], "my.cfg", block_with("request_route"));
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_options_shown_exist() {
    for program in ["sipp", "sip-proxy"] {
        let help = said(&run(program, &["-h"], "nothing", program));
        let lines = README.lines().filter(|line| line.contains(&format!("release/{program} ")));
        for option in lines.flat_map(|line| line.split('#').next().unwrap_or_default().split(' ')) {
            let name = option.trim_start_matches('-');
            // `-DD` is `-D` twice.
            let name = if name.bytes().all(|letter| letter == b'D') { "D" } else { name };
            if option.starts_with('-') {
                assert!(help.contains(&format!("-{name}")), "{program} -h does not name {option}");
            }
        }
    }
}

/// The tour of the proxy, as it is written, but with programs of this build and ports that are free.
#[test]
fn the_tour_of_the_proxy_ends_as_it_says() {
    let folder = Folder::new("tour");
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a folder");
    let programs = programs::locate("sip-proxy").expect("cargo build --workspace --bins");
    let programs = programs.parent().expect("a folder").display();
    let mut script =
        format!("export PATH=\"{programs}:$PATH\" EXAMPLES=\"{}/scenarios/examples\"\n", top.display());
    for (_, block) in fenced(TOUR).into_iter().filter(|(_, block)| !block.contains("cargo build")) {
        script.push_str(block);
    }
    // The first proxy of the tour is ended by hand.
    let by_hand = "sip-proxy -A PROXY_PORT=5070\n";
    assert!(script.contains(by_hand), "the tour begins with a proxy");
    script = script.replacen(by_hand, "timeout 1 sip-proxy -A PROXY_PORT=5070 2> first.log\n", 1);
    for port in ["5070", "5081", "5091", "5092", "5093"] {
        script = script.replace(port, &ports::free().expect("a free port").to_string());
    }
    folder.write("tour.sh", &script);
    let output =
        Command::new("bash").args(["-m", "tour.sh"]).current_dir(folder.path()).output().expect("bash");
    let said = said(&output);
    let log = fs::read_to_string(folder.path().join("proxy.log")).unwrap_or_default();
    let first = fs::read_to_string(folder.path().join("first.log")).unwrap_or_default();
    let all = || format!("{said}\n--- first proxy\n{first}\n--- proxy\n{log}");
    assert!(!first.contains("ERROR"), "{}", all());
    assert!(said.contains("ACC: transaction answered"), "the call is noted\n{}", all());
    let rows: Vec<&str> = said.lines().filter(|line| line.contains("INVITE")).collect();
    assert!(rows.iter().any(|row| row.contains("\t200\t")), "a row of the call\n{}", all());
    assert!(rows.iter().any(|row| row.contains("\t486\t")), "a row of the missed call\n{}", all());
}
