//! Statements of a route block, and the calls they make.

use super::super::source::Pos;
use super::{Expr, Host, Name, Proto, SocketSpec};

/// Statements between braces, or the one statement of an `if`, `else` or `while` without braces.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Where it starts.
    pub pos: Pos,
    /// The statements; stray semicolons have no node, so this may be empty.
    pub stmts: Vec<Stmt>,
}

/// One statement of a route.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Where it starts.
    pub pos: Pos,
    /// What it is.
    pub kind: StmtKind,
}

/// The statements of a route.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `xlog("text");`
    Call(Call),
    /// `route(NAME);`
    Route(RouteCall),
    /// `$var(x) = 1;`
    Assign(Assign),
    /// `return`, `exit`, `drop`, `break`
    Jump(Jump, Option<Expr>),
    /// `if (a) x(); else if (b) y(); else z();` as one flat list, so that long chains do not nest.
    If(If),
    /// `while (cond) { }`
    While(Expr, Block),
    /// `switch (value) { case 1: ... }`
    Switch(Switch),
}

/// Statements that leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// `return [expr]`
    Return,
    /// `exit [expr]`
    Exit,
    /// `drop [expr]`
    Drop,
    /// `break`, never with a value
    Break,
}

impl Jump {
    /// The word that is written.
    pub fn keyword(self) -> &'static str {
        match self {
            Jump::Return => "return",
            Jump::Exit => "exit",
            Jump::Drop => "drop",
            Jump::Break => "break",
        }
    }
}

/// A chain of conditions.
#[derive(Clone, Debug)]
pub struct If {
    /// Conditions with their blocks, tried in order; never empty.
    pub arms: Vec<(Expr, Block)>,
    /// The last `else`.
    pub otherwise: Option<Block>,
}

/// A `switch`: control falls through from one case to the next until a jump.
#[derive(Clone, Debug)]
pub struct Switch {
    /// The value compared.
    pub value: Expr,
    /// The cases in order; at most one is the default.
    pub cases: Vec<Case>,
}

/// One label of a `switch` with the statements up to the next label.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where the label stands.
    pub pos: Pos,
    /// What it selects.
    pub label: CaseLabel,
    /// The statements, possibly none.
    pub body: Vec<Stmt>,
}

/// What a case selects.
#[derive(Clone, Debug)]
pub enum CaseLabel {
    /// `case 1+1:`, `case "x":` (a constant expression, which the compiler folds).
    Value(Expr),
    /// `case /"^re":`, matched with case.
    Regex(Expr),
    /// `default:`
    Default,
}

/// `target = value`
#[derive(Clone, Debug)]
pub struct Assign {
    /// The variable assigned.
    pub target: Pv,
    /// The value.
    pub value: Expr,
}

/// A variable token as written, `$` included: `$rU`, `$?`, `$(hdr(Via)[1]{s.len})`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pv {
    /// Where the `$` stands.
    pub pos: Pos,
    /// The token, after substitutions; its brackets are balanced.
    pub raw: Box<[u8]>,
}

/// A function call, core or module.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function's name.
    pub name: Name,
    /// The arguments; calls inside arguments have been refused by the parser.
    pub args: Vec<Arg>,
}

/// One argument of a function call.
///
/// Module functions take expressions only. The other forms belong to the core functions that take bare
/// words: flags, `forward(host, port)`, `set_advertised_address(host)`, `force_send_socket(udp:host:port)`.
#[derive(Clone, Debug)]
pub enum Arg {
    /// Any expression.
    Expr(Expr),
    /// A bare word: a flag's name.
    Word(Name),
    /// A host written bare, or an address.
    Host(Host),
    /// `proto:host:port`
    Socket(SocketSpec),
    /// A transport word.
    Proto(Pos, Proto),
    /// `uri:host`: the host of the request URI.
    UriHost(Pos),
    /// `uri:port`: the port of the request URI.
    UriPort(Pos),
}

/// `route(NAME)` or `route(expr)`
#[derive(Clone, Debug)]
pub struct RouteCall {
    /// Where the keyword stands.
    pub pos: Pos,
    /// Which route.
    pub target: RouteTarget,
}

/// The route of a `route()` call.
#[derive(Clone, Debug)]
pub enum RouteTarget {
    /// A bare word, number or string; the text is normalised as [`Route::name`](super::Route::name) is, `None` for `0`.
    Name(Pos, Option<Box<str>>),
    /// Any other expression: looked up when the statement runs (or when loading, if constant).
    Computed(Box<Expr>),
}
