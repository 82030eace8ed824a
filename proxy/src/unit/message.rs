//! Messages of the two sides that a test plays: requests with all the lines a request needs (RFC 3261 8.1.1), and
//! answers to what was forwarded (8.2.6.2).

use sip::digest::{Challenge, Covered, Login, Proof};
use sip::msg::{Auth, Message};
use sip::peer::Peer;

use super::file::Step;
use super::stage::Out;

/// What the calling side remembers.
#[derive(Debug, Default)]
pub(super) struct Caller {
    cseq: u32,
    /// Number and branch of the last INVITE: its ACK and CANCEL have the same.
    invite: Option<(u32, String)>,
    /// To and Record-Route values of the last reply with a To tag.
    dialog: Option<(String, Vec<String>)>,
    /// Header name and value of the credentials that answer the last challenge.
    challenge: Option<(&'static str, String)>,
}

impl Caller {
    /// The message of a step. Errors: what is missing.
    pub(super) fn message(&mut self, step: &Step, peer: Peer) -> Result<Vec<u8>, String> {
        let written = step.send.as_deref().unwrap_or_default();
        if step.raw {
            return Ok(written.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes());
        }
        let (head, body) = written.split_once("\n\n").unwrap_or((written, ""));
        let mut lines = head.trim().lines().map(str::trim_end);
        let first = lines.next().unwrap_or_default();
        let mut words = first.split_whitespace();
        let (Some(method), Some(uri)) = (words.next(), words.next()) else {
            return Err(format!("send \"{first}\": METHOD and request URI were expected"));
        };
        let body = if step.body.is_empty() { body } else { &step.body };
        let mut given: Vec<String> = lines.map(str::to_owned).collect();
        given.extend(step.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if let Some(credentials) = &step.credentials {
            given.push(self.credentials(credentials, (method, uri))?);
        }
        let mut text = format!("{method} {uri} SIP/2.0\r\n");
        for (name, value) in self.usual(step, (method, uri), peer) {
            if !given.iter().any(|line| is_field(line, name)) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        given.iter().for_each(|line| text.push_str(&format!("{line}\r\n")));
        let body = body.replace("\r\n", "\n").replace('\n', "\r\n");
        if !given.iter().any(|line| is_field(line, "Content-Length")) {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        Ok(format!("{text}\r\n{body}").into_bytes())
    }

    /// The fields every request has, unless the test writes them.
    fn usual(&mut self, step: &Step, (method, uri): (&str, &str), peer: Peer) -> Vec<(&'static str, String)> {
        let (cseq, branch) = match (&self.invite, method) {
            (Some((cseq, branch)), "CANCEL") => (*cseq, branch.clone()),
            (Some((cseq, branch)), "ACK") if !step.in_dialog => (*cseq, branch.clone()),
            (Some((cseq, _)), "ACK") => (*cseq, format!("z9hG4bK-test-ack-{cseq}")),
            _ => {
                self.cseq += 1;
                (self.cseq, format!("z9hG4bK-test-{}", self.cseq))
            }
        };
        if method == "INVITE" {
            self.invite = Some((cseq, branch.clone()));
        }
        let mut to = format!("<{uri}>");
        let mut fields = vec![(
            "Via",
            format!("SIP/2.0/{} {};branch={branch};rport", peer.transport.via_name(), peer.addr),
        )];
        if let Some((dialog_to, routes)) = self.dialog.as_ref().filter(|_| step.in_dialog || method == "ACK")
        {
            to.clone_from(dialog_to);
            if step.in_dialog {
                // RFC 3261 12.1.2: the route set of the calling side is the list in reverse.
                fields.extend(routes.iter().rev().map(|route| ("Route", route.clone())));
            }
        }
        fields.extend([
            ("Max-Forwards", "70".to_owned()),
            ("From", "<sip:caller@example.com>;tag=caller".to_owned()),
            ("To", to),
            ("Call-ID", "call@test".to_owned()),
            ("CSeq", format!("{cseq} {method}")),
        ]);
        if matches!(method, "INVITE" | "SUBSCRIBE") {
            fields.push(("Contact", format!("<sip:caller@{}>", peer.addr)));
        }
        fields
    }

    /// Remembers what a reply means to later requests.
    pub(super) fn note_reply(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.split("\r\n").take_while(|line| !line.is_empty()).collect();
        let values = |name: &str| -> Vec<&str> {
            lines.iter().filter(|line| is_field(line, name)).map(|line| after_colon(line)).collect()
        };
        let is_provisional = text.starts_with("SIP/2.0 1");
        if let Some(to) = values("To").first().filter(|to| to.contains("tag=") && !is_provisional) {
            let routes = values("Record-Route").join(",");
            let routes = routes.split(',').map(str::trim).filter(|route| !route.is_empty());
            self.dialog = Some(((*to).to_owned(), routes.map(str::to_owned).collect()));
        }
        for (challenge, answer) in
            [("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization")]
        {
            if let Some(value) = values(challenge).first() {
                self.challenge = Some((answer, (*value).to_owned()));
            }
        }
    }

    /// RFC 7616 3.4: the line that answers the last challenge.
    fn credentials(&self, written: &str, (method, uri): (&str, &str)) -> Result<String, String> {
        let (user, password) = written.split_once(':').ok_or("credentials are user:password")?;
        let (name, challenge) =
            self.challenge.as_ref().ok_or("no reply had a challenge for the credentials")?;
        let wrong = |_| format!("the challenge cannot be answered: {challenge}");
        let auth = Auth::parse(challenge.as_bytes()).map_err(|_| wrong(()))?;
        let challenge = Challenge::parse(&auth).map_err(|_| wrong(()))?;
        let login = Login { user: user.as_bytes(), password: password.as_bytes() };
        let proof = Proof { qop: challenge.offers.preferred(), cnonce: b"c0ffee", nonce_count: 1 };
        let covered = Covered { method: method.as_bytes(), uri: uri.as_bytes(), body: b"" };
        let answer = challenge.answer(login, proof, covered);
        let mut out = Vec::new();
        challenge.write_credentials((login.user, covered.uri), proof, &answer, &mut out);
        Ok(format!("{name}: {}", String::from_utf8_lossy(&out)))
    }
}

/// An answer to a forwarded request. Errors: what cannot be used.
pub(super) fn answer(request: &Out, step: &Step, status: &str) -> Result<Vec<u8>, String> {
    let code = status.split(' ').next().unwrap_or_default();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("answer \"{status}\": a status code and a reason were expected"));
    }
    // What the proxy wrote must be SIP.
    Message::parse(request.bytes.clone())
        .map_err(|error| format!("the forwarded request is broken: {error}"))?;
    let text = String::from_utf8_lossy(&request.bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let mut out = format!(
        "SIP/2.0 {}\r\n",
        if status.contains(' ') { status.to_owned() } else { format!("{status} Answer") }
    );
    let given: Vec<String> = step.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    for line in head.lines().skip(1) {
        let copied = ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"];
        let Some(name) = copied.into_iter().find(|name| is_field(line, name)) else { continue };
        if given.iter().any(|line| is_field(line, name)) {
            continue;
        }
        let tag = if name == "To" && !line.contains("tag=") && code != "100" { ";tag=called" } else { "" };
        out.push_str(&format!("{line}{tag}\r\n"));
    }
    if code.starts_with(['1', '2']) && code != "100" && !given.iter().any(|line| is_field(line, "Contact")) {
        out.push_str(&format!("Contact: <sip:called@{}>\r\n", request.peer.addr));
    }
    given.iter().for_each(|line| out.push_str(&format!("{line}\r\n")));
    let body = step.body.replace("\r\n", "\n").replace('\n', "\r\n");
    out.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    Ok(out.into_bytes())
}

/// Whether a line is a header field of that name.
pub(super) fn is_field(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(before, _)| before.trim().eq_ignore_ascii_case(name))
}

/// The value of a header line.
pub(super) fn after_colon(line: &str) -> &str {
    line.split_once(':').map_or("", |(_, value)| value.trim())
}
