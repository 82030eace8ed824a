//! Questions about telephone numbers and other plain texts.

use sip::msg::Uri;

use crate::api::{Args, Ctx, Flow, Loading, Value};

/// Most digits of an E.164 number (`e164_max_len`).
#[derive(Debug)]
struct MostDigits(usize);

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let most = loading.params.int("e164_max_len");
    let most = usize::try_from(most).map_err(|_| format!("e164_max_len is {most}, expected 0 or more"))?;
    loading.shared.put(MostDigits(most));
    Ok(())
}

/// -1 when the variable is null or no such number.
pub(super) fn is_e164(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let value = args.value(ctx, 0);
    Flow::from_bool(e164(ctx, &value.to_text()))
}

/// The variable holds a URI.
pub(super) fn is_uri_user_e164(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let uri = match args.value(ctx, 0) {
        Value::Null => return Flow::FALSE,
        value => value.to_text(),
    };
    Flow::from_bool(Uri::parse(&uri).is_ok_and(|uri| e164(ctx, uri.user.unwrap_or_default())))
}

/// `+` and digits, as many as E.164 allows.
pub(super) fn e164(ctx: &Ctx<'_>, text: &[u8]) -> bool {
    let most = ctx.shard.shared.peek::<MostDigits>().map_or(0, |most| most.0);
    text.strip_prefix(b"+").is_some_and(|digits| digits.len() <= most && all_digits(digits))
}

fn all_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

pub(super) fn is_tel_number(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    code(all_digits(text.strip_prefix(b"+").unwrap_or(&text)), -2)
}

pub(super) fn is_numeric(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    code(all_digits(&text), -2)
}

pub(super) fn is_alphanum(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    code(!text.is_empty() && text.iter().all(u8::is_ascii_alphanumeric), -3)
}

pub(super) fn is_alphanumex(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (text, further) = (args.text(ctx, 0), args.text(ctx, 1));
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || further.contains(byte);
    code(!text.is_empty() && text.iter().all(is_allowed), -3)
}

/// 1, or the code that this function uses for "no".
fn code(is_true: bool, no: i64) -> Flow {
    if is_true { Flow::TRUE } else { Flow::Next(no) }
}
