//! Membership in lists written as one text.

use crate::api::{Args, Ctx, Flow};

/// Arguments: text, list, separator.
pub(super) fn in_list(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    find(ctx, args, |item, text| item == text)
}

/// An item of the list is a prefix of the text.
pub(super) fn in_list_prefix(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    find(ctx, args, |item, text| !item.is_empty() && text.starts_with(item))
}

fn find(ctx: &mut Ctx<'_>, args: &Args<'_>, fits: fn(&[u8], &[u8]) -> bool) -> Flow {
    let (text, list, separator) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
    let separator = separator.first().copied().unwrap_or(b' ');
    let mut items = list.split(|byte| *byte == separator).map(<[u8]>::trim_ascii);
    Flow::from_bool(!text.is_empty() && items.any(|item| fits(item, &text)))
}
