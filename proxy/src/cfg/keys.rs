//! Grammar of comparisons with key words of the message: `uri == myself`, `src_ip == 10.0.0.0/8`.

use super::ast::{BinaryOp, ExprKind, Host, Key, KeyExpr, KeyValue};
use super::expr::EQUALITY;
use super::parse::{Failed, Parse, Parser};
use super::source::Pos;
use super::token::{Punct, TokenKind};
use super::{codes, words};

/// A key word with what may stand right of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyDef {
    word: &'static str,
    key: Key,
    class: KeyClass,
}

/// The classes of key words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyClass {
    Uri,
    Method,
    Ip,
    Int,
    Proto,
}

const KEYS: &[KeyDef] = &[
    key("uri", Key::Uri, KeyClass::Uri),
    key("status", Key::Uri, KeyClass::Uri),
    key("from_uri", Key::FromUri, KeyClass::Uri),
    key("to_uri", Key::ToUri, KeyClass::Uri),
    key("method", Key::Method, KeyClass::Method),
    key("src_ip", Key::SrcIp, KeyClass::Ip),
    key("dst_ip", Key::DstIp, KeyClass::Ip),
    key("snd_ip", Key::SndIp, KeyClass::Ip),
    key("to_ip", Key::ToIp, KeyClass::Ip),
    key("src_port", Key::SrcPort, KeyClass::Int),
    key("dst_port", Key::DstPort, KeyClass::Int),
    key("snd_port", Key::SndPort, KeyClass::Int),
    key("to_port", Key::ToPort, KeyClass::Int),
    key("af", Key::Af, KeyClass::Int),
    key("snd_af", Key::SndAf, KeyClass::Int),
    key("to_af", Key::SndAf, KeyClass::Int),
    key("msg:len", Key::MsgLen, KeyClass::Int),
    key("proto", Key::Proto, KeyClass::Proto),
    key("snd_proto", Key::SndProto, KeyClass::Proto),
    key("to_proto", Key::SndProto, KeyClass::Proto),
];

const fn key(word: &'static str, key: Key, class: KeyClass) -> KeyDef {
    KeyDef { word, key, class }
}

/// The key word.
pub(super) fn find(word: &str) -> Option<KeyDef> {
    KEYS.iter().find(|def| def.word == word).copied()
}

impl KeyClass {
    fn allows(self, op: BinaryOp) -> bool {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Match, Ne};
        match self {
            KeyClass::Uri | KeyClass::Method | KeyClass::Ip => matches!(op, Eq | Ne | Match),
            KeyClass::Int => matches!(op, Eq | Ne | Gt | Lt | Ge | Le),
            KeyClass::Proto => matches!(op, Eq | Ne),
        }
    }

    fn operators(self) -> &'static str {
        match self {
            KeyClass::Uri | KeyClass::Method | KeyClass::Ip => "==, != or =~",
            KeyClass::Int => "==, !=, <, >, <= or >=",
            KeyClass::Proto => "== or !=",
        }
    }
}

impl Parser<'_> {
    /// `KEY operator value`, with the key word next.
    pub(super) fn key_expr(&mut self, def: KeyDef) -> Parse<ExprKind> {
        self.next();
        let op = self.key_operator(def.word, |op| def.class.allows(op), def.class.operators())?;
        let right = self.key_value(def.class)?;
        Ok(ExprKind::Key(Box::new(KeyExpr { key: def.key, op, right })))
    }

    /// `myself == KEY`, with `myself` next.
    pub(super) fn myself(&mut self) -> Parse<ExprKind> {
        self.next();
        let op = self.key_operator("myself", |op| matches!(op, BinaryOp::Eq | BinaryOp::Ne), "== or !=")?;
        let def =
            self.peek().word().and_then(find).filter(|def| matches!(def.class, KeyClass::Uri | KeyClass::Ip));
        match def {
            Some(def) => {
                self.next();
                Ok(ExprKind::Key(Box::new(KeyExpr { key: def.key, op, right: KeyValue::Myself })))
            }
            None => {
                self.unexpected("uri, from_uri, to_uri, src_ip or dst_ip was expected after \"myself ==\"");
                Err(Failed)
            }
        }
    }

    fn key_operator(
        &mut self,
        word: &str,
        allows: impl Fn(BinaryOp) -> bool,
        expected: &str,
    ) -> Parse<BinaryOp> {
        let token = self.peek();
        let (pos, found) = (token.pos, token.kind.to_string());
        let op = match &token.kind {
            TokenKind::Punct(Punct::EqEq) => Some(BinaryOp::Eq),
            TokenKind::Punct(Punct::NotEq) => Some(BinaryOp::Ne),
            TokenKind::Punct(Punct::Match) => Some(BinaryOp::Match),
            TokenKind::Punct(Punct::Gt) => Some(BinaryOp::Gt),
            TokenKind::Punct(Punct::Lt) => Some(BinaryOp::Lt),
            TokenKind::Punct(Punct::Ge) => Some(BinaryOp::Ge),
            TokenKind::Punct(Punct::Le) => Some(BinaryOp::Le),
            _ if token.is_word("eq") => Some(BinaryOp::Eq),
            _ if token.is_word("ne") => Some(BinaryOp::Ne),
            _ => None,
        };
        match op.filter(|op| allows(*op)) {
            Some(op) => {
                self.next();
                Ok(op)
            }
            None => {
                let message = format!("the key word {word} needs {expected} after it, found {found}");
                let finding = self.error(codes::KEY_OPERATOR, pos, message);
                if let Some(variable) = same_variable(word) {
                    finding.hint(format!("the same value as a variable is {variable}"));
                }
                Err(Failed)
            }
        }
    }

    fn key_value(&mut self, class: KeyClass) -> Parse<KeyValue> {
        let token = self.peek().clone();
        let pos = token.pos;
        if matches!(class, KeyClass::Uri | KeyClass::Ip) && token.is_word("myself") {
            self.next();
            return Ok(KeyValue::Myself);
        }
        match class {
            KeyClass::Ip => self.ip_value(pos),
            KeyClass::Method if self.is_bare_word() => Ok(KeyValue::Word(self.next_name())),
            KeyClass::Proto if token.is(Punct::Star) => {
                self.next();
                Ok(KeyValue::AnyProto)
            }
            KeyClass::Proto if let Some(proto) = self.proto_word() => {
                self.next();
                Ok(KeyValue::Proto(pos, proto))
            }
            // The whole comparison is one operand, so its right side ends before the next `==`.
            _ => self.binary(EQUALITY + 1).map(KeyValue::Expr),
        }
    }

    fn ip_value(&mut self, pos: Pos) -> Parse<KeyValue> {
        let is_literal = match &self.peek().kind {
            TokenKind::Ip6(_) | TokenKind::Punct(Punct::LBracket) => true,
            TokenKind::Number(_) => self.peek_at(1).is(Punct::Dot),
            _ => self.is_bare_word(),
        };
        if !is_literal {
            return self.binary(EQUALITY + 1).map(KeyValue::Expr);
        }
        match self.host()? {
            Host::Ip(addr) => self.network(addr).map(|network| KeyValue::Network(pos, network)),
            Host::Name(name) => Ok(KeyValue::Host(name)),
            Host::Literal(text) => {
                Ok(KeyValue::Expr(super::ast::Expr { pos, kind: ExprKind::Str(text.bytes) }))
            }
        }
    }

    /// A word that can only be a name: no operand of its own, no call.
    fn is_bare_word(&mut self) -> bool {
        let is_name = match self.peek().word() {
            Some(word) => words::number(word).is_none() && !OPERAND_WORDS.contains(&word),
            None => false,
        };
        is_name && !self.peek_at(1).is(Punct::LParen)
    }
}

/// The variable with the value of a key word.
fn same_variable(word: &str) -> Option<&'static str> {
    Some(match word {
        "uri" => "$ru",
        "status" => "$rs",
        "from_uri" => "$fu",
        "to_uri" => "$tu",
        "method" => "$rm",
        "src_ip" => "$si",
        "dst_ip" => "$Ri",
        "src_port" => "$sp",
        "dst_port" => "$Rp",
        "proto" => "$proto",
        "msg:len" => "$ml",
        _ => return None,
    })
}

/// Words that start an operand and so are no names.
const OPERAND_WORDS: &[&str] = &["not", "defined", "strlen", "strempty", "selval", "route"];
