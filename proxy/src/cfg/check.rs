//! Checks that need no names resolved: labels of a `switch`, operators on constants of the wrong type,
//! conditions that never change. Kamailio refuses the types; here the value is converted, with a warning.

use super::ast::{
    Arg, BinaryOp, Block, CaseLabel, Config, Expr, ExprKind, KeyValue, Stmt, StmtKind, Switch, UnaryOp,
};
use super::codes;
use super::findings::Findings;
use super::source::{Pos, SourceMap};

/// Checks every route of a configuration.
pub(super) fn check(config: &Config, sources: &SourceMap, findings: &mut Findings) {
    let mut checker = Checker { findings, sources };
    for route in config.routes() {
        checker.stmts(&route.body.stmts);
    }
}

struct Checker<'f> {
    findings: &'f mut Findings,
    sources: &'f SourceMap,
}

/// What is known of an expression's type while loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Int,
    Str,
    /// A variable: it converts itself.
    Any,
}

impl Checker<'_> {
    fn stmts(&mut self, stmts: &[Stmt]) {
        self.unreachable(stmts);
        for stmt in stmts {
            match &stmt.kind {
                StmtKind::Call(call) => self.args(&call.args),
                StmtKind::Route(_) => {}
                StmtKind::Assign(assign) => {
                    self.expr(&assign.value);
                }
                StmtKind::Jump(_, value) => {
                    if let Some(value) = value
                        && self.expr(value) == Type::Str
                        && is_constant(value)
                    {
                        let message = "a return code is a number, this is a string";
                        self.findings.error(codes::TYPE_MISMATCH, value.pos, message);
                    }
                }
                StmtKind::If(chain) => {
                    for (condition, body) in &chain.arms {
                        self.condition(condition);
                        self.block(body);
                    }
                    chain.otherwise.iter().for_each(|body| self.block(body));
                }
                StmtKind::While(condition, body) => {
                    if self.expr(condition) == Type::Str && is_constant(condition) {
                        let message = "the condition of a while is a number, this is a string";
                        self.findings.error(codes::TYPE_MISMATCH, condition.pos, message);
                    }
                    self.block(body);
                }
                StmtKind::Switch(switch) => self.switch(switch),
            }
        }
    }

    /// What stands behind a jump in the same block never runs; said once for each block. A lone jump behind it is
    /// habit, and `#!ifdef` between them makes it right for other defines.
    fn unreachable(&mut self, stmts: &[Stmt]) {
        let Some(at) = stmts.iter().position(|stmt| matches!(stmt.kind, StmtKind::Jump(..))) else { return };
        let (StmtKind::Jump(jump, _), Some(next)) = (&stmts[at].kind, stmts.get(at + 1)) else { return };
        let is_habit = at + 2 == stmts.len() && matches!(next.kind, StmtKind::Jump(..));
        if is_habit || self.has_directive_between(stmts[at].pos, next.pos) {
            return;
        }
        let message = format!("this never runs: {} stands before it", jump.keyword());
        self.findings.warning(codes::UNREACHABLE, next.pos, message);
    }

    fn has_directive_between(&self, from: Pos, to: Pos) -> bool {
        let between = self.sources.text(from.file).get(from.offset as usize..to.offset as usize);
        let is_directive = |line: &[u8]| line.trim_ascii_start().starts_with(b"#!");
        from.file != to.file || between.is_none_or(|text| text.split(|byte| *byte == b'\n').any(is_directive))
    }

    fn block(&mut self, block: &Block) {
        self.stmts(&block.stmts);
    }

    fn args(&mut self, args: &[Arg]) {
        for arg in args {
            if let Arg::Expr(expr) = arg {
                self.expr(expr);
            }
        }
    }

    fn condition(&mut self, condition: &Expr) {
        let found = self.expr(condition);
        if !is_constant(condition) {
            return;
        }
        let message = match found {
            Type::Str => "this condition is a constant string, which counts as a number",
            _ => "this condition is a constant",
        };
        self.findings.warning(codes::CONSTANT_CONDITION, condition.pos, message);
    }

    /// All labels are numbers, or all are strings and regular expressions; one default; no number twice.
    fn switch(&mut self, switch: &Switch) {
        self.expr(&switch.value);
        let mut first = None;
        let mut numbers = rustc_hash::FxHashSet::default();
        let mut has_default = false;
        for case in &switch.cases {
            let found = match &case.label {
                CaseLabel::Default => {
                    if std::mem::replace(&mut has_default, true) {
                        self.findings.error(codes::CASE, case.pos, "this switch has a default already");
                    }
                    None
                }
                CaseLabel::Value(value) | CaseLabel::Regex(value) if !is_constant(value) => {
                    self.findings
                        .error(codes::CASE, value.pos, "the label of a case is a constant")
                        .hint("use if and else for values that change");
                    None
                }
                CaseLabel::Regex(value) => {
                    if self.expr(value) != Type::Str {
                        self.findings.error(codes::CASE, value.pos, "a regular expression is a string");
                    }
                    Some(Type::Str)
                }
                CaseLabel::Value(value) => {
                    if let Some(number) = fold(value)
                        && !numbers.insert(number)
                    {
                        self.findings.error(
                            codes::CASE,
                            value.pos,
                            format!("case {number} is there already"),
                        );
                    }
                    Some(self.expr(value))
                }
            };
            if let Some(found) = found
                && *first.get_or_insert(found) != found
            {
                let message = "the labels of a switch are all numbers or all strings";
                self.findings.error(codes::CASE, case.pos, message);
            }
            self.stmts(&case.body);
        }
    }

    /// The type of an expression, after warning of the operators in it.
    fn expr(&mut self, expr: &Expr) -> Type {
        match &expr.kind {
            ExprKind::Int(_) => Type::Int,
            ExprKind::Str(_) | ExprKind::Select(_) => Type::Str,
            ExprKind::Pv(_) => Type::Any,
            ExprKind::Unary(op, inner) => self.unary(*op, inner),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right),
            ExprKind::Selval(parts) => {
                self.expr(&parts[0]);
                let (yes, no) = (self.expr(&parts[1]), self.expr(&parts[2]));
                if yes == no { yes } else { Type::Any }
            }
            ExprKind::Key(key) => {
                if let KeyValue::Expr(right) = &key.right {
                    self.expr(right);
                }
                Type::Int
            }
            ExprKind::Call(call) => {
                self.args(&call.args);
                Type::Int
            }
            ExprKind::Route(_) => Type::Int,
            ExprKind::Block(block) => {
                self.block(block);
                Type::Int
            }
            ExprKind::Assign(assign) => {
                self.expr(&assign.value);
                Type::Int
            }
        }
    }

    fn unary(&mut self, op: UnaryOp, inner: &Expr) -> Type {
        let found = self.expr(inner);
        match op {
            UnaryOp::Not | UnaryOp::BitNot | UnaryOp::Neg => {
                self.want_int(found, inner);
                Type::Int
            }
            UnaryOp::Strlen | UnaryOp::Strempty => {
                self.want_str(found, inner);
                Type::Int
            }
            UnaryOp::ToInt | UnaryOp::Defined => Type::Int,
            UnaryOp::ToStr => Type::Str,
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Type {
        use BinaryOp::{Add, And, Eq, Match, Ne, Or, StrEq, StrNe};
        let (left_type, right_type) = (self.expr(left), self.expr(right));
        match op {
            Add => {
                if left_type == Type::Int {
                    self.want_int(right_type, right);
                }
                left_type
            }
            Eq | Ne => {
                if left_type == Type::Int {
                    self.want_int(right_type, right);
                }
                Type::Int
            }
            Match => {
                self.want_str(left_type, left);
                Type::Int
            }
            And | Or | StrEq | StrNe => Type::Int,
            _ => {
                self.want_int(left_type, left);
                self.want_int(right_type, right);
                Type::Int
            }
        }
    }

    fn want_int(&mut self, found: Type, expr: &Expr) {
        if found == Type::Str && is_known(expr) {
            self.findings
                .warning(
                    codes::TYPE_MISMATCH,
                    expr.pos,
                    "a number was expected here, the string is converted",
                )
                .hint("Kamailio refuses this; write (int) before it");
        }
    }

    fn want_str(&mut self, found: Type, expr: &Expr) {
        if found == Type::Int && is_constant(expr) {
            self.findings
                .warning(
                    codes::TYPE_MISMATCH,
                    expr.pos,
                    "a string was expected here, the number is converted",
                )
                .hint("Kamailio refuses this; write (str) before it");
        }
    }
}

/// Whether Kamailio knows the type while loading: constants and selects.
fn is_known(expr: &Expr) -> bool {
    is_constant(expr) || matches!(expr.kind, ExprKind::Select(_))
}

/// Whether the value can be computed while loading.
fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Int(_) | ExprKind::Str(_) => true,
        ExprKind::Unary(_, inner) => is_constant(inner),
        ExprKind::Binary(_, left, right) => is_constant(left) && is_constant(right),
        ExprKind::Selval(parts) => parts.iter().all(is_constant),
        _ => false,
    }
}

/// The value of a constant expression of numbers, for the operators that labels are written with.
fn fold(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Int(value) => Some(*value),
        ExprKind::Unary(UnaryOp::Neg, inner) => Some(fold(inner)?.wrapping_neg()),
        ExprKind::Binary(op, left, right) => {
            let (left, right) = (fold(left)?, fold(right)?);
            match op {
                BinaryOp::Add => Some(left.wrapping_add(right)),
                BinaryOp::Sub => Some(left.wrapping_sub(right)),
                BinaryOp::Mul => Some(left.wrapping_mul(right)),
                BinaryOp::BitOr => Some(left | right),
                _ => None,
            }
        }
        _ => None,
    }
}
