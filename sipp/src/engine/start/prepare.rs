//! A run put together: sockets bound, calls' settings known, the signalling thread and the desk ready to work.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use sip::ident::Ident;
use sip::msg::frame;
use sip::net::{Busy, Clock, ConnLimits, Waker};
use sip::peer::Transport;
use sip::time::Time;

use crate::exit::Exit;
use crate::infile::FileId;
use crate::lang::VarNames;
use crate::media::reports::Origin;
use crate::options::{Options, SocketMode};
use crate::scenario::Program;
use crate::screen::Live;
use crate::state::{CircuitTable, Scope, Settings, WallClock};
use crate::stats::condition::Condition;
use crate::stats::counters::Counters;
use crate::stats::snapshot::{Baseline, Peak, Setup};
use crate::stats::times::Wall;
use crate::stats::verdict::{Rules, unknown_name};
use crate::traffic::calls::Calls;
use crate::traffic::rate::Share;

use super::describe;
use super::loading::{self, Loaded, LoadedRun};
use super::setup::{self, Addresses, Fatal};
use crate::engine::control::Controlled;
use crate::engine::control::command;
use crate::engine::desk::Desk;
use crate::engine::desk::gather::Gather;
use crate::engine::desk::link::{self, Link, Note, Wanted};
use crate::engine::network::commanding;
use crate::engine::network::congestion::Congestion;
use crate::engine::network::doors::{self, Door};
use crate::engine::network::own_sockets::OwnSockets;
use crate::engine::network::reconnecting::Reconnect;
use crate::engine::player::{self, Player};
use crate::engine::signalling::call_id::CallIds;
use crate::engine::signalling::crew::Crew;
use crate::engine::signalling::failing;
use crate::engine::signalling::failing::Failing;
use crate::engine::signalling::media::{self, Media};
use crate::engine::signalling::names::LookUps;
use crate::engine::signalling::opening::{Habits, Opening};
use crate::engine::signalling::scenarios::{Scenario, ScenarioId, Scenarios};
use crate::engine::signalling::{Rhythm, Signalling, State};
use crate::engine::{Console, Terminal};

/// A run that can start.
pub(in crate::engine) struct Prepared {
    /// At least one; the first is the one that commands come to.
    pub(in crate::engine) engines: Vec<Signalling>,
    pub(in crate::engine) desk: Desk,
    pub(in crate::engine) notes: Receiver<Note>,
}

/// What the engines of a run have in common.
struct Common<'a> {
    options: &'a Options,
    addresses: &'a Addresses,
    clock: Clock,
    wall: Wall,
    setup: Setup,
    sender: SyncSender<Note>,
    rhythm: Rhythm,
}

/// Puts a run together. Errors: whatever is wrong with its options, files, hosts and ports.
pub(in crate::engine) fn prepare(
    options: &Options,
    console: &mut Console,
    (clock, wall): (Clock, Wall),
    controlled: Controlled,
) -> Result<Prepared, Fatal> {
    let loaded = loading::load(options)?;
    say_findings(&loaded, console);
    let main = &loaded.scenarios[0].program;
    let rules = rules(options, main)?;
    if let Some(remote) = &options.network.remote {
        // Scripts wait for this line; a closed stderr is no reason to stop.
        let _ = writeln!(console.err, "Resolving remote host '{}'... Done.", remote.host);
    }
    let mut addresses = setup::addresses(options, main.mode.calls_out())?;
    let homes = setup::homes(options, &loaded.world.infiles)?;
    addresses.bind = homes.first().copied().unwrap_or(addresses.bind);
    // Who opens calls tells the other side its port; who waits for them is known by one.
    let spreads = !main.mode.calls_out();
    let takes_calls = loaded.scenarios.iter().any(|loaded| loaded.program.mode.takes_calls());
    let count = engines(options, spreads)?;
    let plan = doors::Plan { ip: addresses.bind, limits: limits(options), engines: count, spreads };
    let doors = doors::open(options, plan)?;
    let wakers: Vec<Waker> = doors.iter().map(|door| door.sockets.waker()).collect();
    controlled.wakes(wakers[0].clone());
    let crews = Crew::form(&wakers, spreads);
    let twins = commanding::start(options, main, wakers[0].clone(), &mut console.err)?;
    let mut desk = desk(options, (&loaded.scenarios, std::process::id()), wall, console.terminal)?;
    desk.gather = Gather::new(count);
    let port = doors[0].port();
    let setup = Setup { rules, ..shown_setup(options, &addresses, &main.vars, (wall, port)) };
    let (sender, notes) = sync_channel(link::CAPACITY);
    let rhythm = rhythm(options, console.terminal);
    let common = Common { options, addresses: &addresses, clock, wall, setup, sender, rhythm };
    let mut engines = Vec::with_capacity(count);
    let library = loaded.library.shared();
    let (mut first, mut lead) = (Some(loaded), Some((controlled.receiver, twins)));
    for (crew, door) in crews.into_iter().zip(doors) {
        // Each has a program and injection files of its own; calls of different engines share nothing but media files.
        let again = || loading::load(options).map(|loaded| LoadedRun { library: library.shared(), ..loaded });
        let loaded = first.take().map_or_else(again, Ok)?;
        let (commands, twins) = lead.take().unwrap_or_else(|| (sync_channel(1).1, None));
        let mut engine = engine(&common, (crew, door), loaded)?;
        if takes_calls {
            engine.settle_at(&homes)?;
        }
        engine.commands = commands;
        engine.twins = twins;
        engines.push(engine);
    }
    // The first beat comes when all are ready.
    let starts_at = clock.now();
    engines.iter_mut().for_each(|engine| engine.rhythm.starts_at = starts_at);
    Ok(Prepared { engines, desk, notes })
}

/// How many engines the run has. Errors: `-threads` with something that one thread has to do.
fn engines(options: &Options, spreads: bool) -> Result<usize, Fatal> {
    let count = options.rate.threads;
    if count == 1 {
        return Ok(1);
    }
    let refuse = |what: &str| Err(Fatal::early(format!("-threads {count}: {what} by one thread only")));
    if options.twin.is_given() {
        return refuse("commands of third party call control are passed");
    }
    if options.network.mode == SocketMode::UdpPerAddress {
        return refuse("-t ui is done");
    }
    if spreads && setup::transport(options.network.mode) != Transport::Udp {
        return refuse("connections are accepted");
    }
    Ok(count)
}

/// One engine. The lead gets its commands and twins later.
fn engine(common: &Common<'_>, (crew, door): (Crew, Door), loaded: LoadedRun) -> Result<Signalling, Fatal> {
    let Common { options, addresses, clock, wall, setup, .. } = common;
    let (clock, wall, mut loaded) = (*clock, *wall, loaded);
    let mut settings = setup::settings(options, addresses, door.port(), wall_clock(wall));
    if let Some(table) = &options.general.circuits {
        let table = CircuitTable::parse(table).map_err(Fatal::late)?;
        let Share { index, of } = crew.share();
        loaded.world.add_circuits(table.all().skip(index as usize).step_by(of as usize));
        settings.circuits = Some(table);
    }
    let share = crew.share();
    let media = media((options, share), (clock, wall), &mut settings, &mut loaded)?;
    let LoadedRun { mut scenarios, mut world, .. } = loaded;
    if options.network.mode == SocketMode::UdpPerAddress {
        scenarios[0].program.take_lines_of(FileId(0));
    }
    world.infiles.take_share(share.index, share.of);
    let mut asked = Vec::new();
    for loaded in &mut scenarios {
        loaded.program.settle(&settings);
        asked.extend(setup::initialise(clock.now(), &mut loaded.program, &settings, &mut world)?);
    }
    setup::lines_for_users(options, &scenarios[0].program, &world.infiles)?;
    let (most_sockets, few_sockets) = setup::sockets_for_calls(options);
    let main = &scenarios[0].program;
    let Door { sockets, socket } = door;
    let waker = sockets.waker();
    let mut signalling = Signalling {
        clock,
        sockets,
        socket,
        own: OwnSockets::new(options.network.mode, addresses.bind, most_sockets, setup::udp_options(options))
            .with_home_field(options.scenario.ip_field),
        media,
        twins: None,
        calls: Calls::new(options.call.remember_ended),
        opening: Opening::new(&options.rate, habits(options, main, (&settings, share))),
        quit: Default::default(),
        link: Link::new(common.sender.clone(), wanted(options)),
        commands: sync_channel(1).1,
        crew,
        rhythm: common.rhythm,
        reconnect: Reconnect {
            left: options.network.max_reconnect,
            closes_calls: options.network.reconnect_close,
            sleep: options.network.reconnect_sleep,
            at: None,
        },
        congestion: Congestion::new(options.call.send_timeout),
        names: LookUps::new(waker),
        failing: Failing::new(options.watch.failures_kept),
        debug: Default::default(),
        busy: Busy::gathering(MESSAGES_IN_ONE_GO, crate::engine::LONGEST_REST),
        state: State { call_numbers: u64::from(!main.init.is_empty()), ..State::default() },
        settings,
        world,
        scenarios: Scenarios::new(
            scenarios.into_iter().map(|loaded| scenario(options, loaded, setup)).collect(),
        ),
    };
    for output in &asked {
        signalling.apply(clock.now(), ScenarioId::MAIN, output);
    }
    if let Some(warning) = few_sockets {
        signalling.warn(clock.now(), warning);
    }
    Ok(signalling)
}

/// Tells what is probably not meant before anything happens; it changes neither the run nor its exit code.
fn say_findings(loaded: &LoadedRun, console: &mut Console) {
    // Who goes to the background tells who started it, which stands on a terminal.
    let place = match console.terminal {
        Terminal::Background => &mut console.out,
        Terminal::Live | Terminal::Headless => &mut console.err,
    };
    for finding in &loaded.findings {
        // A closed stderr is no reason to stop.
        let _ = writeln!(place, "{finding}");
    }
}

/// A scenario with nothing counted yet. `setup` is that of the run.
fn scenario(options: &Options, loaded: Loaded, setup: &Setup) -> Scenario {
    let shape = describe::shape(&loaded.program);
    let lossy = options.call.lost_percent > 0.0 || loaded.program.has_losses;
    let about = (loaded.name.as_str(), loaded.part);
    Scenario {
        layout: Arc::new(describe::layout(&loaded.program, about, options.call.pause)),
        setup: Arc::new(Setup { lossy, ..setup.clone() }),
        counters: Counters::new(&shape),
        began: Baseline::default(),
        shape,
        open: 0,
        peak: Peak::default(),
        is_hidden: loading::is_dummy(&loaded),
        quota: failing::quota(options.watch.failures_kept),
        program: loaded.program,
    }
}

/// The player, when the scenario plays something or `-rtp_echo` is given; the calls' media port is then its own. Each
/// engine has one, and its part of the media ports.
fn media(
    (options, share): (&Options, Share),
    (clock, wall): (Clock, Wall),
    settings: &mut Settings,
    loaded: &mut LoadedRun,
) -> Result<Option<Media>, Fatal> {
    let plays = loaded.scenarios.iter().any(|loaded| loaded.program.media.plays);
    if !plays && !options.media.echo {
        return Ok(None);
    }
    let ports = share.of_ports((options.media.first_port, options.media.last_port));
    (settings.media_port, settings.last_media_port) = ports;
    let habits = player::Habits {
        ip: settings.media_ip,
        first_port: settings.media_port,
        last_port: settings.last_media_port,
        echo: media::echo(&options.media),
        echo_bytes: options.media.echo_bytes,
        report_every: options.media.report_every,
        tolerance: options.media.tolerance,
        check_debug: options.media.check_debug,
        srtp_debug: options.media.srtp_debug,
        origin: Origin(wall.origin_unix_micros),
    };
    let player = Player::start(clock, habits).map_err(|error| {
        let (ip, first, last) = (habits.ip, habits.first_port, habits.last_port);
        Fatal::late(format!("Unable to bind media ports on {ip} between {first} and {last}: {error}"))
    })?;
    let media = Media::new(player, std::mem::take(&mut loaded.library), &options.media, share);
    settings.media_port = media.port();
    loaded.world.hear_with(media.ears());
    Ok(Some(media))
}

/// What the run is held to. Errors: a condition that cannot be read, or about a response time that is not there.
fn rules(options: &Options, program: &Program) -> Result<Rules, Fatal> {
    let conditions = options.verdict.fail_if.iter().map(|text| Condition::parse("-fail-if", text));
    let conditions: Vec<Condition> = conditions.collect::<Result<_, _>>().map_err(Fatal::early)?;
    let names: Vec<String> = program.timers.iter().map(|timer| timer.name.clone()).collect();
    match unknown_name(&conditions, &names) {
        Some(text) => Err(Fatal::early(text)),
        None => Ok(Rules { conditions, strict: options.verdict.strict }),
    }
}

fn wall_clock(wall: Wall) -> WallClock {
    WallClock {
        origin_unix_micros: wall.origin_unix_micros,
        // Time zones are less than a day wide.
        utc_offset_secs: wall.utc_offset_secs as i32,
    }
}

fn desk(
    options: &Options,
    (scenarios, pid): (&[Loaded], u32),
    wall: Wall,
    terminal: Terminal,
) -> Result<Desk, Fatal> {
    let live = match terminal {
        Terminal::Live => Some(Live::new(command::keys())),
        Terminal::Headless | Terminal::Background => None,
    };
    let scenarios = scenarios.iter().filter(|loaded| !loading::is_dummy(loaded));
    let scenarios: Vec<_> = scenarios.map(|loaded| (loaded.part, loaded.name.as_str())).collect();
    Desk::new(options, (&scenarios, pid), wall, live).map_err(|text| Fatal { exit: Exit::Fatal, text })
}

/// What connections may cost: a test tool keeps them as long as its calls want them.
fn limits(options: &Options) -> ConnLimits {
    let frame = frame::Limits { missing_length: frame::MissingLength::NoBody, ..frame::Limits::default() };
    let max_connections = options.network.max_sockets;
    ConnLimits { max_connections, idle: Duration::MAX, frame, ..ConnLimits::default() }
}

fn habits(options: &Options, program: &Program, (settings, share): (&Settings, Share)) -> Habits {
    let call = &options.call;
    Habits {
        opens_calls: program.mode.opens_calls(),
        length: describe::pauses(program, call.pause).max(call.pause),
        share,
        sleep: options.general.sleep,
        ramp_interval: setup::ramp_interval(options),
        call_ids: CallIds::new(
            (call.call_id_type, &call.call_id_format),
            (settings.pid, &settings.local_ip.to_string()),
            Ident::seeded(rand::random()),
        ),
        keeps_id_prefix: call.keep_call_id_prefix,
    }
}

fn shown_setup(
    options: &Options,
    addresses: &Addresses,
    vars: &VarNames,
    (wall, port): (Wall, u16),
) -> Setup {
    let remote = addresses.remote.map(|remote| shown_remote(options, remote.port())).unwrap_or_default();
    Setup {
        wall,
        port,
        transport: setup::transport(options.network.mode).via_name().into(),
        remote,
        pause: options.call.pause,
        stop_after: options.rate.stop_after,
        auto_answer: options.call.auto_answer,
        globals: vars.table(Scope::Global).iter().map(|variable| variable.name.clone()).collect(),
        rules: Rules::default(),
        mixed: options.scenario.receiving.is_some(),
        // Each scenario has its own.
        lossy: false,
    }
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
        starts_at: Time::ZERO,
        draw_every: draws.then_some(traces.screen_period),
        row_every: (rows && !traces.stat_period.is_zero()).then_some(traces.stat_period),
        ends_at: options.general.timeout.map(|timeout| Time::ZERO + timeout),
        end_is_error: options.general.timeout_error,
    }
}

/// About so many messages are worth a wake-up.
const MESSAGES_IN_ONE_GO: u32 = 16;
