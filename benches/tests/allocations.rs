//! What the hot paths ask of the allocator, counted.

use allocation_counter::measure;
use benches::calls::{Invite, client_messages, peer, program, settings, world};
use sip::msg::{Index, View};
use sip::time::Time;
use sipp::call::{Birth, Call, Env, Input, Origin, Outputs};
use sipp::state::{CallNumber, UserId};

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1u8; 100]))).count_total, 1);
}

#[test]
fn rendering_an_invite_allocates_nothing() {
    let mut invite = Invite::default();
    let written = invite.render().to_vec();
    assert!(written.starts_with(b"INVITE sip:service@127.0.0.1:5060 SIP/2.0\r\n"));
    let counted = measure(|| {
        for _ in 0..1000 {
            assert_eq!(invite.render().len(), written.len());
        }
    });
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

/// A call that waits for its BYE holds a few pieces of memory; a message of it takes no more than that.
#[test]
fn stepping_through_the_uas_allocates_a_few_times_a_call() {
    let (program, settings, mut world) = (program("uas"), settings(), world());
    let messages = client_messages();
    let indexes: Vec<_> = messages.iter().map(|bytes| Index::parse(bytes).expect("a request")).collect();
    let mut outputs = Outputs::default();
    let mut env = Env { program: &program, settings: &settings, world: &mut world };
    let mut whole_call = || {
        let id = b"1-12345@127.0.0.1";
        let birth = Birth { number: CallNumber(1), id, user: UserId(0), origin: Origin::Received };
        let mut call = Call::new(Time::ZERO, birth, &mut env).expect("no injection files");
        call.handle(Time::ZERO, Input::Start, &mut env, &mut outputs);
        for (bytes, index) in messages.iter().zip(&indexes) {
            let view = View { bytes, index };
            call.handle(Time::ZERO, Input::Message { view, from: peer() }, &mut env, &mut outputs);
            outputs.clear();
        }
    };
    // The buffers of the outputs are grown once.
    whole_call();
    let counted = measure(whole_call);
    assert!(counted.count_total <= MOST_FOR_A_CALL, "{} allocations", counted.count_total);
    assert_eq!(counted.count_current, 0, "nothing is left behind");
}

/// Measured: id, timers of response times, last message, tag, what is resent.
const MOST_FOR_A_CALL: u64 = 12;
