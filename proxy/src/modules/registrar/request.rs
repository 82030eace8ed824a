//! What a REGISTER asks for: its contacts with their lifetimes, checked (RFC 3261 10.2, 10.3 step 6).

use sip::lex;
use sip::msg::{HeaderName, Method, NameAddr, Uri, View};

use super::params::{Outbound, Rules};
use super::xavps;
use crate::api::Ctx;
use crate::modules::usrloc::Facts;
use crate::relay::method_bit;

/// A REGISTER taken apart.
#[derive(Debug)]
pub(super) enum Wish<'a> {
    /// No contact: tell what is stored.
    List,
    /// `*`: remove all.
    RemoveAll,
    /// Change these.
    Change(Vec<Wanted<'a>>),
}

impl Wish<'_> {
    /// Shortens lifetimes at random, so that clients do not all come back at once; none below the shortest.
    pub(super) fn shorten(mut self, rules: &Rules, mut random: impl FnMut() -> u64) -> Self {
        let Wish::Change(wanted) = &mut self else { return self };
        for contact in wanted {
            let range = if contact.is_default { rules.default_expires_range } else { rules.expires_range };
            if range > 0 && contact.expires > 0 {
                let most = u64::from(contact.expires) * u64::from(range) / 100;
                let cut = (random() % (most + 1)) as u32;
                contact.expires = (contact.expires - cut).max(rules.min_expires.min(contact.expires));
            }
        }
        self
    }
}

/// What the script says of all contacts of a request, in place of what the request says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Override {
    expires: Option<u32>,
    q: Option<i64>,
}

impl Override {
    /// Reads `$xavp(cfg=>expires)` and `$xavp(cfg=>q)`.
    pub(super) fn of(ctx: &Ctx<'_>, rules: &Rules) -> Override {
        let int = |name: &[u8]| xavps::int(ctx, rules, name);
        Override { expires: int(b"expires").and_then(|seconds| u32::try_from(seconds).ok()), q: int(b"q") }
    }
}

/// One contact of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) uri: &'a [u8],
    /// Nobody said how long it shall live.
    pub(super) is_default: bool,
    /// Seconds to live, 0 to remove.
    pub(super) expires: u32,
    pub(super) q: Option<u16>,
    /// Without quotes, with its angle brackets; empty for none.
    pub(super) instance: &'a [u8],
    pub(super) reg_id: u32,
    /// Its `received` parameter.
    pub(super) received: &'a [u8],
    pub(super) methods: u32,
}

/// Why a REGISTER is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) text: &'static str,
    /// The contacts stored are shown all the same.
    pub(super) with_list: bool,
}

const fn bad(text: &'static str) -> Refusal {
    Refusal { status: 400, text, with_list: false }
}

/// Reads the request. Errors: what it is refused with.
pub(super) fn read<'a>(view: View<'a>, rules: &Rules, own: Override) -> Result<Wish<'a>, Refusal> {
    let header = match view.header(HeaderName::Expires) {
        None => None,
        Some([]) => return Err(bad("Expires parse error")),
        Some(value) => Some(lex::parse_u32(lex::trim(value)).unwrap_or(rules.default_expires)),
    };
    if view.has_star_contact() {
        if header != Some(0) {
            return Err(Refusal { with_list: true, ..bad("* used in contact and expires is not zero") });
        }
        if view.contacts().next().is_some() {
            return Err(Refusal { with_list: true, ..bad("* used in contact and more than 1 contact") });
        }
        return Ok(Wish::RemoveAll);
    }
    if view.fields(HeaderName::Contact).any(|field| field.value.is_empty()) {
        return Err(bad("Contact parse error"));
    }
    check_outbound(view, rules)?;
    let allowed = allowed_methods(view);
    let mut wanted = Vec::new();
    for contact in view.contacts() {
        let contact = contact.map_err(|_| bad("Contact parse error"))?;
        wanted.push(read_contact(&contact, (header, own), allowed, rules)?);
    }
    Ok(if wanted.is_empty() { Wish::List } else { Wish::Change(wanted) })
}

/// RFC 5626 6: whether the request may, or must, use outbound.
fn check_outbound(view: View<'_>, rules: &Rules) -> Result<(), Refusal> {
    let refused = |status, text| Err(Refusal { status, text, with_list: false });
    match rules.outbound {
        Outbound::Refused if view.has_token(HeaderName::Require, b"outbound") => {
            refused(420, "No support for Outbound on server")
        }
        Outbound::Required if !view.has_token(HeaderName::Supported, b"outbound") => {
            refused(421, "No support for Outbound indicated")
        }
        Outbound::Refused | Outbound::Optional | Outbound::Required => Ok(()),
    }
}

fn read_contact<'a>(
    contact: &NameAddr<'a>,
    (header, own): (Option<u32>, Override),
    allowed: u32,
    rules: &Rules,
) -> Result<Wanted<'a>, Refusal> {
    if contact.uri_text.len() > rules.contact_max_size {
        return Err(Refusal { with_list: true, ..bad("Contact/received too long") });
    }
    // DEVIATES: Kamailio 5.6.3 stores what is no URI, and nothing can be sent there (test
    // what_is_refused_leaves_nothing_behind).
    if Uri::parse(contact.uri_text).is_err() {
        return Err(bad("Contact parse error"));
    }
    let asked = match (own.expires, contact.params.value(b"expires")) {
        (Some(expires), _) => expires,
        (None, Some(text)) => lex::parse_u32(text).unwrap_or(rules.default_expires),
        (None, None) => header.unwrap_or(rules.default_expires),
    };
    let expires = match asked {
        0 => 0,
        short if short < rules.min_expires && rules.refuses_short => {
            return Err(Refusal { status: 423, text: "Interval too brief", with_list: true });
        }
        asked => {
            let limit = if rules.max_expires == 0 { u32::MAX } else { rules.max_expires };
            asked.max(rules.min_expires).min(limit)
        }
    };
    let no_q = Refusal { with_list: true, ..bad("Invalid q param in contact") };
    let q = match (own.q, contact.params.value(b"q")) {
        (Some(q), _) => Some(u16::try_from(q).ok().filter(|q| *q <= 1000).ok_or(no_q)?),
        (None, None | Some([])) => rules.default_q,
        (None, Some(text)) => Some(read_q(text).ok_or(no_q)?),
    };
    let unquoted = |name: &[u8]| contact.params.value(name).map_or(&b""[..], trim_quotes);
    Ok(Wanted {
        uri: contact.uri_text,
        is_default: header.is_none() && contact.params.value(b"expires").is_none(),
        expires,
        q,
        instance: unquoted(b"+sip.instance"),
        reg_id: contact.params.value(b"reg-id").and_then(lex::parse_u32).unwrap_or(0),
        received: unquoted(b"received"),
        methods: contact.params.value(b"methods").map_or(allowed, |list| mask(trim_quotes(list))),
    })
}

/// A q value in thousandths; further decimals are cut off.
fn read_q(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = text
        .iter()
        .position(|byte| *byte == b'.')
        .map_or((text, &b""[..]), |dot| (&text[..dot], &text[dot + 1..]));
    let whole = match whole {
        [] if !decimals.is_empty() => 0,
        b"0" => 0,
        b"1" => 1000,
        _ => return None,
    };
    let mut thousandths = whole;
    for (place, digit) in decimals.iter().enumerate() {
        let digit = char::from(*digit).to_digit(10)? as u16;
        thousandths += digit * [100, 10, 1].get(place).copied().unwrap_or(0);
    }
    (thousandths <= 1000).then_some(thousandths)
}

fn trim_quotes(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(text)
}

/// The methods of Allow; all when there is no such field.
fn allowed_methods(view: View<'_>) -> u32 {
    let mut allowed = None;
    for method in view.values(HeaderName::Allow) {
        allowed = Some(allowed.unwrap_or(0) | method_bit(Method::parse(method)));
    }
    allowed.unwrap_or(Facts::ALL_METHODS)
}

fn mask(list: &[u8]) -> u32 {
    list.split(|byte| *byte == b',')
        .map(|method| method_bit(Method::parse(lex::trim(method))))
        .fold(0, |sum, bit| sum | bit)
}

#[cfg(test)]
mod tests {
    use super::read_q;

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn q_is_cut_to_thousandths_and_never_above_one() {
        let rows: [(&str, Option<u16>); 10] = [
            ("0.1234", Some(123)),
            (".5", Some(500)),
            ("0", Some(0)),
            ("1.0", Some(1000)),
            ("1.1", None),
            ("7", None),
            ("abc", None),
            (".", None),
            ("0.x", None),
            ("0.5", Some(500)),
        ];
        for (text, expected) in rows {
            assert_eq!(read_q(text.as_bytes()), expected, "{text}");
        }
    }
}
