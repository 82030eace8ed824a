//! `$xavp`, `$xavi` and `$xavu`: values with named fields that live with the transaction.

use std::sync::Arc;

use bytes::Bytes;

use super::NAME;
use crate::api::{
    At, Catalog, Ctx, Index, Inner, InnerKind, ModuleDef, Pv, PvArg, PvDef, SetError, Text, Value, Xavp,
    XavpClass, parse_int,
};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    PvDef::new("xavp", get, "structured values of the transaction")
        .inner(InnerKind::Prepared(|catalog, text| prepare(catalog, text, XavpClass::Xavp)))
        .writable(set),
    PvDef::new("xavi", get, "the same, names in any case")
        .inner(InnerKind::Prepared(|catalog, text| prepare(catalog, text, XavpClass::Xavi)))
        .writable(set),
    PvDef::new("xavu", get, "structured values, one of each name")
        .inner(InnerKind::Prepared(|catalog, text| prepare(catalog, text, XavpClass::Xavu)))
        .writable(set),
];

/// `root[i]=>field[j]` as written.
struct Path {
    names: XavpClass,
    root: Part,
    field: Option<Part>,
}

struct Part {
    name: PartName,
    index: Index,
}

enum PartName {
    Fixed(Bytes),
    Dynamic(Text),
}

fn prepare(catalog: &Catalog, text: &[u8], names: XavpClass) -> Result<Inner, String> {
    let (root, field) = match memchr::memmem::find(text, b"=>") {
        Some(at) => (&text[..at], Some(&text[at + 2..])),
        None => (text, None),
    };
    let path = Path {
        names,
        root: part(catalog, root, names)?,
        field: field.map(|field| part(catalog, field, names)).transpose()?,
    };
    Ok(Inner::Prepared(Arc::new(path)))
}

fn part(catalog: &Catalog, text: &[u8], names: XavpClass) -> Result<Part, String> {
    let text = text.trim_ascii();
    let (name, index) = match (memchr::memchr(b'[', text), text.strip_suffix(b"]")) {
        (Some(at), Some(inside)) => (&text[..at], index(catalog, &inside[at + 1..])?),
        _ => (text, Index::None),
    };
    if name.is_empty() {
        return Err("expected root, root=>field or root[i]=>field[j]".into());
    }
    let name = if name.contains(&b'$') {
        PartName::Dynamic(catalog.text(name).map_err(|error| error.to_string())?)
    } else {
        PartName::Fixed(names.key(name))
    };
    Ok(Part { name, index })
}

fn index(catalog: &Catalog, text: &[u8]) -> Result<Index, String> {
    match text {
        b"*" => Ok(Index::All),
        [b'$', ..] => {
            let pv: Pv = catalog.variable(text).map_err(|error| error.to_string())?;
            Ok(Index::Dynamic(Arc::new(pv)))
        }
        _ => parse_int(text).map(Index::At).ok_or_else(|| "an index is a number, a variable or *".into()),
    }
}

/// A path with its names and indexes evaluated.
struct Place {
    names: XavpClass,
    root: Bytes,
    at: At,
    field: Option<(Bytes, At)>,
}

fn place(ctx: &mut Ctx<'_>, arg: &PvArg) -> Option<Place> {
    let path = arg.prepared::<Path>()?;
    let (root, at) = part_now(ctx, &path.root, path.names);
    let field = path.field.as_ref().map(|field| part_now(ctx, field, path.names));
    Some(Place { names: path.names, root, at, field })
}

fn part_now(ctx: &mut Ctx<'_>, part: &Part, names: XavpClass) -> (Bytes, At) {
    let name = match &part.name {
        PartName::Fixed(name) => name.clone(),
        PartName::Dynamic(text) => names.key(&text.render(ctx)),
    };
    let at = match &part.index {
        Index::None => At::None,
        Index::At(position) => At::Position(*position),
        Index::All => At::All,
        Index::Dynamic(pv) => At::Position(pv.get(ctx).to_int()),
    };
    (name, at)
}

/// How many root elements a variable has; used by `$cnt`.
pub(super) fn count(ctx: &mut Ctx<'_>, arg: &PvArg) -> usize {
    let Some(place) = place(ctx, arg) else { return 0 };
    match (&place.field, ctx.work.xavps.get(&place.root, place.at)) {
        (None, _) => ctx.work.xavps.count(&place.root),
        (Some((field, _)), Some(element)) => element.field(field).count(),
        (Some(_), None) => 0,
    }
}

fn get(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let Some(place) = place(ctx, arg) else { return Value::Null };
    let xavps = &ctx.work.xavps;
    let Some((field, at)) = &place.field else {
        return match place.at {
            At::All => joined(xavps.of(&place.root).map(|element| plain(&place.root, element))),
            at => xavps.get(&place.root, at).map_or(Value::Null, |element| plain(&place.root, element)),
        };
    };
    let Some(element) = xavps.get(&place.root, place.at) else { return Value::Null };
    match at {
        At::All => joined(element.field(field).cloned()),
        at => {
            let many = element.field(field).count();
            let found = at.of(many).and_then(|place| element.field(field).nth(place));
            found.cloned().unwrap_or_default()
        }
    }
}

/// An element with fields has no value of its own; it prints as a mark with its name.
fn plain(root: &[u8], element: &Xavp) -> Value {
    match element {
        Xavp::Plain(value) => value.clone(),
        Xavp::Fields(_) => Value::Str([b"<<xavp:", root, b">>"].concat().into()),
    }
}

fn joined(values: impl Iterator<Item = Value>) -> Value {
    let all: Vec<Bytes> = values.map(|value| value.to_text()).collect();
    if all.is_empty() { Value::Null } else { Value::Str(all.join(&b", "[..]).into()) }
}

fn set(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let Some(place) = place(ctx, arg) else { return Err(SetError::Absent) };
    match &place.field {
        None => set_root(ctx, &place, value),
        Some((field, at)) => set_field(ctx, &place, (field, *at), value),
    }
    .ok_or(SetError::Absent)
}

fn set_root(ctx: &mut Ctx<'_>, place: &Place, value: Value) -> Option<()> {
    let xavps = &mut ctx.work.xavps;
    if value.is_null() {
        xavps.remove(&place.root, place.at);
        return Some(());
    }
    match (place.names, place.at) {
        (XavpClass::Xavu, _) => {
            xavps.remove(&place.root, At::All);
            xavps.push(place.root.clone(), Xavp::Plain(value));
        }
        (_, At::None) => xavps.push(place.root.clone(), Xavp::Plain(value)),
        (_, At::All) => {
            xavps.remove(&place.root, At::All);
            xavps.push(place.root.clone(), Xavp::Plain(value));
        }
        // Setting an element that is not there stores nothing, without an error.
        (_, at) => {
            if let Some(element) = xavps.get_mut(&place.root, at) {
                *element = Xavp::Plain(value);
            }
        }
    }
    Some(())
}

fn set_field(ctx: &mut Ctx<'_>, place: &Place, field: (&Bytes, At), value: Value) -> Option<()> {
    let (name, at) = field;
    let xavps = &mut ctx.work.xavps;
    let is_absent = xavps.count(&place.root) == 0;
    let is_new = place.at == At::None && place.names != XavpClass::Xavu && !value.is_null();
    if is_new || (is_absent && place.names == XavpClass::Xavu && !value.is_null()) {
        xavps.push(place.root.clone(), Xavp::Fields(vec![(name.clone(), value)]));
        return Some(());
    }
    let Some(element) = xavps.get_mut(&place.root, place.at) else { return Some(()) };
    let Xavp::Fields(fields) = element else { return None };
    let places: Vec<usize> =
        fields.iter().enumerate().filter(|(_, (of, _))| of == name).map(|(at, _)| at).collect();
    match (value, at) {
        (Value::Null, At::All) => fields.retain(|(of, _)| of != name),
        (Value::Null, at) => {
            fields.remove(places[at.of(places.len())?]);
        }
        (value, At::None) if place.names != XavpClass::Xavu => fields.insert(0, (name.clone(), value)),
        (value, At::All) => {
            fields.retain(|(of, _)| of != name);
            fields.insert(0, (name.clone(), value));
        }
        (value, at) => match at.of(places.len()) {
            Some(at) => fields[places[at]].1 = value,
            None => fields.insert(0, (name.clone(), value)),
        },
    }
    Some(())
}
