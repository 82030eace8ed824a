//! `sipp` on a terminal: screens at any size, keys and command lines, and a terminal that is given back whatever ends
//! the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use e2e::ports;
use e2e::programs::{self, Running};
use e2e::terminal::Terminal;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A terminal in a folder of its own, and a called party.
struct Stage {
    terminal: Terminal,
    folder: PathBuf,
    sipp: PathBuf,
    called: Running,
    port: u16,
}

impl Stage {
    /// `None`: there is no tmux to hold a terminal.
    fn set(name: &str) -> Option<Stage> {
        let folder = std::env::temp_dir().join(format!("sipp-terminal-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        let Some(terminal) = Terminal::open(&folder, (80, 24)) else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "tmux is not installed");
            return None;
        };
        let sipp = programs::locate("sipp").expect("cargo build --workspace --bins");
        let port = ports::free().expect("a free port");
        let args = format!("-sn uas -i 127.0.0.1 -p {port} -nostdin");
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let mut called = Running::start(&sipp, &args, &folder, "uas").expect("it starts");
        called.wait_until(LIMIT, || ports::is_bound("udp", port)).expect("it listens");
        Some(Stage { terminal, folder, sipp, called, port })
    }

    /// The command that calls the called party.
    fn call(&self, options: &str) -> String {
        let own = ports::free().expect("a free port");
        format!("{} -sn uac 127.0.0.1:{} -i 127.0.0.1 -p {own} {options}", self.sipp.display(), self.port)
    }

    /// Starts calls on the terminal and waits for the first screen.
    fn start(&self, options: &str) {
        // What is typed must not look like what is printed.
        self.terminal
            .enter(&format!("stty -a >before; {}; echo end\"ed:\"$?; stty -a >after", self.call(options)));
        self.terminal.wait_for("Scenario Screen");
    }

    /// Waits until it ended, and looks whether the terminal is as it was. Gives the last screen.
    fn assert_given_back(&self, how: &str) -> String {
        let screen = self.terminal.wait_for("ended:").join("\n");
        assert_eq!(self.terminal.modes(), (false, true), "{how}: own screen, cursor");
        self.wait_for_file("after");
        let [before, after] = ["before", "after"].map(|name| fs::read_to_string(self.folder.join(name)));
        assert_eq!(before.expect("written"), after.expect("written"), "{how}");
        fs::remove_file(self.folder.join("after")).expect("ours");
        screen
    }

    fn wait_for_file(&self, name: &str) {
        let written = || fs::metadata(self.folder.join(name)).is_ok_and(|about| about.len() > 0);
        self.terminal.wait_until(|_| written(), name);
    }

    /// The process that runs on the terminal.
    fn pid(&self) -> String {
        let pids = Command::new("pgrep").args(["-f", &format!("uac 127.0.0.1:{} ", self.port)]).output();
        let pids = String::from_utf8(pids.expect("pgrep runs").stdout).expect("numbers");
        // The shell has the same words in its own command line, but not as its name.
        let is_sipp = |pid: &&str| {
            fs::read_to_string(Path::new("/proc").join(pid).join("comm"))
                .is_ok_and(|name| name.trim() == "sipp")
        };
        pids.lines().find(is_sipp).expect("it runs").to_owned()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.pid()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn text(&self, ending: &str) -> String {
        let entries = fs::read_dir(&self.folder).expect("it was made");
        let mut paths = entries.map(|entry| entry.expect("readable").path());
        let path = paths.find(|path| path.to_string_lossy().ends_with(ending));
        path.map_or(String::new(), |path| fs::read_to_string(path).expect("readable"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.called.end();
        // Its socket is in the folder.
        self.terminal.close();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Keys with the title of their screen.
const SCREENS: &[(&str, &str)] = &[
    ("2", "Statistics Screen"),
    ("3", "Repartition Screen"),
    ("4", "Variables Screen"),
    ("5", "Charts"),
    ("6", "Repartition 2 Screen"),
    ("m", "Media Screen"),
    ("f", "Failed Calls"),
    ("?", "Keys"),
    ("1", "Scenario Screen"),
];

#[test]
fn every_screen_fits_the_terminal_and_follows_its_size() {
    let Some(stage) = Stage::set("sizes") else { return };
    stage.start("-r 20 -d 100");
    let bar = |rows: usize| {
        move |screen: &[String]| {
            screen.len() == rows && screen[0].contains("[?]: Help") && screen[rows - 1].contains("[q]: Soft")
        }
    };
    for size in [(80, 24), (132, 43), (80, 24), (60, 12), (200, 60)] {
        stage.terminal.resize(size);
        for (key, title) in SCREENS {
            stage.terminal.press(key);
            stage.terminal.wait_for(title);
            let screen = stage.terminal.wait_until(bar(usize::from(size.1)), &format!("{title} {size:?}"));
            let longest = screen.iter().map(|line| line.chars().count()).max();
            assert!(longest <= Some(usize::from(size.0)), "{title} {size:?}: {longest:?}");
        }
    }
    stage.terminal.resize((80, 24));
    stage.terminal.press("q");
    stage.assert_given_back("resized");
}

#[test]
fn the_terminal_is_given_back_whatever_ends_the_program() {
    let Some(stage) = Stage::set("ends") else { return };
    for key in ["q", "Q", "C-c"] {
        stage.start("-r 20 -d 100");
        stage.terminal.press(key);
        stage.assert_given_back(key);
        stage.terminal.enter("clear");
    }
    for signal in ["-USR1", "-INT", "-TERM", "-HUP", "-QUIT"] {
        stage.start("-r 20 -d 100");
        stage.signal(signal);
        stage.assert_given_back(signal);
        stage.terminal.enter("clear");
    }
    // Fatal errors: by time, and by a scenario that ends the program.
    stage.start("-r 20 -d 100 -timeout 2 -timeout_error");
    let screen = stage.assert_given_back("-timeout_error");
    assert!(screen.contains("ended:255") && screen.contains("timed out after"), "{screen}");
}

/// SIGHUP ends a run whose terminal is gone; under `nohup` it goes on to its end.
#[test]
fn a_run_ends_with_its_terminal_unless_it_is_to_go_on() {
    let Some(stage) = Stage::set("gone") else { return };
    stage.start("-r 20 -d 100 -json gone.json");
    let pid = stage.pid();
    stage.terminal.close();
    let is_gone = |pid: &str| {
        // A process that nobody reaps yet has no command line any more.
        fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |words| words.is_empty())
    };
    wait(|| is_gone(&pid));
    wait(|| stage.text("gone.json").ends_with("}\n"));

    let terminal = Terminal::open(&stage.folder, (80, 24)).expect("it ran before");
    terminal.enter(&format!("nohup {}", stage.call("-r 20 -d 100 -m 60 -json on.json")));
    wait(|| stage.folder.join("on.json").exists());
    drop(terminal);
    wait(|| stage.text("on.json").ends_with("}\n"));
    let report = stage.text("on.json");
    assert!(report.contains("\"successful\": 60"), "{report}");
}

fn wait(is_so: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "it does not come to be");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The command lines of SIPp behind `c`: what they do is seen on the screen or in the errors file.
#[test]
fn command_lines_are_carried_out() {
    let Some(stage) = Stage::set("lines") else { return };
    stage.start("-r 20 -d 100 -trace_err -trace_msg");
    let line = |text: &str| {
        stage.terminal.press("c");
        stage.terminal.enter(text);
    };
    stage.terminal.press("c");
    stage.terminal.press("x");
    stage.terminal.wait_for("Command: x_");
    stage.terminal.press("BSpace");
    stage.terminal.enter("set rate 40");
    stage.terminal.wait_for("  40.0(100 ms)/1.000s");
    line("set rate-scale 5");
    stage.terminal.press("+");
    stage.terminal.wait_for("  45.0(100 ms)/1.000s");
    stage.terminal.press("/");
    stage.terminal.wait_for("  0.0(100 ms)/1.000s");
    line("set rate 20");
    line("set limit 7");
    stage.terminal.wait_for("(limit 7)");
    stage.terminal.press("p");
    stage.terminal.wait_for("Traffic Paused - Press [p] again to resume");
    stage.terminal.press("p");
    stage.terminal.wait_for("[p]: Pause traffic");

    line("trace messages off");
    line("trace shortmessages on");
    wait(|| stage.text("_shortmessages.log").contains("\tBYE sip:"));
    let size = |ending: &str| stage.text(ending).len();
    let (messages, short) = (size("_messages.log"), size("_shortmessages.log"));
    wait(|| size("_shortmessages.log") > short);
    assert_eq!(size("_messages.log"), messages, "it is off");
    line("trace messages on");
    wait(|| size("_messages.log") > messages);

    for (text, told) in [
        ("dump tasks", "Active Tasks ----"),
        ("dump variables", "0 level 2 variables:"),
        ("set users 3", "Users can not be changed at run time for a rate-based benchmark."),
        ("set display ooc", "Unknown display scenario: ooc"),
        ("jump", "Unrecognized command: \"jump\""),
    ] {
        line(text);
        wait(|| stage.text("_errors.log").contains(told));
    }
    stage.terminal.wait_for("Last Error: Unrecognized command");

    stage.terminal.press("2");
    let created = |screen: &[String]| -> u64 {
        let row = screen.iter().find(|line| line.contains("Total Calls created")).map(String::as_str);
        row.and_then(|row| row.rsplit('|').next()?.trim().parse().ok()).unwrap_or(u64::MAX)
    };
    let screen = stage.terminal.wait_for("Total Calls created");
    let before = created(&screen);
    line("reset stats");
    stage.terminal.wait_until(|screen| created(screen) < before, "statistics from zero");
    stage.terminal.press("Q");
    stage.assert_given_back("Q");
}
