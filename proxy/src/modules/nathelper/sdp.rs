//! `fix_nated_sdp()`: the addresses of a description become those of its sender (RFC 8866 5.2, 5.7).

use sip::msg::View;
use sip::sdp;

use super::Rules;
use crate::api::{Args, Ctx, Flow};
use crate::relay::reply::write_host;

const ACTIVE: &[u8] = b"a=direction:active\r\n";

/// Bits of the mask.
const DIRECTION_ACTIVE: i64 = 1;
const CONNECTIONS: i64 = 2;
const NO_PROXY: i64 = 4;
const ORIGINS: i64 = 8;

/// `fix_nated_sdp(mask[, ip])`: 1 an address was replaced, 2 none was, -1 no description.
pub(super) fn fix_nated_sdp(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let mask = args.int(ctx, 0);
    let address = match args.len() {
        2 => args.text(ctx, 1).to_vec(),
        _ => {
            let mut text = Vec::new();
            write_host(ctx.work.received.peer.addr.ip(), &mut text);
            text
        }
    };
    let message = ctx.work.message.clone();
    let view = message.view();
    let Some(text) = sdp::find(view).map(sdp::Sdp::as_bytes) else { return Flow::FALSE };
    let (marker, notes_old) = match ctx.shard.shared.peek::<Rules>() {
        Some(rules) => (rules.nortpproxy.clone(), rules.notes_old_addresses),
        None => return Flow::FALSE,
    };
    let mut appended = Vec::new();
    let mut has_changed = false;
    if mask & DIRECTION_ACTIVE != 0 {
        appended.extend(activate(ctx, view, text));
    }
    if mask & NO_PROXY != 0 && !marker.is_empty() {
        appended.extend_from_slice(&[&marker[..], b"\r\n"].concat());
    }
    for kind in [(CONNECTIONS | ORIGINS, b'a'), (CONNECTIONS, b'c'), (ORIGINS, b'o')] {
        if mask & kind.0 == 0 {
            continue;
        }
        for old in addresses(text, kind.1) {
            has_changed |= replace(ctx, view, old, &address);
            if notes_old {
                appended.extend_from_slice(&[b"a=oldmediaip:", old, b"\r\n"].concat());
            }
        }
    }
    if !appended.is_empty() {
        let Some(end) = view.locate(text).map(|span| span.end()) else { return Flow::FALSE };
        let before: &[u8] = if text.ends_with(b"\n") { b"" } else { b"\r\n" };
        ctx.work.edits.insert(end, &[before, &appended].concat());
    }
    Flow::Next(if has_changed { 1 } else { 2 })
}

/// Adds the direction behind each stream; the line of the last one is given back, it belongs to the end.
fn activate(ctx: &mut Ctx<'_>, view: View<'_>, text: &[u8]) -> &'static [u8] {
    let mut streams = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.starts_with(b"m="));
    if streams.next().is_none() {
        return b"";
    }
    for place in streams.filter_map(|line| view.locate(line)) {
        ctx.work.edits.insert(place.start as usize, ACTIVE);
    }
    ACTIVE
}

fn replace(ctx: &mut Ctx<'_>, view: View<'_>, old: &[u8], new: &[u8]) -> bool {
    view.locate(old).is_some_and(|place| ctx.work.edits.replace(place, new).is_some())
}

/// The addresses in the `c=`, `o=` or `a=rtcp` lines.
fn addresses(text: &[u8], kind: u8) -> Vec<&[u8]> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut found = Vec::new();
    for line in lines {
        let Some(value) = line.strip_prefix(&[kind, b'=']) else { continue };
        if kind == b'a' && !value.starts_with(b"rtcp:") {
            continue;
        }
        let mut words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let address = words.by_ref().skip_while(|word| !matches!(*word, b"IP4" | b"IP6")).nth(1);
        // A multicast address has its time to live behind a slash.
        found.extend(address.and_then(|address| address.split(|byte| *byte == b'/').next()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn addresses_are_found_by_the_letter_of_their_line() {
        let text = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.2/127\r\na=rtcp:5 IN IP4 10.0.0.3\r\n\
            a=rtcp:7\r\nc=IN\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP6 ::1\r\n";
        assert_eq!(addresses(text, b'c'), [&b"10.0.0.2"[..], b"::1"]);
        assert_eq!(addresses(text, b'o'), [b"10.0.0.1"]);
        assert_eq!(addresses(text, b'a'), [b"10.0.0.3"]);
    }
}
