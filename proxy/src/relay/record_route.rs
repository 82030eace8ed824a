//! The Record-Route field a request leaves with (RFC 3261 16.6 item 4), resolved per branch, when the sending
//! socket is known.

use super::Socket;

/// What `record_route()` asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordRoute {
    /// What stands between the angle brackets before the parameters.
    pub form: Form,
    /// `ftag`: the tag of the party that began the dialog.
    pub from_tag: Option<Box<[u8]>>,
    /// User part of the URI.
    pub user: Option<Box<[u8]>>,
    /// Argument of the function: parameters, each with its `;`.
    pub params: Box<[u8]>,
    /// Parameters added by `add_rr_param()`, each with its `;`.
    pub added: Vec<u8>,
    /// How `lr` is written.
    pub lr: Lr,
    /// When two fields are written.
    pub double: Double,
    /// Scheme of the URI.
    pub scheme: UriScheme,
}

/// Where the host and port come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The sending socket.
    #[default]
    Socket,
    /// These texts, verbatim; a second one gives a second field.
    Preset(Vec<Box<[u8]>>),
}

/// How `lr` is written (rr parameter `enable_full_lr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lr {
    /// `;lr`
    #[default]
    Plain,
    /// `;lr=on`
    Full,
}

/// When two Record-Route fields are written (rr parameter `enable_double_rr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Double {
    /// Never.
    Never,
    /// When the request leaves by another socket than it came in by.
    #[default]
    WhenDifferent,
    /// Always.
    Always,
}

/// `sip:` or `sips:` (RFC 3261 16.6 item 4: sips when the request is routed by sips URIs).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UriScheme {
    /// `sip:`
    #[default]
    Sip,
    /// `sips:`
    Sips,
}

impl RecordRoute {
    /// Appends the field lines for a branch, each with its line end: the outgoing side on top.
    pub fn write(&self, incoming: &Socket, outgoing: &Socket, out: &mut Vec<u8>) {
        if let Form::Preset(hosts) = &self.form {
            hosts.iter().for_each(|host| self.write_preset(host, out));
            return;
        }
        let is_different = incoming.addr != outgoing.addr || incoming.transport != outgoing.transport;
        let is_double = match self.double {
            Double::Never => false,
            Double::WhenDifferent => is_different,
            Double::Always => true,
        };
        let r2: &[u8] = if is_double { b";r2=on" } else { b"" };
        self.write_socket(outgoing, r2, out);
        if is_double {
            self.write_socket(incoming, r2, out);
        }
    }

    fn write_start(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.scheme {
            UriScheme::Sip => b"Record-Route: <sip:",
            UriScheme::Sips => b"Record-Route: <sips:",
        });
        if let Some(user) = &self.user {
            out.extend_from_slice(user);
            out.push(b'@');
        }
    }

    fn write_socket(&self, socket: &Socket, r2: &[u8], out: &mut Vec<u8>) {
        use sip::peer::Transport;
        self.write_start(out);
        out.extend_from_slice(socket.sent_by().as_bytes());
        match socket.transport {
            Transport::Udp => {}
            Transport::Wss => out.extend_from_slice(b";transport=ws"),
            other => {
                out.extend_from_slice(b";transport=");
                out.extend_from_slice(other.param_name().as_bytes());
            }
        }
        out.extend_from_slice(r2);
        self.write_lr(out);
        self.write_from_tag(out);
        self.write_end(out);
    }

    /// A preset host has its `ftag` before `lr` (seen on Kamailio 5.6.3).
    fn write_preset(&self, host: &[u8], out: &mut Vec<u8>) {
        self.write_start(out);
        out.extend_from_slice(host);
        self.write_from_tag(out);
        self.write_lr(out);
        self.write_end(out);
    }

    fn write_lr(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.lr {
            Lr::Plain => b";lr",
            Lr::Full => b";lr=on",
        });
    }

    fn write_from_tag(&self, out: &mut Vec<u8>) {
        if let Some(tag) = &self.from_tag {
            out.extend_from_slice(b";ftag=");
            out.extend_from_slice(tag);
        }
    }

    fn write_end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.params);
        out.extend_from_slice(&self.added);
        out.extend_from_slice(b">\r\n");
    }
}

#[cfg(test)]
mod tests {
    use sip::peer::Transport;

    use super::super::Socket;
    use super::{Form, RecordRoute};

    fn socket(transport: Transport, port: u16, advertise: Option<(&str, u16)>) -> Socket {
        Socket::new(
            transport,
            ([127, 0, 0, 1], port).into(),
            advertise.map(|(host, port)| (host.into(), port)),
        )
    }

    fn lines(record_route: &RecordRoute, incoming: &Socket, outgoing: &Socket) -> String {
        let mut out = Vec::new();
        record_route.write(incoming, outgoing, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    /// Forms seen on Kamailio 5.6.3.
    #[test]
    fn one_field_for_one_socket_two_when_it_changes() {
        let record_route = RecordRoute {
            from_tag: Some(b"ft"[..].into()),
            params: b";foo=1"[..].into(),
            added: b";nat=yes".to_vec(),
            ..RecordRoute::default()
        };
        let (udp, tcp) = (socket(Transport::Udp, 15060, None), socket(Transport::Tcp, 15060, None));
        let tail = "lr;ftag=ft;foo=1;nat=yes>\r\n";
        assert_eq!(lines(&record_route, &udp, &udp), format!("Record-Route: <sip:127.0.0.1:15060;{tail}"));
        assert_eq!(
            lines(&record_route, &udp, &tcp),
            format!(
                "Record-Route: <sip:127.0.0.1:15060;transport=tcp;r2=on;{tail}\
                 Record-Route: <sip:127.0.0.1:15060;r2=on;{tail}"
            )
        );
        let advertised = socket(Transport::Udp, 5080, Some(("192.0.2.7", 5099)));
        assert_eq!(
            lines(&record_route, &advertised, &advertised),
            format!("Record-Route: <sip:192.0.2.7:5099;{tail}")
        );
    }

    #[test]
    fn preset_hosts_are_written_verbatim_with_ftag_first() {
        let record_route = RecordRoute {
            form: Form::Preset(vec![b"a.example;x=y"[..].into(), b"b.example"[..].into()]),
            from_tag: Some(b"ft"[..].into()),
            ..RecordRoute::default()
        };
        let udp = socket(Transport::Udp, 5060, None);
        assert_eq!(
            lines(&record_route, &udp, &udp),
            "Record-Route: <sip:a.example;x=y;ftag=ft;lr>\r\nRecord-Route: <sip:b.example;ftag=ft;lr>\r\n"
        );
    }
}
