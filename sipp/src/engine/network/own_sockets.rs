//! `-t un` and `-t tn`: a socket or a connection for each call we open, up to a bound, then shared ones. `-t ui`: a
//! socket for each local address, all of one port.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use sip::net::{SocketId, Sockets, UdpOptions};
use sip::peer::{ConnId, Peer};
use sip::time::Time;

use crate::options::SocketMode;
use crate::state::CallState;
use crate::traffic::calls::CallKey;

/// The sockets and connections that belong to calls.
#[derive(Debug)]
pub(in crate::engine) struct OwnSockets {
    mode: SocketMode,
    bind: IpAddr,
    options: UdpOptions,
    most: usize,
    of: HashMap<CallKey, Own>,
    /// Calls that were given a connection, also when it is closed by now.
    opened: HashSet<CallKey>,
    /// How many calls use each socket that is no longer one call's alone.
    users: HashMap<SocketId, usize>,
    /// Sockets in order of making, to share them in turn.
    made: Vec<SocketId>,
    turn: usize,
    /// `-ip_field`, with `-t ui`: the field with the local address of a call.
    home_field: Option<usize>,
    /// The sockets of local addresses; they stay as long as the run.
    homes: HashMap<IpAddr, SocketId>,
}

#[derive(Clone, Copy, Debug)]
enum Own {
    Socket(SocketId),
    Connection(ConnId),
    /// The socket of a local address, which other calls have too.
    Home(SocketId),
}

impl OwnSockets {
    /// None yet; at most `most` at a time, bound to `bind`.
    pub(in crate::engine) fn new(
        mode: SocketMode,
        bind: IpAddr,
        most: usize,
        options: UdpOptions,
    ) -> OwnSockets {
        OwnSockets {
            mode,
            bind,
            options,
            most: most.max(1),
            of: HashMap::new(),
            opened: HashSet::new(),
            users: HashMap::new(),
            made: Vec::new(),
            turn: 0,
            home_field: None,
            homes: HashMap::new(),
        }
    }

    /// The same for a run whose calls have local addresses in that field, if `-t ui` says so.
    pub(in crate::engine) fn with_home_field(mut self, field: usize) -> OwnSockets {
        self.home_field = (self.mode == SocketMode::UdpPerAddress).then_some(field);
        self
    }

    /// True when each call has a connection of its own.
    pub(in crate::engine) fn connects_each_call(&self) -> bool {
        self.mode == SocketMode::TcpPerCall
    }

    /// Gives a call that we open its own socket or connection, if the mode says so.
    ///
    /// Errors: the system has no socket left; the text of a warning.
    pub(in crate::engine) fn equip(
        &mut self,
        now: Time,
        (key, call): (CallKey, &mut CallState),
        (sockets, common): (&mut Sockets, SocketId),
    ) -> Result<(), String> {
        match self.mode {
            SocketMode::UdpPerCall => {
                let socket = self.socket(sockets)?;
                *self.users.entry(socket).or_default() += 1;
                self.of.insert(key, Own::Socket(socket));
                call.own = sockets.local_addr(socket).map(Box::new);
            }
            SocketMode::TcpPerCall => {
                let Some(to) = call.peer else { return Ok(()) };
                let peer = sockets.connect(now, to, common);
                let peer = peer.map_err(|error| format!("Unable to connect to {}: {error}", to.addr))?;
                self.of.insert(key, Own::Connection(peer.conn));
                self.opened.insert(key);
                call.peer = Some(peer);
                call.own = sockets.local_addr_of(peer.conn).map(Box::new);
            }
            SocketMode::Udp | SocketMode::UdpPerAddress | SocketMode::Tcp => {}
        }
        Ok(())
    }

    /// The field of the first injection file with the local address of a call; `None` without `-t ui`.
    pub(in crate::engine) fn home_field(&self) -> Option<usize> {
        self.home_field
    }

    /// Gives a call the socket of that local address. Errors: the address cannot be bound; the text of a warning.
    pub(in crate::engine) fn house(
        &mut self,
        (key, call): (CallKey, &mut CallState),
        ip: IpAddr,
        (sockets, common): (&mut Sockets, SocketId),
    ) -> Result<(), String> {
        let home = self.home(ip, (sockets, common))?;
        self.lodge((key, call), home, sockets);
        Ok(())
    }

    /// A call answers from the socket that its first message came to.
    pub(in crate::engine) fn lodge(
        &mut self,
        (key, call): (CallKey, &mut CallState),
        home: SocketId,
        sockets: &Sockets,
    ) {
        self.of.insert(key, Own::Home(home));
        call.own = sockets.local_addr(home).map(Box::new);
    }

    /// The socket of a local address, bound when it is first asked for, to the port of the common one.
    pub(in crate::engine) fn home(
        &mut self,
        ip: IpAddr,
        (sockets, common): (&mut Sockets, SocketId),
    ) -> Result<SocketId, String> {
        let main = sockets.local_addr(common);
        if main.is_some_and(|main| main.ip() == ip) {
            return Ok(common);
        }
        if let Some(home) = self.homes.get(&ip) {
            return Ok(*home);
        }
        if self.homes.len() >= self.most {
            return Err(format!("No socket is left for {ip}: -max_socket is {}", self.most));
        }
        let addr = SocketAddr::new(ip, main.map_or(0, |main| main.port()));
        let home = sockets.bind_udp(addr, &self.options);
        let home = home.map_err(|error| format!("Unable to bind a socket to {addr}: {error}"))?;
        self.homes.insert(ip, home);
        Ok(home)
    }

    /// The socket a call sends from.
    pub(in crate::engine) fn of(&self, key: CallKey, common: SocketId) -> SocketId {
        match self.of.get(&key) {
            Some(Own::Socket(socket) | Own::Home(socket)) => *socket,
            Some(Own::Connection(_)) | None => common,
        }
    }

    /// True when a call that had its own connection has none now: the message needs a new one.
    pub(in crate::engine) fn lacks_connection(&self, key: CallKey, to: Peer) -> bool {
        self.connects_each_call()
            && to.conn == ConnId::NONE
            && self.opened.contains(&key)
            && !self.of.contains_key(&key)
    }

    /// Closes the connection of a call that goes on. False when it has none of its own.
    pub(in crate::engine) fn free_connection(
        &mut self,
        now: Time,
        key: CallKey,
        sockets: &mut Sockets,
    ) -> bool {
        let Some(Own::Connection(conn)) = self.of.get(&key).copied() else { return false };
        self.of.remove(&key);
        sockets.close(now, conn);
        true
    }

    /// The call is over: what was its own is closed.
    pub(in crate::engine) fn free(&mut self, now: Time, key: CallKey, sockets: &mut Sockets) {
        self.opened.remove(&key);
        match self.of.remove(&key) {
            None | Some(Own::Home(_)) => {}
            Some(Own::Connection(conn)) => sockets.close(now, conn),
            Some(Own::Socket(socket)) => {
                let users = self.users.entry(socket).or_default();
                *users = users.saturating_sub(1);
                if *users == 0 {
                    self.users.remove(&socket);
                    self.made.retain(|made| *made != socket);
                    sockets.close_socket(socket);
                }
            }
        }
    }

    /// How many sockets belong to calls.
    pub(in crate::engine) fn count(&self) -> usize {
        self.made.len() + self.homes.len()
    }

    /// A new socket, or one of the others in turn when there are enough.
    fn socket(&mut self, sockets: &mut Sockets) -> Result<SocketId, String> {
        if self.made.len() >= self.most {
            self.turn = (self.turn + 1) % self.made.len();
            return Ok(self.made[self.turn]);
        }
        let addr = SocketAddr::new(self.bind, 0);
        let socket = sockets.bind_udp(addr, &self.options);
        let socket = socket.map_err(|error| format!("Unable to get a UDP socket for a call: {error}"))?;
        self.made.push(socket);
        Ok(socket)
    }
}

/// True when a call whose messages go to `peer` is hit by the end of the connection `gone`.
pub(super) fn uses_connection(peer: Peer, gone: Peer) -> bool {
    if peer.transport != gone.transport {
        return false;
    }
    if peer.conn == ConnId::NONE { peer.addr == gone.addr } else { peer.conn == gone.conn }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use sip::net::{ConnLimits, SocketId, Sockets, UdpOptions};
    use sip::time::Time;

    use super::OwnSockets;
    use crate::options::SocketMode;
    use crate::state::{CallNumber, CallState};
    use crate::traffic::calls::Calls;

    /// Three calls and two sockets: the third shares, and a socket lives as long as a call uses it.
    #[test]
    fn sockets_are_shared_when_there_are_enough() {
        let mut sockets = Sockets::new(ConnLimits::default()).expect("a descriptor is free");
        let mode = SocketMode::UdpPerCall;
        let mut own = OwnSockets::new(mode, Ipv4Addr::LOCALHOST.into(), 2, UdpOptions::default());
        let common = SocketId(99);
        let mut calls = Calls::new(Duration::ZERO);
        let keys = ["a", "b", "c"].map(|id| calls.insert(id));
        for key in &keys {
            let mut call = CallState::new(CallNumber(1), *b"id", Time::ZERO, 0);
            own.equip(Time::ZERO, (*key, &mut call), (&mut sockets, common)).expect("sockets are free");
            assert_ne!(call.own.map_or(0, |own| own.port()), 0);
        }
        assert_eq!(own.count(), 2);
        assert_ne!(own.of(keys[0], common), own.of(keys[1], common));
        for key in &keys {
            own.free(Time::ZERO, *key, &mut sockets);
        }
        assert_eq!((own.count(), own.of(keys[0], common)), (0, common));
    }
}
