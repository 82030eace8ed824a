//! Where the lines of calls listen: their open ports, whether they return what comes, when they report.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;
use sip::net::UdpSocket;
use sip::time::Time;
use sip::wheel::{TimerId, Wheel};
use smallvec::SmallVec;

use crate::lang::EchoSwitch;
use crate::media::Expectation;

use super::hearing::Lines;
use super::ports::{PortId, Ports};
use super::{LineId, Place};

/// The places of all lines.
pub(super) struct Places {
    open: FxHashMap<LineId, Open>,
    reports: Wheel<LineId>,
}

/// One of them.
#[derive(Debug)]
struct Open {
    local: SocketAddr,
    /// Ports to give back: for RTP, and for RTCP where reports are sent.
    ports: SmallVec<[PortId; 2]>,
    /// Where reports leave and go.
    rtcp: Option<(PortId, SocketAddr)>,
    timer: Option<TimerId>,
    echo: EchoSwitch,
}

/// A report to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct DueReport {
    pub(super) line: LineId,
    pub(super) port: PortId,
    pub(super) to: SocketAddr,
}

impl Places {
    pub(super) fn new() -> Places {
        Places { open: FxHashMap::default(), reports: Wheel::new(super::stage::TICK) }
    }

    /// Opens what a line needs and notes what is expected there. Errors: one line for a complaint, with the call.
    pub(super) fn expect(
        &mut self,
        now: Time,
        place: Place,
        ports: &mut Ports,
        lines: &mut Lines,
    ) -> Result<Option<String>, String> {
        let Place { line, local, remote, remote_rtcp, codecs, keys, socket } = place;
        let known = self.open.get(&line).is_some_and(|open| open.local == local);
        let mut complaint = None;
        if !known {
            self.close(line, ports);
            let (open, said) = Open::new(local, socket, ports)
                .map_err(|error| format!("Call {}: no media socket on {local}: {error}", line.call))?;
            complaint = said.map(|text| format!("Call {}: {text}", line.call));
            self.open.insert(line, open);
        }
        let Some(open) = self.open.get_mut(&line) else { return Ok(None) };
        open.rtcp = open.ports.get(1).copied().zip(remote_rtcp);
        let expectation = Expectation {
            port: open.ports[0],
            rtcp_port: open.ports.get(1).copied(),
            remote,
            codecs,
            keys,
            report_every: open.rtcp.and(ports.habits().report_every),
        };
        lines.expect(now, line, expectation);
        if open.timer.is_none() {
            open.timer = lines.next_report(line).map(|due| self.reports.insert(due, line));
        }
        Ok(complaint)
    }

    /// Whether a line returns what it receives.
    pub(super) fn echoes(&self, line: LineId) -> bool {
        self.open.get(&line).is_some_and(|open| open.echo == EchoSwitch::On)
    }

    /// Switches the echo of a line.
    pub(super) fn echo(&mut self, line: LineId, switch: EchoSwitch) {
        if let Some(open) = self.open.get_mut(&line) {
            open.echo = switch;
        }
    }

    /// Gives the ports of a line back.
    pub(super) fn close(&mut self, line: LineId, ports: &mut Ports) {
        let Some(open) = self.open.remove(&line) else { return };
        if let Some(timer) = open.timer {
            self.reports.cancel(timer);
        }
        open.ports.into_iter().for_each(|port| ports.release(port));
    }

    /// When the next report is due.
    pub(super) fn next_report(&self) -> Option<Time> {
        self.reports.next_deadline()
    }

    /// A line whose report is due.
    pub(super) fn pop_report(&mut self, now: Time) -> Option<DueReport> {
        loop {
            let line = self.reports.pop_due(now)?;
            let Some(open) = self.open.get_mut(&line) else { continue };
            open.timer = None;
            if let Some((port, to)) = open.rtcp {
                return Some(DueReport { line, port, to });
            }
        }
    }

    /// Plans the next report of a line.
    pub(super) fn plan_report(&mut self, line: LineId, due: Option<Time>) {
        let Some(open) = self.open.get_mut(&line) else { return };
        open.timer = due.map(|due| self.reports.insert(due, line));
    }
}

impl Open {
    /// Errors: the ports cannot be bound. The second value says that another port than asked for is used.
    fn new(
        local: SocketAddr,
        socket: Option<UdpSocket>,
        ports: &mut Ports,
    ) -> std::io::Result<(Open, Option<String>)> {
        let (port, complaint) = match socket {
            Some(socket) => (ports.adopt(socket)?, None),
            None => ports.take(local)?,
        };
        let mut open = Open {
            local,
            ports: SmallVec::from_slice(&[port]),
            rtcp: None,
            timer: None,
            echo: EchoSwitch::Off,
        };
        if ports.habits().report_every.is_some() {
            let above = SocketAddr::new(local.ip(), local.port().wrapping_add(1));
            match ports.take(above) {
                Ok((rtcp, _)) => open.ports.push(rtcp),
                Err(error) => {
                    ports.release(port);
                    return Err(error);
                }
            }
        }
        Ok((open, complaint))
    }
}
