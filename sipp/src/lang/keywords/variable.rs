//! `[$name]`: a variable.

use super::super::{Keyword, KeywordDef, KeywordForm, KeywordText, Mistake, Names, Scope};
use crate::state::VarSlot;

pub(in crate::lang) const VARIABLE: KeywordDef = KeywordDef {
    name: "$",
    args: "<variable>",
    vanishes: true,
    form: KeywordForm::Family(parse),
    doc: "The value of a variable.",
};

#[derive(Debug)]
struct Variable(VarSlot);

fn parse(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake> {
    if text.rest.is_empty() {
        return Err(Mistake::new("S012", names.offset, "[$] names no variable"));
    }
    Ok(Box::new(Variable(names.var(text.rest))))
}

impl Keyword for Variable {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        scope.var(self.0).write(out);
    }
}
