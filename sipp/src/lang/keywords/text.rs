//! `[file]` and `[fill]`: texts from a file or made of a repeated one.

use super::super::{
    Keyword, KeywordDef, KeywordForm, KeywordText, Mistake, Names, Scope, Template, TextKind,
};
use crate::state::VarSlot;

pub(in crate::lang) const FILE: KeywordDef = KeywordDef {
    name: "file",
    args: "name=path",
    vanishes: false,
    form: KeywordForm::Args(parse_file),
    doc: "The content of a file, byte for byte.",
};

pub(in crate::lang) const FILL: KeywordDef = KeywordDef {
    name: "fill",
    args: "text=text variable=name",
    vanishes: false,
    form: KeywordForm::Args(parse_fill),
    doc: "As many characters of a repeated text as the variable says.",
};

/// Longest text `[fill]` makes; a larger number is a mistake that would only fill memory.
const FILL_LIMIT: f64 = 16.0 * 1024.0 * 1024.0;

#[derive(Debug)]
struct File {
    name: Template,
}

fn parse_file(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake> {
    let at = names.offset;
    let name = text.arg("name").ok_or_else(|| Mistake::new("S012", at, "[file] needs name="))?;
    let name =
        Template::parse(name, at, TextKind::Inline, names).map_err(|mut errors| errors.swap_remove(0))?;
    Ok(Box::new(File { name }))
}

impl Keyword for File {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        let path = self.name.to_vec(scope);
        match scope.world.file(&path) {
            Ok(content) => out.extend_from_slice(content),
            Err(error) => {
                let text = format!("Unable to read [file name={}]: {error}", String::from_utf8_lossy(&path));
                scope.fail(text);
            }
        }
    }
}

#[derive(Debug)]
struct Fill {
    text: Box<[u8]>,
    length: VarSlot,
}

fn parse_fill(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake> {
    let at = names.offset;
    let variable = text.arg("variable").ok_or_else(|| Mistake::new("S012", at, "[fill] needs variable="))?;
    let length = names.var(&String::from_utf8_lossy(variable));
    let text = text.arg("text").filter(|text| !text.is_empty()).unwrap_or(b"X");
    Ok(Box::new(Fill { text: text.into(), length }))
}

impl Keyword for Fill {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        let length = scope.var(self.length).number().clamp(0.0, FILL_LIMIT) as usize;
        out.extend(self.text.iter().cycle().take(length));
    }
}
