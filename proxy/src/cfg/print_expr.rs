//! Writes expressions back as text; see `print`.

use super::ast::{Assign, BinaryOp, Expr, ExprKind, Key, KeyExpr, KeyValue, UnaryOp};
use super::print::Printer;

/// An expression. Operands that are operators themselves stand in parentheses.
pub(super) fn expr(printer: &mut Printer, expr: &Expr) {
    match &expr.kind {
        ExprKind::Int(value) => printer.put(&value.to_string()),
        ExprKind::Str(text) => printer.quoted(text),
        ExprKind::Pv(raw) => printer.bytes(raw),
        ExprKind::Select(path) => {
            printer.put("@");
            printer.bytes(path);
        }
        ExprKind::Unary(op @ (UnaryOp::Strlen | UnaryOp::Strempty), inner) => {
            printer.put(if *op == UnaryOp::Strlen { "strlen(" } else { "strempty(" });
            self::expr(printer, inner);
            printer.put(")");
        }
        ExprKind::Unary(op, inner) => {
            printer.put(unary(*op));
            operand(printer, inner);
        }
        ExprKind::Binary(op, left, right) => {
            operand_of_two(printer, left);
            printer.put(&format!(" {} ", binary(*op)));
            operand_of_two(printer, right);
        }
        ExprKind::Selval(parts) => {
            for (index, part) in parts.iter().enumerate() {
                printer.put(if index > 0 { ", " } else { "selval(" });
                self::expr(printer, part);
            }
            printer.put(")");
        }
        ExprKind::Key(comparison) => key(printer, comparison),
        ExprKind::Call(call) => printer.call(call),
        ExprKind::Route(call) => printer.route_target(&call.target),
        ExprKind::Block(block) => printer.block(block),
        ExprKind::Assign(inner) => {
            printer.put("(");
            assign(printer, inner);
            printer.put(")");
        }
    }
}

/// `$x = value`
pub(super) fn assign(printer: &mut Printer, assign: &Assign) {
    printer.bytes(&assign.target.raw);
    printer.put(" = ");
    expr(printer, &assign.value);
}

fn operand(printer: &mut Printer, inner: &Expr) {
    let is_operator = match &inner.kind {
        ExprKind::Binary(..) => true,
        ExprKind::Unary(op, _) => !matches!(op, UnaryOp::Strlen | UnaryOp::Strempty),
        _ => false,
    };
    if is_operator {
        printer.put("(");
        expr(printer, inner);
        printer.put(")");
    } else {
        expr(printer, inner);
    }
}

/// A key comparison takes everything right of it that binds tighter than `==`.
fn operand_of_two(printer: &mut Printer, inner: &Expr) {
    if matches!(inner.kind, ExprKind::Key(_)) {
        printer.put("(");
        expr(printer, inner);
        printer.put(")");
    } else {
        operand(printer, inner);
    }
}

fn key(printer: &mut Printer, comparison: &KeyExpr) {
    printer.put(&format!("{} {} ", key_word(comparison.key), binary(comparison.op)));
    match &comparison.right {
        KeyValue::Expr(right) => operand(printer, right),
        KeyValue::Myself => printer.put("myself"),
        KeyValue::Word(name) | KeyValue::Host(name) => printer.put(&name.text),
        KeyValue::Network(_, network) => printer.network(network),
        KeyValue::Proto(_, proto) => printer.put(proto.keyword()),
        KeyValue::AnyProto => printer.put("*"),
    }
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Not => "!",
        UnaryOp::BitNot => "~",
        UnaryOp::Neg => "-",
        UnaryOp::ToInt => "(int)",
        UnaryOp::ToStr => "(str)",
        UnaryOp::Defined => "defined ",
        UnaryOp::Strlen => "strlen",
        UnaryOp::Strempty => "strempty",
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "||",
        BinaryOp::And => "&&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitXor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Match => "=~",
        BinaryOp::StrEq => "eq",
        BinaryOp::StrNe => "ne",
        BinaryOp::IntEq => "ieq",
        BinaryOp::IntNe => "ine",
        BinaryOp::Gt => ">",
        BinaryOp::Lt => "<",
        BinaryOp::Ge => ">=",
        BinaryOp::Le => "<=",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "mod",
    }
}

fn key_word(key: Key) -> &'static str {
    match key {
        Key::Uri => "uri",
        Key::FromUri => "from_uri",
        Key::ToUri => "to_uri",
        Key::Method => "method",
        Key::SrcIp => "src_ip",
        Key::DstIp => "dst_ip",
        Key::SndIp => "snd_ip",
        Key::ToIp => "to_ip",
        Key::SrcPort => "src_port",
        Key::DstPort => "dst_port",
        Key::SndPort => "snd_port",
        Key::ToPort => "to_port",
        Key::Af => "af",
        Key::SndAf => "snd_af",
        Key::MsgLen => "msg:len",
        Key::Proto => "proto",
        Key::SndProto => "snd_proto",
    }
}
