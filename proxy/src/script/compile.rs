//! Compiles the statements of blocks into operations.

use rustc_hash::FxHashMap;
use std::sync::Arc;

use super::codes;
use super::expr::constant;
use super::findings::Findings;
use super::program::{CallSite, Handler, Labels, Limits, Op, Script, Switch, TextLabel, Want, lexical_kind};
use crate::api::{
    Case, Catalog, FormatError, Lifecycle, ModuleDef, Pattern, Pv, RouteKind, RouteNames, RouteTable, Shared,
    Statement, Value,
};
use crate::cfg::Pos;
use crate::cfg::ast::{
    Assign, Block, CaseLabel, Expr, If, Jump, Route, RouteCall, RouteTarget, Stmt, StmtKind,
};

/// What has been compiled so far.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) ops: Vec<Op>,
    pub(super) entries: Vec<u32>,
    pub(super) handlers: Vec<Handler>,
    pub(super) calls: Vec<CallSite>,
    pub(super) pvs: Vec<Pv>,
    pub(super) pv_of: FxHashMap<Box<[u8]>, u32>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) switches: Vec<Switch>,
    /// Calls of routes inside `if`, loops and switches: position and how many of these are around it.
    pub(super) nesting: Vec<(u32, u32)>,
    /// Where each statement begins.
    pub(super) statements: Vec<Statement>,
}

impl Parts {
    pub(super) fn into_script(
        mut self,
        names: RouteNames,
        limits: Limits,
        catalog: Catalog,
        shared: Arc<Shared>,
    ) -> Script {
        self.handlers.sort_by_key(|handler| handler.start);
        Script {
            ops: self.ops,
            entries: self.entries,
            handlers: self.handlers,
            calls: self.calls,
            pvs: self.pvs,
            patterns: self.patterns,
            switches: self.switches,
            nesting: self.nesting,
            names,
            limits,
            log_prefix: None,
            catalog,
            shared,
            lifecycle: Lifecycle::default(),
            hits: None,
        }
    }
}

/// Compiles one block after the other.
pub(super) struct Compiler<'a, 'f> {
    pub(super) catalog: &'a Catalog,
    pub(super) names: &'a RouteNames,
    pub(super) findings: &'a mut Findings<'f>,
    pub(super) parts: &'a mut Parts,
    /// Every module there is, loaded or not.
    pub(super) modules: &'static [&'static ModuleDef],
    /// Where the block being compiled stands.
    pub(super) kind: RouteKind,
    pub(super) table: RouteTable,
    /// Loop counters on the stack of the block.
    depth: u32,
    /// Bodies of `if`, loops and switches around the statement.
    nest: u32,
    /// Jumps of `break` to be set, one list per enclosing loop or switch.
    breaks: Vec<Vec<usize>>,
}

impl<'a, 'f> Compiler<'a, 'f> {
    pub(super) fn new(
        catalog: &'a Catalog,
        names: &'a RouteNames,
        findings: &'a mut Findings<'f>,
        parts: &'a mut Parts,
        modules: &'static [&'static ModuleDef],
    ) -> Compiler<'a, 'f> {
        Compiler {
            catalog,
            names,
            findings,
            parts,
            modules,
            kind: RouteKind::Request,
            table: RouteTable::Request,
            depth: 0,
            nest: 0,
            breaks: Vec::new(),
        }
    }

    /// Compiles a block; ids are given out in this order.
    pub(super) fn route(&mut self, route: &Route, table: RouteTable, name: &str) {
        self.table = table;
        self.kind = lexical_kind(table, name);
        let entry = self.here();
        self.parts.entries.push(entry);
        self.mark(route.pos, table.keyword());
        self.block(&route.body);
        self.emit(Op::Leave);
    }

    pub(super) fn emit(&mut self, op: Op) -> usize {
        self.parts.ops.push(op);
        self.parts.ops.len() - 1
    }

    pub(super) fn here(&self) -> u32 {
        self.parts.ops.len() as u32
    }

    /// Lets the jump at `at` go to `target`.
    pub(super) fn patch(&mut self, at: usize, target: u32) {
        match &mut self.parts.ops[at] {
            Op::Jump(to) | Op::IfNot(to) | Op::WhileNot(to) | Op::And(to) | Op::Or(to) => *to = target,
            Op::LoopRound(to) | Op::Block(to, _) => *to = target,
            _ => unreachable!("only jumps are patched"),
        }
    }

    /// Covers the expression compiled since `start`: if it has no value, the run goes on at `target`.
    fn cover(&mut self, start: u32, end: u32, target: u32) {
        self.parts.handlers.push(Handler { start, end, target, depth: self.depth });
    }

    fn mark(&mut self, pos: Pos, action: &'static str) {
        let place = self.findings.place(pos);
        let position = self.here();
        self.parts.statements.push(Statement { position, file: place.source, line: place.line, action });
    }

    /// What a trace calls a statement.
    fn action(&self, stmt: &Stmt) -> &'static str {
        match &stmt.kind {
            StmtKind::Call(call) => {
                self.catalog.functions(&call.name.text).first().map_or("call", |function| function.def.name)
            }
            StmtKind::Route(_) => "route",
            StmtKind::Assign(_) => "assign",
            StmtKind::Jump(jump, _) => jump.keyword(),
            StmtKind::If(_) => "if",
            StmtKind::While(..) => "while",
            StmtKind::Switch(_) => "switch",
        }
    }

    fn block(&mut self, block: &Block) {
        block.stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        self.mark(stmt.pos, self.action(stmt));
        match &stmt.kind {
            StmtKind::Call(call) => self.statement(|c| c.call(call, Want::Statement)),
            StmtKind::Route(call) => self.statement(|c| c.route_call(call, Want::Statement)),
            StmtKind::Assign(assign) => self.statement(|c| c.assign(assign, Want::Statement)),
            StmtKind::Jump(jump, value) => self.jump(*jump, value.as_ref()),
            StmtKind::If(chain) => self.if_chain(chain),
            StmtKind::While(cond, body) => self.while_loop(cond, body),
            StmtKind::Switch(switch) => self.switch(switch),
        }
    }

    /// A statement that fails as a whole when one of its expressions does.
    fn statement(&mut self, compile: impl FnOnce(&mut Self)) {
        let start = self.here();
        compile(self);
        let end = self.here();
        // One operation is a call without computed arguments: there is nothing that could fail.
        if end - start > 1 {
            let jump = self.emit(Op::Jump(0));
            let failed = self.here();
            self.emit(Op::Failed(Want::Statement));
            self.cover(start, end, failed);
            let behind = self.here();
            self.patch(jump, behind);
        }
    }

    pub(super) fn assign(&mut self, assign: &Assign, want: Want) {
        let Some(pv) = self.pv(&assign.target.raw, assign.target.pos) else { return };
        if !self.parts.pvs[pv as usize].is_writable() {
            let written = String::from_utf8_lossy(&assign.target.raw).into_owned();
            let message = format!("{written} cannot be assigned");
            self.findings.error(codes::READ_ONLY, assign.target.pos, message);
        }
        self.whole(&assign.value);
        self.emit(Op::Store(pv, want));
    }

    pub(super) fn route_call(&mut self, call: &RouteCall, want: Want) {
        let computed = match &call.target {
            RouteTarget::Name(pos, name) => return self.named_route(*pos, name.as_deref(), want),
            RouteTarget::Computed(expr) => expr,
        };
        match constant(computed) {
            Some(value) => self.named_route(computed.pos, Some(&value.to_display()), want),
            None => {
                self.expr(computed);
                self.note_nesting();
                self.emit(Op::RouteDynamic(want));
            }
        }
    }

    fn named_route(&mut self, pos: Pos, name: Option<&str>, want: Want) {
        let name = name.filter(|name| *name != "0").unwrap_or("");
        match self.names.find(RouteTable::Request, name) {
            Some(route) => {
                self.note_nesting();
                self.emit(Op::Route(route, want));
            }
            None => {
                self.findings.error(codes::UNKNOWN_ROUTE, pos, format!("there is no route[{name}]"));
                self.findings.suggest(name, self.names.of(RouteTable::Request));
            }
        }
    }

    fn note_nesting(&mut self) {
        if self.nest > 0 {
            self.parts.nesting.push((self.here(), self.nest));
        }
    }

    fn jump(&mut self, jump: Jump, value: Option<&Expr>) {
        match jump {
            Jump::Break => match self.breaks.is_empty() {
                true => {
                    self.emit(Op::LeaveWith(0));
                }
                false => {
                    self.emit(Op::SetLast(0));
                    let at = self.emit(Op::Jump(0));
                    self.breaks.last_mut().expect("not empty").push(at);
                }
            },
            Jump::Drop => {
                self.emit(Op::Drop);
            }
            Jump::Return | Jump::Exit => {
                let start = self.here();
                match value {
                    None => {
                        self.emit(Op::Push(Value::Int(1)));
                    }
                    Some(value) => self.expr(value),
                }
                let end = self.here();
                self.emit(if jump == Jump::Exit { Op::Exit } else { Op::Return });
                if end - start > 1 {
                    let failed = self.here();
                    self.emit(Op::LeaveWith(-1));
                    self.cover(start, end, failed);
                }
            }
        }
    }

    fn if_chain(&mut self, chain: &If) {
        let mut ends = Vec::new();
        for (cond, body) in &chain.arms {
            let start = self.here();
            self.expr(cond);
            let end = self.here();
            let skip = self.emit(Op::IfNot(0));
            self.arm(body);
            ends.push(self.emit(Op::Jump(0)));
            let next = self.here();
            self.patch(skip, next);
            self.cover(start, end, next);
        }
        match &chain.otherwise {
            Some(body) => self.arm(body),
            None => {
                self.emit(Op::SetLast(1));
            }
        }
        let behind = self.here();
        ends.into_iter().for_each(|at| self.patch(at, behind));
    }

    fn arm(&mut self, body: &Block) {
        if body.stmts.is_empty() {
            self.emit(Op::SetLast(1));
        }
        self.nest += 1;
        self.block(body);
        self.nest -= 1;
    }

    fn while_loop(&mut self, cond: &Expr, body: &Block) {
        self.emit(Op::SetLast(1));
        self.emit(Op::LoopStart);
        self.depth += 1;
        let top = self.here();
        self.expr(cond);
        let end = self.here();
        let leave = self.emit(Op::WhileNot(0));
        let round = self.emit(Op::LoopRound(0));
        self.breaks.push(Vec::new());
        self.nest += 1;
        self.block(body);
        self.nest -= 1;
        self.emit(Op::Jump(top));
        let behind = self.here();
        self.emit(Op::LoopEnd);
        self.patch(leave, behind);
        self.patch(round, behind);
        self.cover(top, end, behind);
        self.end_breaks(behind);
        self.depth -= 1;
    }

    fn end_breaks(&mut self, target: u32) {
        let jumps = self.breaks.pop().unwrap_or_default();
        jumps.into_iter().for_each(|at| self.patch(at, target));
    }

    fn switch(&mut self, switch: &crate::cfg::ast::Switch) {
        self.emit(Op::SetLast(1));
        let start = self.here();
        self.expr(&switch.value);
        let end = self.here();
        let number = self.parts.switches.len();
        self.parts.switches.push(Switch { labels: Labels::Texts(Vec::new()), otherwise: 0 });
        self.emit(Op::Switch(number as u32));
        self.breaks.push(Vec::new());
        let mut targets = Vec::new();
        self.nest += 1;
        for case in &switch.cases {
            targets.push(self.here());
            case.body.iter().for_each(|stmt| self.stmt(stmt));
        }
        self.nest -= 1;
        let behind = self.here();
        self.end_breaks(behind);
        let default = switch.cases.iter().position(|case| matches!(case.label, CaseLabel::Default));
        let otherwise = default.map_or(behind, |at| targets[at]);
        self.cover(start, end, otherwise);
        let labels = self.labels(switch, &targets);
        self.parts.switches[number] = Switch { labels, otherwise };
    }

    /// The first label that is not `default` decides the type of all.
    fn labels(&mut self, switch: &crate::cfg::ast::Switch, targets: &[u32]) -> Labels {
        let mut numbers = FxHashMap::default();
        let mut texts = Vec::new();
        for (case, target) in switch.cases.iter().zip(targets) {
            match &case.label {
                CaseLabel::Default => {}
                CaseLabel::Regex(expr) => {
                    if let Some(pattern) = self.label_pattern(expr) {
                        texts.push((TextLabel::Pattern(pattern), *target));
                    }
                }
                CaseLabel::Value(expr) => match constant(expr) {
                    Some(Value::Int(int)) => {
                        if numbers.insert(int, *target).is_some() {
                            self.findings.error(codes::CASE, expr.pos, format!("case {int} stands twice"));
                        }
                    }
                    Some(value) => texts.push((TextLabel::Exact(value.to_text()), *target)),
                    None => self.findings.error(codes::CASE, expr.pos, "a case label must be constant"),
                },
            }
        }
        match (numbers.is_empty(), texts.is_empty()) {
            (false, true) => Labels::Numbers(numbers),
            (true, _) => Labels::Texts(texts),
            (false, false) => {
                let pos = switch.cases[0].pos;
                self.findings.error(codes::CASE, pos, "labels of one switch are all numbers or all texts");
                Labels::Texts(texts)
            }
        }
    }

    fn label_pattern(&mut self, expr: &Expr) -> Option<Pattern> {
        let Some(source) = constant(expr) else {
            self.findings.error(codes::CASE, expr.pos, "a case label must be constant");
            return None;
        };
        match Pattern::compile(&source.to_text(), Case::Match) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                self.findings.error(codes::REGEX, expr.pos, format!("not a regular expression: {error}"));
                None
            }
        }
    }

    /// A block as an operand.
    pub(super) fn inline_block(&mut self, block: &Block, want: Want) {
        let enter = self.emit(Op::Block(0, want));
        let (breaks, depth) = (std::mem::take(&mut self.breaks), std::mem::take(&mut self.depth));
        self.block(block);
        self.breaks = breaks;
        self.depth = depth;
        self.emit(Op::Leave);
        let behind = self.here();
        self.patch(enter, behind);
    }

    /// The number of a variable as written; `None` when it is not one (and that has been said).
    pub(super) fn pv(&mut self, raw: &[u8], pos: Pos) -> Option<u32> {
        if let Some(number) = self.parts.pv_of.get(raw) {
            return Some(*number);
        }
        match self.catalog.variable(raw) {
            Ok(pv) => {
                let number = self.parts.pvs.len() as u32;
                self.parts.pvs.push(pv);
                self.parts.pv_of.insert(raw.into(), number);
                Some(number)
            }
            Err(error) => {
                self.format_error(&error, pos);
                None
            }
        }
    }

    /// Reports a bad variable or text that begins at `pos`.
    pub(super) fn format_error(&mut self, error: &FormatError, pos: Pos) {
        let place = Pos { offset: pos.offset + error.offset as u32, ..pos };
        self.findings.error(codes::VARIABLE, place, error.message.clone());
        if let Some(hint) = &error.hint {
            self.findings.hint(hint.clone());
        }
    }
}
