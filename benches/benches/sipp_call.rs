//! The hot path of `sipp`: rendering the built-in INVITE, stepping a call through `uas`, one regular expression.
//! Aims: INVITE 250 ns, a message through `uas` 1 us, `ereg` over 600 bytes 1.5 us.

use std::hint::black_box;
use std::net::SocketAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use sip::ident::Ident;
use sip::msg::{Index, View};
use sip::peer::{Peer, Transport};
use sip::time::Time;
use sipp::call::{Birth, Call, Env, Input, Origin, Output, Outputs};
use sipp::infile::Infiles;
use sipp::lang::{PosixRegex, Scope, World};
use sipp::scenario::{Context, Op, Program, builtin, load};
use sipp::state::{CallNumber, CallState, Settings, UserId};

/// As the engine has it: keywords that never change are literal.
fn program(name: &str) -> Program {
    let infiles = Infiles::default();
    let text = builtin::text(name).expect("built in");
    let context = Context::new(&[], &infiles);
    let mut program = load(name, text.as_bytes(), context).expect("correct").program;
    program.settle(&settings());
    program
}

fn world() -> World {
    World::new(Infiles::default(), (0, 0), Ident::seeded(1), |path| std::fs::read(path))
}

fn peer() -> Peer {
    Peer::new(Transport::Udp, SocketAddr::from(([127, 0, 0, 1], 5060)))
}

fn settings() -> Settings {
    Settings {
        remote_ip: Some([127, 0, 0, 1].into()),
        remote_host: "127.0.0.1".into(),
        destination: Some(peer()),
        pid: 12345,
        ..Settings::default()
    }
}

/// The messages a client sends in one call, made by the client itself.
fn client_messages() -> Vec<Vec<u8>> {
    let (program, settings, mut world) = (program("uac"), settings(), world());
    let mut env = Env { program: &program, settings: &settings, world: &mut world };
    let birth =
        Birth { number: CallNumber(1), id: b"1-12345@127.0.0.1", user: UserId(0), origin: Origin::Opened };
    let mut call = Call::new(Time::ZERO, birth, &mut env).expect("no injection files");
    let mut outputs = Outputs::default();
    call.handle(Time::ZERO, Input::Start, &mut env, &mut outputs);
    let answer = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nFrom: <sip:a>\r\nTo: <sip:b>;tag=1\r\n\
        Call-ID: 1-12345@127.0.0.1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
    let index = Index::parse(answer).expect("a response");
    let view = View { bytes: answer, index: &index };
    call.handle(Time::ZERO, Input::Message { view, from: peer() }, &mut env, &mut outputs);
    let sent = outputs.list.iter().filter_map(|output| match output {
        Output::Send(outgoing) => Some(outputs.text(outgoing.bytes).to_vec()),
        _ => None,
    });
    sent.collect()
}

fn render(c: &mut Criterion) {
    let (program, settings, mut world) = (program("uac"), settings(), world());
    let Op::Send(send) = &program.steps[0].op else { panic!("uac sends first") };
    let mut state = CallState::new(CallNumber(4711), *b"4711-12345@127.0.0.1", Time::ZERO, 0);
    let mut out = Vec::with_capacity(2048);
    c.bench_function("render the built-in INVITE", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut scope = Scope {
                call: &mut state,
                world: &mut world,
                settings: &settings,
                now: Time::ZERO,
                index: 0,
                length_mark: None,
                authentication_mark: None,
            };
            send.text.render(&mut scope, &mut out);
            black_box(out.len())
        });
    });
}

fn uas_call(c: &mut Criterion) {
    let (program, settings, mut world) = (program("uas"), settings(), world());
    let messages = client_messages();
    let indexes: Vec<_> = messages.iter().map(|bytes| Index::parse(bytes).expect("a request")).collect();
    let mut outputs = Outputs::default();
    c.bench_function("a whole call through uas: INVITE, ACK, BYE", |bencher| {
        bencher.iter(|| {
            let mut env = Env { program: &program, settings: &settings, world: &mut world };
            let id = b"1-12345@127.0.0.1";
            let birth = Birth { number: CallNumber(1), id, user: UserId(0), origin: Origin::Received };
            let mut call = Call::new(Time::ZERO, birth, &mut env).expect("no injection files");
            call.handle(Time::ZERO, Input::Start, &mut env, &mut outputs);
            for (bytes, index) in messages.iter().zip(&indexes) {
                let view = View { bytes, index };
                call.handle(Time::ZERO, Input::Message { view, from: peer() }, &mut env, &mut outputs);
                outputs.clear();
            }
            black_box(call.next_deadline())
        });
    });
}

fn ereg(c: &mut Criterion) {
    let invite = client_messages().swap_remove(0);
    for (name, pattern) in [
        ("address and port", "[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[:][0-9]{1,5}"),
        ("groups of the o= line", "o=([[:alnum:]]*) ([[:alnum:]]*) ([[:alnum:]]*)"),
        ("alternatives", "m=(audio|video|image) ([0-9]+)"),
    ] {
        let regex = PosixRegex::new(pattern).expect("correct");
        c.bench_function(&format!("ereg: {name}"), |bencher| {
            bencher.iter(|| black_box(regex.captures(black_box(&invite))));
        });
    }
}

criterion_group!(benches, render, uas_call, ereg);
criterion_main!(benches);
