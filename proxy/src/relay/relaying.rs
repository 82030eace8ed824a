//! What the relay and the functions that drive it note on a message in work.

use sip::msg::Edits;
use sip::txn::Timers;

use super::record_route::RecordRoute;
use super::{Armed, Overrides, RelayError, RelayId, Target};

/// Notes on one message; they go with its copies.
#[derive(Clone, Debug, Default)]
pub struct Relaying {
    /// Its response context, once there is one.
    pub id: Option<RelayId>,
    /// The branch being worked on, in branch, reply and branch failure routes.
    pub branch: Option<u8>,
    /// For a CANCEL: the context of the INVITE it means.
    pub cancels: Option<RelayId>,
    /// Routes armed before there was a context.
    pub armed: Armed,
    /// Timers set before there was a context.
    pub timers: Option<Timers>,
    /// Whether this request gets an automatic 100, when it says otherwise than the settings.
    pub auto_100: Option<bool>,
    /// The Record-Route asked for.
    pub record_route: Option<RecordRoute>,
    /// Parameters for a Record-Route not asked for yet (`add_rr_param()` before `record_route()`).
    pub early_rr_params: Vec<u8>,
    /// Parameters of our topmost Route entry that `loose_route()` consumed, `;` included.
    pub route_params: Option<Box<[u8]>>,
    /// The error a relay failed with; the reply for it goes out when the script ends without one.
    pub error: Option<RelayError>,
    /// The replies to what is relayed end here (`t_replicate()`).
    pub is_replicated: bool,
    /// Rules of the transaction to come.
    pub overrides: Overrides,
    /// A final reply was sent without state.
    pub has_replied: bool,
    /// Modules look at this request when it is answered, so it is kept until then.
    pub is_looked_at: bool,
    /// The reply made here that they have seen last.
    pub shown_status: u16,
    /// Nothing could be sent, and the failure route shall run for it.
    pub is_parked: bool,
    /// What failure routes will see, once it is settled.
    pub stored: Option<Box<Stored>>,
    /// Status in a failure route and its branch; what `$T_reply_code` shows.
    pub picked_status: u16,
}

/// The request as its transaction keeps it: later changes of the script are not seen by failure routes.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The request URI and what belongs to it, as of the making of the transaction.
    pub target: Target,
    /// The changes, as of `t_save_lumps()` or the first relay; `None` before.
    pub edits: Option<Edits>,
}
