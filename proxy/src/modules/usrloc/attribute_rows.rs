//! Attributes of contacts as rows of the table beside that of the contacts: one row each, found by the ruid.

use rustc_hash::FxHashMap;

use super::attributes::{self, Attribute};
use super::params::Store;
use super::rows::{Record, split};
use crate::api::Value;
use crate::store::{Cell, Name, NameError, Operator, Query, Row};

/// Packed attributes by the ruid of their contact.
pub(super) type ByRuid = FxHashMap<Box<[u8]>, Vec<u8>>;

/// The table with the attributes of a table's contacts: `location_attrs`. Errors: its name is too long.
pub(super) fn table(contacts: &[u8]) -> Result<Name, NameError> {
    Name::parse(&[contacts, b"_attrs"].concat())
}

impl Store {
    /// All attributes of a table's contacts.
    pub(super) fn select_attributes(&self, contacts: &[u8]) -> Result<Query, NameError> {
        let columns = [RUID, NAME, TYPE, VALUE].map(column).into();
        Ok(Query::Select { table: table(contacts)?, columns, only: Vec::new() })
    }

    /// Takes the attributes of a contact out, and puts those in that it has.
    pub(super) fn write_attributes(
        &self,
        record: Record<'_>,
        with_domain: bool,
    ) -> Result<Vec<Query>, NameError> {
        let mut queries = vec![self.remove_attributes(record)?];
        for attribute in attributes::each(record.contact.texts().attributes) {
            let values = self.attribute_cells(record, with_domain, attribute);
            queries.push(Query::Insert { table: table(record.table)?, values });
        }
        Ok(queries)
    }

    /// Takes the attributes of a contact out.
    pub(super) fn remove_attributes(&self, record: Record<'_>) -> Result<Query, NameError> {
        let ruid = Cell::text(record.contact.texts().ruid);
        Ok(Query::Delete { table: table(record.table)?, only: vec![(column(RUID), Operator::Equal, ruid)] })
    }

    fn attribute_cells(
        &self,
        record: Record<'_>,
        with_domain: bool,
        attribute: Attribute,
    ) -> Vec<(Name, Cell)> {
        let (user, domain) = split(record.aor, with_domain);
        let kind =
            if matches!(attribute.value, Value::Int(_)) { attributes::NUMBER } else { attributes::TEXT };
        let cells = [
            (RUID, Cell::text(record.contact.texts().ruid)),
            ("username", Cell::text(user)),
            ("domain", domain.map_or(Cell::Null, Cell::text)),
            (NAME, Cell::Text(attribute.name)),
            (TYPE, Cell::Int(kind.into())),
            (VALUE, Cell::Text(attribute.value.to_text())),
            ("last_modified", self.time(record.contact.facts.last_modified)),
        ];
        cells.into_iter().map(|(name, cell)| (column(name), cell)).collect()
    }
}

/// Reads what [`Store::select_attributes`] gave.
pub(super) fn read(rows: &[Row]) -> ByRuid {
    let mut all = ByRuid::default();
    for row in rows {
        let [ruid, name, kind, value] = &row[..] else { continue };
        let (Some(ruid), Some(name)) = (ruid.to_text(), name.to_text()) else { continue };
        let value = if kind.to_int() == Some(attributes::NUMBER.into()) {
            value.to_int().map(Value::Int)
        } else {
            value.to_text().map(Value::Str)
        };
        let packed = all.entry((&*ruid).into()).or_default();
        attributes::put(&name, &value.unwrap_or_default(), packed);
    }
    all
}

const RUID: &str = "ruid";
const NAME: &str = "aname";
const TYPE: &str = "atype";
const VALUE: &str = "avalue";

fn column(name: &str) -> Name {
    Name::parse(name.as_bytes()).expect("the columns of this file are names")
}
