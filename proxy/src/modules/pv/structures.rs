//! Functions that build, take apart and remove structured values (`$xavp`, `$xavi`, `$xavu`) by name.

use bytes::Bytes;

use crate::api::{Args, At, Ctx, Flow, Level, Value, Xavp, XavpClass};

/// The root named by argument `at`, as the list of its class knows it.
fn root(ctx: &mut Ctx<'_>, args: &Args<'_>, at: usize, class: XavpClass) -> Bytes {
    class.key(&args.text(ctx, at))
}

/// `a=1;b=2` becomes one root element with the fields a and b.
pub(super) fn params_explode(ctx: &mut Ctx<'_>, args: &Args<'_>, class: XavpClass) -> Flow {
    let list = args.text(ctx, 0);
    let root = root(ctx, args, 1, class);
    let mut fields = Vec::new();
    for part in params(&list).into_iter().map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()) {
        let (name, value) = match memchr::memchr(b'=', part) {
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, &b""[..]),
        };
        let value = value.trim_ascii();
        let value = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
        fields.push((class.key(name.trim_ascii()), Value::copied(value)));
    }
    if fields.is_empty() {
        return Flow::FALSE;
    }
    if class == XavpClass::Xavu {
        ctx.work.xavps.remove(&root, At::All);
    }
    ctx.work.xavps.push(root, Xavp::Fields(fields));
    Flow::TRUE
}

/// The parameters of a list; semicolons in quotes divide nothing.
fn params(list: &[u8]) -> Vec<&[u8]> {
    let mut is_quoted = false;
    list.split(|byte| {
        is_quoted ^= *byte == b'"';
        *byte == b';' && !is_quoted
    })
    .collect()
}

/// The fields of the first root element as `b=2;a=1;`, newest first.
pub(super) fn params_implode(ctx: &mut Ctx<'_>, args: &Args<'_>, class: XavpClass) -> Flow {
    let root = root(ctx, args, 0, class);
    let Some(Xavp::Fields(fields)) = ctx.work.xavps.get(&root, At::None) else { return Flow::FALSE };
    let mut out = Vec::new();
    for (name, value) in fields {
        out.extend_from_slice(XavpClass::of(name).1);
        if value.text_len() > 0 {
            out.push(b'=');
            value.write_text(&mut out);
        }
        out.push(b';');
    }
    Flow::from_bool(args.pv(1).is_some_and(|pv| pv.set(ctx, Value::Str(out.into())).is_ok()))
}

/// The parts of a list between any of the separators, empty ones left out, as values of the field `v`; mode `t`
/// takes the blanks off.
pub(super) fn list_explode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (list, separators, mode) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
    let root = root(ctx, args, 3, XavpClass::Xavp);
    let trims = mode.contains(&b't');
    let parts = list.split(|byte| separators.contains(byte));
    let parts = parts.map(|part| if trims { part.trim_ascii() } else { part });
    let name = Bytes::from_static(b"v");
    let fields: Vec<(Bytes, Value)> =
        parts.filter(|part| !part.is_empty()).map(|part| (name.clone(), Value::copied(part))).collect();
    if fields.is_empty() {
        ctx.log(Level::ERR, "xavp_slist_explode: there is nothing in the list");
        return Flow::FALSE;
    }
    ctx.work.xavps.push(root, Xavp::Fields(fields));
    Flow::TRUE
}

/// Copies a root element to the front of another root, or with a fourth argument into the place of one.
pub(super) fn copy(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (from, to) = (root(ctx, args, 0, XavpClass::Xavp), root(ctx, args, 2, XavpClass::Xavp));
    let place = At::Position(args.int(ctx, 1));
    let Some(element) = ctx.work.xavps.get(&from, place).cloned() else {
        ctx.log(Level::ERR, "xavp_copy: the source is not there");
        return Flow::FALSE;
    };
    if args.len() < 4 {
        // An element added to a root comes last: copying in order keeps the order.
        ctx.work.xavps.push_last(to, element);
        return Flow::TRUE;
    }
    let place = At::Position(args.int(ctx, 3));
    match ctx.work.xavps.get_mut(&to, place) {
        Some(old) => {
            *old = element;
            Flow::TRUE
        }
        None => {
            ctx.log(Level::ERR, "xavp_copy: the destination is not there");
            Flow::FALSE
        }
    }
}

/// Sets a field of the first root element, which is made when it is not there.
pub(super) fn child_set(ctx: &mut Ctx<'_>, args: &Args<'_>, class: XavpClass, value: Value) -> Flow {
    let root = root(ctx, args, 0, class);
    let name = class.key(&args.text(ctx, 1));
    if ctx.work.xavps.count(&root) == 0 {
        ctx.work.xavps.push(root, Xavp::Fields(vec![(name, value)]));
        return Flow::TRUE;
    }
    let Some(Xavp::Fields(fields)) = ctx.work.xavps.get_mut(&root, At::None) else { return Flow::FALSE };
    match fields.iter_mut().find(|(of, _)| *of == name) {
        Some((_, old)) => *old = value,
        None => fields.insert(0, (name, value)),
    }
    Flow::TRUE
}

/// 1 whether there was one or not, as 5.6.3.
pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>, class: XavpClass) -> Flow {
    let root = root(ctx, args, 0, class);
    ctx.work.xavps.remove(&root, At::None);
    Flow::TRUE
}

pub(super) fn child_remove(ctx: &mut Ctx<'_>, args: &Args<'_>, class: XavpClass) -> Flow {
    let root = root(ctx, args, 0, class);
    let name = class.key(&args.text(ctx, 1));
    if let Some(Xavp::Fields(fields)) = ctx.work.xavps.get_mut(&root, At::None) {
        fields.retain(|(of, _)| *of != name);
    }
    Flow::TRUE
}

pub(super) fn shift(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (root, count) = (root(ctx, args, 0, XavpClass::Xavp), args.int(ctx, 1));
    let many = ctx.work.xavps.count(&root).min(usize::try_from(count).unwrap_or(0));
    for _ in 0..many {
        ctx.work.xavps.remove(&root, At::None);
    }
    Flow::from_bool(many > 0)
}

/// Logs all values of a class, one line each.
pub(super) fn print(ctx: &mut Ctx<'_>, class: XavpClass) -> Flow {
    let mut lines = Vec::new();
    for (key, element) in ctx.work.xavps.iter() {
        let (of, name) = XavpClass::of(key);
        if of != class {
            continue;
        }
        match element {
            Xavp::Plain(value) => lines.push([name, b" = ", &value.to_text()].concat()),
            Xavp::Fields(fields) => lines.extend(fields.iter().map(|(field, value)| {
                [name, b"=>", XavpClass::of(field).1, b" = ", &value.to_text()].concat()
            })),
        }
    }
    lines.into_iter().for_each(|line| ctx.log(Level::INFO, line));
    Flow::TRUE
}

/// Copies a script variable, or with `*` all of them, into the fields of a root, which is emptied before.
pub(super) fn from_vars(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    let root = root(ctx, args, 1, XavpClass::Xavp);
    let vars = ctx.catalog.slots_of("var").into_iter();
    let fields: Vec<(Bytes, Value)> = vars
        .filter(|(name, _)| *wanted == *b"*" || *wanted == *name.as_bytes())
        .map(|(name, slot)| (Bytes::from(name), ctx.shard.vars.get(slot as usize)))
        .collect();
    ctx.work.xavps.remove(&root, At::All);
    if fields.is_empty() {
        ctx.log(Level::ERR, "pv_var_to_xavp: there is no such variable");
        return Flow::FALSE;
    }
    ctx.work.xavps.push(root, Xavp::Fields(fields));
    Flow::TRUE
}

/// Copies the fields of a root into the script variables of their names; names the configuration does not use
/// are passed over.
pub(super) fn to_vars(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let root = root(ctx, args, 0, XavpClass::Xavp);
    let Some(Xavp::Fields(fields)) = ctx.work.xavps.get(&root, At::None).cloned() else {
        ctx.log(Level::ERR, "pv_xavp_to_var: there is no such xavp");
        return Flow::FALSE;
    };
    for (name, value) in fields {
        if let Some(slot) = ctx.catalog.slot("var", &name) {
            ctx.shard.vars.set(slot as usize, value);
        }
    }
    Flow::TRUE
}
