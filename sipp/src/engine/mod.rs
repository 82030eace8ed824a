//! The shell: the only room of the program with sockets, threads, files and a clock.
//!
//! One thread does signalling (`signalling` with `incoming`, `opening`, `outcomes`, `obeying`), one is the desk
//! (`desk`: files and screen); keyboard and control socket (`control`) send commands. `setup` turns options
//! into a run.

mod address;
mod busy;
mod call_id;
mod command;
mod control;
mod describe;
mod desk;
mod figures;
mod files;
mod incoming;
mod link;
mod obeying;
mod opening;
mod outcomes;
mod own_sockets;
mod setup;
mod signalling;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{Local, Offset};
use sip::msg::frame;
use sip::net::{Clock, ConnLimits, Sockets};

use crate::exit::Exit;
use crate::options::Options;
use crate::screen::Live;
use crate::state::WallClock;
use crate::stats::counters::Counters;
use crate::stats::snapshot::Setup;
use crate::stats::times::Wall;
use crate::stats::trace;
use crate::traffic::calls::Calls;

pub use command::Command;
pub use control::{Controlled, Controller, controller};

use call_id::CallIdFormat;
use desk::Desk;
use link::{Link, Wanted};
use opening::{Habits, Opening};
use own_sockets::OwnSockets;
use setup::{Fatal, Loaded};
use signalling::{Ending, Reconnect, Rhythm, Signalling, State};

/// Where a run prints, and whether it may use the terminal.
pub struct Console {
    /// Gets the closing statistics.
    pub out: Box<dyn Write + Send>,
    /// Gets errors.
    pub err: Box<dyn Write + Send>,
    /// Whether the live screen is drawn on standard output and keys are read.
    pub terminal: Terminal,
}

/// What a run does with the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// Nothing: closing statistics only.
    Headless,
    /// Live screens and keys.
    Live,
}

/// Runs a scenario to its end, and says how it ended. Prints what SIPp prints.
pub fn run(
    options: &Options,
    mut console: Console,
    (controller, controlled): (Controller, Controlled),
) -> Exit {
    let clock = Clock::start();
    let wall = wall_now();
    let result = prepare(options, &mut console, (clock, wall), controlled).and_then(|prepared| {
        let over = Arc::new(AtomicBool::new(false));
        serve_commands(options, &controller, &over, console.terminal)?;
        let ending = work(prepared, &mut console);
        over.store(true, Ordering::Relaxed);
        ending
    });
    let (exit, text) = match result {
        Ok(Ending { exit, error }) => (exit, error),
        Err(Fatal { exit, text }) => (exit, Some(text)),
    };
    if let Some(text) = text {
        // A closed stderr must not hide the exit code.
        let _ = console.err.write_all(trace::error(wall, clock.now(), &text).as_bytes());
    }
    exit
}

/// Writes an error as SIPp does: the time, a colon, the text.
pub fn complain(err: &mut dyn Write, text: &str) {
    // A closed stderr must not hide the exit code.
    let _ = err.write_all(trace::error(wall_now(), sip::time::Time::ZERO, text).as_bytes());
}

/// The wall clock now, as an origin for machine time.
fn wall_now() -> Wall {
    let now = Local::now();
    Wall {
        origin_unix_micros: now.timestamp_micros(),
        utc_offset_secs: i64::from(now.offset().fix().local_minus_utc()),
    }
}

/// A run that can start.
struct Prepared {
    signalling: Signalling,
    desk: Desk,
    notes: std::sync::mpsc::Receiver<link::Note>,
}

fn prepare(
    options: &Options,
    console: &mut Console,
    (clock, wall): (Clock, Wall),
    controlled: Controlled,
) -> Result<Prepared, Fatal> {
    let loaded = setup::load(options)?;
    if let Some(remote) = &options.network.remote {
        // Scripts wait for this line.
        let _ = writeln!(console.err, "Resolving remote host '{}'... Done.", remote.host);
    }
    let addresses = setup::addresses(options, loaded.program.mode.opens_calls())?;
    let mut sockets =
        Sockets::new(limits(options)).map_err(|error| Fatal::late(format!("Network error: {error}")))?;
    let socket = setup::bind(&mut sockets, options, addresses.bind)?;
    let port = sockets.local_addr(socket).map_or(0, |addr| addr.port());
    controlled.wakes(sockets.waker());
    let wall_clock = WallClock {
        origin_unix_micros: wall.origin_unix_micros,
        utc_offset_secs: wall.utc_offset_secs as i32,
    };
    let settings = setup::settings(options, &addresses, port, wall_clock);
    let live = match console.terminal {
        Terminal::Live => Some(Live::start(command::keys()).map_err(|error| Fatal::late(error.to_string()))?),
        Terminal::Headless => None,
    };
    let desk = Desk::new(&options.traces, (&loaded.name, settings.pid), wall, live).map_err(Fatal::late)?;
    let own = OwnSockets::new(
        options.network.mode,
        addresses.bind,
        options.network.max_sockets,
        setup::udp_options(options),
    );
    let (sender, notes) = sync_channel(link::CAPACITY);
    let link = Link::new(sender, wanted(options));
    let Loaded { name, program, world, warnings } = loaded;
    let layout = Arc::new(describe::layout(&program, &name, options.call.pause));
    let shape = describe::shape(&program);
    let habits = Habits {
        opens_calls: program.mode.opens_calls(),
        length: describe::pauses(&program, options.call.pause).max(options.call.pause),
        sleep: options.general.sleep,
        ramp_interval: setup::ramp_interval(options),
        call_ids: CallIdFormat::parse(
            &options.call.call_id_format,
            settings.pid,
            &settings.local_ip.to_string(),
        ),
        keeps_id_prefix: options.call.keep_call_id_prefix,
    };
    let remote = addresses.remote.map(|remote| shown_remote(options, remote.port())).unwrap_or_default();
    let setup = Setup {
        wall,
        port,
        transport: settings.transport.via_name().into(),
        remote,
        pause: options.call.pause,
        stop_after: options.rate.stop_after,
        auto_answer: options.call.auto_answer,
        lossy: options.call.lost_percent > 0.0 || program.has_losses,
    };
    let mut signalling = Signalling {
        clock,
        sockets,
        socket,
        own,
        settings,
        world,
        layout,
        setup: Arc::new(setup),
        counters: Counters::new(&shape),
        shape,
        calls: Calls::new(options.call.remember_ended),
        opening: Opening::new(&options.rate, habits),
        program,
        quit: Default::default(),
        link,
        commands: controlled.receiver,
        rhythm: rhythm(options, console.terminal),
        reconnect: Reconnect {
            left: options.network.max_reconnect,
            closes_calls: options.network.reconnect_close,
        },
        state: State::default(),
    };
    for warning in warnings {
        signalling.warn(clock.now(), warning);
    }
    Ok(Prepared { signalling, desk, notes })
}

/// What connections may cost: a test tool keeps them as long as its calls want them.
fn limits(options: &Options) -> ConnLimits {
    let frame = frame::Limits { missing_length: frame::MissingLength::NoBody, ..frame::Limits::default() };
    let max_connections = options.network.max_sockets;
    ConnLimits { max_connections, idle: Duration::MAX, frame, ..ConnLimits::default() }
}

fn shown_remote(options: &Options, port: u16) -> String {
    let host = options.network.remote.as_ref().map_or("", |remote| remote.host.as_str());
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn wanted(options: &Options) -> Wanted {
    Wanted {
        messages: options.traces.messages.on,
        short_messages: options.traces.short_messages.on,
        response_times: options.traces.response_times,
    }
}

fn rhythm(options: &Options, terminal: Terminal) -> Rhythm {
    let traces = &options.traces;
    let rows = traces.stat.on || traces.counts || traces.error_codes;
    let draws = terminal == Terminal::Live && !traces.screen_period.is_zero();
    Rhythm {
        draw_every: draws.then_some(traces.screen_period),
        row_every: rows.then_some(traces.stat_period),
        ends_at: options.general.timeout.map(|timeout| sip::time::Time::ZERO + timeout),
        end_is_error: options.general.timeout_error,
    }
}

/// Starts the threads that commands come from.
fn serve_commands(
    options: &Options,
    controller: &Controller,
    over: &Arc<AtomicBool>,
    terminal: Terminal,
) -> Result<(), Fatal> {
    let network = &options.network;
    let ip = match &network.control {
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(host) => {
            let host = crate::options::HostPort { host: host.clone(), port: None };
            address::resolve(&host, 0).map_err(Fatal::late)?.ip()
        }
    };
    let listening = control::bind_control(ip, network.control_port)
        .and_then(|socket| control::listen(socket, controller.clone(), over.clone()));
    match (listening, network.control_port) {
        (Err(error), Some(port)) => {
            let exit =
                if error.kind() == io::ErrorKind::AddrInUse { Exit::AddressInUse } else { Exit::Fatal };
            return Err(Fatal {
                exit,
                text: format!("Unable to bind remote control socket to port {port}: {error}"),
            });
        }
        // Nobody asked for that port in particular: the run goes on without remote control.
        (Err(_), None) | (Ok(()), _) => {}
    }
    if terminal == Terminal::Live && !options.general.no_keyboard {
        control::read_keyboard(controller.clone()).map_err(|error| Fatal::late(error.to_string()))?;
    }
    Ok(())
}

/// Lets the threads work until the run is over.
fn work(prepared: Prepared, console: &mut Console) -> Result<Ending, Fatal> {
    let Prepared { signalling, desk, notes } = prepared;
    let thread = std::thread::Builder::new().name("sipp-signalling".into());
    let thread: JoinHandle<Ending> = thread
        .spawn(move || signalling.run())
        .map_err(|error| Fatal::late(format!("Unable to start a thread: {error}")))?;
    desk.run(&notes, &mut console.out, &mut console.err);
    thread.join().map_err(|_| Fatal::late("The signalling thread ended by a bug"))
}
