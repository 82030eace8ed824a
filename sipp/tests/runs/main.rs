//! Whole runs in this process: what a user would see on the terminal, in files and as the exit code.

mod injection;
mod limits;
mod mixed;
mod outside;
mod pair;
mod streams;
mod tools;

use std::io::{self, Write};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sipp::Exit;
use sipp::engine::{self, Console, Controller, Terminal};

/// Collects what a run prints.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no writer panics")).into_owned()
    }
}

/// A console without a terminal, and what will stand on its standard output and standard error.
fn console() -> (Console, Paper, Paper) {
    let (out, err) = (Paper::default(), Paper::default());
    let console =
        Console { out: Box::new(out.clone()), err: Box::new(err.clone()), terminal: Terminal::Headless };
    (console, out, err)
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// How a run ended, and what it printed on standard output and standard error.
struct Ended {
    exit: Exit,
    out: String,
    err: String,
}

/// Starts a run on a thread of its own.
fn start(line: &str) -> (Controller, JoinHandle<Ended>) {
    let words = words(line);
    let (controller, controlled) = engine::controller();
    let ours = controller.clone();
    let thread = std::thread::spawn(move || {
        let (console, out, err) = console();
        let exit = sipp::run(&words, console, (ours, controlled));
        Ended { exit, out: out.text(), err: err.text() }
    });
    (controller, thread)
}

fn end(thread: JoinHandle<Ended>) -> Ended {
    thread.join().expect("a run does not panic")
}

/// A run from its start to its end.
fn run(line: &str) -> Ended {
    end(start(line).1)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("bound").port()
}

/// A socket that is bound and says nothing, so that nothing comes back, not even an ICMP error; and its port.
fn silent() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = socket.local_addr().expect("bound").port();
    (socket, port)
}

/// The number in the cumulative column of a line of the statistics screen.
fn figure(out: &str, name: &str) -> u64 {
    let line = out.lines().find(|line| line.trim_start().starts_with(name)).expect("the line is printed");
    line.rsplit('|').next().and_then(|column| column.trim().parse().ok()).expect("a number stands there")
}

/// A file of these tests.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("a temporary file");
    path
}
