//! Grammar of the file level: parameters, flags, modules, routes.

use super::ast::{
    Config, Constant, CustomParam, Expand, FlagDecl, Item, LoadModule, ModParam, ModParamValue, Name, Pv,
    Route, RouteKind, Setting, SettingValue, Text,
};
use super::params::{self, ParamClass, ParamDef, ParamKind};
use super::parse::{Failed, Parse, Parser};
use super::source::Pos;
use super::token::{Punct, TokenKind};
use super::{codes, number, words};

impl Parser<'_> {
    /// `{ statement }` up to the end of everything.
    pub(super) fn file(&mut self) {
        while self.peek().kind != TokenKind::End {
            let pos = self.peek().pos;
            if self.item().is_err() {
                if self.peek().pos == pos && !self.is_file_level() {
                    self.next();
                }
                self.skip_item();
            }
        }
    }

    fn item(&mut self) -> Parse<()> {
        if self.eat(Punct::Semicolon) {
            return Ok(());
        }
        let Some(word) = self.peek().word().map(str::to_owned) else {
            let finding = self.unexpected("a parameter, loadmodule, modparam or a route was expected");
            finding.hint("is a brace before one too many?");
            return Err(Failed);
        };
        match word.as_str() {
            "loadmodule" => self.load_module(Expand::Never),
            "loadmodulex" => self.load_module(Expand::AtLoad),
            "modparam" => self.mod_param(Expand::Never),
            "modparamx" => self.mod_param(Expand::AtLoad),
            "loadpath" | "mpath" => self.text_setting().map(|text| self.push(Item::LoadPath(text))),
            "cfgengine" => self.text_setting().map(|text| self.push(Item::Engine(text))),
            "flags" | "bool" => self.flags(),
            "avpflags" => self.avp_flags(),
            "route" | "request_route" => self.route(RouteKind::Request, word == "route"),
            "reply_route" => self.route(RouteKind::Reply, false),
            "onreply_route" => self.route(RouteKind::Reply, true),
            "failure_route" => self.route(RouteKind::Failure, true),
            "branch_route" => self.route(RouteKind::Branch, true),
            "onsend_route" => self.route(RouteKind::Onsend, true),
            "event_route" => self.route(RouteKind::Event, true),
            _ => self.setting(&word),
        }
    }

    fn push(&mut self, item: Item) {
        self.config.items.push(item);
    }

    /// `name = value`, `group.name = value` or `group[1].name = value`.
    fn setting(&mut self, word: &str) -> Parse<()> {
        if self.peek_at(1).is(Punct::Dot) || self.peek_at(1).is(Punct::LBracket) {
            return self.custom();
        }
        if !self.peek_at(1).is(Punct::Assign) {
            let pos = self.peek().pos;
            let known = words::TOP_LEVEL.iter().copied().chain(params::names());
            self.error(
                codes::UNKNOWN_STATEMENT,
                pos,
                format!("{word} starts no statement of the file level"),
            )
            .suggest(word, known);
            return Err(Failed);
        }
        let name = self.next_name();
        self.next();
        let Some(def) = params::find(word) else {
            self.error(codes::UNKNOWN_PARAMETER, name.pos, format!("unknown global parameter {word}"))
                .suggest(word, params::names());
            return Err(Failed);
        };
        match def.class {
            ParamClass::Removed => {
                let message = format!("the global parameter {word} does not exist any more: {}", def.doc);
                self.error(codes::OLD_PARAMETER, name.pos, message);
            }
            ParamClass::Old => {
                let message = format!("the global parameter {word} is of Kamailio 3 and has no effect");
                self.warning(codes::OLD_PARAMETER, name.pos, message).hint(def.doc);
            }
            _ => {}
        }
        let value = self.setting_value(def)?;
        self.push(Item::Setting(Setting { pos: name.pos, def, value }));
        Ok(())
    }

    fn setting_value(&mut self, def: &'static ParamDef) -> Parse<SettingValue> {
        let token = self.peek().clone();
        let word =
            |name: Name| SettingValue::Text(Text { pos: name.pos, bytes: name.text.as_bytes().into() });
        match (def.kind, &token.kind) {
            (ParamKind::Sockets, _) => Ok(SettingValue::Sockets(self.sockets()?)),
            (ParamKind::Proto, TokenKind::Word(_)) if let Some(proto) = self.proto_word() => {
                self.next();
                Ok(SettingValue::Proto(proto))
            }
            (
                ParamKind::Int | ParamKind::IntOrWord,
                TokenKind::Number(_) | TokenKind::Punct(Punct::Minus),
            ) => self.integer().map(|(_, value)| SettingValue::Int(value)),
            (ParamKind::Int | ParamKind::IntOrWord, TokenKind::Word(_))
                if let Some(value) = token.word().and_then(words::number) =>
            {
                self.next();
                Ok(SettingValue::Int(value))
            }
            (ParamKind::Word | ParamKind::IntOrWord, TokenKind::Word(_)) => Ok(word(self.next_name())),
            (ParamKind::Text | ParamKind::Word | ParamKind::Host, TokenKind::Str(_)) => {
                self.expect_text("").map(SettingValue::Text)
            }
            (ParamKind::Host, TokenKind::Word(_) | TokenKind::Number(_) | TokenKind::Ip6(_))
            | (ParamKind::Host, TokenKind::Punct(Punct::LBracket)) => {
                let pos = token.pos;
                let host = self.host()?.text();
                Ok(SettingValue::Text(Text { pos, bytes: host }))
            }
            _ => {
                let message = format!("{} expects {}, found {}", def.name, def.kind.expected(), token.kind);
                let finding = self.error(codes::PARAMETER_TYPE, token.pos, message);
                if let (ParamKind::Int, TokenKind::Str(_)) = (def.kind, &token.kind) {
                    finding.hint("write the number without quotes");
                } else if let (ParamKind::Text, TokenKind::Word(_)) = (def.kind, &token.kind) {
                    finding.hint("put the text into double quotes");
                }
                Err(Failed)
            }
        }
    }

    /// `[-] NUMBER` or a boolean word.
    pub(super) fn integer(&mut self) -> Parse<(Pos, i64)> {
        let pos = self.peek().pos;
        let sign = if self.eat(Punct::Minus) { -1 } else { 1 };
        let value = match self.peek().word().and_then(words::number) {
            Some(value) => {
                self.next();
                value
            }
            None => self.number()?,
        };
        Ok((pos, sign * value))
    }

    /// `NUMBER`
    pub(super) fn number(&mut self) -> Parse<i64> {
        let token = self.peek().clone();
        let TokenKind::Number(raw) = &token.kind else {
            self.unexpected("a number was expected");
            return Err(Failed);
        };
        self.next();
        match number::parse(raw) {
            Ok(value) => Ok(value),
            Err(error) => {
                let raw = String::from_utf8_lossy(raw);
                let message = match error {
                    number::NumberError::Form => format!("{raw} is not a number (12, 014, 0x1f, 101b)"),
                    number::NumberError::Range => format!("{raw} does not fit a number of 64 bits"),
                };
                self.error(codes::NUMBER, token.pos, message);
                // The statement can be read on with any value.
                Ok(0)
            }
        }
    }

    fn custom(&mut self) -> Parse<()> {
        let group = self.next_name();
        let index = if self.eat(Punct::LBracket) {
            let index = self.number()?;
            self.expect(Punct::RBracket, "after the instance number")?;
            Some(index)
        } else {
            None
        };
        self.expect(Punct::Dot, "between group and name of a custom parameter")?;
        let name = self.expect_name("after the group of a custom parameter")?;
        self.expect(Punct::Assign, "after the name of a custom parameter")?;
        let value = self.constant()?;
        let description = match self.peek().word() {
            Some("desc" | "descr" | "description") => {
                self.next();
                Some(self.expect_text("as description")?)
            }
            _ => None,
        };
        let full = format!("{}[{}].{}", group.text, index.unwrap_or(-1), name.text);
        if self.customs.insert(full.into(), group.pos).is_some() {
            let message = format!("the variable {}.{} already exists", group.text, name.text);
            self.error(codes::DUPLICATE_NAME, group.pos, message);
        }
        self.push(Item::Custom(CustomParam { group, index, name, value, description }));
        Ok(())
    }

    /// `NUMBER`, a boolean word or `STRING`.
    fn constant(&mut self) -> Parse<Constant> {
        if matches!(self.peek().kind, TokenKind::Str(_)) {
            return self.expect_text("").map(Constant::Text);
        }
        self.integer().map(|(pos, value)| Constant::Int(pos, value))
    }

    /// `keyword [=] STRING`
    fn text_setting(&mut self) -> Parse<Text> {
        let keyword = self.next_name();
        self.eat(Punct::Assign);
        self.expect_text(&format!("after {}", keyword.text))
    }

    fn load_module(&mut self, expand: Expand) -> Parse<()> {
        let pos = self.next().pos;
        let in_brackets = self.eat(Punct::LParen);
        let path = self.expect_text("with the name of the module")?;
        let mut options = None;
        if in_brackets {
            if self.eat(Punct::Comma) {
                options = Some(self.expect_text("with the options of the module")?);
            }
            self.expect(Punct::RParen, "after loadmodule")?;
        }
        if path.bytes.is_empty() {
            self.error(codes::EMPTY_NAME, path.pos, "the name of a module is empty");
        }
        self.push(Item::LoadModule(LoadModule { pos, path, options, expand }));
        Ok(())
    }

    fn mod_param(&mut self, expand: Expand) -> Parse<()> {
        let pos = self.next().pos;
        self.expect(Punct::LParen, "after modparam")?;
        let module = self.expect_text("with the name of the module")?;
        self.expect(Punct::Comma, "after the name of the module")?;
        let param = self.expect_text("with the name of the parameter")?;
        self.expect(Punct::Comma, "after the name of the parameter")?;
        let value = match &self.peek().kind {
            TokenKind::Pv(raw) if expand == Expand::AtLoad => {
                let raw = raw.clone().into();
                ModParamValue::Pv(Pv { pos: self.next().pos, raw })
            }
            _ => ModParamValue::Constant(self.constant()?),
        };
        self.expect(Punct::RParen, "after the value of modparam")?;
        for name in [&module, &param] {
            if name.bytes.is_empty() {
                self.error(codes::EMPTY_NAME, name.pos, "the name is empty");
            }
        }
        self.push(Item::ModParam(ModParam { pos, module, param, value, expand }));
        Ok(())
    }

    fn flags(&mut self) -> Parse<()> {
        self.next();
        loop {
            let name = self.flag_name()?;
            let number = if self.eat(Punct::Colon) { Some(self.number()?) } else { None };
            self.declare_flag(name, number);
            if !self.eat(Punct::Comma) {
                return Ok(());
            }
        }
    }

    fn declare_flag(&mut self, name: Name, number: Option<i64>) {
        let number = match number {
            Some(number) => u8::try_from(number).ok(),
            None => (0..=MAX_FLAG).find(|free| self.flags.values().all(|taken| taken != free)),
        };
        let Some(number) = number.filter(|number| *number <= MAX_FLAG) else {
            let message = format!("the flag {} has no number from 0 to {MAX_FLAG}", name.text);
            self.error(codes::FLAG, name.pos, message);
            return;
        };
        if self.flags.values().any(|taken| *taken == number) {
            let message = format!("the flag number {number} of {} has another name already", name.text);
            self.warning(codes::FLAG, name.pos, message);
        }
        if self.flags.insert(name.text.clone(), number).is_some() {
            self.error(codes::DUPLICATE_NAME, name.pos, format!("the flag {} is declared twice", name.text));
        }
        self.push(Item::Flag(FlagDecl { name, number }));
    }

    fn avp_flags(&mut self) -> Parse<()> {
        self.next();
        loop {
            let name = self.flag_name()?;
            if self.avp_flags.insert(name.text.clone(), name.pos).is_some() {
                self.error(
                    codes::DUPLICATE_NAME,
                    name.pos,
                    format!("the flag {} is declared twice", name.text),
                );
            }
            self.push(Item::AvpFlag(name));
            if !self.eat(Punct::Comma) {
                return Ok(());
            }
        }
    }

    fn flag_name(&mut self) -> Parse<Name> {
        if matches!(self.peek().kind, TokenKind::Str(_)) {
            let text = self.expect_text("")?;
            return Ok(Name { pos: text.pos, text: String::from_utf8_lossy(&text.bytes).into() });
        }
        self.expect_name("for the flag")
    }

    fn route(&mut self, kind: RouteKind, may_have_name: bool) -> Parse<()> {
        let keyword = self.next_name();
        let mut name = None;
        if self.peek().is(Punct::LBracket) {
            if !may_have_name {
                let message = format!("{} has no name", keyword.text);
                let hint = format!("write {}[NAME]", kind.keyword());
                self.error(codes::SYNTAX, keyword.pos, message).hint(hint);
            }
            name = self.route_name()?;
        } else if kind == RouteKind::Event {
            self.unexpected("\"[\" with module:event was expected after event_route");
        }
        let body = self.block()?;
        self.add_route(Route { pos: keyword.pos, kind, name, body });
        Ok(())
    }

    /// `[` NAME `]`; the name `0` is that of the unnamed block.
    fn route_name(&mut self) -> Parse<Option<Name>> {
        self.next();
        let token = self.peek().clone();
        let text = match &token.kind {
            TokenKind::EventName(name) | TokenKind::Word(name) => {
                self.next();
                String::from_utf8_lossy(name).into_owned()
            }
            TokenKind::Number(_) => self.number()?.to_string(),
            TokenKind::Str(text) => {
                self.next();
                String::from_utf8_lossy(text).into_owned()
            }
            _ => {
                self.unexpected("the name of the route was expected");
                return Err(Failed);
            }
        };
        if text.is_empty() {
            self.error(codes::EMPTY_NAME, token.pos, "the name of the route is empty");
        }
        if !self.peek().is(Punct::RBracket) {
            self.unexpected("\"]\" was expected after the name of the route")
                .hint("names with other characters than letters, digits and _ stand in double quotes");
            return Err(Failed);
        }
        self.next();
        Ok((text != "0").then(|| Name { pos: token.pos, text: text.into() }))
    }

    /// A second unnamed block goes on where the first ended; a second block of one name is an error.
    fn add_route(&mut self, route: Route) {
        let key = (route.kind, route.name.as_ref().map(|name| name.text.clone()));
        let Some(&index) = self.routes.get(&key) else {
            self.routes.insert(key, self.config.items.len());
            self.push(Item::Route(route));
            return;
        };
        match (&mut self.config.items[index], &route.name) {
            (Item::Route(first), None) => first.body.stmts.extend(route.body.stmts),
            (Item::Route(first), Some(name)) => {
                let place = self.scanner.sources.place(first.pos);
                let message =
                    format!("duplicate {}[{}], the first is at {place}", route.kind.keyword(), name.text);
                self.error(codes::DUPLICATE_ROUTE, route.pos, message);
            }
            _ => {}
        }
    }

    /// The configuration read.
    pub(super) fn take_config(&mut self) -> Config {
        std::mem::take(&mut self.config)
    }
}

/// The highest message flag.
pub(super) const MAX_FLAG: u8 = 31;
