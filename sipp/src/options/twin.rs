//! Options about third party call control: where the twin instances are.

use super::network::HostPort;
use super::row::{Effect, Row};

/// The twins of this instance.
#[derive(Clone, Debug, Default)]
pub struct Twin {
    /// `-3pcc`: the address two instances meet at.
    pub pair: Option<HostPort>,
    /// `-master`: our name, and that we connect to the others at the start.
    pub master: Option<String>,
    /// `-slave`: our name.
    pub slave: Option<String>,
    /// `-slave_cfg`: file with the addresses of all names.
    pub peers: Option<String>,
}

impl Twin {
    /// True when commands have a way to go.
    pub fn is_given(&self) -> bool {
        self.pair.is_some() || self.peers.is_some()
    }

    /// What no single option can see. The error is the text to show.
    pub(super) fn check(&self) -> Result<(), String> {
        let named = [&self.master, &self.slave].into_iter().flatten().count();
        let extended = named > 0 || self.peers.is_some();
        if self.pair.is_some() && extended {
            return Err("-3pcc excludes -master, -slave and -slave_cfg".into());
        }
        if extended && (named != 1 || self.peers.is_none()) {
            return Err("-slave_cfg needs either -master or -slave, and these need -slave_cfg".into());
        }
        Ok(())
    }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["3pcc"],
        value: "HOST:PORT",
        help: "Where the two instances of third party call control meet: the one whose scenario begins with recvCmd \
               listens there, the other one connects and is started last. Default port: 6060.",
        effect: Effect::Text(|options, host| {
            options.twin.pair = Some(HostPort::parse(host)?);
            Ok(())
        }),
    },
    Row {
        names: &["master"],
        value: "NAME",
        help: "Our name as the master of several instances; it is started last.",
        effect: Effect::Text(|options, name| {
            options.twin.master = Some(name.into());
            Ok(())
        }),
    },
    Row {
        names: &["slave"],
        value: "NAME",
        help: "Our name as a slave of several instances.",
        effect: Effect::Text(|options, name| {
            options.twin.slave = Some(name.into());
            Ok(())
        }),
    },
    Row {
        names: &["slave_cfg"],
        value: "FILE",
        help: "Addresses of master and slaves: lines of NAME;HOST:PORT.",
        effect: Effect::Text(|options, file| {
            options.twin.peers = Some(file.into());
            Ok(())
        }),
    },
];
