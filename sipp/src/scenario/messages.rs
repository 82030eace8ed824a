//! Messages of a scenario: attributes of each kind become an op with its step.

use std::sync::Arc;

use sip::msg::Method;

use crate::lang::distributions::Pause;
use crate::lang::{Attribute, Mistake, PosixRegex, Template, TextKind};
use crate::state::StepIndex;

use super::ast::Element;
use super::compile::{Compiler, TimerUse, TxnUse};
use super::program::{Condition, Expects, Next, Op, Optional, Recv, RecvCmd, Send, SendCmd, SendKind, Step};

impl Compiler<'_, '_> {
    /// Reads one message. One with mistakes stands as a nop where it is, so that the mistakes behind it are found too.
    pub(super) fn read_message(&mut self, element: &Element, index: StepIndex) -> Step {
        let read = match element.name.as_str() {
            "send" => self.read_send(element),
            "recv" => self.read_recv(element),
            "sendCmd" => self.read_send_command(element),
            "recvCmd" => self.read_recv_command(element),
            "pause" => self.read(element, Pause::parse).map(|pause| (Op::Pause(pause), "Pause".into())),
            "timewait" => self.read_timewait(element).map(|pause| (Op::Timewait(pause), "Pause".into())),
            _ => Some((Op::Nop, text_of(element, "display").unwrap_or_default())),
        };
        let (op, label) = read.unwrap_or_else(|| {
            self.unread.push(index);
            (Op::Nop, String::new())
        });
        let hidden = self.hides(element);
        let next = self.read_next(element);
        let condition = self.read_condition(element);
        let lost_percent = self.read(element, |attributes| attributes.number("lost")).flatten();
        let stop_timers = self.read_timers(element, "rtd", |timer| timer.stopped = true);
        let repeats_timer = self.read(element, |attributes| attributes.flag("repeat_rtd")).unwrap_or(false);
        if repeats_timer && stop_timers.is_empty() {
            self.findings.error(Mistake::new("S025", element.at, "repeat_rtd needs rtd"));
        }
        Step {
            op,
            label,
            line: self.line(element.at),
            hidden,
            blank_after: element.attribute("crlf").is_some(),
            next,
            condition,
            counter: self.read_counter(element),
            start_timers: self.read_timers(element, "start_rtd", |timer| timer.started = true),
            stop_timers,
            repeats_timer,
            lost_percent,
            on_timeout: element.attribute("ontimeout").and_then(|label| self.label(label)),
            actions: self.read_actions(element),
        }
    }

    fn read_send(&mut self, element: &Element) -> Option<(Op, String)> {
        let text = self.message_text(element, TextKind::Message);
        let retrans = self.read(element, |attributes| attributes.millis("retrans"));
        let timeout = self.read(element, |attributes| attributes.millis("timeout"));
        let (text, retrans, timeout) = (text?, retrans?, timeout?);
        let at = element.text.as_ref().map_or(element.at, |text| text.at);
        let kind = self.send_kind(&text, at)?;
        let start_txn = element.attribute("start_txn").map(|name| self.start_txn(name, &kind));
        let ack_txn = element.attribute("ack_txn").map(|name| self.ack_txn(name, &kind));
        if let (SendKind::Request(_, method), None, None) = (&kind, start_txn, ack_txn) {
            self.methods.push_str(method);
        }
        let label = match &kind {
            SendKind::Request(_, method) => method.to_string(),
            SendKind::Response(status) => status.to_string(),
        };
        Some((Op::Send(Send { text, kind, retrans, timeout, start_txn, ack_txn }), label))
    }

    /// Method or status of a message's start line, which must be literal.
    fn send_kind(&mut self, text: &Template, at: usize) -> Option<SendKind> {
        let line = String::from_utf8_lossy(text.leading_literal()).into_owned();
        let first = line.split([' ', '\r', '\n']).next().unwrap_or_default();
        if first.is_empty() || !line.contains(' ') {
            let message =
                "the first word of a message must be a literal method or SIP/2.0 with a status code";
            self.findings.error(Mistake::new("S018", at, message));
            return None;
        }
        if first != "SIP/2.0" {
            return Some(SendKind::Request(Method::parse(first.as_bytes()), Arc::from(first)));
        }
        let status = line["SIP/2.0 ".len()..].trim_start().get(..3).and_then(|code| code.parse().ok());
        match status.filter(|status| (100..700).contains(status)) {
            Some(status) => Some(SendKind::Response(status)),
            None => {
                let message = "a status line needs a literal code between 100 and 699";
                self.findings.error(Mistake::new("S018", at, message));
                None
            }
        }
    }

    fn read_recv(&mut self, element: &Element) -> Option<(Op, String)> {
        let request = text_of(element, "request");
        let response = text_of(element, "response");
        let expects = self.read_expected(element, request.as_deref(), response.as_deref());
        let optional = self.read_optional(element);
        let advances = self.read_advances(element, optional);
        let records_route = self.read(element, |attributes| attributes.flag("rrs"));
        let keeps_challenge = self.read(element, |attributes| attributes.flag("auth"));
        let timeout = self.read(element, |attributes| attributes.millis("timeout"));
        let response_txn = element.attribute("response_txn").map(|name| self.response_txn(name));
        let ignores_sdp = self.read(element, |attributes| attributes.flag("ignoresdp"));
        let recv = Recv {
            expects: expects?,
            optional: optional?,
            advances,
            records_route: records_route?,
            keeps_challenge: keeps_challenge?,
            timeout: timeout?,
            response_txn,
            ignores_sdp: ignores_sdp?,
        };
        Some((Op::Recv(recv), request.or(response).unwrap_or_default()))
    }

    /// What a `recv` waits for.
    fn read_expected(
        &mut self,
        element: &Element,
        request: Option<&str>,
        response: Option<&str>,
    ) -> Option<Expects> {
        let matching = text_of(element, "regexp_match").is_some_and(|value| value == "true");
        match (request, response) {
            (Some(method), _) if matching => {
                Some(Expects::RequestMatching(self.regex(element, "request", method)?))
            }
            (Some(method), _) => Some(Expects::Request(method.into())),
            (None, Some(code)) if matching => Some(Expects::ResponseMatching {
                regex: self.regex(element, "response", code)?,
                methods: self.methods.as_str().into(),
            }),
            (None, Some(_)) => {
                let status = self.read(element, |attributes| {
                    attributes
                        .text("response")
                        .and_then(|code| code.trim().parse().ok())
                        .ok_or_else(|| attributes.bad("response", "a status code"))
                })?;
                Some(Expects::Response { status, methods: self.methods.as_str().into() })
            }
            (None, None) => {
                self.findings.error(Mistake::new("S019", element.at, "<recv> needs request or response"));
                None
            }
        }
    }

    fn regex(&mut self, element: &Element, name: &str, source: &str) -> Option<PosixRegex> {
        let at = element.attribute(name).map_or(element.at, |attribute| attribute.value_at);
        let regex = PosixRegex::new(source).map_err(|error| {
            Mistake::new("S026", at, format!("'{source}' is no regular expression: {error}"))
        });
        self.findings.take(regex)
    }

    fn read_optional(&mut self, element: &Element) -> Option<Optional> {
        match text_of(element, "optional").as_deref() {
            None | Some("false") => Some(Optional::No),
            Some("true") => Some(Optional::Yes),
            Some("global") => Some(Optional::Global),
            Some(_) => {
                let mistake = self.attributes(element).bad("optional", "true, false or global");
                self.findings.error(mistake);
                None
            }
        }
    }

    fn read_advances(&mut self, element: &Element, optional: Option<Optional>) -> bool {
        if element.attribute("advance_state").is_none() {
            return true;
        }
        let advances = self.read(element, |attributes| attributes.flag("advance_state")).unwrap_or(true);
        if !advances && optional == Some(Optional::No) {
            let message = "advance_state=\"false\" is only for optional messages";
            self.findings.error(Mistake::new("S027", element.at, message));
        }
        advances
    }

    fn read_timewait(&mut self, element: &Element) -> Option<Pause> {
        for name in ["next", "ontimeout"] {
            if let Some(attribute) = element.attribute(name) {
                let message = format!("<timewait> is the end of a call and takes no {name}");
                self.findings.error(Mistake::new("S028", attribute.name_at, message));
            }
        }
        self.read(element, Pause::parse)
    }

    fn read_send_command(&mut self, element: &Element) -> Option<(Op, String)> {
        let text = self.message_text(element, TextKind::Command)?;
        Some((Op::SendCmd(SendCmd { text, dest: text_of(element, "dest") }), "SendCmd".into()))
    }

    fn read_recv_command(&mut self, element: &Element) -> Option<(Op, String)> {
        let optional = self.read_optional(element);
        let timeout = self.read(element, |attributes| attributes.millis("timeout"));
        let command = RecvCmd { optional: optional?, src: text_of(element, "src"), timeout: timeout? };
        Some((Op::RecvCmd(command), "RecvCmd".into()))
    }

    fn read_next(&mut self, element: &Element) -> Option<Next> {
        let label = element.attribute("next")?;
        let to = self.label(label);
        let test = self.read(element, |attributes| attributes.var("test"));
        let chance = self.read(element, |attributes| {
            let chance = attributes.number("chance")?;
            match chance.is_none_or(|chance| (0.0..=1.0).contains(&chance)) {
                true => Ok(chance),
                false => Err(attributes.bad("chance", "a probability between 0 and 1")),
            }
        });
        Some(Next { to: to?, test: test?, chance: chance? })
    }

    fn read_condition(&mut self, element: &Element) -> Option<Condition> {
        let var = self.read(element, |attributes| attributes.var("condexec"))??;
        let inverse = self.read(element, |attributes| attributes.flag("condexec_inverse"))?;
        Some(Condition { var, runs_when_set: !inverse })
    }

    fn read_counter(&mut self, element: &Element) -> Option<u16> {
        let name = text_of(element, "counter")?;
        if name.is_empty() || name.contains(['$', ',']) {
            let mistake = self.attributes(element).bad("counter", "a name without $ and comma");
            self.findings.error(mistake);
            return None;
        }
        let known = self.counters.iter().position(|counter| *counter == name);
        Some(known.unwrap_or_else(|| {
            self.counters.push(name);
            self.counters.len() - 1
        }) as u16)
    }

    /// The timers that an attribute names; `mark` notes what happens to them there.
    fn read_timers(&mut self, element: &Element, attribute: &str, mark: fn(&mut TimerUse)) -> Vec<u16> {
        let Some(attribute) = element.attribute(attribute) else { return Vec::new() };
        let names = String::from_utf8_lossy(&attribute.value).into_owned();
        names
            .split(',')
            .filter(|name| *name != "false")
            .map(|name| {
                let timer = self.timer(name, attribute.value_at);
                mark(&mut self.timers[usize::from(timer)]);
                timer
            })
            .collect()
    }

    /// The timer of that name, made when new; `true` is another name of timer `1`.
    fn timer(&mut self, name: &str, at: usize) -> u16 {
        let name = if name == "true" { "1" } else { name };
        let known = self.timers.iter().position(|timer| timer.name == name);
        known.unwrap_or_else(|| {
            self.timers.push(TimerUse { name: name.into(), at, started: false, stopped: false });
            self.timers.len() - 1
        }) as u16
    }

    fn start_txn(&mut self, attribute: &Attribute, kind: &SendKind) -> u16 {
        let txn = self.txn(attribute);
        let is_request = matches!(kind, SendKind::Request(method, _) if *method != Method::Ack);
        if !is_request {
            let message = "start_txn belongs to a request other than ACK";
            self.findings.error(Mistake::new("S029", attribute.name_at, message));
        }
        let row = &mut self.txns[usize::from(txn)];
        row.started = true;
        row.is_invite = matches!(kind, SendKind::Request(Method::Invite, _));
        txn
    }

    fn ack_txn(&mut self, attribute: &Attribute, kind: &SendKind) -> u16 {
        let txn = self.txn(attribute);
        if !matches!(kind, SendKind::Request(Method::Ack, _)) {
            self.findings.error(Mistake::new("S029", attribute.name_at, "ack_txn belongs to an ACK"));
        }
        self.txns[usize::from(txn)].acked = true;
        txn
    }

    fn response_txn(&mut self, attribute: &Attribute) -> u16 {
        let txn = self.txn(attribute);
        self.txns[usize::from(txn)].responses += 1;
        txn
    }

    fn txn(&mut self, attribute: &Attribute) -> u16 {
        let name = String::from_utf8_lossy(&attribute.value).into_owned();
        let known = self.txns.iter().position(|txn| txn.name == name);
        known.unwrap_or_else(|| {
            let at = attribute.value_at;
            let (started, is_invite, acked) = (false, false, false);
            self.txns.push(TxnUse { name, at, started, is_invite, acked, responses: 0 });
            self.txns.len() - 1
        }) as u16
    }
}

fn text_of(element: &Element, name: &str) -> Option<String> {
    element.attribute(name).map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned())
}
