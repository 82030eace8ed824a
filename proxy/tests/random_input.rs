//! The bodies of the fuzz targets `script`, `function` and `transformation` for a few thousand inputs made from
//! their seeds with a fixed start: no panic, no text without bound. `ci/fuzz` tries the rest.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proxy::api::{IoAnswer, Received, Value};
use proxy::machine::{Input, Machine};
use proxy::relay::SocketId;
use proxy::trial::{OPTIONS, Trial};
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;

/// Changes seeds: bytes replaced, doubled, cut out, pieces of other seeds put in.
struct Mutator {
    state: u64,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    fn of(target: &str) -> Mutator {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
        let entries = std::fs::read_dir(folder).expect("the seeds are part of the repository");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
        paths.sort();
        let seeds = paths.iter().map(|path| std::fs::read(path).expect("readable")).collect();
        Mutator { state: 0x9e37_79b9_7f4a_7c15, seeds }
    }

    /// xorshift64
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % bound.max(1) as u64) as usize
    }

    fn input(&mut self) -> Vec<u8> {
        let pick = self.below(self.seeds.len());
        let mut bytes = self.seeds[pick].clone();
        for _ in 0..self.below(4) {
            let (at, len) = (self.below(bytes.len()), self.below(12));
            let end = (at + len).min(bytes.len());
            match self.below(4) {
                0 => bytes[at..end].fill(b"\0\xff \"<>;:@,$%{}()"[self.below(16)]),
                1 => drop(bytes.drain(at..end)),
                2 => bytes = [&bytes[..end], &bytes[at..]].concat(),
                _ => {
                    let other = self.below(self.seeds.len());
                    let other = &self.seeds[other];
                    let from = at.min(other.len());
                    let piece = other[from..(from + 3 * len).min(other.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    }
}

#[test]
fn any_message_passes_a_script_and_its_transactions() {
    const CONFIG: &str = include_str!("../../fuzz/fuzz_targets/script.cfg");
    let mut machine = Trial::load(CONFIG).expect("the configuration is right").into_machine();
    let mut mutator = Mutator::of("script");
    for count in 0..3_000 {
        let Ok(message) = Message::parse_lenient(Bytes::from(mutator.input())) else { continue };
        let now = Time::ZERO + Duration::from_millis(count * 10);
        let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], 5070).into());
        machine
            .handle(now, Input::Message(Arc::new(message), Received { peer, socket: SocketId(0), at: now }));
        settle(&mut machine, now);
        machine.handle(now, Input::Due);
        settle(&mut machine, now);
        machine.shard.log.take();
    }
    assert!(machine.total().requests > 1_000, "{:?}", machine.total());
}

fn settle(machine: &mut Machine, now: Time) {
    loop {
        machine.take_sendings().for_each(|sending| assert!(!sending.bytes.is_empty()));
        machine.take_foreign().for_each(drop);
        let questions: Vec<_> = machine.take_questions().collect();
        if questions.is_empty() {
            return;
        }
        for question in questions {
            machine.handle(now, Input::Answer(question.token, IoAnswer::Located(Vec::new())));
        }
    }
}

#[test]
fn any_value_passes_every_transformation() {
    let mut trial =
        Trial::load("loadmodule \"pv.so\"\nloadmodule \"textops.so\"\nrequest_route { $var(x) = 1; }")
            .expect("a configuration");
    let mut mutator = Mutator::of("transformation");
    let mut names: Vec<String> = trial.script().catalog.transform_names().map(str::to_owned).collect();
    names.sort_unstable();
    let slot = trial.script().catalog.slot("var", b"x").expect("there is room") as usize;
    for round in 0..60 * names.len() {
        let input = mutator.input();
        let (args, value) = match input.iter().position(|byte| *byte == 0) {
            Some(at) => (&input[..at], &input[at + 1..]),
            None => (&b""[..], &input[..]),
        };
        let comma: &[u8] = if args.is_empty() { b"" } else { b"," };
        let name = names[round % names.len()].as_bytes();
        let text = [b"$(var(x){", name, comma, args, b"})"].concat();
        let Ok(text) = trial.script().catalog.text(&text) else { continue };
        let mut run = trial.prepare(OPTIONS);
        for value in [Value::copied(value), Value::Int(value.len() as i64 - 3), Value::Null] {
            trial.shard.vars.set(slot, value);
            let out = run.render(&mut trial.shard, &text);
            assert!(out.len() <= 200_000 + 16 * input.len(), "{} bytes", out.len());
        }
        trial.shard.log.take();
    }
}
