//! Compiles expressions into operations on the value stack.

use super::codes;
use super::compile::Compiler;
use super::host_test::HAS_ADDRESS;
use super::keys::parse_network;
use super::operators;
use super::program::{Binary, CallSite, KeyTest, Op, Test, Unary, Want};
use crate::api::{Arg, Case, Pattern, RouteKind, Value};
use crate::cfg::Pos;
use crate::cfg::ast::{BinaryOp, Expr, ExprKind, Key, KeyExpr, KeyValue, UnaryOp};

impl Compiler<'_, '_> {
    /// Compiles an operand: one value on the stack. A call counts as 1 or 0.
    pub(super) fn expr(&mut self, expr: &Expr) {
        self.operand(expr, Want::Truth);
    }

    /// Compiles a whole right side: a call that is all of it gives its code.
    pub(super) fn whole(&mut self, expr: &Expr) {
        self.operand(expr, Want::Code);
    }

    fn operand(&mut self, expr: &Expr, want: Want) {
        match &expr.kind {
            ExprKind::Int(int) => self.push(Value::Int(*int)),
            ExprKind::Str(text) => self.push(Value::copied(text)),
            ExprKind::Pv(raw) => self.load(raw, expr.pos),
            ExprKind::Select(path) => self.select(path, expr.pos),
            ExprKind::Unary(op, operand) => self.unary(*op, operand),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right),
            ExprKind::Selval(parts) => self.selval(parts),
            ExprKind::Key(key) => self.key(key, expr.pos),
            ExprKind::Call(call) => self.call(call, want),
            ExprKind::Route(call) => self.route_call(call, want),
            ExprKind::Block(block) => self.inline_block(block, want),
            ExprKind::Assign(assign) => self.assign(assign, Want::Truth),
        }
    }

    fn push(&mut self, value: Value) {
        self.emit(Op::Push(value));
    }

    fn load(&mut self, raw: &[u8], pos: Pos) {
        // A bad variable has been reported; the operand keeps the stack in order.
        match self.pv(raw, pos) {
            Some(pv) => self.emit(Op::Load(pv)),
            None => self.emit(Op::Push(Value::Null)),
        };
    }

    fn select(&mut self, path: &[u8], pos: Pos) {
        let raw = [b"$sel(", path, b")"].concat();
        self.load(&raw, pos);
        self.emit(Op::Unary(Unary::NullToEmpty));
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr) {
        if op == UnaryOp::Defined && !matches!(operand.kind, ExprKind::Pv(_)) {
            // Only a variable can be undefined; a select without value acts as the empty text.
            return self.push(Value::Int(1));
        }
        self.expr(operand);
        self.emit(Op::Unary(match op {
            UnaryOp::Not => Unary::Not,
            UnaryOp::BitNot => Unary::BitNot,
            UnaryOp::Neg => Unary::Neg,
            UnaryOp::ToInt => Unary::ToInt,
            UnaryOp::ToStr => Unary::ToStr,
            UnaryOp::Defined => Unary::IsDefined,
            UnaryOp::Strlen => Unary::Strlen,
            UnaryOp::Strempty => Unary::Strempty,
        }));
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let op = match op {
            BinaryOp::And | BinaryOp::Or => return self.logic(op, left, right),
            BinaryOp::Match => return self.matches(left, right),
            other => plain(other),
        };
        self.expr(left);
        match (&right.kind, op) {
            (ExprKind::Pv(raw), Binary::Eq | Binary::StrEq) if **raw == *b"$null" => {
                self.emit(Op::Unary(Unary::IsNull));
            }
            (ExprKind::Pv(raw), Binary::Ne | Binary::StrNe) if **raw == *b"$null" => {
                self.emit(Op::Unary(Unary::IsDefined));
            }
            // So that the number 0 does not equal the empty text.
            (ExprKind::Str(text), Binary::Eq) if text.is_empty() => {
                self.emit(Op::Unary(Unary::Strempty));
            }
            (ExprKind::Str(text), Binary::Ne) if text.is_empty() => {
                self.emit(Op::Unary(Unary::Strempty));
                self.emit(Op::Unary(Unary::Not));
            }
            _ => {
                self.expr(right);
                self.emit(Op::Binary(op));
            }
        }
    }

    fn logic(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        self.expr(left);
        let jump = self.emit(if op == BinaryOp::And { Op::And(0) } else { Op::Or(0) });
        self.expr(right);
        self.emit(Op::Unary(Unary::Truth));
        let behind = self.here();
        self.patch(jump, behind);
    }

    fn matches(&mut self, left: &Expr, right: &Expr) {
        self.expr(left);
        match constant(right) {
            Some(source) => self.match_constant(&source, right.pos),
            None => {
                self.expr(right);
                self.emit(Op::MatchDynamic);
            }
        }
    }

    fn match_constant(&mut self, source: &Value, pos: Pos) {
        match Pattern::compile(&source.to_text(), Case::Ignore) {
            Ok(pattern) => {
                let number = self.parts.patterns.len() as u32;
                self.parts.patterns.push(pattern);
                self.emit(Op::Match(number));
            }
            Err(error) => {
                self.findings.error(codes::REGEX, pos, format!("not a regular expression: {error}"));
            }
        }
    }

    fn selval(&mut self, parts: &[Expr; 3]) {
        let [cond, yes, no] = parts;
        self.expr(cond);
        let skip = self.emit(Op::IfNot(0));
        self.expr(yes);
        let end = self.emit(Op::Jump(0));
        let otherwise = self.here();
        self.patch(skip, otherwise);
        self.expr(no);
        let behind = self.here();
        self.patch(end, behind);
    }

    fn key(&mut self, key: &KeyExpr, pos: Pos) {
        if is_onsend_only(key.key) && self.kind != RouteKind::Onsend {
            let message = "this key word has a value only in onsend_route";
            match key.key {
                Key::SndIp | Key::ToIp => self.findings.error(codes::KEY_ROUTE, pos, message),
                _ => self.findings.warning(codes::KEY_ROUTE, pos, message),
            }
        }
        match key_variable(key.key) {
            KeyVariable::One(raw) => self.load(raw, pos),
            KeyVariable::ByKind(request, reply) => {
                if let (Some(request), Some(reply)) = (self.pv(request, pos), self.pv(reply, pos)) {
                    self.emit(Op::LoadByKind(request, reply));
                }
            }
        }
        let negated = key.op == BinaryOp::Ne;
        if key.op == BinaryOp::Match && !is_address(key.key) {
            return self.key_match(&key.right);
        }
        match self.key_test(key) {
            Some(test) => drop(self.emit(Op::Key(Box::new(KeyTest { test, negated })))),
            None => self.host_test(negated),
        }
    }

    /// Compares the address and the host on the stack.
    fn host_test(&mut self, negated: bool) {
        let number = self.parts.calls.len() as u32;
        let args = [Arg::Computed(0), Arg::Computed(1)];
        self.parts.calls.push(CallSite {
            def: &HAS_ADDRESS,
            module: self.catalog.modules()[0].name,
            is_core: true,
            args: args.into(),
            computed: 2,
            want: Want::Truth,
        });
        self.emit(Op::Call(number));
        if negated {
            self.emit(Op::Unary(Unary::Not));
        }
    }

    fn key_match(&mut self, right: &KeyValue) {
        match right {
            KeyValue::Expr(expr) => match constant(expr) {
                Some(source) => self.match_constant(&source, expr.pos),
                None => {
                    self.expr(expr);
                    self.emit(Op::MatchDynamic);
                }
            },
            KeyValue::Word(name) => self.match_constant(&Value::copied(name.text.as_bytes()), name.pos),
            _ => {
                self.emit(Op::Key(Box::new(KeyTest { test: Test::Never, negated: false })));
            }
        }
    }

    /// The test for what is on the stack then; `None` when a host must be located for it.
    fn key_test(&mut self, key: &KeyExpr) -> Option<Test> {
        Some(match &key.right {
            KeyValue::Myself => Test::Myself,
            KeyValue::AnyProto => Test::Never,
            KeyValue::Network(_, network) => Test::Network(*network),
            KeyValue::Word(name) => {
                self.push(Value::copied(name.text.as_bytes()));
                Test::Text
            }
            KeyValue::Host(name) => {
                self.push(Value::copied(name.text.as_bytes()));
                return None;
            }
            KeyValue::Proto(_, proto) => {
                // The words are declared in the order of their numbers, which start at 1.
                self.push(Value::Int(*proto as i64 + 1));
                Test::Number(Binary::Eq)
            }
            KeyValue::Expr(expr) if is_address(key.key) => return self.address_test(key.op, expr),
            KeyValue::Expr(expr) => {
                self.expr(expr);
                match key.key {
                    Key::Uri | Key::FromUri | Key::ToUri | Key::Method => Test::Text,
                    // The comparison itself is negated for `!=`.
                    _ if key.op == BinaryOp::Ne => Test::Number(Binary::Eq),
                    _ => Test::Number(plain(key.op)),
                }
            }
        })
    }

    fn address_test(&mut self, op: BinaryOp, expr: &Expr) -> Option<Test> {
        if let Some(network) = constant(expr).and_then(|value| parse_network(&value.to_text())) {
            return Some(Test::Network(network));
        }
        self.expr(expr);
        (op == BinaryOp::Match).then_some(Test::AddressPattern)
    }
}

/// The value of an expression that is the same at every run.
pub(super) fn constant(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::Int(int) => Some(Value::Int(*int)),
        ExprKind::Str(text) => Some(Value::copied(text)),
        ExprKind::Unary(op, operand) => {
            let op = match op {
                UnaryOp::Not => Unary::Not,
                UnaryOp::BitNot => Unary::BitNot,
                UnaryOp::Neg => Unary::Neg,
                UnaryOp::ToInt => Unary::ToInt,
                UnaryOp::ToStr => Unary::ToStr,
                UnaryOp::Defined | UnaryOp::Strlen | UnaryOp::Strempty => return None,
            };
            Some(operators::unary(op, &constant(operand)?))
        }
        ExprKind::Binary(BinaryOp::And | BinaryOp::Or | BinaryOp::Match, ..) => None,
        ExprKind::Binary(op, left, right) => {
            operators::binary(plain(*op), &constant(left)?, &constant(right)?).ok()
        }
        _ => None,
    }
}

/// The variables behind a key word.
enum KeyVariable {
    One(&'static [u8]),
    /// Of a request, of a reply.
    ByKind(&'static [u8], &'static [u8]),
}

fn key_variable(key: Key) -> KeyVariable {
    KeyVariable::One(match key {
        Key::Uri => return KeyVariable::ByKind(b"$ru", b"$rs"),
        Key::FromUri => b"$fu",
        Key::ToUri => b"$tu",
        Key::Method => b"$rm",
        Key::SrcIp => b"$si",
        Key::DstIp => b"$Ri",
        Key::SrcPort => b"$sp",
        Key::DstPort => b"$Rp",
        Key::Af => b"$af(id)",
        Key::MsgLen => b"$ml",
        Key::Proto => b"$prid",
        Key::SndIp => b"$sndfrom(ip)",
        Key::SndPort => b"$sndfrom(port)",
        Key::ToIp => b"$sndto(ip)",
        Key::ToPort => b"$sndto(port)",
        Key::SndAf => b"$sndto(af)",
        Key::SndProto => b"$sndto(proto)",
    })
}

fn is_onsend_only(key: Key) -> bool {
    matches!(key, Key::SndIp | Key::ToIp | Key::SndPort | Key::ToPort | Key::SndAf | Key::SndProto)
}

fn is_address(key: Key) -> bool {
    matches!(key, Key::SrcIp | Key::DstIp | Key::SndIp | Key::ToIp)
}

/// The operators that need nothing but their operands; `&&`, `||` and `=~` are compiled by themselves.
fn plain(op: BinaryOp) -> Binary {
    match op {
        BinaryOp::BitOr => Binary::BitOr,
        BinaryOp::BitAnd => Binary::BitAnd,
        BinaryOp::BitXor => Binary::BitXor,
        BinaryOp::Shl => Binary::Shl,
        BinaryOp::Shr => Binary::Shr,
        BinaryOp::Eq | BinaryOp::And | BinaryOp::Or | BinaryOp::Match => Binary::Eq,
        BinaryOp::Ne => Binary::Ne,
        BinaryOp::StrEq => Binary::StrEq,
        BinaryOp::StrNe => Binary::StrNe,
        BinaryOp::IntEq => Binary::IntEq,
        BinaryOp::IntNe => Binary::IntNe,
        BinaryOp::Gt => Binary::Gt,
        BinaryOp::Lt => Binary::Lt,
        BinaryOp::Ge => Binary::Ge,
        BinaryOp::Le => Binary::Le,
        BinaryOp::Add => Binary::Add,
        BinaryOp::Sub => Binary::Sub,
        BinaryOp::Mul => Binary::Mul,
        BinaryOp::Div => Binary::Div,
        BinaryOp::Mod => Binary::Mod,
    }
}
