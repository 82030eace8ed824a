//! Goes through the tree of a configuration.

use crate::cfg::ast::{
    Arg, Assign, Call, CaseLabel, Config, Expr, ExprKind, KeyValue, Route, RouteTarget, Stmt, StmtKind,
};

/// Sees the nodes of a tree, outer ones first.
pub(super) trait Visitor {
    /// A block begins.
    fn route(&mut self, _: &Route) {}
    /// An expression, an inner one too.
    fn expr(&mut self, _: &Expr) {}
    /// An assignment.
    fn assign(&mut self, _: &Assign) {}
    /// A call; its arguments follow as expressions.
    fn call(&mut self, _: &Call) {}
}

/// Shows all blocks to a visitor.
pub(super) fn walk(config: &Config, visitor: &mut impl Visitor) {
    for route in config.routes() {
        visitor.route(route);
        stmts(&route.body.stmts, visitor);
    }
}

fn stmts(list: &[Stmt], visitor: &mut impl Visitor) {
    for stmt in list {
        match &stmt.kind {
            StmtKind::Call(it) => call(it, visitor),
            StmtKind::Route(it) => target(&it.target, visitor),
            StmtKind::Assign(it) => assign(it, visitor),
            StmtKind::Jump(_, value) => value.iter().for_each(|value| expr(value, visitor)),
            StmtKind::If(chain) => {
                for (condition, body) in &chain.arms {
                    expr(condition, visitor);
                    stmts(&body.stmts, visitor);
                }
                chain.otherwise.iter().for_each(|body| stmts(&body.stmts, visitor));
            }
            StmtKind::While(condition, body) => {
                expr(condition, visitor);
                stmts(&body.stmts, visitor);
            }
            StmtKind::Switch(switch) => {
                expr(&switch.value, visitor);
                for case in &switch.cases {
                    if let CaseLabel::Value(label) | CaseLabel::Regex(label) = &case.label {
                        expr(label, visitor);
                    }
                    stmts(&case.body, visitor);
                }
            }
        }
    }
}

fn call(it: &Call, visitor: &mut impl Visitor) {
    visitor.call(it);
    for arg in &it.args {
        if let Arg::Expr(arg) = arg {
            expr(arg, visitor);
        }
    }
}

fn target(it: &RouteTarget, visitor: &mut impl Visitor) {
    if let RouteTarget::Computed(name) = it {
        expr(name, visitor);
    }
}

fn assign(it: &Assign, visitor: &mut impl Visitor) {
    visitor.assign(it);
    expr(&it.value, visitor);
}

fn expr(it: &Expr, visitor: &mut impl Visitor) {
    visitor.expr(it);
    match &it.kind {
        ExprKind::Int(_) | ExprKind::Str(_) | ExprKind::Pv(_) | ExprKind::Select(_) => {}
        ExprKind::Unary(_, inner) => expr(inner, visitor),
        ExprKind::Binary(_, left, right) => {
            expr(left, visitor);
            expr(right, visitor);
        }
        ExprKind::Selval(parts) => parts.iter().for_each(|part| expr(part, visitor)),
        ExprKind::Key(key) => {
            if let KeyValue::Expr(right) = &key.right {
                expr(right, visitor);
            }
        }
        ExprKind::Call(it) => call(it, visitor),
        ExprKind::Route(it) => target(&it.target, visitor),
        ExprKind::Block(block) => stmts(&block.stmts, visitor),
        ExprKind::Assign(it) => assign(it, visitor),
    }
}
