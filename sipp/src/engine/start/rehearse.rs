//! `-dry-run`: two scenarios of the command line against each other on a simulated clock.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use sip::peer::Peer;
use sip::time::Time;

use crate::call::Outcome;
use crate::dry_run::{self, Actor, Happening, Link, Side};
use crate::exit::Exit;
use crate::lang::World;
use crate::options::{Options, Source};
use crate::scenario;
use crate::state::{Settings, WallClock};

use super::loading::{self, Loaded};
use super::setup::{self, Addresses, Fatal};
use crate::engine::{Console, complain};

/// Runs the scenario of the command line against the other one, prints the ladder, and says whether all calls
/// succeeded.
pub fn rehearse(options: &Options, console: &mut Console) -> Exit {
    let sources = [options.scenario.main.clone(), options.tools.against.clone()];
    let [own, other] = sources.map(|source| find(source.unwrap_or(Source::BuiltIn("uas".into()))));
    let (text, exit) = match play(options, &own, &other, &mut console.err) {
        Ok(played) => played,
        Err(Fatal { text, .. }) => {
            complain(&mut console.err, &text);
            return Exit::Failed;
        }
    };
    // A closed stdout must not hide the exit code.
    let _ = console.out.write_all(text.as_bytes()).and_then(|()| console.out.flush());
    exit
}

/// A file, or the built-in scenario of that name when there is no such file.
fn find(source: Source) -> Source {
    match source {
        Source::File(name) if !Path::new(&name).exists() && scenario::builtin::text(&name).is_some() => {
            Source::BuiltIn(name)
        }
        other => other,
    }
}

fn play(
    options: &Options,
    own: &Source,
    other: &Source,
    err: &mut dyn Write,
) -> Result<(String, Exit), Fatal> {
    refuse_others(options)?;
    let mut load = |source, side| {
        let ident = Actor::ident(options.tools.seed, side);
        let (loaded, world, findings) = loading::load_one(options, source, ident)?;
        for finding in findings {
            // A closed stderr is no reason to stop.
            let _ = writeln!(err, "{finding}");
        }
        Ok::<_, Fatal>((loaded, world))
    };
    let (mut first, mut second) = (load(own, Side::Caller)?, load(other, Side::Called)?);
    if !first.0.program.mode.opens_calls() {
        std::mem::swap(&mut first, &mut second);
    }
    if !first.0.program.mode.opens_calls() || !second.0.program.mode.takes_calls() {
        let text = "-dry-run needs one scenario that opens calls and one that takes them";
        return Err(Fatal::late(text));
    }
    let names = [first.0.name.clone(), second.0.name.clone()];
    let actors = [actor(options, first, Side::Caller)?, actor(options, second, Side::Called)?];
    let link = Link { latency: LATENCY, loss_percent: options.tools.loss_percent, seed: options.tools.seed };
    let limit = options.general.timeout.unwrap_or(LIMIT);
    let events = dry_run::run(actors, link, options.rate.stop_after.unwrap_or(1), limit);
    let is_good = |what: &Happening| {
        !matches!(
            what,
            Happening::Ended { outcome: Outcome::Failed(_) | Outcome::Aborted, .. } | Happening::LeftOpen(_)
        )
    };
    let ended = events.iter().any(|event| matches!(event.what, Happening::Ended { .. }));
    let good = ended && events.iter().all(|event| is_good(&event.what));
    let text = dry_run::write([&names[0], &names[1]], &events);
    Ok((text, if good { Exit::Success } else { Exit::Failed }))
}

/// Options whose scenarios would be left out without a word. Error: the first of them.
fn refuse_others(options: &Options) -> Result<(), Fatal> {
    let given = [
        ("-rxsf", options.scenario.receiving.is_some()),
        ("-oocsf", options.scenario.out_of_call.is_some()),
        ("-3pcc", options.twin.pair.is_some()),
        ("-slave_cfg", options.twin.peers.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(Fatal::late(format!(
            "-dry-run plays one scenario against one other: {name} has no place in it"
        ))),
        None => Ok(()),
    }
}

fn actor(options: &Options, (mut loaded, mut world): (Loaded, World), side: Side) -> Result<Actor, Fatal> {
    let (own, peer) = (address(side), address(side.other()));
    let addresses =
        Addresses { remote: Some(peer), send_to: None, local: own.ip(), bind: own.ip(), media: own.ip() };
    let settings = setup::settings(options, &addresses, own.port(), WallClock::default());
    let transport = settings.transport;
    let settings = Settings {
        pid: 1 + side as u32,
        remote_host: peer.ip().to_string(),
        destination: Some(Peer::new(transport, peer)),
        ..settings
    };
    loaded.program.settle(&settings);
    let asked = setup::initialise(Time::ZERO, &mut loaded.program, &settings, &mut world)?;
    let mut actor = Actor::new(loaded.program, settings, world);
    actor.begin(asked);
    Ok(actor)
}

/// Addresses that belong to nobody (RFC 5737).
fn address(side: Side) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + side as u8)), 5060)
}

/// How long a message travels.
const LATENCY: Duration = Duration::from_millis(10);
/// Simulated time after which a pair that goes on for ever is ended; `-timeout` says otherwise.
const LIMIT: Duration = Duration::from_secs(3600);
