//! Grammar of expressions: operators by their binding strength, operands, arguments.

use super::ast::{Arg, BinaryOp, Expr, ExprKind, Name, RouteCall, RouteTarget, UnaryOp};
use super::corecalls::{self, Shape};
use super::items::MAX_FLAG;
use super::keys;
use super::parse::{Failed, Parse, Parser};
use super::source::Pos;
use super::token::{Cast, Punct, Token, TokenKind};
use super::{codes, limits, words};

impl Parser<'_> {
    /// Any expression.
    pub(super) fn expr(&mut self) -> Parse<Expr> {
        self.binary(1)
    }

    /// Operators that bind at least as strong as `min_level`, left to right.
    pub(super) fn binary(&mut self, min_level: u8) -> Parse<Expr> {
        if self.open_exprs == 0 {
            self.operators = 0;
        }
        self.open_exprs += 1;
        let result = self.nested(|parser| parser.binary_chain(min_level));
        self.open_exprs -= 1;
        result
    }

    fn binary_chain(&mut self, min_level: u8) -> Parse<Expr> {
        let mut left = self.unary()?;
        while let Some((operator, level)) = operator(self.peek())
            && level >= min_level
        {
            let token = self.next();
            self.count_operator(token.pos)?;
            let right = self.binary(level + 1)?;
            let pos = left.pos;
            let kind = match operator {
                Operator::Is(op) => ExprKind::Binary(op, Box::new(left), Box::new(right)),
                Operator::NotMatch => {
                    let matches = ExprKind::Binary(BinaryOp::Match, Box::new(left), Box::new(right));
                    ExprKind::Unary(UnaryOp::Not, Box::new(Expr { pos, kind: matches }))
                }
            };
            left = Expr { pos, kind };
        }
        Ok(left)
    }

    /// A chain of operators is a deep tree, so their number is bounded.
    fn count_operator(&mut self, pos: Pos) -> Parse<()> {
        self.operators += 1;
        if self.operators <= limits::MAX_OPERATORS {
            return Ok(());
        }
        let message = format!("more than {} operators in one expression", limits::MAX_OPERATORS);
        self.scanner.findings.fatal(codes::LIMIT, pos, message);
        Err(Failed)
    }

    fn unary(&mut self) -> Parse<Expr> {
        let token = self.peek();
        let pos = token.pos;
        let op = match &token.kind {
            TokenKind::Punct(Punct::Bang) => UnaryOp::Not,
            TokenKind::Punct(Punct::Tilde) => UnaryOp::BitNot,
            TokenKind::Punct(Punct::Minus) => UnaryOp::Neg,
            TokenKind::Cast(Cast::Int) => UnaryOp::ToInt,
            TokenKind::Cast(Cast::Str) => UnaryOp::ToStr,
            TokenKind::Word(word) if &word[..] == b"not" => UnaryOp::Not,
            TokenKind::Word(word) if &word[..] == b"defined" => UnaryOp::Defined,
            _ => return self.operand(),
        };
        self.next();
        let inner = self.nested(Parser::unary)?;
        Ok(Expr { pos, kind: ExprKind::Unary(op, Box::new(inner)) })
    }

    fn operand(&mut self) -> Parse<Expr> {
        let token = self.peek().clone();
        let pos = token.pos;
        let kind = match token.kind {
            TokenKind::Number(_) => ExprKind::Int(self.number()?),
            TokenKind::Str(text) => {
                self.next();
                ExprKind::Str(text.into())
            }
            TokenKind::Pv(raw) => {
                self.next();
                ExprKind::Pv(raw.into())
            }
            TokenKind::Select(path) => {
                self.next();
                ExprKind::Select((&path[..]).into())
            }
            TokenKind::Punct(Punct::LParen) => return self.parenthesised(),
            TokenKind::Punct(Punct::LBrace) => ExprKind::Block(self.block_operand()?),
            TokenKind::Word(_) => self.word_operand(token.word().unwrap_or_default(), pos)?,
            _ => {
                self.unexpected("a value was expected");
                return Err(Failed);
            }
        };
        Ok(Expr { pos, kind })
    }

    /// `(expr)` or `($x = expr)`
    fn parenthesised(&mut self) -> Parse<Expr> {
        let pos = self.next().pos;
        let is_assignment = matches!(self.peek().kind, TokenKind::Pv(_)) && self.peek_at(1).is(Punct::Assign);
        let inner = if is_assignment {
            let assign = self.nested(Parser::assignment)?;
            Expr { pos, kind: ExprKind::Assign(Box::new(assign)) }
        } else {
            self.expr()?
        };
        self.expect(Punct::RParen, "to close the parenthesis")?;
        Ok(inner)
    }

    /// A block as operand. Its statements are not inside the arguments around it.
    fn block_operand(&mut self) -> Parse<super::ast::Block> {
        let open_calls = std::mem::take(&mut self.open_calls);
        let block = self.block();
        self.open_calls = open_calls;
        block
    }

    fn word_operand(&mut self, word: &str, pos: Pos) -> Parse<ExprKind> {
        if let Some(value) = words::number(word) {
            self.next();
            return Ok(ExprKind::Int(value));
        }
        match word {
            "strlen" => self.function_of_one(UnaryOp::Strlen),
            "strempty" => self.function_of_one(UnaryOp::Strempty),
            "selval" => self.selval(),
            "myself" => self.myself(),
            "route" => Ok(ExprKind::Route(self.route_call()?)),
            _ if let Some(key) = keys::find(word) => self.key_expr(key),
            _ if self.peek_at(1).is(Punct::LParen) => Ok(ExprKind::Call(Box::new(self.call()?))),
            _ if corecalls::find(word).is_some_and(|call| call.may_be_bare) => {
                Ok(ExprKind::Call(Box::new(self.call()?)))
            }
            _ => {
                self.error(codes::BARE_WORD, pos, format!("a value was expected, found the word {word}"))
                    .suggest(word, words::OPERANDS.iter().copied())
                    .hint("texts stand in double quotes, variables start with $");
                Err(Failed)
            }
        }
    }

    fn function_of_one(&mut self, op: UnaryOp) -> Parse<ExprKind> {
        self.next();
        self.expect(Punct::LParen, "after the function")?;
        let inner = self.expr()?;
        self.expect(Punct::RParen, "after the argument")?;
        Ok(ExprKind::Unary(op, Box::new(inner)))
    }

    fn selval(&mut self) -> Parse<ExprKind> {
        self.next();
        self.expect(Punct::LParen, "after selval")?;
        let condition = self.expr()?;
        self.expect(Punct::Comma, "after the condition of selval")?;
        let yes = self.expr()?;
        self.expect(Punct::Comma, "after the first value of selval")?;
        let no = self.expr()?;
        self.expect(Punct::RParen, "after the arguments of selval")?;
        Ok(ExprKind::Selval(Box::new([condition, yes, no])))
    }

    /// `route(NAME)`: a bare word, number or string alone is the name.
    pub(super) fn route_call(&mut self) -> Parse<RouteCall> {
        let pos = self.next().pos;
        if self.open_calls > 0 {
            self.error(codes::NESTED_CALL, pos, "route() stands inside the arguments of a function");
        }
        self.expect(Punct::LParen, "after route")?;
        let token = self.peek().clone();
        let name = match &token.kind {
            _ if !self.peek_at(1).is(Punct::RParen) => None,
            TokenKind::Word(word) => Some(String::from_utf8_lossy(word).into_owned()),
            TokenKind::Str(text) => Some(String::from_utf8_lossy(text).into_owned()),
            TokenKind::Number(_) => Some(self.number()?.to_string()),
            _ => None,
        };
        let target = match name {
            Some(name) => {
                if !matches!(token.kind, TokenKind::Number(_)) {
                    self.next();
                }
                if name.is_empty() {
                    self.error(codes::EMPTY_NAME, token.pos, "the name of the route is empty");
                }
                RouteTarget::Name(token.pos, (name != "0").then(|| name.into()))
            }
            None => RouteTarget::Computed(Box::new(self.expr()?)),
        };
        self.expect(Punct::RParen, "after the route's name")?;
        Ok(RouteCall { pos, target })
    }

    /// `( [arg {, arg}] )` in the form the function wants.
    pub(super) fn args(&mut self, name: &Name) -> Parse<Vec<Arg>> {
        self.next();
        let shape = corecalls::find(&name.text).map_or(Shape::Exprs, |call| call.shape);
        let mut args = Vec::new();
        if self.eat(Punct::RParen) {
            return Ok(args);
        }
        loop {
            args.push(self.arg(shape, args.len())?);
            if !self.eat(Punct::Comma) {
                break;
            }
        }
        self.expect(Punct::RParen, &format!("or \",\" in the arguments of {}", name.text))?;
        Ok(args)
    }

    fn arg(&mut self, shape: Shape, index: usize) -> Parse<Arg> {
        let token = self.peek().clone();
        let is_host = matches!(
            token.kind,
            TokenKind::Word(_) | TokenKind::Number(_) | TokenKind::Ip6(_) | TokenKind::Punct(Punct::LBracket)
        );
        match (shape, index) {
            (Shape::Destination, _) if token.is_word("uri:host") => Ok(Arg::UriHost(self.next().pos)),
            (Shape::Destination, _) if token.is_word("uri:port") => Ok(Arg::UriPort(self.next().pos)),
            (Shape::Destination | Shape::Host, 0) if is_host => self.host().map(Arg::Host),
            (Shape::Socket, 0) if is_host => self.socket().map(Arg::Socket),
            (Shape::Proto, 0) if let Some(proto) = self.proto_word() => {
                Ok(Arg::Proto(self.next().pos, proto))
            }
            (Shape::Flag, 0) => self.flag_arg(),
            (Shape::AvpFlag, 1) => self.avp_flag_arg(),
            _ => self.expr().map(Arg::Expr),
        }
    }

    /// A message flag: its number or its declared name.
    fn flag_arg(&mut self) -> Parse<Arg> {
        let pos = self.peek().pos;
        if matches!(self.peek().kind, TokenKind::Number(_)) {
            let number = self.number()?;
            if !(0..=i64::from(MAX_FLAG)).contains(&number) {
                self.error(codes::FLAG, pos, format!("the flag {number} is not between 0 and {MAX_FLAG}"));
            }
            return Ok(Arg::Expr(Expr { pos, kind: ExprKind::Int(number) }));
        }
        let name = self.flag_name_arg()?;
        if !self.flags.contains_key(&name.text) {
            let known: Vec<Box<str>> = self.flags.keys().cloned().collect();
            self.error(codes::FLAG, pos, format!("the flag {} is not declared", name.text))
                .suggest(&name.text, known.iter().map(|name| &**name))
                .hint("declare it with: flags NAME:NUMBER");
        }
        Ok(Arg::Word(name))
    }

    fn avp_flag_arg(&mut self) -> Parse<Arg> {
        let name = self.flag_name_arg()?;
        if !self.avp_flags.contains_key(&name.text) {
            self.error(codes::FLAG, name.pos, format!("the AVP flag {} is not declared", name.text))
                .hint("declare it with: avpflags NAME");
        }
        Ok(Arg::Word(name))
    }

    fn flag_name_arg(&mut self) -> Parse<Name> {
        let token = self.peek().clone();
        match &token.kind {
            TokenKind::Word(_) => Ok(self.next_name()),
            TokenKind::Str(text) => {
                self.next();
                Ok(Name { pos: token.pos, text: String::from_utf8_lossy(text).into() })
            }
            _ => {
                self.unexpected("a flag was expected, as a number or a declared name");
                Err(Failed)
            }
        }
    }
}

/// An operator between two operands.
#[derive(Clone, Copy)]
enum Operator {
    Is(BinaryOp),
    /// `!~`, which has no node of its own.
    NotMatch,
}

/// The operator that the token is, with its binding strength from 1.
fn operator(token: &Token) -> Option<(Operator, u8)> {
    let (op, level) = match &token.kind {
        TokenKind::Punct(punct) => match punct {
            Punct::OrOr => (BinaryOp::Or, 1),
            Punct::AndAnd => (BinaryOp::And, 2),
            Punct::Pipe => (BinaryOp::BitOr, 3),
            Punct::Amp => (BinaryOp::BitAnd, 4),
            Punct::Caret => (BinaryOp::BitXor, 5),
            Punct::Shl => (BinaryOp::Shl, 6),
            Punct::Shr => (BinaryOp::Shr, 7),
            Punct::EqEq => (BinaryOp::Eq, EQUALITY),
            Punct::NotEq => (BinaryOp::Ne, EQUALITY),
            Punct::Match => (BinaryOp::Match, EQUALITY),
            Punct::NotMatch => return Some((Operator::NotMatch, EQUALITY)),
            Punct::Gt => (BinaryOp::Gt, 9),
            Punct::Lt => (BinaryOp::Lt, 9),
            Punct::Ge => (BinaryOp::Ge, 9),
            Punct::Le => (BinaryOp::Le, 9),
            Punct::Plus => (BinaryOp::Add, 10),
            Punct::Minus => (BinaryOp::Sub, 10),
            Punct::Star => (BinaryOp::Mul, 11),
            Punct::Slash => (BinaryOp::Div, 11),
            Punct::Percent => (BinaryOp::Mod, 11),
            _ => return None,
        },
        TokenKind::Word(word) => match &word[..] {
            b"or" => (BinaryOp::Or, 1),
            b"and" => (BinaryOp::And, 2),
            b"eq" => (BinaryOp::StrEq, EQUALITY),
            b"ne" => (BinaryOp::StrNe, EQUALITY),
            b"ieq" => (BinaryOp::IntEq, EQUALITY),
            b"ine" => (BinaryOp::IntNe, EQUALITY),
            b"mod" => (BinaryOp::Mod, 11),
            _ => return None,
        },
        _ => return None,
    };
    Some((Operator::Is(op), level))
}

/// Binding strength of `==` and its like.
pub(super) const EQUALITY: u8 = 8;
