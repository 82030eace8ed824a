//! Route blocks as functions see them: their kinds, sets of kinds, and how one is named when it runs.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// What a run is for. Decides which functions may stand in a block and what `drop` means at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RouteKind {
    /// `request_route`, `route[X]`: a request as received.
    Request,
    /// `failure_route[X]`: the request of a transaction whose branches all failed.
    Failure,
    /// `onreply_route[X]`: a reply that belongs to a transaction.
    TmReply,
    /// `reply_route`, the unnamed `onreply_route`: any reply, before transactions are looked up.
    CoreReply,
    /// `branch_route[X]`: the request of one branch, just before it is sent.
    Branch,
    /// `event_route[tm:branch-failure:X]`: the request of one failed branch.
    BranchFailure,
    /// `onsend_route`: a message about to leave.
    Onsend,
    /// `event_route[tm:local-request]`: a request made here.
    Local,
    /// Any other `event_route`: a message made up for the event, unless the event has one.
    Event,
}

/// A set of route kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routes(u16);

impl Routes {
    /// Every kind.
    pub const ANY: Routes = Routes(u16::MAX);
    /// `request_route` and `route[X]`.
    pub const REQUEST: Routes = Routes::of(RouteKind::Request);
    /// `failure_route` and the branch failure events.
    pub const FAILURE: Routes = Routes::of(RouteKind::Failure).or(Routes::of(RouteKind::BranchFailure));
    /// Named `onreply_route`.
    pub const TM_REPLY: Routes = Routes::of(RouteKind::TmReply);
    /// `reply_route`.
    pub const CORE_REPLY: Routes = Routes::of(RouteKind::CoreReply);
    /// Both kinds of reply routes.
    pub const REPLY: Routes = Routes::TM_REPLY.or(Routes::CORE_REPLY);
    /// `branch_route`.
    pub const BRANCH: Routes = Routes::of(RouteKind::Branch);
    /// `onsend_route`.
    pub const ONSEND: Routes = Routes::of(RouteKind::Onsend);
    /// Every event route.
    pub const EVENT: Routes = Routes::of(RouteKind::Event).or(Routes::of(RouteKind::Local));
    /// Everything but `onsend_route`.
    pub const NOT_ONSEND: Routes = Routes(!Routes::ONSEND.0);

    /// The set of one kind.
    pub const fn of(kind: RouteKind) -> Routes {
        Routes(1 << kind as u8)
    }

    /// The kinds of both sets.
    pub const fn or(self, other: Routes) -> Routes {
        Routes(self.0 | other.0)
    }

    /// True when `kind` is in the set.
    pub const fn contains(self, kind: RouteKind) -> bool {
        self.0 & Routes::of(kind).0 != 0
    }
}

/// A block of a loaded script; only meaningful together with that script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteId(pub u32);

/// Tables of named blocks; `route[X]`, `failure_route[X]` and so on are tables of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteTable {
    /// `request_route` (unnamed) and `route[X]`
    Request,
    /// `reply_route` (unnamed) and `onreply_route[X]`
    Reply,
    /// `failure_route[X]`
    Failure,
    /// `branch_route[X]`
    Branch,
    /// `onsend_route` (unnamed)
    Onsend,
    /// `event_route[module:event]`
    Event,
}

impl RouteTable {
    /// The word that opens such a block.
    pub fn keyword(self) -> &'static str {
        match self {
            RouteTable::Request => "route",
            RouteTable::Reply => "onreply_route",
            RouteTable::Failure => "failure_route",
            RouteTable::Branch => "branch_route",
            RouteTable::Onsend => "onsend_route",
            RouteTable::Event => "event_route",
        }
    }
}

/// The blocks of a script by table and name.
#[derive(Clone, Debug, Default)]
pub struct RouteNames {
    ids: FxHashMap<(RouteTable, Box<str>), RouteId>,
    names: Vec<(RouteTable, Box<str>)>,
    statements: Vec<Statement>,
}

/// A statement of a script: where its operations begin, and where it stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its first position in the script.
    pub position: u32,
    /// The file, as its user named it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// What it does: the name of the function, or a word such as `if` and `assign`.
    pub action: &'static str,
}

impl RouteNames {
    /// Adds a statement; called in rising order of positions. The last one of a position counts.
    pub fn mark(&mut self, statement: Statement) {
        match self.statements.last_mut() {
            Some(last) if last.position == statement.position => *last = statement,
            _ => self.statements.push(statement),
        }
    }

    /// The statements, in the order of their positions.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The statement a position belongs to.
    pub fn statement(&self, position: u32) -> Option<&Statement> {
        let after = self.statements.partition_point(|it| it.position <= position);
        self.statements.get(after.checked_sub(1)?)
    }

    /// The line of the configuration a position belongs to, from 1; 0 when there is none.
    pub fn line(&self, position: u32) -> u32 {
        self.statement(position).map_or(0, |it| it.line)
    }

    /// `file:line` of a position, for messages.
    pub fn place(&self, position: u32) -> String {
        self.statement(position).map_or_else(String::new, |it| format!("{}:{}", it.file, it.line))
    }

    /// Adds a block; the unnamed one of a table is called `""`. Ids count up from 0.
    pub fn add(&mut self, table: RouteTable, name: &str) -> RouteId {
        let id = RouteId(self.names.len() as u32);
        self.names.push((table, name.into()));
        self.ids.insert((table, name.into()), id);
        id
    }

    /// The block of that table and name; `""` is the unnamed one.
    pub fn find(&self, table: RouteTable, name: &str) -> Option<RouteId> {
        self.ids.get(&(table, Box::from(name))).copied()
    }

    /// The name of a block, `""` for the unnamed one of its table.
    pub fn name(&self, id: RouteId) -> &str {
        self.names.get(id.0 as usize).map_or("", |(_, name)| name)
    }

    /// A block as messages name it: `route[X]`, `request_route`, `failure_route[X]`.
    pub fn title(&self, id: RouteId) -> String {
        match self.names.get(id.0 as usize) {
            Some((RouteTable::Request, name)) if name.is_empty() => "request_route".to_owned(),
            Some((RouteTable::Reply, name)) if name.is_empty() => "reply_route".to_owned(),
            Some((table, name)) if name.is_empty() => table.keyword().to_owned(),
            Some((table, name)) => format!("{}[{name}]", table.keyword()),
            None => String::new(),
        }
    }

    /// The blocks by number, in file order.
    pub fn ids(&self) -> impl Iterator<Item = RouteId> + use<> {
        (0..self.names.len() as u32).map(RouteId)
    }

    /// The names of one table, in file order.
    pub fn of(&self, table: RouteTable) -> impl Iterator<Item = &str> {
        self.names.iter().filter(move |(of, _)| *of == table).map(|(_, name)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::{RouteKind, RouteNames, RouteTable, Routes};

    #[test]
    fn sets_hold_their_kinds_only() {
        assert!(Routes::REPLY.contains(RouteKind::CoreReply) && Routes::REPLY.contains(RouteKind::TmReply));
        assert!(!Routes::REPLY.contains(RouteKind::Request));
        assert!(
            !Routes::NOT_ONSEND.contains(RouteKind::Onsend) && Routes::NOT_ONSEND.contains(RouteKind::Event)
        );
    }

    #[test]
    fn tables_have_names_of_their_own() {
        let mut names = RouteNames::default();
        let request = names.add(RouteTable::Request, "A");
        let failure = names.add(RouteTable::Failure, "A");
        assert_eq!(names.find(RouteTable::Request, "A"), Some(request));
        assert_eq!(names.find(RouteTable::Failure, "A"), Some(failure));
        assert_eq!(names.find(RouteTable::Branch, "A"), None);
        assert_eq!(names.name(failure), "A");
    }
}
