//! What one call remembers, and the values that hold for a whole run: plain data without behaviour of its own.
//!
//! The scenario language reads and writes it, the call machine moves it along. Nothing here renders, sends,
//! waits or knows a scenario.

mod call;
mod circuits;
mod headers;
mod messages;
mod ports;
mod settings;
mod vars;

pub use call::{CallNumber, CallState, Challenge, Dialog, Pending, StepIndex, Unresolved, UserId};
pub use circuits::{Circuit, CircuitTable};
pub use headers::HeaderSet;
pub use messages::{KeepRule, LastMessage};
pub use ports::{CallMedia, Described, MediaKind, MediaLine, OwnKey, OwnKeys, Writer};
pub use settings::{Behaviours, Compat, DuplicateCheck, DynamicIds, Settings, WallClock};
pub use vars::{Scope, Value, VarSlot, Vars};
