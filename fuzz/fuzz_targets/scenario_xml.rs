//! Any bytes as a scenario: loading ends, and a scenario that loads can be played against the built-in server
//! without a panic. Nothing is executed: a dry run only tells what the shell would do.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sip::peer::{Peer, Transport};
use sipp::dry_run::{Actor, Link, Side, run, write};
use sipp::infile::Infiles;
use sipp::lang::World;
use sipp::scenario::{Context, Program, builtin, load};
use sipp::state::{Scope, Settings};

fn compile(text: &[u8]) -> Option<Program> {
    let infiles = Infiles::default();
    load("fuzz.xml", text, Context::new(&[], &infiles))
        .ok()
        .map(|loaded| loaded.program)
}

fn actor(program: Program, side: Side) -> Actor {
    let peer = Peer::new(Transport::Udp, ([192, 0, 2, 1], 5060).into());
    let settings = Settings { destination: Some(peer), remote_ip: Some(peer.addr.ip()), ..Settings::default() };
    let sizes = [Scope::Global, Scope::User].map(|scope| program.vars.table(scope).len());
    let world = World::new(Infiles::default(), (sizes[0], sizes[1]), Actor::ident(1, side), |_| Ok(b"file".to_vec()));
    Actor::new(program, settings, world)
}

fuzz_target!(|bytes: &[u8]| {
    let Some(program) = compile(bytes) else { return };
    let server = builtin::text("uas").and_then(|text| compile(text.as_bytes())).expect("built in");
    let client = builtin::text("uac").and_then(|text| compile(text.as_bytes())).expect("built in");
    let link = Link { latency: Duration::from_millis(10), loss_percent: 10.0, seed: 1 };
    let actors = if program.mode.opens_calls() {
        [actor(program, Side::Caller), actor(server, Side::Called)]
    } else {
        [actor(client, Side::Caller), actor(program, Side::Called)]
    };
    write(["a", "b"], &run(actors, link, 1, Duration::from_secs(40)));
});
