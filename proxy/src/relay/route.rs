//! Route header fields of a received request: loose and strict routing (RFC 3261 16.4, 16.12), as Kamailio's
//! `loose_route()` does it.
//!
//! A view of the request comes in; a [`RoutePlan`] goes out: what to cut, what to append, the new request URI
//! and next hop. Nothing is changed here.

use sip::msg::{HeaderName, NameAddr, Params, Uri, Values, View};
use sip::span::Span;
use smallvec::SmallVec;

use super::{SocketId, Sockets};

/// What the Route fields of a request mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePlan<'a> {
    /// Parts of the message to leave out: whole fields, or entries with the comma beside them.
    pub cuts: SmallVec<[Span; 2]>,
    /// A Route field to put behind the last one: offset, and the URI it names.
    pub appended: Option<(usize, Vec<u8>)>,
    /// The new request URI; `None` leaves it.
    pub uri: Option<&'a [u8]>,
    /// The new `$du`; `None` clears nothing and sets nothing.
    pub dst_uri: Option<&'a [u8]>,
    /// The socket named by the second of two entries of ours (`r2=on`).
    pub socket: Option<SocketId>,
    /// The socket named by our topmost entry.
    pub own_socket: Option<SocketId>,
    /// The user part of our topmost entry, when it was consumed.
    pub own_user: Option<&'a [u8]>,
    /// The parameters of our topmost entry, `;` included; empty when it was not ours.
    pub params: &'a [u8],
    /// All entries were ours, and the request begins a dialog: Kamailio's "preloaded".
    pub is_preloaded: bool,
}

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlan {
    /// No Route field.
    NoRoute,
    /// A Route value that is no name-addr in angle brackets.
    Unreadable,
}

/// What a request URI of ours in a dialog tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnUri {
    /// That the hop before is a strict router (16.4).
    StrictRouter,
    /// Nothing.
    Nothing,
}

/// Reads the Route fields. `uri` is the current request URI.
pub fn plan<'a>(
    request: View<'a>,
    uri: &[u8],
    sockets: &Sockets,
    own: OwnUri,
) -> Result<RoutePlan<'a>, NoPlan> {
    let entries = entries(request)?;
    let has_to_tag = request.to().is_ok_and(|to| to.tag().is_some());
    // 16.4: a request URI that we put into a Record-Route tells of a strict router before us.
    let is_after_strict =
        own == OwnUri::StrictRouter && has_to_tag && Uri::parse(uri).is_ok_and(|uri| is_ours(&uri, sockets));
    if is_after_strict {
        return Ok(after_strict(request, &entries, sockets));
    }
    Ok(loose(request, &entries, uri, sockets, has_to_tag))
}

/// One Route entry.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    /// Position of its header field.
    field: usize,
    /// The whole value.
    value: &'a [u8],
    uri: Uri<'a>,
}

impl<'a> Entry<'a> {
    fn is_loose(&self) -> bool {
        self.uri.is_loose_router()
    }

    fn params(&self) -> Params<'a> {
        self.uri.params
    }
}

type Entries<'a> = SmallVec<[Entry<'a>; 4]>;

fn entries(request: View<'_>) -> Result<Entries<'_>, NoPlan> {
    let mut entries = Entries::new();
    for (at, field) in request.index.headers.iter().enumerate() {
        if field.header != HeaderName::Route {
            continue;
        }
        let before = entries.len();
        for value in Values::new(field.value.of(request.bytes)) {
            let address = NameAddr::parse(value).map_err(|_| NoPlan::Unreadable)?;
            let is_bracketed = memchr::memchr(b'<', value).is_some();
            let uri = address.uri().map_err(|_| NoPlan::Unreadable)?;
            if !is_bracketed {
                return Err(NoPlan::Unreadable);
            }
            entries.push(Entry { field: at, value, uri });
        }
        if entries.len() == before {
            return Err(NoPlan::Unreadable);
        }
    }
    if entries.is_empty() { Err(NoPlan::NoRoute) } else { Ok(entries) }
}

/// 16.4: the last entry is the real request URI; the first tells where to go.
fn after_strict<'a>(request: View<'a>, entries: &[Entry<'a>], sockets: &Sockets) -> RoutePlan<'a> {
    let last = entries.len() - 1;
    let mut plan = empty_plan();
    let mut at_first = 0;
    // An entry of ours stays, but its parameters can be asked for; of two (`r2=on`) the first is consumed
    // (Kamailio 5.6.3).
    if is_our_host(&entries[0].uri, sockets) {
        plan.params = entries[0].params().as_bytes();
        at_first = usize::from(is_double(&entries[0]) && last > 0);
    }
    let first = &entries[at_first];
    if !first.is_loose() && last > at_first {
        // The next hop is strict too: the last entry stays where it is, as if it had been put back.
        plan.uri = Some(first.uri.text);
        plan.cuts = cuts(request, entries, |at| at <= at_first);
        return plan;
    }
    plan.uri = Some(entries[last].uri.text);
    plan.dst_uri = first.is_loose().then_some(first.uri.text);
    plan.cuts = cuts(request, entries, |at| at < at_first || at == last);
    plan
}

fn loose<'a>(
    request: View<'a>,
    entries: &[Entry<'a>],
    uri: &[u8],
    sockets: &Sockets,
    has_to_tag: bool,
) -> RoutePlan<'a> {
    let mut plan = empty_plan();
    let mut consumed = 0;
    // The transport of a Route is not compared: only host and port say whether it is ours (Kamailio 5.6.3).
    if is_our_host(&entries[0].uri, sockets) {
        consumed = 1;
        plan.params = entries[0].params().as_bytes();
        plan.own_socket = socket_of(&entries[0].uri, sockets);
        plan.own_user = entries[0].uri.user;
        if let (true, Some(second)) = (is_double(&entries[0]), entries.get(1)) {
            // The second of two entries goes without a look at whose it is (Kamailio 5.6.3).
            consumed = 2;
            plan.socket = socket_of(&second.uri, sockets);
        }
    }
    let mut is_cut = consumed;
    match entries.get(consumed) {
        None => plan.is_preloaded = !has_to_tag,
        Some(next) if next.is_loose() => plan.dst_uri = Some(next.uri.text),
        Some(next) => {
            // 16.6 item 6: a strict router wants its own URI in the request line and the target last.
            plan.uri = Some(next.uri.text);
            is_cut += 1;
            let last_field = &request.index.headers[entries[entries.len() - 1].field];
            plan.appended = Some((last_field.line.end(), uri.to_vec()));
        }
    }
    plan.cuts = cuts(request, entries, |at| at < is_cut);
    plan
}

/// The spans that take the chosen entries out: a whole field when none of its entries stays.
fn cuts(request: View<'_>, entries: &[Entry<'_>], is_chosen: impl Fn(usize) -> bool) -> SmallVec<[Span; 2]> {
    let mut cuts = SmallVec::new();
    let mut start = 0;
    for group in entries.chunk_by(|a, b| a.field == b.field) {
        let chosen: SmallVec<[bool; 4]> = (start..start + group.len()).map(&is_chosen).collect();
        start += group.len();
        if chosen.iter().all(|chosen| *chosen) {
            cuts.push(request.index.headers[group[0].field].line);
            continue;
        }
        let span = |at: usize| request.locate(group[at].value).unwrap_or_default();
        let first_kept = chosen.iter().position(|chosen| !chosen).unwrap_or(0);
        let last_kept = chosen.iter().rposition(|chosen| !chosen).unwrap_or(0);
        if first_kept > 0 {
            cuts.push(Span::new(span(0).start as usize, span(first_kept).start as usize));
        }
        if last_kept + 1 < group.len() {
            cuts.push(Span::new(span(last_kept).end(), span(group.len() - 1).end()));
        }
    }
    cuts
}

/// Whether an entry is one of the two of a double Record-Route.
fn is_double(entry: &Entry<'_>) -> bool {
    entry.params().value(b"r2").is_some_and(|value| value == b"on")
}

/// Whether a URI names us: host, port and transport.
fn is_ours(uri: &Uri<'_>, sockets: &Sockets) -> bool {
    !uri.host.is_empty() && sockets.is_myself(uri.host, uri.port.unwrap_or(0), uri.transport_param())
}

/// Whether a URI names us by host and port.
fn is_our_host(uri: &Uri<'_>, sockets: &Sockets) -> bool {
    !uri.host.is_empty() && sockets.is_myself(uri.host, uri.effective_port(), None)
}

fn socket_of(uri: &Uri<'_>, sockets: &Sockets) -> Option<SocketId> {
    let host = std::str::from_utf8(uri.host).ok()?.trim_start_matches('[').trim_end_matches(']');
    sockets.find(host, uri.effective_port(), Some(uri.effective_transport()))
}

fn empty_plan<'a>() -> RoutePlan<'a> {
    RoutePlan {
        cuts: SmallVec::new(),
        appended: None,
        uri: None,
        dst_uri: None,
        socket: None,
        own_socket: None,
        own_user: None,
        params: b"",
        is_preloaded: false,
    }
}

#[cfg(test)]
mod tests {
    use sip::msg::{HeaderName, Message};
    use sip::peer::Transport;

    use super::super::{Socket, SocketId, Sockets};
    use super::{NoPlan, OwnUri, plan};

    const US: &str = "sip:127.0.0.1:5060;lr";
    const US2: &str = "sip:127.0.0.1:5070;lr";
    const US_R2: &str = "sip:127.0.0.1:5060;r2=on;lr;ftag=x";
    const US2_R2: &str = "sip:127.0.0.1:5070;r2=on;lr;ftag=x";
    const NH: &str = "sip:nh.example;lr";
    const NH2: &str = "sip:nh2.example;lr";
    const NS: &str = "sip:ns.example";
    const TARGET: &str = "sip:bob@192.0.2.4";
    const OURS: &str = "sip:127.0.0.1:5060";

    fn sockets() -> Sockets {
        let at = |text: &str| text.parse().expect("address");
        Sockets::new(
            vec![
                Socket::new(Transport::Udp, at("127.0.0.1:5060"), None),
                Socket::new(Transport::Udp, at("127.0.0.1:5070"), None),
            ],
            vec![],
        )
    }

    #[derive(Clone, Copy)]
    enum Dialog {
        Begins,
        Stands,
    }

    fn request(uri: &str, dialog: Dialog, fields: &[&[&str]]) -> Message {
        let tag = match dialog {
            Dialog::Begins => "",
            Dialog::Stands => ";tag=t",
        };
        let mut text = format!("BYE {uri} SIP/2.0\r\nTo: <sip:b@c>{tag}\r\n");
        for entries in fields {
            let entries: Vec<String> = entries.iter().map(|uri| format!("<{uri}>")).collect();
            text += &format!("Route: {}\r\n", entries.join(", "));
        }
        Message::parse((text + "\r\n").into()).expect("valid")
    }

    /// The Route values that stay, read from the message with the cuts made.
    fn left(message: &Message, plan: &super::RoutePlan<'_>) -> Vec<String> {
        let mut bytes = message.bytes().to_vec();
        let mut changes: Vec<(usize, usize, Vec<u8>)> =
            plan.cuts.iter().map(|cut| (cut.start as usize, cut.end(), vec![])).collect();
        if let Some((at, uri)) = &plan.appended {
            changes.push((*at, *at, [b"Route: <", &uri[..], b">\r\n"].concat()));
        }
        changes.sort();
        for (start, end, text) in changes.into_iter().rev() {
            bytes.splice(start..end, text);
        }
        let message = Message::parse(bytes.into()).expect("still valid");
        let values = message
            .view()
            .values(HeaderName::Route)
            .map(|value| String::from_utf8_lossy(value).trim_matches(['<', '>']).to_owned());
        values.collect()
    }

    /// Rows: Route fields, the new request URI, the new `$du`, Route entries that are sent (Kamailio 5.6.3).
    type Row<'a> = (&'a [&'a [&'a str]], Option<&'a str>, Option<&'a str>, &'a [&'a str]);

    fn check(uri: &str, dialog: Dialog, rows: &[Row<'_>]) {
        for (fields, new_uri, dst_uri, sent) in rows {
            let message = request(uri, dialog, fields);
            let sockets = sockets();
            let plan = plan(message.view(), uri.as_bytes(), &sockets, OwnUri::StrictRouter).expect("routes");
            assert_eq!(plan.uri.map(String::from_utf8_lossy).as_deref(), *new_uri, "{fields:?}");
            assert_eq!(plan.dst_uri.map(String::from_utf8_lossy).as_deref(), *dst_uri, "{fields:?}");
            assert_eq!(left(&message, &plan), *sent, "{fields:?}");
        }
    }

    /// RFC 3261 16.12.1: the request URI is the target.
    #[test]
    fn loose_routing_consumes_our_entries_and_goes_to_the_next() {
        check(
            TARGET,
            Dialog::Stands,
            &[
                (&[&[US]], None, None, &[]),
                (&[&[US, NH]], None, Some(NH), &[NH]),
                (&[&[US], &[NH]], None, Some(NH), &[NH]),
                (&[&[US, NS]], Some(NS), None, &[TARGET]),
                (&[&[US, NS, NH]], Some(NS), None, &[NH, TARGET]),
                (&[&[NH]], None, Some(NH), &[NH]),
                (&[&[NS]], Some(NS), None, &[TARGET]),
                (&[&[US, US2]], None, Some(US2), &[US2]),
                (&[&[US_R2, US2_R2]], None, None, &[]),
                (&[&[US_R2], &[US2_R2, NH]], None, Some(NH), &[NH]),
                (&[&[US_R2, NH]], None, None, &[]),
                (&[&["tel:123;lr"]], None, Some("tel:123;lr"), &["tel:123;lr"]),
            ],
        );
    }

    /// RFC 3261 16.4: a strict router put our URI into the request line.
    #[test]
    fn after_a_strict_router_the_last_route_is_the_target() {
        check(
            OURS,
            Dialog::Stands,
            &[
                (&[&[US]], Some(US), Some(US), &[]),
                (&[&[US, NH]], Some(NH), Some(US), &[US]),
                (&[&[NH]], Some(NH), Some(NH), &[]),
                (&[&[NH], &[NH2]], Some(NH2), Some(NH), &[NH]),
                (&[&[NS, NH]], Some(NS), None, &[NH]),
                (&[&[US_R2, US2_R2, NH]], Some(NH), Some(US2_R2), &[US2_R2]),
            ],
        );
    }

    #[test]
    fn parameters_of_our_entry_are_known_after_a_strict_router_too() {
        let message = request(OURS, Dialog::Stands, &[&[US_R2, NH]]);
        let sockets = sockets();
        let plan = plan(message.view(), OURS.as_bytes(), &sockets, OwnUri::StrictRouter).expect("routes");
        assert_eq!(plan.params, b";r2=on;lr;ftag=x");
    }

    #[test]
    fn a_request_that_begins_a_dialog_is_preloaded_when_nothing_is_left() {
        let sockets = sockets();
        for (uri, fields, is_preloaded) in [(TARGET, US, true), (OURS, US, true), (OURS, NH, false)] {
            let message = request(uri, Dialog::Begins, &[&[fields]]);
            let plan = plan(message.view(), uri.as_bytes(), &sockets, OwnUri::StrictRouter).expect("routes");
            assert_eq!(plan.is_preloaded, is_preloaded, "{uri} {fields}");
            assert_eq!(plan.uri, None);
        }
    }

    #[test]
    fn a_double_entry_names_the_socket_and_the_parameters() {
        let sockets = sockets();
        let message = request(TARGET, Dialog::Stands, &[&[US_R2, US2_R2]]);
        let plan = plan(message.view(), TARGET.as_bytes(), &sockets, OwnUri::StrictRouter).expect("routes");
        assert_eq!(plan.socket, Some(SocketId(1)));
        assert_eq!(plan.params, b";r2=on;lr;ftag=x");
    }

    #[test]
    fn no_route_and_unreadable_routes_are_told_apart() {
        let sockets = sockets();
        let none = request(TARGET, Dialog::Stands, &[]);
        assert_eq!(plan(none.view(), b"sip:x", &sockets, OwnUri::StrictRouter).err(), Some(NoPlan::NoRoute));
        for value in ["", "sip:a;lr", "<sip:a", "<>"] {
            let text = format!("BYE sip:a SIP/2.0\r\nRoute: {value}\r\n\r\n");
            let message = Message::parse(text.into()).expect("valid");
            assert_eq!(
                plan(message.view(), b"sip:x", &sockets, OwnUri::StrictRouter).err(),
                Some(NoPlan::Unreadable),
                "{value}"
            );
        }
    }
}
