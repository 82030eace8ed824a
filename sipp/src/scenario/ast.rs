//! A scenario as written: elements with attributes, children, CDATA, and where each begins.

use crate::lang::Attribute;

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    /// Name.
    pub(super) name: String,
    /// Offset of its `<`.
    pub(super) at: usize,
    /// Attributes in order.
    pub(super) attributes: Vec<Attribute>,
    /// Child elements in order.
    pub(super) children: Vec<Element>,
    /// The first CDATA section.
    pub(super) text: Option<Text>,
}

/// A CDATA section.
#[derive(Debug)]
pub(super) struct Text {
    /// Its bytes as written.
    pub(super) bytes: Vec<u8>,
    /// Offset of its first byte.
    pub(super) at: usize,
}

impl Element {
    /// The attribute of that name.
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}
