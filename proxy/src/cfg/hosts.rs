//! Grammar of hosts, sockets and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ast::{Host, Name, Network, Proto, SocketSpec};
use super::parse::{Failed, Parse, Parser};
use super::source::Pos;
use super::token::{Punct, TokenKind};
use super::{codes, words};

impl Parser<'_> {
    /// The list of `listen` and `alias`: it goes on as long as something host-shaped follows.
    pub(super) fn sockets(&mut self) -> Parse<Vec<SocketSpec>> {
        let mut sockets = vec![self.socket()?];
        while self.is_socket_next() {
            sockets.push(self.socket()?);
        }
        Ok(sockets)
    }

    /// `[proto:]host[:port] [advertise host[:port]] [name "label"] [virtual]`
    pub(super) fn socket(&mut self) -> Parse<SocketSpec> {
        let pos = self.peek().pos;
        let proto = self.proto_prefix();
        let hosts = if self.eat(Punct::LParen) {
            let mut hosts = vec![self.host()?];
            while self.eat(Punct::Comma) {
                hosts.push(self.host()?);
            }
            self.expect(Punct::RParen, "after the addresses of the socket")?;
            hosts
        } else {
            vec![self.host()?]
        };
        let port = self.port_suffix()?;
        let mut socket =
            SocketSpec { pos, proto, hosts, port, advertise: None, name: None, is_virtual: false };
        loop {
            let has_text = matches!(self.peek_at(1).kind, TokenKind::Str(_));
            match self.peek().word() {
                Some("advertise") => {
                    self.next();
                    let host = self.host()?;
                    socket.advertise = Some((host, self.port_suffix()?));
                }
                Some("name") if has_text => {
                    self.next();
                    socket.name = Some(self.expect_text("as the name of the socket")?);
                }
                Some("virtual") => {
                    self.next();
                    socket.is_virtual = true;
                }
                _ => return Ok(socket),
            }
        }
    }

    /// The transport that the next token names.
    pub(super) fn proto_word(&mut self) -> Option<Proto> {
        match self.peek().word()? {
            "udp" | "UDP" => Some(Proto::Udp),
            "tcp" | "TCP" => Some(Proto::Tcp),
            "tls" | "TLS" => Some(Proto::Tls),
            "sctp" | "SCTP" => Some(Proto::Sctp),
            "ws" | "WS" => Some(Proto::Ws),
            "wss" | "WSS" => Some(Proto::Wss),
            _ => None,
        }
    }

    /// A host name, an address, or a string that holds one.
    pub(super) fn host(&mut self) -> Parse<Host> {
        match &self.peek().kind {
            TokenKind::Str(_) => self.expect_text("").map(Host::Literal),
            TokenKind::Ip6(_) | TokenKind::Punct(Punct::LBracket) => {
                self.ip6().map(|addr| Host::Ip(addr.into()))
            }
            TokenKind::Word(_) | TokenKind::Number(_) => self.host_labels(),
            _ => {
                self.unexpected("a host name or an address was expected");
                Err(Failed)
            }
        }
    }

    /// An address with `/bits` or `/mask`, or alone.
    pub(super) fn network(&mut self, addr: IpAddr) -> Parse<Network> {
        let all_ones = match addr {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::MAX)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
        };
        if !self.eat(Punct::Slash) {
            return Ok(Network { addr, mask: all_ones });
        }
        let pos = self.peek().pos;
        let is_bits = matches!(self.peek().kind, TokenKind::Number(_)) && !self.peek_at(1).is(Punct::Dot);
        if is_bits {
            let bits = self.number()?;
            return match mask_of(addr, bits) {
                Some(mask) => Ok(Network { addr, mask }),
                None => {
                    self.error(codes::ADDRESS, pos, format!("invalid number of bits in the netmask: {bits}"));
                    Ok(Network { addr, mask: all_ones })
                }
            };
        }
        match self.host()? {
            Host::Ip(mask) if mask.is_ipv4() == addr.is_ipv4() => Ok(Network { addr, mask }),
            _ => {
                self.error(
                    codes::ADDRESS,
                    pos,
                    "a number of bits or a mask of the address's family was expected",
                );
                Ok(Network { addr, mask: all_ones })
            }
        }
    }

    /// `proto:` or `*:` before a host.
    fn proto_prefix(&mut self) -> Option<Proto> {
        if !self.peek_at(1).is(Punct::Colon) {
            return None;
        }
        let proto = self.proto_word();
        if proto.is_some() || self.peek().is(Punct::Star) {
            self.next();
            self.next();
        }
        proto
    }

    /// `:port` or `:*`
    fn port_suffix(&mut self) -> Parse<Option<u16>> {
        if !self.eat(Punct::Colon) || self.eat(Punct::Star) {
            return Ok(None);
        }
        let pos = self.peek().pos;
        let port = self.number()?;
        match u16::try_from(port) {
            Ok(port) => Ok(Some(port)),
            Err(_) => {
                self.error(codes::ADDRESS, pos, format!("the port {port} is not between 0 and 65535"));
                Ok(None)
            }
        }
    }

    fn ip6(&mut self) -> Parse<Ipv6Addr> {
        let in_brackets = self.eat(Punct::LBracket);
        let TokenKind::Ip6(addr) = self.peek().kind else {
            self.unexpected("an IPv6 address was expected");
            return Err(Failed);
        };
        self.next();
        if in_brackets {
            self.expect(Punct::RBracket, "after the IPv6 address")?;
        }
        Ok(addr)
    }

    /// Labels joined by `.` and `-`: a name, or an IPv4 address if they are four numbers.
    fn host_labels(&mut self) -> Parse<Host> {
        let pos = self.peek().pos;
        let mut text = String::new();
        loop {
            match &self.peek().kind {
                TokenKind::Word(label) | TokenKind::Number(label) => {
                    text.push_str(&String::from_utf8_lossy(label));
                    self.next();
                }
                _ => {
                    self.unexpected("the next part of the host name was expected");
                    return Err(Failed);
                }
            }
            match self.peek().kind {
                TokenKind::Punct(punct @ (Punct::Dot | Punct::Minus)) => {
                    self.next();
                    text.push_str(punct.text());
                }
                _ => return self.host_of(pos, &text),
            }
        }
    }

    fn host_of(&mut self, pos: Pos, text: &str) -> Parse<Host> {
        let labels: Vec<&str> = text.split('.').collect();
        let is_numeric = labels.iter().all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_numeric {
            return Ok(Host::Name(Name { pos, text: text.into() }));
        }
        let octets: Option<Vec<u8>> = labels.iter().map(|label| label.parse().ok()).collect();
        match octets.as_deref() {
            Some(&[a, b, c, d]) => Ok(Host::Ip(Ipv4Addr::new(a, b, c, d).into())),
            _ => {
                self.error(codes::ADDRESS, pos, format!("invalid IPv4 address {text}"));
                Ok(Host::Ip(Ipv4Addr::UNSPECIFIED.into()))
            }
        }
    }

    /// Whether the list of sockets goes on. `name =` and `group.name =` start the next statement.
    fn is_socket_next(&mut self) -> bool {
        match self.peek().kind {
            TokenKind::Number(_) | TokenKind::Ip6(_) | TokenKind::Str(_) => true,
            TokenKind::Punct(Punct::LBracket | Punct::LParen) => true,
            TokenKind::Punct(Punct::Star) => self.peek_at(1).is(Punct::Colon),
            TokenKind::Word(_) => {
                let is_proto = self.proto_word().is_some() && self.peek_at(1).is(Punct::Colon);
                let is_reserved = self.peek().word().is_some_and(words::is_reserved);
                let is_statement = self.peek_at(1).is(Punct::Assign)
                    || self.peek_at(1).is(Punct::LBracket)
                    || (self.peek_at(1).is(Punct::Dot) && self.peek_at(3).is(Punct::Assign));
                is_proto || !(is_reserved || is_statement)
            }
            _ => false,
        }
    }
}

impl Host {
    /// The host as text.
    pub fn text(&self) -> Box<[u8]> {
        match self {
            Host::Ip(addr) => addr.to_string().into_bytes().into(),
            Host::Name(name) => name.text.as_bytes().into(),
            Host::Literal(text) => text.bytes.clone(),
        }
    }
}

/// The mask with so many leading ones.
fn mask_of(addr: IpAddr, bits: i64) -> Option<IpAddr> {
    let bits = u32::try_from(bits).ok()?;
    match addr {
        IpAddr::V4(_) if bits <= 32 => {
            Some(IpAddr::V4(Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - bits).unwrap_or(0))))
        }
        IpAddr::V6(_) if bits <= 128 => {
            Some(IpAddr::V6(Ipv6Addr::from_bits(u128::MAX.checked_shl(128 - bits).unwrap_or(0))))
        }
        _ => None,
    }
}
