//! Grammar of the statements in a route block.

use super::ast::{Assign, Block, Call, Case, CaseLabel, ExprKind, If, Jump, Pv, Stmt, StmtKind, Switch};
use super::parse::{Failed, Parse, Parser};
use super::source::Pos;
use super::token::{Punct, TokenKind};
use super::{codes, corecalls, words};

impl Parser<'_> {
    /// `{ statement }`
    pub(super) fn block(&mut self) -> Parse<Block> {
        let open = self.expect(Punct::LBrace, "to start a block")?.pos;
        let stmts = self.nested(|parser| Ok(parser.block_rest(open)))?;
        Ok(Block { pos: open, stmts })
    }

    fn block_rest(&mut self, open: Pos) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        loop {
            if self.eat(Punct::RBrace) {
                return stmts;
            }
            if self.is_block_over(open) {
                return stmts;
            }
            self.statement_into(&mut stmts);
        }
    }

    /// Whether the block cannot go on although its brace is missing.
    fn is_block_over(&mut self, open: Pos) -> bool {
        let is_over = self.peek().kind == TokenKind::End || self.is_file_level();
        if is_over {
            let found = self.peek().kind.to_string();
            self.error(
                codes::SYNTAX,
                open,
                format!("the block that starts here has no \"}}\" before {found}"),
            );
        }
        is_over
    }

    fn statement_into(&mut self, stmts: &mut Vec<Stmt>) {
        match self.statement() {
            Ok(Some(stmt)) => stmts.push(stmt),
            Ok(None) => {}
            Err(Failed) => self.skip_statement(),
        }
    }

    /// One statement; `None` for a stray semicolon.
    fn statement(&mut self) -> Parse<Option<Stmt>> {
        if self.eat(Punct::Semicolon) {
            return Ok(None);
        }
        let token = self.peek().clone();
        let kind = match &token.kind {
            TokenKind::Pv(_) => self.assignment_statement()?,
            TokenKind::Word(_) => self.word_statement(token.word().unwrap_or_default())?,
            TokenKind::Punct(Punct::LBrace) => {
                self.error(codes::UNKNOWN_STATEMENT, token.pos, "a block alone is no statement")
                    .hint("blocks follow if, else, while or a route's name");
                self.block()?;
                return Ok(None);
            }
            _ => {
                self.unexpected("a statement was expected");
                return Err(Failed);
            }
        };
        Ok(Some(Stmt { pos: token.pos, kind }))
    }

    fn word_statement(&mut self, word: &str) -> Parse<StmtKind> {
        match word {
            "if" => self.if_statement(),
            "while" => self.while_statement(),
            "switch" => self.switch_statement(),
            "return" => self.jump(Jump::Return),
            "exit" => self.jump(Jump::Exit),
            "drop" => self.jump(Jump::Drop),
            "break" => self.jump(Jump::Break),
            "route" => {
                let call = self.route_call()?;
                self.semicolon("after route(...)")?;
                Ok(StmtKind::Route(call))
            }
            "else" => {
                let pos = self.next().pos;
                self.error(codes::UNKNOWN_STATEMENT, pos, "this else belongs to no if")
                    .hint("no \";\" may stand between the block of the if and its else");
                Err(Failed)
            }
            "case" | "default" => {
                self.unexpected("a statement was expected")
                    .hint("labels stand directly in the block of a switch");
                self.next();
                Err(Failed)
            }
            _ => self.call_statement(word),
        }
    }

    fn call_statement(&mut self, word: &str) -> Parse<StmtKind> {
        let is_bare_call = corecalls::find(word).is_some_and(|call| call.may_be_bare);
        if !is_bare_call && !self.peek_at(1).is(Punct::LParen) {
            let pos = self.peek().pos;
            let is_assignment = self.peek_at(1).is(Punct::Assign);
            let finding = self.error(codes::UNKNOWN_STATEMENT, pos, format!("{word} is no statement"));
            if is_assignment {
                finding.hint(format!(
                    "global parameters stand outside of routes, variables are written ${word}"
                ));
            }
            finding
                .suggest(word, words::STATEMENTS.iter().copied().chain(corecalls::names()))
                .hint("functions are called with parentheses");
            self.next();
            return Err(Failed);
        }
        let call = self.call()?;
        self.semicolon(&format!("after {}(...)", call.name.text))?;
        Ok(StmtKind::Call(call))
    }

    fn assignment_statement(&mut self) -> Parse<StmtKind> {
        if !self.peek_at(1).is(Punct::Assign) {
            let variable = self.next().kind.to_string();
            let is_comparison = self.peek().is(Punct::EqEq);
            let finding = self.unexpected(&format!("\"=\" was expected after {variable}"));
            if is_comparison {
                finding.hint("a comparison alone is no statement, an assignment has one \"=\"");
            }
            return Err(Failed);
        }
        let assign = self.assignment()?;
        self.semicolon("after the assignment")?;
        Ok(StmtKind::Assign(assign))
    }

    /// `PVAR = expr`, known to start so.
    pub(super) fn assignment(&mut self) -> Parse<Assign> {
        let token = self.next();
        let TokenKind::Pv(raw) = token.kind else { return Err(Failed) };
        if raw.ends_with(b"})") {
            self.error(codes::READ_ONLY, token.pos, "a transformation cannot be assigned to");
        }
        self.next();
        let value = self.expr()?;
        Ok(Assign { target: Pv { pos: token.pos, raw: raw.into() }, value })
    }

    fn if_statement(&mut self) -> Parse<StmtKind> {
        let mut arms = Vec::new();
        loop {
            let pos = self.next().pos;
            let condition = self.condition(pos)?;
            let body = self.body()?;
            arms.extend(condition.map(|condition| (condition, body)));
            if !self.peek().is_word("else") {
                return Ok(StmtKind::If(If { arms, otherwise: None }));
            }
            self.next();
            if !self.peek().is_word("if") {
                let otherwise = Some(self.body()?);
                return Ok(StmtKind::If(If { arms, otherwise }));
            }
        }
    }

    /// The condition of `if` and `while`. `None` if it was wrong but the guarded block follows.
    fn condition(&mut self, pos: Pos) -> Parse<Option<super::ast::Expr>> {
        match self.expr() {
            Ok(condition) => {
                if matches!(condition.kind, ExprKind::Assign(_)) {
                    self.warning(codes::CONSTANT_CONDITION, pos, "this condition is an assignment")
                        .hint("comparisons are written ==");
                }
                Ok(Some(condition))
            }
            Err(Failed) => self.skip_condition().map(|()| None),
        }
    }

    /// The statement or block that a condition guards.
    fn body(&mut self) -> Parse<Block> {
        if self.peek().is(Punct::LBrace) {
            return self.block();
        }
        let pos = self.peek().pos;
        if self.peek().is(Punct::RBrace) || self.peek().kind == TokenKind::End {
            self.unexpected("a statement was expected");
            return Err(Failed);
        }
        let stmt = self.nested(Parser::statement)?;
        Ok(Block { pos, stmts: stmt.into_iter().collect() })
    }

    fn while_statement(&mut self) -> Parse<StmtKind> {
        let pos = self.next().pos;
        let condition = self.condition(pos)?;
        self.open_loops += 1;
        let body = self.body();
        self.open_loops -= 1;
        match condition {
            Some(condition) => Ok(StmtKind::While(condition, body?)),
            None => body.map(|body| StmtKind::If(If { arms: Vec::new(), otherwise: Some(body) })),
        }
    }

    fn switch_statement(&mut self) -> Parse<StmtKind> {
        let pos = self.next().pos;
        let value = self.condition(pos)?;
        let open = self.expect(Punct::LBrace, "to start the cases of the switch")?.pos;
        self.open_loops += 1;
        let cases = self.nested(|parser| parser.cases(open));
        self.open_loops -= 1;
        let cases = cases?;
        if cases.is_empty() {
            self.warning(codes::CASE, pos, "this switch has no cases");
        }
        match value {
            Some(value) => Ok(StmtKind::Switch(Switch { value, cases })),
            None => Ok(StmtKind::If(If { arms: Vec::new(), otherwise: None })),
        }
    }

    fn cases(&mut self, open: Pos) -> Parse<Vec<Case>> {
        let mut cases: Vec<Case> = Vec::new();
        loop {
            if self.eat(Punct::RBrace) || self.is_block_over(open) {
                return Ok(cases);
            }
            if let Some("case" | "default") = self.peek().word() {
                let pos = self.peek().pos;
                match self.case_label() {
                    Ok(label) => cases.push(Case { pos, label, body: Vec::new() }),
                    Err(Failed) => self.skip_statement(),
                }
                continue;
            }
            match cases.pop() {
                Some(mut case) => {
                    self.statement_into(&mut case.body);
                    cases.push(case);
                }
                None => {
                    self.unexpected("\"case\" or \"default\" was expected");
                    self.skip_statement();
                }
            }
        }
    }

    fn case_label(&mut self) -> Parse<CaseLabel> {
        let keyword = self.next();
        let label = if keyword.is_word("default") {
            CaseLabel::Default
        } else if self.eat(Punct::Slash) {
            CaseLabel::Regex(self.expr()?)
        } else {
            CaseLabel::Value(self.expr()?)
        };
        self.expect(Punct::Colon, "after the label")?;
        Ok(label)
    }

    fn jump(&mut self, jump: Jump) -> Parse<StmtKind> {
        let keyword = self.next_name();
        let mut value = None;
        if jump == Jump::Break {
            if self.open_loops == 0 {
                self.warning(
                    codes::BREAK_OUTSIDE,
                    keyword.pos,
                    "this break leaves no switch or while but the route",
                )
                .hint("return says so more clearly");
            }
        } else if self.peek().is(Punct::LParen) && self.peek_at(1).is(Punct::RParen) {
            self.next();
            self.next();
        } else if !self.peek().is(Punct::Semicolon) && !self.peek().is(Punct::RBrace) {
            value = Some(self.expr()?);
        }
        self.semicolon(&format!("after {}", keyword.text))?;
        Ok(StmtKind::Jump(jump, value))
    }

    /// The `;` of a statement. Where the next statement or the end of the block follows, only the `;` is
    /// missing, and reading goes on.
    fn semicolon(&mut self, context: &str) -> Parse<()> {
        if self.eat(Punct::Semicolon) {
            return Ok(());
        }
        let next = self.peek().clone();
        let goes_on = match &next.kind {
            TokenKind::Punct(Punct::RBrace) | TokenKind::Pv(_) | TokenKind::End => true,
            TokenKind::Word(_) => self.starts_statement(next.word().unwrap_or_default()),
            _ => false,
        };
        if goes_on {
            let end = self.last_end();
            self.error(codes::MISSING_SEMICOLON, end, format!("\";\" is missing {context}"));
            return Ok(());
        }
        self.unexpected(&format!("\";\" was expected {context}"));
        Err(Failed)
    }

    fn starts_statement(&mut self, word: &str) -> bool {
        words::STATEMENTS.contains(&word)
            || corecalls::find(word).is_some_and(|call| call.may_be_bare)
            || self.peek_at(1).is(Punct::LParen)
            || self.is_file_level()
    }

    /// A function call, known to start with the function's name.
    pub(super) fn call(&mut self) -> Parse<Call> {
        let name = self.next_name();
        if self.open_calls > 0 {
            let message =
                format!("the call of {} stands inside the arguments of another function", name.text);
            self.error(codes::NESTED_CALL, name.pos, message).hint("assign its value to a variable first");
        }
        if !self.peek().is(Punct::LParen) {
            return Ok(Call { name, args: Vec::new() });
        }
        self.open_calls += 1;
        let args = self.args(&name);
        self.open_calls -= 1;
        Ok(Call { name, args: args? })
    }
}
