//! The configuration as written, after preprocessing: what the parser hands to the script compiler.
//!
//! Every node carries the position of its first token. Literals are plain bytes (whether `$rU` inside one
//! means anything is decided by whoever uses it), variable and select tokens are raw text that the compiler
//! reads. Nothing is resolved here: function names, route names and variable names are only names.

mod expr;
mod stmt;

use std::net::IpAddr;

use super::params::ParamDef;
use super::source::Pos;

pub use expr::{BinaryOp, Expr, ExprKind, Key, KeyExpr, KeyValue, Network, UnaryOp};
pub use stmt::{
    Arg, Assign, Block, Call, Case, CaseLabel, If, Jump, Pv, RouteCall, RouteTarget, Stmt, StmtKind, Switch,
};

/// A whole configuration: its statements in file order, includes and defines already in place.
///
/// Order matters to `modparam`, which sees only the modules loaded above it. Each route occurs once: a
/// second unnamed block has been appended to the first.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The statements of the file level.
    pub items: Vec<Item>,
}

impl Config {
    /// All route blocks, in file order; (kind, name) is unique.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.items.iter().filter_map(|item| match item {
            Item::Route(route) => Some(route),
            _ => None,
        })
    }

    /// All assignments of global parameters, in file order; a later one replaces an earlier one, except
    /// that the list parameters `listen` and `alias` add up.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.items.iter().filter_map(|item| match item {
            Item::Setting(setting) => Some(setting),
            _ => None,
        })
    }
}

/// One statement of the file level.
#[derive(Clone, Debug)]
pub enum Item {
    /// `debug = 2`
    Setting(Setting),
    /// `group.name = 5 desc "text"`
    Custom(CustomParam),
    /// One name of a `flags` list.
    Flag(FlagDecl),
    /// One name of an `avpflags` list.
    AvpFlag(Name),
    /// `loadmodule "tm.so"`
    LoadModule(LoadModule),
    /// `loadpath "/usr/lib"` or `mpath`
    LoadPath(Text),
    /// `modparam("tm", "fr_timer", 5000)`
    ModParam(ModParam),
    /// `cfgengine "native"`
    Engine(Text),
    /// Any route block.
    Route(Route),
}

/// A name with its position: identifier, flag, function, bare word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Where it stands.
    pub pos: Pos,
    /// The name as written.
    pub text: Box<str>,
}

/// A string literal: escapes resolved, adjacent literals joined, substitutions applied, no expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where the opening quote stands.
    pub pos: Pos,
    /// The text between the quotes.
    pub bytes: Box<[u8]>,
}

/// One assignment of a global parameter, checked against the type of its row.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where the name stands.
    pub pos: Pos,
    /// The row of the parameter table.
    pub def: &'static ParamDef,
    /// The value, of the row's type.
    pub value: SettingValue,
}

/// The value of a global parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// Number or boolean word (1 or 0).
    Int(i64),
    /// String literal, or the bare word, host name or address of a parameter that takes text.
    Text(Text),
    /// The sockets of `listen` and the names of `alias`; never empty.
    Sockets(Vec<SocketSpec>),
    /// Transport word, as in `udp_mtu_try_proto = TCP`.
    Proto(Proto),
}

/// `[proto:]host[:port]` with the options of `listen`.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketSpec {
    /// Where it starts.
    pub pos: Pos,
    /// Transport; `None` when not given or `*`.
    pub proto: Option<Proto>,
    /// One host; several only in the multi-homed form `(a, b)`.
    pub hosts: Vec<Host>,
    /// Port; `None` when not given or `*`.
    pub port: Option<u16>,
    /// `advertise host[:port]`
    pub advertise: Option<(Host, Option<u16>)>,
    /// `name "label"`
    pub name: Option<Text>,
    /// The word `virtual` was given.
    pub is_virtual: bool,
}

/// A host where the grammar expects one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address literal.
    Ip(IpAddr),
    /// Host or interface name, written bare.
    Name(Name),
    /// Written as a string: the text is the host alone, without transport or port.
    Literal(Text),
}

/// Transport words of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proto {
    /// `udp`, number 1
    Udp,
    /// `tcp`, number 2
    Tcp,
    /// `tls`, number 3
    Tls,
    /// `sctp`, number 4
    Sctp,
    /// `ws`, number 5
    Ws,
    /// `wss`, number 6
    Wss,
}

impl Proto {
    /// The word in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Proto::Udp => "udp",
            Proto::Tcp => "tcp",
            Proto::Tls => "tls",
            Proto::Sctp => "sctp",
            Proto::Ws => "ws",
            Proto::Wss => "wss",
        }
    }
}

/// `group.name = value` or `group[n].name = value`: a value that scripts read and RPC changes.
#[derive(Clone, Debug)]
pub struct CustomParam {
    /// The group.
    pub group: Name,
    /// The instance in `group[n].name`.
    pub index: Option<i64>,
    /// The name within the group.
    pub name: Name,
    /// Its type and first value.
    pub value: Constant,
    /// The text after `desc`.
    pub description: Option<Text>,
}

/// Number or string where only a literal may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constant {
    /// Number or boolean word.
    Int(Pos, i64),
    /// String literal.
    Text(Text),
}

/// A named message flag.
#[derive(Clone, Debug)]
pub struct FlagDecl {
    /// Its name.
    pub name: Name,
    /// Its number, 0 to 31: as written, or the lowest that was free.
    pub number: u8,
}

/// `loadmodule` or `loadmodulex`.
#[derive(Clone, Debug)]
pub struct LoadModule {
    /// Where the keyword stands.
    pub pos: Pos,
    /// The module as written, path and `.so` included; [`LoadModule::module`] is the bare name.
    pub path: Text,
    /// Second argument of the bracketed form.
    pub options: Option<Text>,
    /// `loadmodulex`: variables in the path are evaluated when loading.
    pub expand: Expand,
}

impl LoadModule {
    /// The module's name: last path component without `.so`.
    pub fn module(&self) -> String {
        module_name(&self.path.bytes)
    }
}

/// The module's name in a path as `loadmodule` takes it: last component without `.so`.
pub(super) fn module_name(path: &[u8]) -> String {
    let file = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    String::from_utf8_lossy(file.strip_suffix(b".so").unwrap_or(file)).into_owned()
}

/// Whether the variables in a value are evaluated when the configuration loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expand {
    /// `loadmodule`, `modparam`: the text is final.
    Never,
    /// `loadmodulex`, `modparamx`: variables in it are evaluated once.
    AtLoad,
}

/// `modparam` or `modparamx`.
#[derive(Clone, Debug)]
pub struct ModParam {
    /// Where the keyword stands.
    pub pos: Pos,
    /// Regular expression over the names of loaded modules (whole name, ignoring case).
    pub module: Text,
    /// Parameter name.
    pub param: Text,
    /// The value.
    pub value: ModParamValue,
    /// `modparamx`: variables in the value are evaluated when loading.
    pub expand: Expand,
}

/// The value of a module parameter.
#[derive(Clone, Debug)]
pub enum ModParamValue {
    /// Number or string.
    Constant(Constant),
    /// `modparamx` only: one variable, evaluated when loading.
    Pv(Pv),
}

/// A route block.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where the keyword stands.
    pub pos: Pos,
    /// The kind of the block.
    pub kind: RouteKind,
    /// The name: numbers in decimal, so that `route[010]` and `route["8"]` are one. `None` is the unnamed
    /// block, which `[0]` also means.
    pub name: Option<Name>,
    /// The statements.
    pub body: Block,
}

/// The kinds of route blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// `request_route`, `route`, `route[X]`
    Request,
    /// `reply_route`, `onreply_route`, `onreply_route[X]`
    Reply,
    /// `failure_route[X]`
    Failure,
    /// `branch_route[X]`
    Branch,
    /// `onsend_route`
    Onsend,
    /// `event_route[module:event]`
    Event,
}

impl RouteKind {
    /// The keyword of the kind, as messages name it.
    pub fn keyword(self) -> &'static str {
        match self {
            RouteKind::Request => "route",
            RouteKind::Reply => "onreply_route",
            RouteKind::Failure => "failure_route",
            RouteKind::Branch => "branch_route",
            RouteKind::Onsend => "onsend_route",
            RouteKind::Event => "event_route",
        }
    }
}
