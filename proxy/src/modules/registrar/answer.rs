//! Replies to REGISTER: the stored contacts, or why it was refused (RFC 3261 10.3 step 8).

use sip::lex;

use super::gruu;
use super::params::Rules;
use super::request::Refusal;
use crate::modules::usrloc::Contact;

/// The Contact line with all valid contacts in order; empty when there is none.
pub(super) fn contact_line(
    contacts: &[Contact],
    unix_now: u32,
    rules: &Rules,
    gruus: Option<&gruu::Names>,
) -> Vec<u8> {
    let mut line = Vec::new();
    for contact in contacts.iter().filter(|contact| contact.is_valid(unix_now)) {
        line.extend_from_slice(if line.is_empty() { b"Contact: " } else { b", " });
        write_contact(contact, unix_now, (rules, gruus), &mut line);
    }
    if !line.is_empty() {
        line.extend_from_slice(b"\r\n");
    }
    line
}

/// The lines that tell why a request was refused.
pub(super) fn refusal_lines(refusal: &Refusal, rules: &Rules) -> Vec<u8> {
    let mut lines = format!("P-Registrar-Error: {}\r\n", refusal.text).into_bytes();
    if refusal.status == 423 {
        lines.extend_from_slice(format!("Min-Expires: {}\r\n", rules.min_expires).as_bytes());
    }
    if refusal.status == 420 {
        lines.extend_from_slice(b"Unsupported: outbound\r\n");
    }
    if refusal.status == 421 {
        lines.extend_from_slice(b"Require: outbound\r\n");
    }
    if refusal.status >= 500 && rules.retry_after > 0 {
        lines.extend_from_slice(format!("Retry-After: {}\r\n", rules.retry_after).as_bytes());
    }
    lines
}

fn write_contact(
    contact: &Contact,
    unix_now: u32,
    (rules, gruus): (&Rules, Option<&gruu::Names>),
    out: &mut Vec<u8>,
) {
    let texts = contact.texts();
    out.push(b'<');
    out.extend_from_slice(texts.uri);
    out.push(b'>');
    if let Some(q) = contact.facts.q {
        out.extend_from_slice(b";q=");
        write_q(q, out);
    }
    out.extend_from_slice(b";expires=");
    // One that never expires is shown with the highest lifetime there is (RFC 3261 20.19).
    let left = match contact.facts.expires {
        0 => u32::MAX,
        expires => expires.saturating_sub(unix_now),
    };
    lex::write_u32(left, out);
    if !texts.received.is_empty() && !rules.received_param.is_empty() {
        out.push(b';');
        out.extend_from_slice(&rules.received_param);
        out.extend_from_slice(b"=\"");
        out.extend_from_slice(texts.received);
        out.push(b'"');
    }
    if let Some(gruus) = gruus {
        gruus.write(contact, out);
    }
    if !texts.instance.is_empty() {
        out.extend_from_slice(b";+sip.instance=\"");
        out.extend_from_slice(texts.instance);
        out.push(b'"');
    }
    if contact.facts.reg_id > 0 {
        out.extend_from_slice(b";reg-id=");
        lex::write_u32(contact.facts.reg_id, out);
    }
}

/// `1`, `0`, `0.5`, `0.123`
fn write_q(q: u16, out: &mut Vec<u8>) {
    let text = format!("{}.{:03}", q / 1000, q % 1000);
    out.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
}

#[cfg(test)]
mod tests {
    use super::write_q;

    #[test]
    fn q_prints_without_needless_zeros() {
        for (q, expected) in [(0, "0"), (1000, "1"), (500, "0.5"), (123, "0.123"), (50, "0.05")] {
            let mut out = Vec::new();
            write_q(q, &mut out);
            assert_eq!(out, expected.as_bytes());
        }
    }
}
