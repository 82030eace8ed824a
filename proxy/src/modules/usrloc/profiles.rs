//! Contacts put aside for a script to look at: what `reg_fetch_contacts()` fetched, and what an event is about.

use super::contact::Contact;

/// Contacts by the name of their profile.
#[derive(Clone, Debug, Default)]
pub struct Profiles(Vec<Profile>);

/// The contacts of one profile.
#[derive(Clone, Debug)]
pub struct Profile {
    name: Box<[u8]>,
    /// Whose contacts they are.
    pub aor: Box<[u8]>,
    /// The contacts.
    pub contacts: Vec<Contact>,
}

impl Profiles {
    /// Puts contacts aside, in place of those of the same profile.
    pub fn put(&mut self, name: &[u8], aor: &[u8], contacts: Vec<Contact>) {
        self.remove(name);
        self.0.push(Profile { name: name.into(), aor: aor.into(), contacts });
    }

    /// Forgets a profile.
    pub fn remove(&mut self, name: &[u8]) {
        self.0.retain(|profile| *profile.name != *name);
    }

    /// The profile of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Profile> {
        self.0.iter().find(|profile| *profile.name == *name)
    }
}
