//! What a run has for the world outside: the control socket, the metrics, the keyboard.
//!
//! Bound before anything else is done, announced when nothing can keep the run from starting any more.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::exit::Exit;
use crate::options::{HostPort, Options};

use super::board::Board;
use super::metrics;
use super::{Controller, bind_control, listen, read_keyboard};
use crate::engine::network::address;
use crate::engine::start::setup::Fatal;
use crate::engine::{Console, Terminal};

/// Sockets that are bound, and the figures they show.
pub(in crate::engine) struct Outside {
    control: Option<UdpSocket>,
    /// Where they are, one per line.
    places: String,
    /// The desk posts figures here.
    pub(in crate::engine) board: Board,
}

impl Outside {
    /// Binds what the options ask for.
    ///
    /// Errors: an address that was asked for by name cannot be bound.
    pub(in crate::engine) fn open(options: &Options) -> Result<Outside, Fatal> {
        let board = Board::default();
        let network = &options.network;
        let ip = match &network.control {
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(host) => {
                let host = HostPort { host: host.clone(), port: None };
                address::resolve(&host, 0).map_err(Fatal::late)?.ip()
            }
        };
        let control = match (bind_control(ip, network.control_port), network.control_port) {
            (Ok(socket), _) => Some(socket),
            (Err(error), Some(port)) => {
                return Err(refusal(&error, format!("Unable to bind remote control socket to port {port}")));
            }
            // Nobody asked for that port in particular: the run goes on without remote control.
            (Err(_), None) => None,
        };
        let mut places = String::new();
        if let Some(addr) = control.as_ref().and_then(|socket| socket.local_addr().ok()) {
            let reach = if addr.ip().is_loopback() { "" } else { ", open to other hosts (-ci)" };
            places.push_str(&format!("Remote control on UDP {addr}{reach}\n"));
        }
        if let Some(addr) = options.watch.metrics {
            let bound = metrics::serve(addr, board.clone());
            let bound =
                bound.map_err(|error| refusal(&error, format!("Unable to serve metrics on {addr}")))?;
            places.push_str(&format!("Metrics on http://{bound}/metrics\n"));
        }
        Ok(Outside { control, places, board })
    }

    /// Says where they are, and starts the threads that commands come from, until `over` is set.
    pub(in crate::engine) fn listen(
        self,
        options: &Options,
        (controller, over): (&Controller, &Arc<AtomicBool>),
        console: &mut Console,
    ) -> Result<(), Fatal> {
        // A closed stderr is no reason to stop.
        let _ = console.err.write_all(self.places.as_bytes());
        let failed = |error: io::Error| Fatal::late(error.to_string());
        if let Some(socket) = self.control {
            listen((socket, self.board), controller.clone(), over.clone()).map_err(failed)?;
        }
        let has_screen = console.terminal == Terminal::Live && options.find_max.conditions.is_none();
        if has_screen && !options.general.no_keyboard {
            read_keyboard(controller.clone()).map_err(failed)?;
        }
        Ok(())
    }
}

fn refusal(error: &io::Error, what: String) -> Fatal {
    let exit = if error.kind() == io::ErrorKind::AddrInUse { Exit::AddressInUse } else { Exit::Fatal };
    Fatal { exit, text: format!("{what}: {error}") }
}
