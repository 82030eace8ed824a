//! `fnmatch()`: patterns of shells.

use crate::api::{Args, Ctx, Flow};

/// Flag `i` ignores case.
pub(super) fn matches(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (text, pattern, flags) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
    if flags.contains(&b'i') {
        return Flow::from_bool(glob(&text.to_ascii_lowercase(), &pattern.to_ascii_lowercase()));
    }
    Flow::from_bool(glob(&text, &pattern))
}

/// `*` any text, `?` any byte. Goes back to the last star only, so the time is bounded by the product of the
/// lengths.
fn glob(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut want) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(want) {
            Some(b'*') => {
                star = Some((want, at));
                want += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at] => {
                at += 1;
                want += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (want, at) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[want..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns_of_shells() {
        let rows = [
            ("abc", "abc", true),
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "a?c", true),
            ("abc", "*b*", true),
            ("abc", "", false),
            ("", "*", true),
            ("aab", "*ab", true),
            ("abc", "a*d", false),
        ];
        for (text, pattern, expected) in rows {
            assert_eq!(glob(text.as_bytes(), pattern.as_bytes()), expected, "{text} {pattern}");
        }
    }
}
