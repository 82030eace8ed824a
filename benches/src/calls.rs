//! Calls of the built-in scenarios as the engine has them, for the benches and for what they may cost.

use std::net::SocketAddr;

use sip::ident::Ident;
use sip::msg::{Index, View};
use sip::peer::{Peer, Transport};
use sip::time::Time;
use sipp::call::{Birth, Call, Env, Input, Origin, Output, Outputs};
use sipp::infile::Infiles;
use sipp::lang::{Scope, World};
use sipp::scenario::{Context, Op, Program, builtin, load};
use sipp::state::{CallNumber, CallState, Settings, UserId};

/// A built-in scenario; keywords that never change are literal.
pub fn program(name: &str) -> Program {
    let infiles = Infiles::default();
    let text = builtin::text(name).expect("built in");
    let context = Context::new(&[], &infiles);
    let mut program = load(name, text.as_bytes(), context).expect("correct").program;
    program.settle(&settings());
    program
}

/// What calls share: no injection files, no variables.
pub fn world() -> World {
    World::new(Infiles::default(), (0, 0), Ident::seeded(1), |path| std::fs::read(path))
}

/// The other side.
pub fn peer() -> Peer {
    Peer::new(Transport::Udp, SocketAddr::from(([127, 0, 0, 1], 5060)))
}

/// A run on loopback.
pub fn settings() -> Settings {
    Settings {
        remote_ip: Some([127, 0, 0, 1].into()),
        remote_host: "127.0.0.1".into(),
        destination: Some(peer()),
        pid: 12345,
        ..Settings::default()
    }
}

/// The messages a client sends in one call, made by the client itself.
pub fn client_messages() -> Vec<Vec<u8>> {
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

/// The built-in INVITE with everything it is written from.
pub struct Invite {
    program: Program,
    settings: Settings,
    world: World,
    state: CallState,
    out: Vec<u8>,
}

impl Default for Invite {
    fn default() -> Invite {
        Invite {
            program: program("uac"),
            settings: settings(),
            world: world(),
            state: CallState::new(CallNumber(4711), *b"4711-12345@127.0.0.1", Time::ZERO, 0),
            out: Vec::with_capacity(2048),
        }
    }
}

impl Invite {
    /// Writes it into a buffer that is used again, and gives its bytes.
    pub fn render(&mut self) -> &[u8] {
        let Op::Send(send) = &self.program.steps[0].op else { panic!("uac sends first") };
        self.out.clear();
        let mut scope = Scope {
            call: &mut self.state,
            world: &mut self.world,
            settings: &self.settings,
            now: Time::ZERO,
            index: 0,
            length_mark: None,
            authentication_mark: None,
        };
        send.text.render(&mut scope, &mut self.out);
        &self.out
    }
}
