//! `[last_X]`: a header field of the last received message.

use sip::msg::HeaderName;

use super::super::{Keyword, KeywordDef, KeywordForm, KeywordText, Mistake, Names, Scope};
use crate::state::Compat;

pub(in crate::lang) const LAST: KeywordDef = KeywordDef {
    name: "last_",
    args: "<header>[:]",
    vanishes: true,
    form: KeywordForm::Family(parse),
    doc: "A header field of the last received message; several are joined by a comma.",
};

#[derive(Debug)]
struct LastHeader {
    header: HeaderName,
    name: Box<[u8]>,
}

fn parse(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake> {
    let name = text.rest.trim_end_matches(':');
    if name.is_empty() {
        let message = "Unsupported keyword 'last_' in xml scenario file, expected a header name behind it";
        return Err(Mistake::new("S012", names.offset, message));
    }
    let header = HeaderName::parse(name.as_bytes());
    names.keep.headers.insert(header);
    Ok(Box::new(LastHeader { header, name: name.as_bytes().into() }))
}

impl Keyword for LastHeader {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        let mut first = true;
        for field in scope.call.last.fields(self.header, &self.name) {
            if !first {
                out.extend_from_slice(b", ");
                out.extend_from_slice(field.value());
            } else if scope.settings.compat == Compat::V37 {
                out.extend_from_slice(&self.name);
                out.extend_from_slice(b": ");
                out.extend_from_slice(field.value());
            } else {
                out.extend_from_slice(field.line);
            }
            first = false;
        }
    }
}
