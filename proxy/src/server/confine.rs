//! What a started server gives up or asks for: `open_files_limit`, `disable_core_dump`, `chroot`, `workdir`, `user`,
//! `group`. The sockets are open then, so ports below 1024 are no reason to stay root.

use std::os::unix::fs::chroot;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Group, Uid, User, setgid, setgroups, setuid};

use crate::api::Value;
use crate::script::Script;

/// Does what the configuration says about the process. Errors: one line for the user; nothing may go on then.
pub fn confine(script: &Script) -> Result<(), String> {
    let catalog = &script.catalog;
    let text = |name: &str| catalog.setting(name).map(Value::to_display).filter(|text| !text.is_empty());
    if let Ok(files @ 1..) = u64::try_from(catalog.setting_int("open_files_limit", -1)) {
        raise_open_files(files).map_err(|error| format!("open_files_limit={files}: {error}"))?;
    }
    if catalog.setting_int("disable_core_dump", 0) != 0 {
        let (_, hard) = getrlimit(Resource::RLIMIT_CORE).unwrap_or((0, 0));
        setrlimit(Resource::RLIMIT_CORE, 0, hard).map_err(|error| format!("disable_core_dump: {error}"))?;
    }
    // Names are looked up while the system's files can be seen.
    let user = text("user").map(|name| user_of(&name)).transpose()?;
    let group = text("group").map(|name| group_of(&name)).transpose()?;
    if let Some(root) = text("chroot") {
        chroot(&root)
            .and_then(|()| std::env::set_current_dir("/"))
            .map_err(|error| format!("cannot make {root} the root directory: {error}"))?;
    }
    if let Some(directory) = text("workdir") {
        std::env::set_current_dir(&directory)
            .map_err(|error| format!("cannot change to {directory}: {error}"))?;
    }
    become_user(user, group).map_err(|error| format!("cannot change user or group: {error}"))
}

fn raise_open_files(files: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, files, hard.max(files))
}

/// The user and its own group, by name or number.
fn user_of(name: &str) -> Result<(Uid, Option<Gid>), String> {
    if let Ok(Some(user)) = User::from_name(name) {
        return Ok((user.uid, Some(user.gid)));
    }
    let number = name.parse().map_err(|_| format!("user={name}: there is no such user"))?;
    let uid = Uid::from_raw(number);
    Ok((uid, User::from_uid(uid).ok().flatten().map(|user| user.gid)))
}

fn group_of(name: &str) -> Result<Gid, String> {
    if let Ok(Some(group)) = Group::from_name(name) {
        return Ok(group.gid);
    }
    name.parse().map(Gid::from_raw).map_err(|_| format!("group={name}: there is no such group"))
}

/// The group goes first: the user may not change it any more.
fn become_user(user: Option<(Uid, Option<Gid>)>, group: Option<Gid>) -> nix::Result<()> {
    if let Some(gid) = group.or(user.and_then(|(_, own)| own)) {
        setgroups(&[gid])?;
        setgid(gid)?;
    }
    match user {
        Some((uid, _)) => setuid(uid),
        None => Ok(()),
    }
}
