//! The tables a configuration works with: those of parameters, and those that arguments of functions name. Their
//! versions are checked at the start.

use std::sync::Arc;

use crate::api::{Args, Catalog, Ctx, Level, Loading, Prepared, TableCheck, Versions};
use crate::store::{self, Name, Url};

/// The start fails unless `table` of the database is there, in the version that our table `kind` has.
pub fn needs(loading: &mut Loading<'_>, url: &Arc<Url>, kind: &'static str, table: &Name) {
    check(loading, url, (kind, table), Versions::Required);
}

/// The same, but a table that table `version` does not know is taken as it is: Kamailio does not ask there.
pub fn uses(loading: &mut Loading<'_>, url: &Arc<Url>, kind: &'static str, table: &Name) {
    check(loading, url, (kind, table), Versions::IfNoted);
}

fn check(
    loading: &mut Loading<'_>,
    url: &Arc<Url>,
    (kind, table): (&'static str, &Name),
    versions: Versions,
) {
    let Some(known) = store::table(kind) else { return };
    let module = loading.params.module().name;
    let (url, table, version) = (url.clone(), table.clone(), known.version);
    let check = TableCheck { module, url, table, version, versions };
    if !loading.lifecycle.checks.contains(&check) {
        loading.lifecycle.checks.push(check);
    }
}

/// Prepares an argument that names a table, and notes it in a class of names. Errors: it is no name.
pub fn prepare(catalog: &Catalog, class: &'static str, text: &[u8]) -> Result<Prepared, String> {
    let name = Name::parse(text).map_err(|error| error.to_string())?;
    // After the start no more names are noted, and none is needed.
    let _ = catalog.slot(class, text);
    Ok(Arc::new(name))
}

/// The tables that arguments of a class named.
pub fn noted(loading: &Loading<'_>, class: &str) -> Vec<Name> {
    let names = loading.catalog.slots_of(class).into_iter();
    names.filter_map(|(name, _)| Name::parse(name.as_bytes()).ok()).collect()
}

/// The table of that name; a text that is no name is logged.
pub fn table(ctx: &mut Ctx<'_>, module: &str, name: &[u8]) -> Option<Name> {
    let table = Name::parse(name);
    table.inspect_err(|error| ctx.log(Level::ERR, format!("{module}: {error}"))).ok()
}

/// Reads an argument that [`prepare`] prepared; a computed one that is no name is logged.
pub fn table_of(ctx: &mut Ctx<'_>, args: &Args<'_>, at: usize, module: &str) -> Option<Arc<Name>> {
    let table = args.prepared::<Name>(ctx, at);
    table.inspect_err(|error| ctx.log(Level::ERR, format!("{module}: {error}"))).ok()
}
