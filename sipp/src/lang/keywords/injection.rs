//! `[fieldN]`: a field of an injection file.

use memchr::memmem;

use super::super::template::split_args;
use super::super::{
    Keyword, KeywordDef, KeywordForm, KeywordText, Mistake, Names, Scope, Template, TextKind,
};
use super::authentication;
use crate::infile::FileId;

pub(in crate::lang) const FIELD: KeywordDef = KeywordDef {
    name: "field",
    args: "N file=name line=number",
    vanishes: true,
    form: KeywordForm::Family(parse),
    doc: "Field N of the call's line of an injection file, or of the line given.",
};

#[derive(Debug)]
struct Field {
    number: usize,
    file: FileId,
    line: Option<Template>,
}

fn parse(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake> {
    let at = names.offset;
    let number = text.rest.parse().map_err(|_| {
        Mistake::new("S012", at, format!("Unsupported keyword 'field{}' in xml scenario file", text.rest))
    })?;
    let file = match text.arg("file") {
        None if names.infiles.is_empty() => {
            return Err(Mistake::new("S013", at, "[field] needs an injection file (-inf)"));
        }
        None => names.default_file,
        Some(name) => find_file(&String::from_utf8_lossy(name), names)?,
    };
    let line = match text.arg("line") {
        None => None,
        Some(line) => Some(
            Template::parse(line, at, TextKind::Inline, names).map_err(|mut errors| errors.swap_remove(0))?,
        ),
    };
    if line.is_none() {
        names.takes_lines_of(file);
    }
    names.reads_field(file, number);
    Ok(Box::new(Field { number, file, line }))
}

/// The injection file of that base name. Error: it is not loaded.
pub(in crate::lang) fn find_file(name: &str, names: &Names<'_>) -> Result<FileId, Mistake> {
    names.infiles.find(name).ok_or_else(|| {
        Mistake::new("S014", names.offset, format!("Invalid injection file: {name}"))
            .suggest(name, names.infiles.names())
    })
}

/// A line number as users write it: an integer, or a double's print. `None` when it is no number.
pub(in crate::lang) fn parse_line(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number as i64)
}

impl Keyword for Field {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        let line = match &self.line {
            None => scope.call.lines.get(usize::from(self.file.0)).copied().unwrap_or(u32::MAX),
            Some(template) => {
                let text = template.to_vec(scope);
                // A double of value 0 prints nothing, yet means line 0.
                match if text.is_empty() { Some(0) } else { parse_line(&text) } {
                    Some(number) => u32::try_from(number).unwrap_or(u32::MAX),
                    None => {
                        let text = String::from_utf8_lossy(&text);
                        scope.fail(format!("Invalid line number in [field{}]: '{text}'", self.number));
                        return;
                    }
                }
            }
        };
        let Some(file) = scope.world.infiles.get(self.file) else { return };
        let before = out.len();
        // DEVIATES: SIPp warns, prints nothing and goes on with a message that lacks what it is about. The call fails.
        // Test: `a_short_line_fails_its_call_alone`.
        if let Err(error) = file.write_field(line, self.number, out) {
            return scope.fail(error.to_string());
        }
        mark_authentication(scope, before, out);
    }
}

/// Keywords in fields are text, except `[authentication ...]`: it is cut out and marked.
fn mark_authentication(scope: &mut Scope<'_>, before: usize, out: &mut Vec<u8>) {
    const OPENING: &[u8] = b"[authentication";
    let Some(start) = memmem::find(&out[before..], OPENING).map(|at| before + at) else { return };
    let Some(end) = memchr::memchr(b']', &out[start..]).map(|len| start + len) else { return };
    let keyword = String::from_utf8_lossy(&out[start + OPENING.len()..end]).into_owned();
    let tail = out.split_off(end + 1);
    out.truncate(start);
    authentication::mark_injected(&split_args(&keyword), scope, out);
    out.extend_from_slice(&tail);
}
