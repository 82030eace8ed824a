//! Writes the tree back as text: what remains after includes, defines and conditions (`--cfg-print`).
//!
//! The text is a configuration with the same meaning. Operators inside operators stand in parentheses, so the
//! precedence can be seen.

use super::ast::{
    Arg, Block, Call, CaseLabel, Config, Constant, Expand, Host, Item, Jump, ModParamValue, Network, Proto,
    Route, RouteKind, RouteTarget, SettingValue, SocketSpec, Stmt, StmtKind,
};
use super::params::ParamKind;
use super::{print_expr, text};

/// The configuration as text.
pub fn print(config: &Config) -> Vec<u8> {
    let mut printer = Printer { out: Vec::new(), depth: 0 };
    for item in &config.items {
        printer.item(item);
    }
    printer.out
}

/// The text so far, and how deep the next line is indented.
pub(super) struct Printer {
    pub(super) out: Vec<u8>,
    depth: usize,
}

impl Printer {
    pub(super) fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn quoted(&mut self, bytes: &[u8]) {
        self.out.extend(text::quote(bytes));
    }

    fn line(&mut self) {
        for _ in 0..self.depth {
            self.put("    ");
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Setting(setting) => {
                self.put(setting.def.name);
                self.put(" = ");
                match &setting.value {
                    // These words are no strings.
                    SettingValue::Text(text) if setting.def.kind == ParamKind::IntOrWord => {
                        self.bytes(&text.bytes)
                    }
                    value => self.setting_value(value),
                }
                // What follows a list would be read as its next element.
                if matches!(setting.value, SettingValue::Sockets(_)) {
                    self.put(";");
                }
            }
            Item::Custom(custom) => {
                self.put(&custom.group.text);
                if let Some(index) = custom.index {
                    self.put(&format!("[{index}]"));
                }
                self.put(&format!(".{} = ", custom.name.text));
                self.constant(&custom.value);
                if let Some(description) = &custom.description {
                    self.put(" desc ");
                    self.quoted(&description.bytes);
                }
            }
            Item::Flag(flag) => {
                self.put("flags ");
                self.quoted(flag.name.text.as_bytes());
                self.put(&format!(":{}", flag.number));
            }
            Item::AvpFlag(name) => {
                self.put("avpflags ");
                self.quoted(name.text.as_bytes());
            }
            Item::LoadModule(load) => {
                self.put(if load.expand == Expand::AtLoad { "loadmodulex " } else { "loadmodule " });
                match &load.options {
                    None => self.quoted(&load.path.bytes),
                    Some(options) => {
                        self.put("(");
                        self.quoted(&load.path.bytes);
                        self.put(", ");
                        self.quoted(&options.bytes);
                        self.put(")");
                    }
                }
            }
            Item::LoadPath(path) => {
                self.put("loadpath ");
                self.quoted(&path.bytes);
            }
            Item::ModParam(param) => {
                self.put(if param.expand == Expand::AtLoad { "modparamx(" } else { "modparam(" });
                self.quoted(&param.module.bytes);
                self.put(", ");
                self.quoted(&param.param.bytes);
                self.put(", ");
                match &param.value {
                    ModParamValue::Constant(constant) => self.constant(constant),
                    ModParamValue::Pv(pv) => self.bytes(&pv.raw),
                }
                self.put(")");
            }
            Item::Engine(engine) => {
                self.put("cfgengine ");
                self.quoted(&engine.bytes);
            }
            Item::Route(route) => self.route(route),
        }
        self.put("\n");
    }

    fn setting_value(&mut self, value: &SettingValue) {
        match value {
            SettingValue::Int(value) => self.put(&value.to_string()),
            SettingValue::Text(text) => self.quoted(&text.bytes),
            SettingValue::Proto(proto) => self.put(proto.keyword()),
            SettingValue::Sockets(sockets) => {
                for (index, socket) in sockets.iter().enumerate() {
                    self.put(if index > 0 { " " } else { "" });
                    self.socket(socket);
                }
            }
        }
    }

    fn constant(&mut self, constant: &Constant) {
        match constant {
            Constant::Int(_, value) => self.put(&value.to_string()),
            Constant::Text(text) => self.quoted(&text.bytes),
        }
    }

    fn socket(&mut self, socket: &SocketSpec) {
        if let Some(proto) = socket.proto {
            self.put(proto.keyword());
            self.put(":");
        }
        match socket.hosts.as_slice() {
            [host] => self.host(host),
            hosts => {
                for (index, host) in hosts.iter().enumerate() {
                    self.put(if index > 0 { ", " } else { "(" });
                    self.host(host);
                }
                self.put(")");
            }
        }
        self.port(socket.port);
        if let Some((host, port)) = &socket.advertise {
            self.put(" advertise ");
            self.host(host);
            self.port(*port);
        }
        if let Some(name) = &socket.name {
            self.put(" name ");
            self.quoted(&name.bytes);
        }
        self.put(if socket.is_virtual { " virtual" } else { "" });
    }

    fn port(&mut self, port: Option<u16>) {
        if let Some(port) = port {
            self.put(&format!(":{port}"));
        }
    }

    pub(super) fn host(&mut self, host: &Host) {
        match host {
            Host::Ip(std::net::IpAddr::V6(addr)) => self.put(&format!("[{addr}]")),
            Host::Ip(addr) => self.put(&addr.to_string()),
            Host::Name(name) => self.put(&name.text),
            Host::Literal(text) => self.quoted(&text.bytes),
        }
    }

    pub(super) fn network(&mut self, network: &Network) {
        self.host(&Host::Ip(network.addr));
        self.put("/");
        self.host(&Host::Ip(network.mask));
    }

    fn route(&mut self, route: &Route) {
        self.put(match (route.kind, &route.name) {
            (RouteKind::Request, None) => "request_route",
            (RouteKind::Reply, None) => "reply_route",
            (kind, _) => kind.keyword(),
        });
        if let Some(name) = &route.name {
            self.put("[");
            self.quoted(name.text.as_bytes());
            self.put("]");
        }
        self.put(" ");
        self.block(&route.body);
    }

    pub(super) fn block(&mut self, block: &Block) {
        self.braces(&block.stmts);
    }

    fn braces(&mut self, stmts: &[Stmt]) {
        self.put("{\n");
        self.depth += 1;
        self.stmts(stmts);
        self.depth -= 1;
        self.line();
        self.put("}");
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        // The original refuses an empty block.
        if stmts.is_empty() {
            self.line();
            self.put(";\n");
        }
        for stmt in stmts {
            self.line();
            self.stmt(stmt);
            self.put("\n");
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Call(call) => {
                self.call(call);
                self.put(";");
            }
            StmtKind::Route(call) => {
                self.route_target(&call.target);
                self.put(";");
            }
            StmtKind::Assign(assign) => {
                print_expr::assign(self, assign);
                self.put(";");
            }
            StmtKind::Jump(jump, value) => {
                self.put(match jump {
                    Jump::Return => "return",
                    Jump::Exit => "exit",
                    Jump::Drop => "drop",
                    Jump::Break => "break",
                });
                if let Some(value) = value {
                    self.put(" ");
                    print_expr::expr(self, value);
                }
                self.put(";");
            }
            StmtKind::If(chain) => {
                for (index, (condition, body)) in chain.arms.iter().enumerate() {
                    self.put(if index > 0 { " else if (" } else { "if (" });
                    print_expr::expr(self, condition);
                    self.put(") ");
                    self.block(body);
                }
                if let Some(body) = &chain.otherwise {
                    self.put(" else ");
                    self.block(body);
                }
            }
            StmtKind::While(condition, body) => {
                self.put("while (");
                print_expr::expr(self, condition);
                self.put(") ");
                self.block(body);
            }
            StmtKind::Switch(switch) => {
                self.put("switch (");
                print_expr::expr(self, &switch.value);
                self.put(") {\n");
                for case in &switch.cases {
                    self.line();
                    self.case(&case.label, &case.body);
                }
                self.line();
                self.put("}");
            }
        }
    }

    fn case(&mut self, label: &CaseLabel, body: &[Stmt]) {
        match label {
            CaseLabel::Default => self.put("default"),
            CaseLabel::Value(value) => {
                self.put("case ");
                print_expr::expr(self, value);
            }
            CaseLabel::Regex(value) => {
                self.put("case /");
                print_expr::expr(self, value);
            }
        }
        self.put(":\n");
        self.depth += 1;
        if !body.is_empty() {
            self.stmts(body);
        }
        self.depth -= 1;
    }

    pub(super) fn call(&mut self, call: &Call) {
        self.put(&call.name.text);
        self.put("(");
        for (index, arg) in call.args.iter().enumerate() {
            self.put(if index > 0 { ", " } else { "" });
            match arg {
                Arg::Expr(expr) => print_expr::expr(self, expr),
                Arg::Word(name) => self.quoted(name.text.as_bytes()),
                Arg::Host(host) => self.host(host),
                Arg::Socket(socket) => self.socket(socket),
                Arg::Proto(_, proto) => self.put(proto.keyword()),
                Arg::UriHost(_) => self.put("uri:host"),
                Arg::UriPort(_) => self.put("uri:port"),
            }
        }
        self.put(")");
    }

    pub(super) fn route_target(&mut self, target: &RouteTarget) {
        self.put("route(");
        match target {
            RouteTarget::Name(_, Some(name)) => self.quoted(name.as_bytes()),
            RouteTarget::Name(_, None) => self.put("0"),
            RouteTarget::Computed(expr) => print_expr::expr(self, expr),
        }
        self.put(")");
    }
}

impl Proto {
    /// The word of the language.
    pub fn keyword(self) -> &'static str {
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
