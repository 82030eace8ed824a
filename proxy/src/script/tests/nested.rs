//! Functions that run blocks or wait: the run is put aside, and comes back to the same place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::ident::Ident;
use sip::msg::Message;
use sip::peer::{Peer, Transport};

use crate::api::{
    Answer, Args, Ctx, Flow, FunctionDef, IoAnswer, IoRequest, Kind, ModuleDef, Nested, Received, Resumed,
    RouteKind, RouteTable, Routes, Shard, Wait, Work,
};
use crate::cfg::{MemoryLoader, Preset, parse_text};
use crate::relay::{Relay, Settings, Signature, Socket, SocketId, Sockets};
use crate::script::{Run, Script, Status, Tables, load};
use crate::trial::OPTIONS;

static MODULE: ModuleDef = ModuleDef {
    name: "test",
    functions: &[
        FunctionDef::new(
            "pause",
            &[Kind::Int, Kind::Text],
            Routes::ANY,
            pause,
            "waits, then returns a number",
        ),
        FunctionDef::new(
            "branches",
            &[Kind::Route(RouteTable::Branch)],
            Routes::ANY,
            branches,
            "runs a block twice",
        ),
    ],
    ..ModuleDef::EMPTY
};

static MODULES: &[&ModuleDef] = &[&MODULE];

fn pause(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let request = IoRequest::Sleep(Duration::from_secs(args.int(ctx, 0) as u64));
    Flow::Wait(Wait { request, then: paused, kept: Box::new(args.int(ctx, 0)) })
}

fn paused(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let kept = *resumed.kept.downcast::<i64>().expect("pause() keeps a number");
    assert!(matches!(resumed.answer, Answer::Io(IoAnswer::Done)));
    Flow::Next(kept + args.text(ctx, 1).len() as i64)
}

/// Runs the block on a copy of the message, twice; the code is 10 times the first plus the second.
fn branches(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    branch(ctx, args, 0, 0)
}

fn branch(ctx: &mut Ctx<'_>, args: &Args<'_>, number: i64, sum: i64) -> Flow {
    let Some(Some(route)) = args.route(ctx, 0) else { return Flow::FALSE };
    let mut work = Box::new(ctx.work.clone());
    work.flags = number as u32;
    let kept = Box::new((number, sum));
    Flow::Call(Nested { route, kind: RouteKind::Branch, work: Some(work), then: branched, kept })
}

fn branched(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let (number, sum) = *resumed.kept.downcast::<(i64, i64)>().expect("branch() keeps two numbers");
    let Answer::Route { end, work } = resumed.answer else { panic!("a block was run") };
    assert_eq!(work.expect("it had its own message").flags, number as u32 + 8);
    let sum = sum * 10 + end.code;
    if number == 0 { branch(ctx, args, 1, sum) } else { Flow::Next(sum) }
}

fn prepare(body: &str) -> (Arc<Script>, Shard, Run) {
    let text = format!("loadmodule \"test.so\"\n{body}");
    let parsed = parse_text("test.cfg", text, &Preset::default(), &MemoryLoader::default());
    let tables = Tables { core: crate::core::PARTS, modules: MODULES };
    let loaded = load(&parsed, tables, None);
    let script = Arc::new(loaded.script.unwrap_or_else(|| panic!("{:?}", loaded.findings)));
    let address = "127.0.0.1:5060".parse().expect("an address");
    let sockets = Arc::new(Sockets::new(vec![Socket::new(Transport::Udp, address, None)], Vec::new()));
    let signature = Signature { tag_prefix: [b'0'; 32], server: Box::default(), user_agent: Box::default() };
    let relay = Relay::new(Arc::new(Settings::default()), sockets, 1, signature);
    let shard = Shard::new(Ident::seeded(1), script.shared.clone(), relay);
    let message = Arc::new(Message::parse(Bytes::from_static(OPTIONS)).expect("SIP"));
    let received = Received { peer: Peer::new(Transport::Udp, address), socket: SocketId(0), at: shard.now };
    let route = script.route(RouteTable::Request, "").expect("request_route");
    let run = Run::new(&script, route, RouteKind::Request, Box::new(Work::new(message, received)));
    (script, shard, run)
}

#[test]
fn a_run_waits_inside_an_expression_inside_a_route() {
    let (_, mut shard, mut run) = prepare(
        "request_route { $var(a) = 1 + route(A) + 5; return $var(a) * 100 + $var(b); }
         route[A] { $var(i) = 0; while ($var(i) < 2) { $var(i) = $var(i) + 1; $var(b) = pause(3, $rm + \"x\"); } return 2; }",
    );
    let mut status = run.start(&mut shard);
    for _ in 0..2 {
        assert_eq!(status, Status::Waiting(IoRequest::Sleep(Duration::from_secs(3))));
        status = run.resume(&mut shard, IoAnswer::Done);
    }
    let Status::Done(end) = status else { panic!("it has ended") };
    // route(A) counts as 1; pause() gives 3 and the length of "OPTIONSx".
    assert_eq!(end.code, 7 * 100 + 11);
}

#[test]
fn a_function_runs_blocks_on_messages_of_their_own() {
    let (_, mut shard, mut run) = prepare(
        "request_route { setflag(5); $var(x) = branches(\"B\"); if ($mf != 32) return 1; return $var(x); }
         branch_route[B] { $mf = $mf + 8; if ($Mf(0) == 1) exit 3; return 4; }",
    );
    let status = run.start(&mut shard);
    let Status::Done(end) = status else { panic!("nothing waits here") };
    assert_eq!(end.code, 43);
}

#[test]
fn a_wait_inside_a_block_of_a_function_comes_back_there() {
    let (_, mut shard, mut run) = prepare(
        "request_route { return branches(\"B\") + $var(sum); }
         branch_route[B] { $var(sum) = $var(sum) + pause(1, \"\"); $mf = $mf + 8; return 1; }",
    );
    let mut status = run.start(&mut shard);
    for _ in 0..2 {
        assert!(matches!(status, Status::Waiting(_)));
        status = run.resume(&mut shard, IoAnswer::Done);
    }
    let Status::Done(end) = status else { panic!("it has ended") };
    assert_eq!(end.code, 1 + 2);
}
