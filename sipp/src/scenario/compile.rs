//! Tree to program: numbers messages, resolves labels, variables, timers and transactions.
//!
//! Goes on after each mistake, so that all of them are reported at once. How the messages themselves are read
//! is in `messages`, what must hold for the whole in `check`.

use crate::lang::{Attribute, Attributes, Mistake, Names, Template, TextKind, VarNames, actions};
use crate::state::{Scope, StepIndex};

use super::ast::Element;
use super::elements::{self, COMMON, ElementDef, Placement};
use super::program::{Automatic, Mode, Op, PlacedAction, Program, Source, Step, Timer, UnexpectedLabel};
use super::{Context, Findings, advice, automatic, check};

/// Compiles a tree. `None` when mistakes made a program impossible; they are noted either way.
pub(super) fn compile(
    root: &Element,
    source: &[u8],
    context: Context<'_>,
    findings: &mut Findings<'_>,
) -> Option<Program> {
    if root.name != "scenario" {
        let message = format!("Invalid root element '{}', expected <scenario>", root.name);
        findings.error(Mistake::new("S003", root.at, message));
        return None;
    }
    let mut compiler = Compiler::new(source, context, findings);
    compiler.declare_variables(root);
    compiler.read_automatic(root);
    let steps = compiler.read_messages(root);
    let init = compiler.read_init(root);
    compiler.read_declarations(root);
    check::check(&mut compiler, &steps, root);
    if !compiler.findings.is_broken() {
        advice::advise(&mut compiler, &steps, root);
    }
    compiler.finish(root, steps, init)
}

/// What is known while a scenario is compiled.
pub(super) struct Compiler<'c, 't> {
    pub(super) findings: &'c mut Findings<'t>,
    pub(super) names: Names<'c>,
    /// Labels of the part being read, and where each is written.
    pub(super) labels: Vec<Label>,
    pub(super) timers: Vec<TimerUse>,
    pub(super) counters: Vec<String>,
    pub(super) txns: Vec<TxnUse>,
    /// Methods of the plain requests sent so far, in a row.
    pub(super) methods: String,
    /// Messages that could not be read: what stands in their place means nothing.
    pub(super) unread: Vec<StepIndex>,
    hidden_by_default: bool,
    call_length_borders: Vec<u32>,
    response_time_borders: Vec<u32>,
    automatic: Vec<(&'static str, Template)>,
    source: &'c [u8],
}

/// A label and the message it names.
pub(super) struct Label {
    pub(super) id: String,
    pub(super) to: StepIndex,
}

/// A response time timer while it is collected.
pub(super) struct TimerUse {
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) started: bool,
    pub(super) stopped: bool,
}

/// A transaction name while it is collected.
pub(super) struct TxnUse {
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) started: bool,
    pub(super) is_invite: bool,
    pub(super) acked: bool,
    pub(super) responses: u32,
}

impl<'c, 't> Compiler<'c, 't> {
    fn new(source: &'c [u8], context: Context<'c>, findings: &'c mut Findings<'t>) -> Compiler<'c, 't> {
        Compiler {
            findings,
            names: names(context),
            labels: Vec::new(),
            timers: Vec::new(),
            counters: Vec::new(),
            txns: Vec::new(),
            methods: String::new(),
            unread: Vec::new(),
            hidden_by_default: false,
            call_length_borders: Vec::new(),
            response_time_borders: Vec::new(),
            automatic: Vec::new(),
            source,
        }
    }

    /// Scopes must be known before the first use, wherever they are declared.
    fn declare_variables(&mut self, root: &Element) {
        for (element, scope) in [("Global", Scope::Global), ("User", Scope::User)] {
            for child in root.children.iter().filter(|child| child.name == element) {
                let Some(list) = child.attribute("variables") else { continue };
                for name in String::from_utf8_lossy(&list.value).split(',') {
                    self.names.vars.declare(scope, name, list.value_at);
                }
            }
        }
    }

    fn read_automatic(&mut self, root: &Element) {
        for child in root.children.iter().filter(|child| child.name == "DefaultMessage") {
            let id =
                child.attribute("id").map_or(String::new(), |id| String::from_utf8_lossy(&id.value).into());
            let known = automatic::TABLE.iter().map(|def| def.id);
            match automatic::TABLE.iter().find(|def| def.id == id) {
                Some(def) => {
                    if let Some(text) = self.message_text(child, TextKind::Message) {
                        self.automatic.push((def.id, text));
                    }
                }
                None => self.findings.error(
                    Mistake::new("S004", child.at, format!("unknown DefaultMessage id '{id}'"))
                        .suggest(&id, known),
                ),
            }
        }
    }

    /// The messages below an element, with their labels.
    fn read_messages(&mut self, parent: &Element) -> Vec<Step> {
        self.read_labels(parent);
        let mut steps = Vec::new();
        for child in &parent.children {
            let Some(def) = elements::find(&child.name) else {
                self.unknown_element(child);
                continue;
            };
            self.check_attributes(child, def);
            match def.place {
                Placement::Message => {
                    let index = StepIndex(steps.len() as u16);
                    steps.push(self.read_message(child, index));
                }
                Placement::Declaration => {}
                Placement::Inside => {
                    let message = format!("<{}> must stand inside a message", child.name);
                    self.findings.error(Mistake::new("S005", child.at, message));
                }
            }
        }
        if steps.len() > usize::from(u16::MAX) {
            self.findings.error(Mistake::new("S006", parent.at, "more than 65535 messages"));
        }
        steps
    }

    fn read_labels(&mut self, parent: &Element) {
        self.labels.clear();
        let mut next = 0u16;
        for child in &parent.children {
            match elements::find(&child.name).map(|def| def.place) {
                Some(Placement::Message) => next = next.saturating_add(1),
                _ if child.name == "label" => {
                    let id = child.attribute("id").map(|id| String::from_utf8_lossy(&id.value).into_owned());
                    let Some(id) = id else {
                        let message = "<label> needs the attribute id";
                        self.findings.error(Mistake::new("S021", child.at, message));
                        continue;
                    };
                    if self.labels.iter().any(|label| label.id == id) {
                        let message = format!("The label '{id}' is defined twice");
                        self.findings.error(Mistake::new("S007", child.at, message));
                    }
                    self.labels.push(Label { id, to: StepIndex(next) });
                }
                _ => {}
            }
        }
    }

    fn unknown_element(&mut self, child: &Element) {
        let message = format!("Unknown element '{}' in xml scenario file", child.name);
        let known = elements::TABLE.iter().map(|def| def.name);
        self.findings.error(Mistake::new("S008", child.at, message).suggest(&child.name, known));
    }

    fn check_attributes(&mut self, element: &Element, def: &ElementDef) {
        let common: &[&str] = if def.place == Placement::Message { COMMON } else { &[] };
        self.check_names(element, def.attributes, common);
    }

    /// SIPp ignores attributes it does not know; a warning says so.
    fn check_names(&mut self, element: &Element, own: &[&str], common: &[&str]) {
        for Attribute { name, name_at, .. } in &element.attributes {
            let known = own.iter().chain(common).copied();
            if !known.clone().any(|known| known == name) {
                let message = format!("<{}> has no attribute {name}; it is ignored", element.name);
                self.findings.warning(Mistake::new("S101", *name_at, message).suggest(name, known));
            }
        }
    }

    fn read_init(&mut self, root: &Element) -> Vec<Step> {
        let mut steps = Vec::new();
        let labels = std::mem::take(&mut self.labels);
        for child in root.children.iter().filter(|child| child.name == "init") {
            for inner in &child.children {
                if !matches!(inner.name.as_str(), "nop" | "label") {
                    let message = format!("<init> holds only nop and label, not <{}>", inner.name);
                    self.findings.error(Mistake::new("S009", inner.at, message));
                }
            }
            steps = self.read_messages(child);
        }
        self.labels = labels;
        steps
    }

    fn read_declarations(&mut self, root: &Element) {
        for child in &root.children {
            match child.name.as_str() {
                "Reference" => self.read_reference(child),
                "ResponseTimeRepartition" => self.response_time_borders = self.read_borders(child),
                "CallLengthRepartition" => self.call_length_borders = self.read_borders(child),
                _ => {}
            }
        }
    }

    fn read_reference(&mut self, element: &Element) {
        let Some(list) = element.attribute("variables") else { return };
        for name in String::from_utf8_lossy(&list.value).split(',') {
            if self.names.vars.find(name).is_none() {
                let message = format!("The variable {name} of <Reference> is not used anywhere");
                self.findings.error(Mistake::new("S030", list.value_at, message));
            } else {
                self.names.vars.mention(name, list.value_at);
            }
        }
    }

    fn read_borders(&mut self, element: &Element) -> Vec<u32> {
        let Some(value) = element.attribute("value") else { return Vec::new() };
        let text = String::from_utf8_lossy(&value.value);
        let mut borders = Vec::new();
        for part in text.split([',', ' ', '\t']).filter(|part| !part.is_empty()) {
            match part.parse() {
                Ok(border) => borders.push(border),
                Err(_) => {
                    let message = format!("'{part}' is no border in milliseconds");
                    self.findings.error(Mistake::new("S024", value.value_at, message));
                }
            }
        }
        borders
    }

    /// Reads attributes of an element with what names mean.
    pub(super) fn attributes<'e>(&'e mut self, element: &'e Element) -> Attributes<'e, 'c> {
        Attributes {
            element: &element.name,
            at: element.at,
            list: &element.attributes,
            names: &mut self.names,
        }
    }

    /// The value a reader gives; a mistake is noted and counts as absent.
    pub(super) fn read<T>(
        &mut self,
        element: &Element,
        read: impl FnOnce(&mut Attributes<'_, 'c>) -> Result<T, Mistake>,
    ) -> Option<T> {
        let result = read(&mut self.attributes(element));
        let value = self.findings.take(result);
        self.names.more.drain(..).for_each(|mistake| self.findings.error(mistake));
        self.names.doubts.drain(..).for_each(|doubt| self.findings.warning(doubt));
        value
    }

    /// The text of an element's CDATA. `None` when it is missing or wrong.
    pub(super) fn message_text(&mut self, element: &Element, kind: TextKind) -> Option<Template> {
        let Some(text) = &element.text else {
            let message = format!("No CDATA in <{}>", element.name);
            self.findings.error(Mistake::new("S015", element.at, message));
            return None;
        };
        if text.bytes.iter().all(u8::is_ascii_whitespace) {
            let message = format!("Empty CDATA in <{}>", element.name);
            self.findings.error(Mistake::new("S015", text.at, message));
            return None;
        }
        match Template::parse(&text.bytes, text.at, kind, &mut self.names) {
            Ok(template) => Some(template),
            Err(mistakes) => {
                mistakes.into_iter().for_each(|mistake| self.findings.error(mistake));
                None
            }
        }
    }

    /// The message a label names.
    pub(super) fn label(&mut self, attribute: &Attribute) -> Option<StepIndex> {
        let id = String::from_utf8_lossy(&attribute.value).into_owned();
        let found = self.labels.iter().find(|label| label.id == id).map(|label| label.to);
        if found.is_none() {
            let message = format!("The label '{id}' was not defined ({} attribute)", attribute.name);
            let known = self.labels.iter().map(|label| label.id.as_str());
            let mistake = Mistake::new("S016", attribute.value_at, message).suggest(&id, known);
            self.findings.error(mistake);
        }
        found
    }

    /// The actions of a message: its `<action>`, which must be the first child.
    pub(super) fn read_actions(&mut self, element: &Element) -> Vec<PlacedAction> {
        let Some(first) = element.children.first() else { return Vec::new() };
        for child in element.children.iter().filter(|child| child.name != "action") {
            self.unknown_element(child);
        }
        for child in element.children.iter().skip(1).filter(|child| child.name == "action") {
            let message = "only an <action> that is the first child is run; this one is ignored";
            self.findings.warning(Mistake::new("S102", child.at, message));
        }
        if first.name != "action" {
            return Vec::new();
        }
        // In a nop the last received message is what is searched.
        self.names.keep.whole |=
            element.name == "nop" && first.children.iter().any(|child| searches_message(&child.name));
        let mut list = Vec::new();
        for child in &first.children {
            let Some(def) = actions::find(&child.name) else {
                let message = format!("Unknown action: {}", child.name);
                let known = actions::TABLE.iter().map(|def| def.name);
                self.findings.error(Mistake::new("S017", child.at, message).suggest(&child.name, known));
                self.mention_variables(child);
                continue;
            };
            self.check_names(child, def.attributes, &[]);
            let line = self.line(child.at);
            match self.read(child, def.parse) {
                Some(action) => list.push(PlacedAction { line, action }),
                None => self.mention_variables(child),
            }
        }
        list
    }

    /// Counts the uses of variables in an action that could not be read, so that none seems to be used once.
    fn mention_variables(&mut self, action: &Element) {
        for attribute in &action.attributes {
            let text = String::from_utf8_lossy(&attribute.value).into_owned();
            let named = VARIABLES.contains(&attribute.name.as_str());
            let listed = text.split(',').filter(|_| named);
            let printed =
                text.split("[$").skip(1).filter_map(|rest| rest.split_once(']')).map(|(name, _)| name);
            for name in listed.chain(printed).filter(|name| !name.is_empty()) {
                self.names.vars.mention(name, attribute.value_at);
            }
        }
    }

    /// The default of `hide`, changed by `hiderest`.
    pub(super) fn hides(&mut self, element: &Element) -> bool {
        let rest = self.read(element, |attributes| {
            attributes.get("hiderest").is_some().then(|| attributes.flag("hiderest")).transpose()
        });
        if let Some(Some(rest)) = rest {
            self.hidden_by_default = rest;
        }
        let own = self.read(element, |attributes| {
            attributes.get("hide").is_some().then(|| attributes.flag("hide")).transpose()
        });
        own.flatten().unwrap_or(self.hidden_by_default)
    }

    /// Line of an offset, from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        memchr::memchr_iter(b'\n', &self.source[..at.min(self.source.len())]).count() as u32 + 1
    }

    fn finish(mut self, root: &Element, steps: Vec<Step>, init: Vec<Step>) -> Option<Program> {
        let name = root.attribute("name").map(|name| String::from_utf8_lossy(&name.value).into_owned());
        let automatic = self.automatic_texts();
        let unexpected = self.unexpected_label();
        let borders = self.response_time_borders;
        Some(Program {
            name: name.unwrap_or_default(),
            mode: mode_of(&steps),
            source: Source::default(),
            has_losses: steps.iter().any(|step| step.lost_percent.is_some()),
            steps,
            timers: self
                .timers
                .into_iter()
                .map(|timer| Timer { name: timer.name, borders: borders.clone() })
                .collect(),
            counters: self.counters,
            call_length_borders: self.call_length_borders,
            init,
            automatic,
            vars: self.names.vars,
            txns: self.txns.into_iter().map(|txn| txn.name).collect(),
            keep: self.names.keep,
            unexpected,
            media: self.names.media,
            files: self.names.files.into(),
        })
    }

    fn automatic_texts(&mut self) -> Automatic {
        Automatic {
            ack: self.automatic_text("ack"),
            bye: self.automatic_text("bye"),
            cancel: self.automatic_text("cancel"),
            ok: self.automatic_text("200"),
            twin_abort: self.automatic_text("3pcc_abort"),
        }
    }

    fn automatic_text(&mut self, id: &str) -> Template {
        if let Some(at) = self.automatic.iter().position(|(own, _)| *own == id) {
            return self.automatic.swap_remove(at).1;
        }
        let text = automatic::TABLE.iter().find(|def| def.id == id).map_or("", |def| def.text);
        // The texts of the table are tested to be correct.
        Template::parse(text.as_bytes(), 0, TextKind::Message, &mut self.names).unwrap_or_default()
    }

    fn unexpected_label(&mut self) -> Option<UnexpectedLabel> {
        let to = self.labels.iter().find(|label| label.id == "_unexp.main")?.to;
        let mut slot = |name| VarNames::mention(&mut self.names.vars, name, 0);
        Some(UnexpectedLabel {
            to,
            return_to: slot("_unexp.retaddr"),
            paused_until: slot("_unexp.pausedaddr"),
        })
    }
}

/// What names mean before the first one was read.
fn names(context: Context<'_>) -> Names<'_> {
    Names {
        stream_type: context.stream_type,
        default_file: context.default_file,
        vars: context.shared.map(VarNames::inherited).unwrap_or_default(),
        ..Names::new(context.keys, context.infiles)
    }
}

/// Attributes of actions that name variables.
const VARIABLES: [&str; 3] = ["assign_to", "variable", "variable2"];

/// True for actions that look at the message.
fn searches_message(action: &str) -> bool {
    matches!(action, "ereg" | "verifyauth")
}

/// The first message other than pause and nop decides how calls begin.
fn mode_of(steps: &[Step]) -> Mode {
    let opens = steps.iter().find_map(|step| match step.op {
        Op::Send(_) | Op::SendCmd(_) => Some(Mode::Client),
        Op::Recv(_) => Some(Mode::Server),
        Op::RecvCmd(_) => Some(Mode::Commanded),
        _ => None,
    });
    let sends_command = steps.iter().find_map(|step| match step.op {
        Op::SendCmd(_) => Some(true),
        Op::RecvCmd(_) => Some(false),
        _ => None,
    });
    match (opens, sends_command) {
        (Some(Mode::Client), Some(true)) => Mode::CommandClient,
        (Some(Mode::Server), Some(true)) => Mode::CommandServer,
        (Some(mode), _) => mode,
        (None, _) => Mode::Client,
    }
}
