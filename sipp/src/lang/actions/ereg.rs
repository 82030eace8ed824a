//! `ereg`: a POSIX extended regular expression over the message, a header line, the body or a variable.

use super::super::{Action, ActionDef, Attributes, Check, Effect, Flow, Mistake, PosixRegex, Scope, Subject};
use super::compare::Expectation;
use crate::state::{Value, VarSlot};

pub(in crate::lang) const EREG: ActionDef = ActionDef {
    name: "ereg",
    attributes: &[
        "regexp",
        "search_in",
        "header",
        "variable",
        "occurrence",
        "occurence",
        "case_indep",
        "start_line",
        "check_it",
        "check_it_inverse",
        "assign_to",
    ],
    parse: parse_ereg,
    doc: "Searches with a regular expression and assigns the match and its groups.",
};

#[derive(Debug)]
struct Ereg {
    regex: PosixRegex,
    place: SearchIn,
    expectation: Expectation,
    assign_to: Vec<VarSlot>,
}

#[derive(Debug)]
enum SearchIn {
    Message,
    Body,
    Variable(VarSlot),
    Header(HeaderSearch),
}

/// A plain search for text, which may even hit the body: `To:` also finds `Reply-To:` (SIPp's way).
#[derive(Debug)]
struct HeaderSearch {
    name: Vec<u8>,
    occurrence: usize,
    ignores_case: bool,
    at_line_start: bool,
}

fn parse_ereg(attributes: &mut Attributes<'_, '_>) -> Result<Box<dyn Action>, Mistake> {
    let source = attributes.required("regexp")?;
    let regex = PosixRegex::new(&source).map_err(|error| {
        let at = attributes.get("regexp").map_or(attributes.at, |attribute| attribute.value_at);
        Mistake::new("S026", at, format!("'{source}' is no regular expression: {error}"))
    })?;
    attributes.required("assign_to")?;
    let assign_to = attributes.vars("assign_to")?;
    let place = match attributes.text("search_in").as_deref() {
        None | Some("msg") => SearchIn::Message,
        Some("body") => SearchIn::Body,
        Some("var") => SearchIn::Variable(attributes.required_var("variable")?),
        Some("hdr") => SearchIn::Header(HeaderSearch::parse(attributes)?),
        Some(_) => return Err(attributes.bad("search_in", "msg, hdr, body or var")),
    };
    Ok(Box::new(Ereg { regex, place, expectation: Expectation::parse(attributes)?, assign_to }))
}

impl HeaderSearch {
    fn parse(attributes: &Attributes<'_, '_>) -> Result<HeaderSearch, Mistake> {
        let name = attributes.required("header")?;
        if name.is_empty() {
            return Err(attributes.bad("header", "the name of a header"));
        }
        let occurrence = attributes.number("occurrence")?.or(attributes.number("occurence")?).unwrap_or(1.0);
        Ok(HeaderSearch {
            name: name.into_bytes(),
            occurrence: occurrence.max(1.0) as usize,
            ignores_case: attributes.flag("case_indep")?,
            at_line_start: attributes.flag("start_line")?,
        })
    }

    /// The rest of the line behind the n-th hit, its leading blank included.
    fn find<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let mut left = self.occurrence;
        for (at, window) in text.windows(self.name.len()).enumerate() {
            let hit = if self.ignores_case {
                window.eq_ignore_ascii_case(&self.name)
            } else {
                window == self.name.as_slice()
            };
            if !hit || (self.at_line_start && at > 0 && text[at - 1] != b'\n') {
                continue;
            }
            left -= 1;
            if left == 0 {
                let rest = &text[at + self.name.len()..];
                let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
                return Some(&rest[..end]);
            }
        }
        None
    }
}

impl Action for Ereg {
    fn run(&self, scope: &mut Scope<'_>, subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let message = subject.text.unwrap_or_default();
        let printed;
        let text = match &self.place {
            SearchIn::Message => message,
            SearchIn::Body => subject.body(),
            SearchIn::Variable(slot) => {
                let mut out = Vec::new();
                scope.var(*slot).write(&mut out);
                printed = out;
                &printed
            }
            SearchIn::Header(search) => match search.find(message) {
                Some(line) => line,
                None if self.expectation == Expectation::Holds => {
                    return header_missing(search, message, scope);
                }
                // An absent header passes the inverse check; without a check it is empty text.
                None if self.expectation == Expectation::Fails => return Flow::Continue,
                None => &[],
            },
        };
        let found = self.regex.captures(text);
        let flow = self.check(found.is_some(), text, scope);
        if let Some(groups) = found {
            for (slot, group) in self.assign_to.iter().zip(groups) {
                if let Some(group) = group {
                    scope.set_var(*slot, Value::text(group));
                }
            }
        }
        flow
    }
}

impl Ereg {
    fn check(&self, matched: bool, text: &[u8], scope: &mut Scope<'_>) -> Flow {
        if !self.expectation.is_missed(matched) {
            return Flow::Continue;
        }
        let (text, regex) = (String::from_utf8_lossy(text), self.regex.source());
        if matched {
            scope.warn(format!("Regexp matched but should not: looking in '{text}', with regexp '{regex}'"));
            Flow::CheckFailed(Check::RegexpShouldntMatch)
        } else {
            scope.warn(format!("Failed regexp match: looking in '{text}', with regexp '{regex}'"));
            Flow::CheckFailed(Check::RegexpDoesntMatch)
        }
    }
}

fn header_missing(search: &HeaderSearch, message: &[u8], scope: &mut Scope<'_>) -> Flow {
    let (name, message) = (String::from_utf8_lossy(&search.name), String::from_utf8_lossy(message));
    scope.warn(format!("Failed regexp match: header {name} not found in message\n{message}"));
    Flow::CheckFailed(Check::RegexpHeaderNotFound)
}
