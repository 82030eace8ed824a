//! Ladders of the built-in pair, with and without losses.

use std::time::Duration;

use sip::peer::{Peer, Transport};

use super::{Actor, Event, Happening, Link, Side, run, write};
use crate::call::Outcome;
use crate::infile::Infiles;
use crate::lang::World;
use crate::scenario::{Context, builtin, load};
use crate::state::Settings;

fn actor(name: &str, seed: u64, side: Side) -> Actor {
    let infiles = Infiles::default();
    let context = Context::new(&[], &infiles);
    let text = builtin::text(name).expect("a built-in scenario");
    let program = load(name, text.as_bytes(), context).expect("correct").program;
    let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], 5060).into());
    let settings = Settings { destination: Some(peer), pid: 1 + side as u32, ..Settings::default() };
    let ident = Actor::ident(seed, side);
    Actor::new(program, settings, World::new(infiles, (0, 0), ident, |path| std::fs::read(path)))
}

fn rehearse(loss_percent: f64, seed: u64, calls: u64) -> Vec<Event> {
    let actors = [actor("uac", seed, Side::Caller), actor("uas", seed, Side::Called)];
    let link = Link { latency: Duration::from_millis(10), loss_percent, seed };
    run(actors, link, calls, Duration::from_secs(600))
}

#[test]
fn a_pair_is_printed_as_a_ladder() {
    let expected = "  seconds  uac                                      uas
    0.000  |-- INVITE ------------------------------->|
    0.010  |<-------------------------- 180 Ringing --|
";
    let text = write(["uac", "uas"], &rehearse(0.0, 1, 1));
    let tail = "    4.030  = uas: call succeeded after 4.020 s\n";
    assert!(text.starts_with(expected) && text.ends_with(tail), "{text}");
}

/// The rules of resending save every call of a hundred over a link that loses one message in ten.
#[test]
fn losses_are_made_up_for() {
    let events = rehearse(10.0, 7, 100);
    let ended = |event: &&Event| event.side == Side::Caller && matches!(event.what, Happening::Ended { .. });
    let outcomes: Vec<_> = events.iter().filter(ended).map(|event| event.what.clone()).collect();
    assert_eq!(outcomes.len(), 100);
    let succeeded = |what: &&Happening| matches!(what, Happening::Ended { outcome: Outcome::Succeeded, .. });
    assert_eq!(outcomes.iter().filter(succeeded).count(), 100);
    assert!(events.iter().any(|event| matches!(event.what, Happening::Sent { lost: true, .. })));
}

#[test]
fn the_same_seed_gives_the_same_ladder() {
    let text = |seed| write(["uac", "uas"], &rehearse(20.0, seed, 5));
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}
