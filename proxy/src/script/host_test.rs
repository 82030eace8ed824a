//! `src_ip == host`: the run waits until the host is located. With `rev_dns` the names of the address count too.
//!
//! Compiled as a call of a function that no configuration can name; an unresolvable host equals nothing.

use std::net::IpAddr;

use super::keys::{ip_of, is_in, parse_network};
use crate::api::{Answer, Args, Ctx, Flow, FunctionDef, IoAnswer, IoRequest, Kind, Resumed, Routes, Wait};

/// Left an address, right an address, a network or a host, both on the stack. 1 or 0.
pub(super) static HAS_ADDRESS: FunctionDef = FunctionDef::new(
    "==",
    &[Kind::Value, Kind::Value],
    Routes::ANY,
    compare,
    "compares an address with a host",
);

fn compare(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (left, right) = (args.value(ctx, 0), args.value(ctx, 1).to_text());
    let Some(ip) = ip_of(&left) else { return answer(false) };
    if let Some(network) = parse_network(&right) {
        return answer(is_in(ip, &network));
    }
    let Ok(host) = std::str::from_utf8(&right) else { return answer(false) };
    if host.is_empty() {
        return answer(false);
    }
    let request = IoRequest::addresses_of(host);
    Flow::Wait(Wait { request, then: after_addresses, kept: Box::new(ip) })
}

fn after_addresses(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(ip) = resumed.kept.downcast::<IpAddr>() else { return answer(false) };
    if let Answer::Io(IoAnswer::Located(places)) = &resumed.answer
        && places.iter().any(|place| place.addr.ip() == *ip)
    {
        return answer(true);
    }
    match ctx.catalog.setting_int("rev_dns", 0) {
        0 => answer(false),
        _ => Flow::Wait(Wait { request: IoRequest::Names(*ip), then: after_names, kept: Box::new(()) }),
    }
}

fn after_names(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let host = args.value(ctx, 1).to_display();
    let Answer::Io(IoAnswer::Names(names)) = resumed.answer else { return answer(false) };
    answer(names.iter().any(|name| name.eq_ignore_ascii_case(&host)))
}

fn answer(is_equal: bool) -> Flow {
    Flow::Next(i64::from(is_equal))
}

#[cfg(test)]
mod tests {
    use sip::locate::Destination;
    use sip::peer::Transport;

    use crate::api::{IoAnswer, IoRequest};
    use crate::trial::{OPTIONS, Trial};

    /// `here.example` has the address the messages come from, as the second of two.
    fn world(request: &IoRequest) -> IoAnswer {
        let place = |ip: [u8; 4]| Destination { transport: Transport::Udp, addr: (ip, 0).into() };
        match request {
            IoRequest::Locate(query) if query.host == "here.example" => {
                IoAnswer::Located(vec![place([192, 0, 2, 1]), place([127, 0, 0, 1])])
            }
            IoRequest::Locate(_) => IoAnswer::Located(Vec::new()),
            IoRequest::Names(ip) if ip.is_loopback() => IoAnswer::Names(vec!["back.example".into()]),
            _ => IoAnswer::Failed("not asked for".into()),
        }
    }

    #[test]
    fn a_host_equals_each_of_its_addresses() {
        let rows = [
            ("src_ip == here.example", "", true),
            ("src_ip != here.example", "", false),
            ("src_ip == \"Here.Example\"", "", true),
            ("src_ip == $fd", "", false),
            ("src_ip != nowhere.example", "", true),
            ("src_ip == back.example", "", false),
            ("src_ip == back.example", "rev_dns=yes\n", true),
            ("!(src_ip == nowhere.example) && dst_ip == here.example", "", true),
            ("src_ip == \"127.0.0.0/8\"", "", true),
        ];
        for (test, head, expected) in rows {
            let config = format!("{head}request_route {{\n  if ({test}) return 5;\n  return 3;\n}}");
            let mut trial = Trial::load(&config).expect(test);
            trial.outside = world;
            let code = trial.run(OPTIONS).end.code;
            assert_eq!(code, if expected { 5 } else { 3 }, "{head}{test}");
        }
    }

    #[test]
    fn what_waits_leaves_the_return_code_alone() {
        let mut trial = Trial::load(
            "loadmodule \"pv.so\"\nrequest_route {\n  is_int(\"$fU\");\n  $var(x) = (src_ip == here.example) + 1;\n\
             \x20 return $var(x) * 10 + $rc;\n}",
        )
        .expect("a good configuration");
        trial.outside = world;
        assert_eq!(trial.run(OPTIONS).end.code, 19);
    }
}
