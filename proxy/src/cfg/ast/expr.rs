//! Expressions: a tree with the precedence already resolved.

use std::net::IpAddr;

use super::super::source::Pos;
use super::{Assign, Block, Call, Name, Proto, RouteCall};

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where its first token stands.
    pub pos: Pos,
    /// What it is.
    pub kind: ExprKind,
}

/// The expressions, lowest precedence already resolved into the tree.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Number, boolean word or address family word.
    Int(i64),
    /// String literal.
    Str(Box<[u8]>),
    /// Variable token, raw; see [`Pv::raw`](super::Pv::raw).
    Pv(Box<[u8]>),
    /// Select without its `@`: `via[1].host`.
    Select(Box<[u8]>),
    /// `! a`, `~ a`, `- a`, casts, `defined a`, `strlen(a)`, `strempty(a)`
    Unary(UnaryOp, Box<Expr>),
    /// `a op b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `selval(cond, a, b)`
    Selval(Box<[Expr; 3]>),
    /// `uri == myself`, `src_ip != 10.0.0.0/8`
    Key(Box<KeyExpr>),
    /// A function as operand.
    Call(Box<Call>),
    /// A route as operand.
    Route(RouteCall),
    /// `{ ... }` as operand: its return code.
    Block(Block),
    /// `($x = 1)` as operand: 1 when it succeeded.
    Assign(Box<Assign>),
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `!`, `not`
    Not,
    /// `~`
    BitNot,
    /// `-`
    Neg,
    /// `(int)`
    ToInt,
    /// `(str)`
    ToStr,
    /// `defined`
    Defined,
    /// `strlen()`
    Strlen,
    /// `strempty()`
    Strempty,
}

/// Operators with two operands, lowest precedence first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `||`, `or`
    Or,
    /// `&&`, `and`
    And,
    /// `|`
    BitOr,
    /// `&`
    BitAnd,
    /// `^`
    BitXor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `=~` (`!~` is [`UnaryOp::Not`] of it)
    Match,
    /// `eq`: as strings
    StrEq,
    /// `ne`: as strings
    StrNe,
    /// `ieq`: as numbers
    IntEq,
    /// `ine`: as numbers
    IntNe,
    /// `>`
    Gt,
    /// `<`
    Lt,
    /// `>=`
    Ge,
    /// `<=`
    Le,
    /// `+`: adds or joins
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `mod`
    Mod,
}

/// A comparison whose left side is a key word of the message: one operand of the grammar.
#[derive(Clone, Debug)]
pub struct KeyExpr {
    /// The key word.
    pub key: Key,
    /// The comparison: one of `Eq Ne Match Gt Lt Ge Le` (`eq` and `ne` are `Eq` and `Ne` here).
    pub op: BinaryOp,
    /// The right side.
    pub right: KeyValue,
}

/// The key words of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// `uri`, `status`: R-URI of a request, status code of a reply
    Uri,
    /// `from_uri`
    FromUri,
    /// `to_uri`
    ToUri,
    /// `method`
    Method,
    /// `src_ip`
    SrcIp,
    /// `dst_ip`
    DstIp,
    /// `snd_ip`, in onsend_route
    SndIp,
    /// `to_ip`, in onsend_route
    ToIp,
    /// `src_port`
    SrcPort,
    /// `dst_port`
    DstPort,
    /// `snd_port`, in onsend_route
    SndPort,
    /// `to_port`, in onsend_route
    ToPort,
    /// `af`: address family of the received message
    Af,
    /// `snd_af`, `to_af`, in onsend_route
    SndAf,
    /// `msg:len`
    MsgLen,
    /// `proto`: transport of the received message
    Proto,
    /// `snd_proto`, `to_proto`, in onsend_route
    SndProto,
}

/// The right side of a key comparison.
#[derive(Clone, Debug)]
pub enum KeyValue {
    /// Any expression that binds tighter than equality.
    Expr(Expr),
    /// `myself`, also when it stood on the left.
    Myself,
    /// A bare method name.
    Word(Name),
    /// An address or network.
    Network(Pos, Network),
    /// A bare host name.
    Host(Name),
    /// A transport word.
    Proto(Pos, Proto),
    /// `proto == *`
    AnyProto,
}

/// An address with its mask: equal families, all ones for a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address as written, not masked.
    pub addr: IpAddr,
    /// The mask as written or made from the number of bits.
    pub mask: IpAddr,
}
