//! Functions that build, take apart and remove XAVPs by name.

use bytes::Bytes;

use crate::api::{Args, At, Ctx, Flow, Value, Xavp};

/// `a=1;b=2` becomes one root element with the fields a and b.
pub(super) fn params_explode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (list, root) = (args.text(ctx, 0), args.text(ctx, 1));
    let mut fields = Vec::new();
    for part in list.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()) {
        let (name, value) = match memchr::memchr(b'=', part) {
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, &b""[..]),
        };
        let value = value.trim_ascii();
        let value = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
        fields.push((Bytes::copy_from_slice(name.trim_ascii()), Value::copied(value)));
    }
    if fields.is_empty() {
        return Flow::FALSE;
    }
    ctx.work.xavps.push(root, Xavp::Fields(fields));
    Flow::TRUE
}

/// The fields of the first root element as `a=1;b=2;`.
pub(super) fn params_implode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let root = args.text(ctx, 0);
    let Some(Xavp::Fields(fields)) = ctx.work.xavps.get(&root, At::None) else { return Flow::FALSE };
    let mut out = Vec::new();
    for (name, value) in fields {
        out.extend_from_slice(name);
        out.push(b'=');
        value.write_text(&mut out);
        out.push(b';');
    }
    Flow::from_bool(args.pv(1).is_some_and(|pv| pv.set(ctx, Value::Str(out.into())).is_ok()))
}

/// Sets a field of the first root element, which is made when it is not there.
pub(super) fn child_set(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (root, name, value) = (args.text(ctx, 0), args.text(ctx, 1), args.value(ctx, 2));
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

pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let root = args.text(ctx, 0);
    Flow::from_bool(ctx.work.xavps.remove(&root, At::None) > 0)
}

pub(super) fn child_remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (root, name) = (args.text(ctx, 0), args.text(ctx, 1));
    let Some(Xavp::Fields(fields)) = ctx.work.xavps.get_mut(&root, At::None) else { return Flow::FALSE };
    let before = fields.len();
    fields.retain(|(of, _)| *of != name);
    Flow::from_bool(fields.len() < before)
}

pub(super) fn shift(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (root, count) = (args.text(ctx, 0), args.int(ctx, 1));
    let many = ctx.work.xavps.count(&root).min(usize::try_from(count).unwrap_or(0));
    for _ in 0..many {
        ctx.work.xavps.remove(&root, At::None);
    }
    Flow::from_bool(many > 0)
}
