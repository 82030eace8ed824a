//! What the signalling thread has of the network beside the sockets of `sip::net`: addresses, the ports of the
//! engines, sockets of single calls, connections that break or do not take what we write, and the links to twins.

pub(in crate::engine) mod address;
pub(super) mod commanding;
pub(in crate::engine) mod congestion;
pub(super) mod doors;
pub(super) mod own_sockets;
pub(super) mod reconnecting;
pub(super) mod twins;
