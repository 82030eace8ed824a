//! `setdest` and `closecon`: where the call's messages go.

use std::net::SocketAddr;

use sip::peer::{Peer, Transport};

use super::super::{Action, ActionDef, Effect, Flow, Host, Scope, Subject, Template};
use crate::state::Unresolved;

pub(in crate::lang) const SETDEST: ActionDef = ActionDef {
    name: "setdest",
    attributes: &["host", "port", "protocol"],
    parse: |attributes| {
        Ok(Box::new(SetDestination {
            host: attributes.required_template("host")?,
            port: attributes.required_template("port")?,
            protocol: attributes.required_template("protocol")?,
        }))
    },
    doc: "Sends the call's further messages to another address over the same transport.",
};

pub(in crate::lang) const CLOSECON: ActionDef = ActionDef {
    name: "closecon",
    attributes: &[],
    parse: |_| Ok(Box::new(CloseConnection)),
    doc: "Closes the call's connection.",
};

#[derive(Debug)]
struct SetDestination {
    host: Template,
    port: Template,
    protocol: Template,
}

impl Action for SetDestination {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, effects: &mut Vec<Effect>) -> Flow {
        let (host, port) = (self.host.to_vec(scope), self.port.to_vec(scope));
        let protocol = self.protocol.to_vec(scope);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let transport =
            Transport::parse(&protocol).filter(|transport| *transport == scope.settings.transport);
        let Some(transport) = transport else {
            scope.fail(format!(
                "Can not switch protocols during setdest! Unknown or other: '{}'",
                text(&protocol)
            ));
            return Flow::StopCall;
        };
        let found = scope.world.host(&text(&host));
        let number = text(&port).trim().parse::<f64>().ok().filter(|port| (1.0..65_536.0).contains(port));
        match (found, number) {
            (Host::Known(ip), Some(number)) => {
                let addr = SocketAddr::new(ip, number as u16);
                scope.call.peer = Some(Peer::new(transport, addr));
                scope.call.unresolved = None;
                scope.call.pending.reconnects = transport.is_reliable();
                effects.push(Effect::SetDestination { transport, addr });
            }
            (Host::Asked, Some(number)) => {
                let (host, port) = (text(&host), number as u16);
                scope.call.unresolved = Some(Box::new(Unresolved { transport, host, port }));
            }
            _ => {
                scope.fail(format!("setdest: '{}:{}' is no address and port", text(&host), text(&port)));
                return Flow::StopCall;
            }
        }
        Flow::Continue
    }
}

#[derive(Debug)]
struct CloseConnection;

impl Action for CloseConnection {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, effects: &mut Vec<Effect>) -> Flow {
        scope.call.pending.reconnects = scope.settings.transport.is_reliable();
        effects.push(Effect::CloseConnection);
        Flow::Continue
    }
}
