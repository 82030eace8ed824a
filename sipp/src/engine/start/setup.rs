//! From options to a run that can start: addresses, sockets, settings. Scenarios are read in `loading`.
//!
//! Everything that can be wrong is found here, before anything is sent. Before the scenario is loaded an error
//! ends the program with 1, after it with 255, a busy port with 254, as in SIPp.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use sip::net::UdpOptions;
use sip::peer::{Peer, Transport};
use sip::time::Time;

use crate::call::{Birth, Call, Env, Input, Origin, Output, Outputs};
use crate::exit::Exit;
use crate::infile::{FileId, Infiles};
use crate::lang::World;
use crate::options::{self, Options, SocketMode};
use crate::scenario::Program;
use crate::state::{Behaviours, CallNumber, Compat, DuplicateCheck, DynamicIds, Settings, UserId, WallClock};

use crate::engine::network::address::{local_address, resolve, unspecified};

/// Why a run cannot start, or had to end.
#[derive(Debug)]
pub(in crate::engine) struct Fatal {
    pub(in crate::engine) exit: Exit,
    pub(in crate::engine) text: String,
}

impl Fatal {
    /// Before the scenario is loaded.
    pub(in crate::engine) fn early(text: impl Into<String>) -> Fatal {
        Fatal { exit: Exit::Failed, text: text.into() }
    }

    /// After it.
    pub(in crate::engine) fn late(text: impl Into<String>) -> Fatal {
        Fatal { exit: Exit::Fatal, text: text.into() }
    }
}

/// The addresses of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) remote: Option<SocketAddr>,
    pub(super) send_to: Option<SocketAddr>,
    pub(super) local: IpAddr,
    pub(super) bind: IpAddr,
    pub(super) media: IpAddr,
}

/// Resolves all hosts of the command line. `needs_remote`: the scenario opens calls.
pub(super) fn addresses(options: &Options, needs_remote: bool) -> Result<Addresses, Fatal> {
    let network = &options.network;
    if needs_remote && network.remote.is_none() && network.send_to.is_none() {
        return Err(Fatal::late("Missing remote host parameter. This scenario requires it"));
    }
    let resolved = |host: &Option<options::HostPort>| {
        host.as_ref().map(|host| resolve(host, SIP_PORT)).transpose().map_err(Fatal::late)
    };
    let (remote, send_to) = (resolved(&network.remote)?, resolved(&network.send_to)?);
    let named = |host: &Option<String>| -> Result<Option<IpAddr>, Fatal> {
        let Some(host) = host else { return Ok(None) };
        let host = options::HostPort { host: host.clone(), port: None };
        Ok(Some(resolve(&host, 0).map_err(Fatal::late)?.ip()))
    };
    let given = named(&network.local)?;
    let local = given.unwrap_or_else(|| local_address(send_to.or(remote)));
    for peer in remote.iter().chain(&send_to) {
        if peer.is_ipv4() != local.is_ipv4() {
            let text = format!("Network family mismatch for local and remote IP ({local} and {})", peer.ip());
            return Err(Fatal::late(text));
        }
    }
    let bind = if given.is_some() || network.bind_local { local } else { unspecified(local) };
    Ok(Addresses { remote, send_to, local, bind, media: named(&options.media.host)?.unwrap_or(local) })
}

/// The transport of a socket mode.
pub(in crate::engine) fn transport(mode: SocketMode) -> Transport {
    match mode {
        SocketMode::Udp | SocketMode::UdpPerCall | SocketMode::UdpPerAddress => Transport::Udp,
        SocketMode::Tcp | SocketMode::TcpPerCall => Transport::Tcp,
    }
}

/// How many sockets calls may have: `-max_socket`, or as many as the open-file limit leaves once it was raised.
/// The second value is a warning when that is fewer.
pub(super) fn sockets_for_calls(options: &Options) -> (usize, Option<String>) {
    let wanted = options.network.max_sockets;
    let per_call = matches!(options.network.mode, SocketMode::UdpPerCall | SocketMode::TcpPerCall);
    if !per_call {
        return (wanted, None);
    }
    let mut limit = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + OTHER_FILES;
    let raised = limit.maximum.map_or(needed, |most| most.min(needed));
    if limit.current.is_some_and(|current| current < raised) {
        limit.current = Some(raised);
        // Refused only if somebody lowered the hard limit meanwhile; then the old one holds.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let granted = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
    let granted = usize::try_from(granted).unwrap_or(usize::MAX).max(1);
    if granted >= wanted {
        return (wanted, None);
    }
    let text =
        format!("The open-file limit leaves {granted} sockets, not {wanted} (-max_socket): calls share them");
    (granted, Some(text))
}

/// `-buff_size`, or as large as the system grants.
pub(in crate::engine) fn udp_options(options: &Options) -> UdpOptions {
    let device = options.network.device.clone();
    match options.network.buffer_bytes {
        Some(bytes) => {
            UdpOptions { receive_buffer: bytes, send_buffer: bytes, device, ..UdpOptions::default() }
        }
        None => UdpOptions { device, ..UdpOptions::default() },
    }
}

/// The values calls read.
pub(super) fn settings(options: &Options, addresses: &Addresses, port: u16, wall: WallClock) -> Settings {
    let (call, network) = (&options.call, &options.network);
    let transport = transport(network.mode);
    let destination = addresses.send_to.or(addresses.remote).map(|addr| Peer::new(transport, addr));
    let behaviours = call.behaviours;
    Settings {
        service: call.service.clone(),
        remote_host: network.remote.as_ref().map(|remote| remote.host.clone()).unwrap_or_default(),
        remote_ip: addresses.remote.map(|remote| remote.ip()),
        remote_port: addresses.remote.map_or(SIP_PORT, |remote| remote.port()),
        destination,
        redirects_answers: addresses.send_to.is_some(),
        local_ip: addresses.local,
        local_port: port,
        bound_ip: addresses.bind,
        media_ip: addresses.media,
        media_port: options.media.first_port,
        last_media_port: options.media.last_port,
        transport,
        pid: std::process::id(),
        users: options.rate.users.map(|users| u32::try_from(users).unwrap_or(u32::MAX)),
        auth_user: call.auth_user.clone(),
        auth_password: call.auth_password.clone(),
        auth_uri: call.auth_uri.clone(),
        pause: call.pause,
        recv_timeout: call.recv_timeout,
        max_retrans: call.max_retrans,
        max_invite_retrans: call.max_invite_retrans,
        max_non_invite_retrans: call.max_non_invite_retrans,
        retransmits: !call.no_retransmission,
        duplicates: match call.duplicate_check {
            options::DuplicateCheck::Full => DuplicateCheck::Full,
            options::DuplicateCheck::Loose => DuplicateCheck::Loose,
        },
        t2: call.t2,
        behaviours: Behaviours {
            bye: behaviours.bye,
            abort_unexpected: behaviours.abort_unexpected,
            ping_reply: behaviours.ping_reply,
            cseq: behaviours.check_ack_cseq,
        },
        auto_answer: call.auto_answer,
        pause_ignores_messages: call.ignore_while_pausing,
        lost_percent: call.lost_percent,
        base_cseq: call.base_cseq,
        call_debug: options.traces.call_debug.on,
        circuits: None,
        dynamic_ids: DynamicIds {
            start: call.dynamic_id[0],
            max: call.dynamic_id[1],
            step: call.dynamic_id[2],
        },
        version: env!("CARGO_PKG_VERSION"),
        compat: Compat::V36,
        wall,
    }
}

/// Runs `<init>` in a hidden call, which takes call number 1 like in SIPp. Gives what its actions ask for.
///
/// Errors: the text of a fatal error.
pub(super) fn initialise(
    now: Time,
    program: &mut Program,
    settings: &Settings,
    world: &mut World,
) -> Result<Vec<Output>, Fatal> {
    let mut outputs = Outputs::default();
    if program.init.is_empty() {
        return Ok(outputs.list);
    }
    // The call machine runs the steps of a program: for this one call those of the init section.
    std::mem::swap(&mut program.steps, &mut program.init);
    let mut env = Env { program, settings, world };
    let birth = Birth { number: CallNumber(1), id: b"init", user: UserId(0), origin: Origin::Init };
    let call = Call::new(now, birth, &mut env);
    let done = call.map(|mut call| call.handle(now, Input::Start, &mut env, &mut outputs));
    std::mem::swap(&mut program.steps, &mut program.init);
    done.map_err(Fatal::late)?;
    // It is not counted in any statistics.
    outputs.list.retain(|output| !matches!(output, Output::Count(_) | Output::ResponseTime { .. }));
    Ok(outputs.list)
}

/// `-t ui`: the local addresses in field `-ip_field` of the first injection file, each once, in its order; none without.
///
/// Errors: a line without an address.
pub(super) fn homes(options: &Options, infiles: &Infiles) -> Result<Vec<IpAddr>, Fatal> {
    let file = infiles.get(FileId(0)).filter(|_| options.network.mode == SocketMode::UdpPerAddress);
    let Some(file) = file else { return Ok(Vec::new()) };
    let (mut homes, mut known) = (Vec::new(), HashSet::new());
    for line in 0..file.len() {
        let ip = file.address(line, options.scenario.ip_field);
        let ip = ip.map_err(|error| Fatal::late(format!("-t ui: {error}")))?;
        if known.insert(ip) {
            homes.push(ip);
        }
    }
    Ok(homes)
}

/// Errors: `-users` names more users than a `USER` file that the scenario reads has lines for.
pub(super) fn lines_for_users(options: &Options, program: &Program, infiles: &Infiles) -> Result<(), Fatal> {
    let users = options.rate.users.map_or(0, |users| u32::try_from(users).unwrap_or(u32::MAX));
    let mut files = program.files.iter().filter_map(|file| infiles.get(*file));
    files
        .try_for_each(|file| file.line_of_user(users).map(drop))
        .map_err(|error| Fatal::late(format!("{error} Give the file more lines, or -users fewer users.")))
}

/// `-rate_interval`, or the value of `-fd`.
pub(super) fn ramp_interval(options: &Options) -> Duration {
    options.rate.interval.unwrap_or(options.traces.stat_period)
}

/// The port meant when none is written.
const SIP_PORT: u16 = 5060;
/// Files that are not sockets of calls: the shared socket, traces, the terminal.
const OTHER_FILES: u64 = 64;
