//! XAVPs of the registrar: what counts for one request only (`xavp_cfg`), and what the script is told of the contacts
//! a function came across (`xavp_rcd`).

use bytes::Bytes;

use super::params::Rules;
use crate::api::{At, Ctx, Value, Xavp};
use crate::modules::usrloc::{self, Contact};

/// A number of `$xavp(cfg=>name)`; texts do not count. `None`: there is none, or parameter `xavp_cfg` is not set.
pub(super) fn int(ctx: &Ctx<'_>, rules: &Rules, name: &[u8]) -> Option<i64> {
    match config(ctx, rules, name)? {
        Value::Int(int) => Some(*int),
        _ => None,
    }
}

/// A text of `$xavp(cfg=>name)`.
pub(super) fn text(ctx: &Ctx<'_>, rules: &Rules, name: &[u8]) -> Option<Bytes> {
    match config(ctx, rules, name)? {
        Value::Str(text) => Some(text.clone()),
        _ => None,
    }
}

fn config<'a>(ctx: &'a Ctx<'_>, rules: &Rules, name: &[u8]) -> Option<&'a Value> {
    if rules.config_xavp.is_empty() {
        return None;
    }
    ctx.work.xavps.get(&rules.config_xavp, At::None)?.field(name).next()
}

/// Tells the script of contacts, the last one first, before what it was told already.
pub(super) fn tell(ctx: &mut Ctx<'_>, rules: &Rules, contacts: &[Contact], unix_now: u32) {
    if rules.record_xavp.is_empty() {
        return;
    }
    let root = &rules.record_xavp;
    let newest = contacts.iter().rev();
    let mut fields: Vec<_> = newest.flat_map(|contact| shown(contact, rules.record_mask, unix_now)).collect();
    match ctx.work.xavps.get_mut(root, At::None) {
        Some(Xavp::Fields(told)) => {
            fields.append(told);
            *told = fields;
        }
        _ if fields.is_empty() => {}
        _ => ctx.work.xavps.push(root.clone(), Xavp::Fields(fields)),
    }
}

/// The fields of one contact that the mask does not leave out.
fn shown(contact: &Contact, mask: u32, unix_now: u32) -> Vec<(Bytes, Value)> {
    let texts = contact.texts();
    let filled = |text: &[u8]| (!text.is_empty()).then(|| Value::copied(text));
    let left = i64::from(contact.facts.expires) - i64::from(unix_now);
    let fields = [
        ("path", 16, filled(texts.path)),
        ("received", 8, filled(texts.received)),
        ("contact", 2, filled(texts.uri)),
        ("ruid", 1, filled(texts.ruid)),
        ("expires", 4, Some(Value::Int(left))),
    ];
    let kept = fields.into_iter().filter(|(_, bit, _)| mask & bit == 0);
    kept.filter_map(|(name, _, value)| Some((Bytes::from_static(name.as_bytes()), value?))).collect()
}

/// Gives the attributes of contacts back to the script (usrloc parameter `xavp_contact`): an element for each target,
/// the first one first, without fields for a target that has none.
pub(super) fn restore(ctx: &mut Ctx<'_>, rules: &usrloc::Rules, targets: &[Option<&Contact>]) {
    if rules.attributes.is_empty() {
        return;
    }
    for target in targets.iter().rev() {
        let element = target.and_then(|contact| usrloc::unpack(contact.texts().attributes));
        ctx.work.xavps.push(rules.attributes.clone(), element.unwrap_or(Xavp::Fields(Vec::new())));
    }
}

/// The attributes a contact of this request gets, packed.
pub(super) fn attributes(ctx: &Ctx<'_>, rules: &usrloc::Rules) -> Vec<u8> {
    if rules.attributes.is_empty() {
        return Vec::new();
    }
    ctx.work.xavps.get(&rules.attributes, At::None).map(usrloc::pack).unwrap_or_default()
}
