//! Selects, `@from.uri.user` and `$sel(from.uri.user)`: paths into the message, another spelling of variables.
//!
//! Most paths are rows of a table that names the variable they equal. The Via fields, header fields by name
//! and the custom parameters are read here.

use std::sync::Arc;

use bytes::Bytes;

use super::{NAME, vias};
use crate::api::{Catalog, Ctx, Inner, InnerKind, ModuleDef, PvArg, PvDef, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] =
    &[PvDef::new("sel", read, "a part of the message by its path").inner(InnerKind::Prepared(prepare))];

/// Paths and the variables they are. `["*"]` stands for a name in quotes, which replaces `{}`.
const ROWS: &[(&str, &str)] = &[
    ("method", "$rm"),
    ("call_id", "$ci"),
    ("cseq", "$csb"),
    ("cseq.num", "$cs"),
    ("cseq.method", "$(csb{s.select,-1, })"),
    ("user_agent", "$ua"),
    ("max_forwards", "$hdr(Max-Forwards)"),
    ("content_type", "$cT"),
    ("event", "$hdr(Event)"),
    ("subject", "$hdr(Subject)"),
    ("refer_to", "$hdr(Refer-To)"),
    ("record_route", "$hdr(Record-Route)"),
    ("content_length", "$cl"),
    ("expires", "$hdr(Expires)"),
    ("ruri", "$ru"),
    ("ruri.user", "$rU"),
    ("ruri.pwd", "$(ru{uri.passwd})"),
    ("ruri.host", "$rd"),
    ("ruri.port", "$(ru{uri.port})"),
    ("ruri.hostport", "$_s($rd:$rp)"),
    ("ruri.params", "$(ru{uri.params})"),
    ("ruri.params[\"*\"]", "$(ru{uri.param,{}})"),
    ("from", "$hdr(From)"),
    ("from.uri", "$fu"),
    ("from.uri.user", "$fU"),
    ("from.uri.host", "$fd"),
    ("from.uri.port", "$(fu{uri.port})"),
    ("from.uri.params", "$(fu{uri.params})"),
    ("from.uri.params[\"*\"]", "$(fu{uri.param,{}})"),
    ("from.user", "$fU"),
    ("from.host", "$fd"),
    ("from.tag", "$ft"),
    ("from.name", "$fn"),
    ("from.params[\"*\"]", "$(hdr(From){tobody.params}{param.value,{}})"),
    ("to", "$hdr(To)"),
    ("to.uri", "$tu"),
    ("to.uri.user", "$tU"),
    ("to.uri.host", "$td"),
    ("to.uri.port", "$(tu{uri.port})"),
    ("to.uri.params", "$(tu{uri.params})"),
    ("to.uri.params[\"*\"]", "$(tu{uri.param,{}})"),
    ("to.user", "$tU"),
    ("to.host", "$td"),
    ("to.tag", "$tt"),
    ("to.name", "$tn"),
    ("to.params[\"*\"]", "$(hdr(To){tobody.params}{param.value,{}})"),
    ("contact", "$ct"),
    ("contact.uri", "$(ct{nameaddr.uri})"),
    ("contact.uri.user", "$(ct{nameaddr.uri}{uri.user})"),
    ("contact.uri.host", "$(ct{nameaddr.uri}{uri.host})"),
    ("contact.uri.port", "$(ct{nameaddr.uri}{uri.port})"),
    ("contact.uri.params", "$(ct{nameaddr.uri}{uri.params})"),
    ("contact.uri.params[\"*\"]", "$(ct{nameaddr.uri}{uri.param,{}})"),
    ("contact.name", "$(ct{nameaddr.name})"),
    ("contact.params[\"*\"]", "$(ct{tobody.params}{param.value,{}})"),
    ("received.proto", "$proto"),
    ("received.ip", "$Ri"),
    ("received.port", "$Rp"),
    ("src.ip", "$si"),
    ("src.port", "$sp"),
    ("src.ip_port", "$_s($si:$sp)"),
    ("received.src.ip", "$si"),
    ("received.src.port", "$sp"),
    ("dst.ip", "$Ri"),
    ("dst.port", "$Rp"),
    ("dst.ip_port", "$_s($Ri:$Rp)"),
    ("msg", "$mb"),
    ("msg.len", "$ml"),
    ("msg.body", "$rb"),
    ("msg.type", "$mt"),
    ("msg.first_line", "$(mb{line.at,0})"),
    ("msg.header[\"*\"]", "$hdr({})"),
    ("next_hop", "$nh(u)"),
    ("next_hop.uri", "$nh(u)"),
    ("next_hop.user", "$nh(U)"),
    ("next_hop.host", "$nh(d)"),
    ("next_hop.port", "$nh(p)"),
    ("authorization[\"*\"].username", "$aU"),
    ("authorization[\"*\"].realm", "$ar"),
    ("authorization[\"*\"].uri", "$adu"),
    ("authorization[\"*\"].nonce", "$adn"),
    ("authorization[\"*\"].cnonce", "$adc"),
    ("authorization[\"*\"].response", "$adr"),
    ("authorization[\"*\"].opaque", "$ado"),
    ("authorization[\"*\"].algorithm", "$aa"),
    ("proxy_authorization[\"*\"].username", "$aU"),
    ("proxy_authorization[\"*\"].realm", "$ar"),
    ("proxy_authorization[\"*\"].uri", "$adu"),
    ("proxy_authorization[\"*\"].nonce", "$adn"),
    ("proxy_authorization[\"*\"].cnonce", "$adc"),
    ("proxy_authorization[\"*\"].response", "$adr"),
    ("proxy_authorization[\"*\"].opaque", "$ado"),
    ("proxy_authorization[\"*\"].algorithm", "$aa"),
    ("sys.pid", "$pp"),
    ("sys.now.local", "$TF"),
    ("sys.now.utc", "$utimef(%a %b %e %H:%M:%S %Y)"),
];

/// What is not a variable.
#[derive(Debug)]
enum Select {
    /// A whole Via value, from 1.
    Via(usize),
    /// A part of a Via, from 1, by its place in [`vias::KEYS`].
    ViaPart(usize, usize),
    /// Header fields of a name: one from 1, or all.
    Fields(Bytes, Option<usize>),
    /// A custom parameter, by group and name.
    Custom(String),
}

/// One step of a path: `name`, `name[3]`, `name["x"]`.
#[derive(Debug)]
struct Step<'a> {
    name: &'a str,
    index: Option<&'a str>,
}

impl<'a> Step<'a> {
    fn parse(text: &'a str) -> Step<'a> {
        match text.split_once('[') {
            Some((name, index)) => Step { name, index: Some(index.trim_end_matches(']')) },
            None => Step { name: text, index: None },
        }
    }

    /// The number in the brackets.
    fn number(&self) -> Option<usize> {
        self.index.and_then(|index| index.parse().ok())
    }

    /// The name in the brackets.
    fn key(&self) -> Option<&'a str> {
        self.index.map(|index| index.trim_matches('"')).filter(|_| self.number().is_none())
    }
}

fn prepare(catalog: &Catalog, path: &[u8]) -> Result<Inner, String> {
    let path = std::str::from_utf8(path).map_err(|_| "a select is letters, digits and dots".to_owned())?;
    let steps: Vec<Step<'_>> = split(path).into_iter().map(Step::parse).collect();
    if let Some(select) = special(catalog, &steps)? {
        return Ok(Inner::Prepared(Arc::new(select)));
    }
    let pattern: Vec<String> = steps
        .iter()
        .map(|step| if step.key().is_some() { format!("{}[\"*\"]", step.name) } else { step.name.to_owned() })
        .collect();
    let pattern = pattern.join(".");
    let Some((_, template)) = ROWS.iter().find(|(row, _)| *row == pattern) else {
        let near = sip::diag::nearest(path, ROWS.iter().map(|(row, _)| *row));
        let hint = near.map_or(String::new(), |near| format!(", did you mean {near}?"));
        return Err(format!("there is no select {path}{hint}"));
    };
    let key = steps.iter().find_map(Step::key).unwrap_or_default();
    let raw = template.replace("{}", key);
    let pv = catalog.variable(raw.as_bytes()).map_err(|error| error.to_string())?;
    Ok(Inner::Pv(Arc::new(pv)))
}

/// The steps of a path; dots in quotes divide nothing.
fn split(path: &str) -> Vec<&str> {
    let mut is_quoted = false;
    path.split(|letter| {
        is_quoted ^= letter == '"';
        letter == '.' && !is_quoted
    })
    .collect()
}

/// The paths that are no variables. `None`: not one of them.
fn special(catalog: &Catalog, steps: &[Step<'_>]) -> Result<Option<Select>, String> {
    Ok(match steps {
        [via] if via.name == "via" => Some(Select::Via(via.number().unwrap_or(1))),
        [via, part] if via.name == "via" => {
            let key = match part.key().unwrap_or(part.name) {
                "transport" => "proto",
                key => key,
            };
            let Some(key) = vias::KEYS.iter().position(|known| *known == key) else {
                return Err(format!("a Via has no part {key}"));
            };
            Some(Select::ViaPart(via.number().unwrap_or(1), key))
        }
        [value, name] if value.name == "hf_value" => {
            let field = name.name.replace('_', "-");
            Some(Select::Fields(field.into(), name.number()))
        }
        [value] if value.name == "hf_value" => {
            let name = value.key().ok_or("hf_value needs the name of a header field")?;
            Some(Select::Fields(Bytes::copy_from_slice(name.as_bytes()), None))
        }
        [get, group, name] if get.name == "cfg_get" => {
            let full = format!("{}.{}", group.name, name.name);
            let is_known = catalog.custom(&full).is_some()
                || (group.name == "core" && catalog.setting(name.name).is_some());
            if !is_known {
                return Err(format!("no custom parameter {full} is set"));
            }
            Some(Select::Custom(full))
        }
        _ => None,
    })
}

/// Selects are texts first, numbers among them too: `@cfg_get.a.b + 1` appends.
fn read(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match selected(ctx, arg) {
        Value::Int(number) => Value::Str(number.to_string().into()),
        value => value,
    }
}

fn selected(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    if let Inner::Pv(pv) = &arg.inner {
        return pv.get(ctx);
    }
    match arg.prepared::<Select>() {
        Some(Select::Via(place)) => {
            let place = place.checked_sub(1);
            let view = ctx.work.view();
            let text = place.and_then(|place| view.values(sip::msg::HeaderName::Via).nth(place));
            text.map_or(Value::Null, |text| Value::Str(ctx.work.slice(text)))
        }
        Some(Select::ViaPart(place, key)) => match place.checked_sub(1) {
            Some(place) => vias::part(ctx, *key, |all| all.nth(place)),
            None => Value::Null,
        },
        Some(Select::Fields(name, place)) => fields(ctx, name, *place),
        Some(Select::Custom(name)) => custom(ctx, name),
        None => Value::Null,
    }
}

/// All values joined by commas, or one of them.
fn fields(ctx: &Ctx<'_>, name: &[u8], place: Option<usize>) -> Value {
    let view = ctx.work.view();
    let values: Vec<&[u8]> =
        view.fields_named(name).flat_map(|field| sip::msg::Values::new(field.value.of(view.bytes))).collect();
    match place {
        Some(place) => place
            .checked_sub(1)
            .and_then(|place| values.get(place))
            .map_or(Value::Null, |value| Value::Str(ctx.work.slice(value))),
        None if values.is_empty() => Value::Null,
        None => Value::Str(values.join(&b","[..]).into()),
    }
}

fn custom(ctx: &Ctx<'_>, name: &str) -> Value {
    if let Some(value) = super::groups::custom(ctx, name) {
        return value;
    }
    let setting = name.strip_prefix("core.").and_then(|name| ctx.catalog.setting(name));
    setting.cloned().unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn every_row_is_a_variable_and_steps_may_be_quoted() {
        for (path, _) in super::ROWS {
            let path = path.replace("[\"*\"]", "[\"x.y\"]");
            let text = format!("request_route {{ $var(x) = @{path}; }}");
            Trial::load(&text).unwrap_or_else(|findings| panic!("{path}: {findings:?}"));
        }
    }

    #[test]
    fn paths_read_the_message() {
        let rows = [
            ("method", "OPTIONS"),
            ("from.uri.user", "alice"),
            ("to.tag", ""),
            ("via[1].host", "127.0.0.1"),
            ("via.branch", "z9hG4bK1"),
            ("via[0].host", ""),
            ("hf_value.user_agent", "tester"),
            ("cseq.method", "OPTIONS"),
            ("cfg_get.a.b", "7"),
        ];
        for (path, expected) in rows {
            let text = format!("a.b = 7\nrequest_route {{ $var(x) = @{path}; xlog(\"[$var(x)]\\n\"); }}");
            let text = format!("loadmodule \"xlog.so\"\n{text}");
            let mut trial = Trial::load(&text).expect("the test's configuration is right");
            assert_eq!(trial.run(OPTIONS).lines, [format!("[{expected}]")], "{path}");
        }
    }
}
