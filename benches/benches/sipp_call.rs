//! The hot path of `sipp`: rendering the built-in INVITE, stepping a call through `uas`, one regular expression.
//! Aims: INVITE 250 ns, a message through `uas` 1 us, `ereg` over 600 bytes 1.5 us.

use std::hint::black_box;

use benches::calls::{Invite, client_messages, peer, program, settings, world};
use criterion::{Criterion, criterion_group, criterion_main};
use sip::msg::{Index, View};
use sip::time::Time;
use sipp::call::{Birth, Call, Env, Input, Origin, Outputs};
use sipp::lang::PosixRegex;
use sipp::state::{CallNumber, UserId};

fn render(c: &mut Criterion) {
    let mut invite = Invite::default();
    c.bench_function("render the built-in INVITE", |bencher| {
        bencher.iter(|| black_box(invite.render().len()));
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
