//! The comparisons of key words: `uri == myself`, `src_ip == 10.0.0.0/8`, `method == INVITE`.

use std::net::IpAddr;

use sip::msg::Uri;

use super::operators::{self, Failure};
use super::program::Test;
use crate::api::{Case, Shard, Value};
use crate::cfg::ast::Network;

/// True when the right side is a value on the stack.
pub(super) fn takes_right_side(test: &Test) -> bool {
    matches!(test, Test::Text | Test::Number(_) | Test::AddressPattern)
}

/// Whether a comparison holds. `Ok(None)`: it cannot be made, which is false both for `==` and for `!=`.
pub(super) fn holds(
    test: &Test,
    left: &Value,
    right: &Value,
    shard: &mut Shard,
) -> Result<Option<bool>, Failure> {
    Ok(match test {
        Test::Text => Some(left.to_text().eq_ignore_ascii_case(&right.to_text())),
        // The original says "Invalid right operand" to a text and takes the comparison as false.
        Test::Number(_) if !right.is_int() => None,
        Test::Number(op) => operators::binary(*op, left, right).ok().map(|value| value.to_int() != 0),
        Test::Network(network) => Some(ip_of(left).is_some_and(|ip| is_in(ip, network))),
        Test::AddressPattern => Some(match_address(left, right, shard)?),
        Test::Myself => is_myself(&left.to_text(), shard),
        Test::Never => Some(false),
    })
}

fn match_address(left: &Value, right: &Value, shard: &mut Shard) -> Result<bool, Failure> {
    let text = right.to_text();
    if let Some(network) = parse_network(&text) {
        return Ok(ip_of(left).is_some_and(|ip| is_in(ip, &network)));
    }
    match shard.patterns.get(&text, Case::Ignore) {
        Ok(pattern) => Ok(pattern.is_match(&left.to_text())),
        Err(error) => Err(Failure::Pattern(error.to_string())),
    }
}

/// The address that a text is, IPv6 with or without brackets.
pub(super) fn ip_of(value: &Value) -> Option<IpAddr> {
    std::str::from_utf8(&value.to_text()).ok()?.trim_matches(['[', ']']).parse().ok()
}

/// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, a bare address, the same for IPv6.
pub(super) fn parse_network(text: &[u8]) -> Option<Network> {
    let text = std::str::from_utf8(text).ok()?;
    let (addr, mask) = text.split_once('/').unwrap_or((text, ""));
    let addr: IpAddr = addr.trim_matches(['[', ']']).parse().ok()?;
    let width = if addr.is_ipv4() { 32 } else { 128 };
    let mask = match mask.parse::<u32>() {
        Ok(bits) if bits <= width => mask_of(addr, bits),
        Ok(_) => return None,
        Err(_) if mask.is_empty() && !text.contains('/') => mask_of(addr, width),
        Err(_) => mask.parse().ok()?,
    };
    (addr.is_ipv4() == mask.is_ipv4()).then_some(Network { addr, mask })
}

fn mask_of(addr: IpAddr, bits: u32) -> IpAddr {
    match addr {
        IpAddr::V4(_) => IpAddr::V4(u32::MAX.checked_shl(32 - bits).unwrap_or(0).into()),
        IpAddr::V6(_) => IpAddr::V6(u128::MAX.checked_shl(128 - bits).unwrap_or(0).into()),
    }
}

/// Whether an address is of a network; other families are of none.
pub(super) fn is_in(ip: IpAddr, network: &Network) -> bool {
    match (ip, network.addr, network.mask) {
        (IpAddr::V4(ip), IpAddr::V4(addr), IpAddr::V4(mask)) => {
            (u32::from(ip) ^ u32::from(addr)) & u32::from(mask) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(addr), IpAddr::V6(mask)) => {
            (u128::from(ip) ^ u128::from(addr)) & u128::from(mask) == 0
        }
        _ => false,
    }
}

/// Whether a URI or a bare address is ours; `None` when the text is neither. The transport does not count.
fn is_myself(text: &[u8], shard: &Shard) -> Option<bool> {
    let as_text = std::str::from_utf8(text).unwrap_or("");
    if let Ok(ip) = as_text.parse::<IpAddr>() {
        return Some(shard.sockets.iter().any(|(_, socket)| socket.addr.ip() == ip));
    }
    let uri = Uri::parse(text).ok()?;
    if uri.host.is_empty() {
        return Some(false);
    }
    let default = if uri.scheme == sip::msg::Scheme::Sips { 5061 } else { 5060 };
    Some(shard.sockets.is_myself(uri.host, uri.port.unwrap_or(default), None))
}

#[cfg(test)]
mod tests {
    use super::{is_in, parse_network};

    #[test]
    fn networks_match_prefixes_of_their_own_family() {
        let rows = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/255.0.0.0", "11.1.2.3", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::5", true),
        ];
        for (network, ip, expected) in rows {
            let parsed = parse_network(network.as_bytes()).expect(network);
            assert_eq!(is_in(ip.parse().expect(ip), &parsed), expected, "{ip} in {network}");
        }
        for bad in ["10.0.0.0/33", "300.0.0.0", "host", "10.0.0.0/", ""] {
            assert!(parse_network(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
