//! Compiles function calls: finds the row, checks count and place, and compiles each argument by its kind.

use std::sync::Arc;

use bytes::Bytes;

use super::codes;
use super::compile::Compiler;
use super::expr::constant;
use super::program::{CallSite, Op, Want};
use crate::api::{
    Arg, Case, Function, Kind, ModuleDef, Pattern, Prepared, RouteTable, Text, Value, parse_int,
};
use crate::cfg::Pos;
use crate::cfg::ast::{self, Call, Expr, ExprKind, Host, SocketSpec};

impl Compiler<'_, '_> {
    pub(super) fn call(&mut self, call: &Call, want: Want) {
        let Some(function) = self.function(call) else {
            if want != Want::Statement {
                self.emit(Op::Push(Value::Null));
            }
            return;
        };
        let mut computed = 0;
        let mut args = Vec::with_capacity(call.args.len());
        for (arg, kind) in call.args.iter().zip(function.def.params) {
            let arg = self.arg(arg, *kind, computed);
            computed += usize::from(matches!(arg, Arg::Computed(_)));
            args.push(arg);
        }
        let number = self.parts.calls.len() as u32;
        self.parts.calls.push(CallSite {
            def: function.def,
            module: function.module.name,
            is_core: function.module.name == self.catalog.modules()[0].name,
            args: args.into(),
            computed,
            want,
        });
        self.emit(Op::Call(number));
    }

    /// The overload for this many arguments, allowed in this kind of block.
    fn function(&mut self, call: &Call) -> Option<Function> {
        let name = &*call.name.text;
        let rows = self.catalog.functions(name);
        if rows.is_empty() {
            self.unknown_function(call);
            return None;
        }
        let count = call.args.len();
        let Some(function) = rows.iter().find(|row| row.def.takes(count)).copied() else {
            let mut counts: Vec<String> = Vec::new();
            rows.iter().for_each(|row| {
                counts.extend((row.def.required..=row.def.params.len()).map(|count| count.to_string()));
            });
            let message = format!("{name}() takes {} arguments, not {count}", counts.join(" or "));
            self.findings.error(codes::ARGUMENT_COUNT, call.name.pos, message);
            return None;
        };
        if !function.def.routes.contains(self.kind) {
            let message = format!("{name}() cannot be used in {}", self.table.keyword());
            self.findings.error(codes::WRONG_ROUTE, call.name.pos, message);
        }
        Some(function)
    }

    fn unknown_function(&mut self, call: &Call) {
        let name = &*call.name.text;
        let awaits = |module: &&&'static ModuleDef| {
            module.awaited.as_ref().is_some_and(|awaited| awaited.functions.contains(&name))
        };
        if let Some(module) = self.modules.iter().find(awaits) {
            let message = format!("{name}() of module {} is not built in yet", module.name);
            self.findings.error(codes::AWAITED, call.name.pos, message);
            return;
        }
        self.findings.error(codes::UNKNOWN_FUNCTION, call.name.pos, format!("unknown function {name}()"));
        let has_it = |module: &&&'static ModuleDef| module.functions.iter().any(|row| row.name == name);
        match self.modules.iter().find(has_it).map(|module| module.name) {
            Some(module) => self.findings.hint(format!("it needs loadmodule \"{module}.so\"")),
            None => self.findings.suggest(name, self.catalog.function_names()),
        }
    }

    fn arg(&mut self, arg: &ast::Arg, kind: Kind, computed: usize) -> Arg {
        match arg {
            ast::Arg::Expr(expr) => self.expr_arg(expr, kind, computed),
            ast::Arg::Word(name) => self.constant_arg(&Value::copied(name.text.as_bytes()), kind, name.pos),
            ast::Arg::Host(host) => Arg::Literal(host_text(host)),
            ast::Arg::Socket(socket) => Arg::Literal(socket_text(socket)),
            ast::Arg::Proto(_, proto) => Arg::Literal(Bytes::from_static(proto.word().as_bytes())),
            ast::Arg::UriHost(pos) => self.pv_arg(b"$rd", kind, *pos),
            ast::Arg::UriPort(pos) => self.pv_arg(b"$rp", kind, *pos),
        }
    }

    fn expr_arg(&mut self, expr: &Expr, kind: Kind, computed: usize) -> Arg {
        if let ExprKind::Pv(raw) = &expr.kind {
            return self.pv_arg(raw, kind, expr.pos);
        }
        if let Some(value) = constant(expr) {
            return self.constant_arg(&value, kind, expr.pos);
        }
        if matches!(kind, Kind::Pv | Kind::WritePv) {
            self.findings.error(codes::ARGUMENT, expr.pos, "a variable is expected here");
        }
        self.expr(expr);
        Arg::Computed(computed)
    }

    fn pv_arg(&mut self, raw: &[u8], kind: Kind, pos: Pos) -> Arg {
        match self.catalog.variable(raw) {
            Ok(pv) => {
                if matches!(kind, Kind::WritePv) && !pv.is_writable() {
                    let message = format!("{} is read only", String::from_utf8_lossy(raw));
                    self.findings.error(codes::READ_ONLY, pos, message);
                }
                Arg::Pv(Arc::new(pv))
            }
            Err(error) => {
                self.format_error(&error, pos);
                Arg::Int(0)
            }
        }
    }

    fn constant_arg(&mut self, value: &Value, kind: Kind, pos: Pos) -> Arg {
        match (kind, value) {
            (Kind::Word, _) => Arg::Literal(value.to_text()),
            (Kind::Text | Kind::Value | Kind::Int, Value::Int(int)) => Arg::Int(*int),
            (Kind::Text | Kind::Value, _) => self.text_arg(&value.to_text(), pos),
            (Kind::Int, _) => self.int_arg(&value.to_text(), pos),
            (Kind::Pv | Kind::WritePv, _) => self.pv_arg(&value.to_text(), kind, inside(pos)),
            (Kind::Regex, _) => match Pattern::compile(&value.to_text(), Case::Ignore) {
                Ok(pattern) => Arg::Regex(Arc::new(pattern)),
                Err(error) => self.refuse(pos, &format!("not a regular expression: {error}")),
            },
            (Kind::Route(table), _) => self.route_arg(table, &value.to_display(), pos),
            (Kind::Flag, Value::Int(int)) => match u8::try_from(*int) {
                Ok(flag) if flag < 32 => Arg::Flag(flag),
                _ => self.refuse(pos, "a flag is a number from 0 to 31 or a declared name"),
            },
            (Kind::Flag, _) => self.flag_arg(&value.to_display(), pos),
            (Kind::Prepared(prepare), _) => match self.dynamic_text(value) {
                Some(text) => Arg::Text(text),
                None => self.prepared(prepare(self.catalog, &value.to_text()), pos),
            },
            (Kind::PreparedRaw(prepare), _) => self.prepared(prepare(self.catalog, &value.to_text()), pos),
        }
    }

    fn text_arg(&mut self, text: &[u8], pos: Pos) -> Arg {
        match self.catalog.text(text) {
            Ok(text) => match text.as_literal() {
                Some(literal) => Arg::Literal(literal),
                None => Arg::Text(Arc::new(text)),
            },
            Err(error) => {
                self.format_error(&error, inside(pos));
                Arg::Int(0)
            }
        }
    }

    /// A text where a number is wanted: its digits, or one variable; nothing is 0.
    fn int_arg(&mut self, text: &Bytes, pos: Pos) -> Arg {
        if text.is_empty() {
            return Arg::Int(0);
        }
        if let Some(int) = parse_int(text) {
            return Arg::Int(int);
        }
        if text.contains(&b'$') {
            return self.text_arg(text, pos);
        }
        let written = String::from_utf8_lossy(text).into_owned();
        self.refuse(pos, &format!("a number is expected here, not \"{written}\""))
    }

    fn route_arg(&mut self, table: RouteTable, name: &str, pos: Pos) -> Arg {
        if name.is_empty() || name == "0" {
            return Arg::Route(None);
        }
        if name.starts_with('$') {
            return self.text_arg(name.as_bytes(), pos);
        }
        match self.names.find(table, name) {
            Some(route) => Arg::Route(Some(route)),
            None => {
                let message = format!("there is no {}[{name}]", table.keyword());
                self.findings.error(codes::UNKNOWN_ROUTE, pos, message);
                self.findings.suggest(name, self.names.of(table));
                Arg::Route(None)
            }
        }
    }

    fn flag_arg(&mut self, name: &str, pos: Pos) -> Arg {
        let number = self.catalog.flag(name).or_else(|| name.parse().ok().filter(|flag| *flag < 32));
        match number {
            Some(flag) => Arg::Flag(flag),
            None => {
                self.findings.error(codes::ARGUMENT, pos, format!("flag {name} is not declared"));
                self.findings.suggest(name, self.catalog.flag_names());
                Arg::Flag(0)
            }
        }
    }

    /// The text when it holds variables. A `$` that starts none is left to the function.
    fn dynamic_text(&self, value: &Value) -> Option<Arc<Text>> {
        let text = self.catalog.text(&value.to_text()).ok()?;
        text.as_literal().is_none().then(|| Arc::new(text))
    }

    fn prepared(&mut self, prepared: Result<Prepared, String>, pos: Pos) -> Arg {
        match prepared {
            Ok(prepared) => Arg::Prepared(prepared),
            Err(message) => self.refuse(pos, &message),
        }
    }

    fn refuse(&mut self, pos: Pos, message: &str) -> Arg {
        self.findings.error(codes::ARGUMENT, pos, message);
        Arg::Int(0)
    }
}

/// Where the text of a literal begins: behind its quote.
fn inside(pos: Pos) -> Pos {
    Pos { offset: pos.offset + 1, ..pos }
}

fn host_text(host: &Host) -> Bytes {
    match host {
        Host::Ip(ip) => ip.to_string().into(),
        Host::Name(name) => Bytes::copy_from_slice(name.text.as_bytes()),
        Host::Literal(text) => Bytes::copy_from_slice(&text.bytes),
    }
}

fn socket_text(socket: &SocketSpec) -> Bytes {
    let mut out = Vec::new();
    if let Some(proto) = socket.proto {
        out.extend_from_slice(proto.word().as_bytes());
        out.push(b':');
    }
    if let Some(host) = socket.hosts.first() {
        out.extend_from_slice(&host_text(host));
    }
    if let Some(port) = socket.port {
        out.extend_from_slice(format!(":{port}").as_bytes());
    }
    out.into()
}
