//! Definitions of tables: `name=>size=8;autoexpire=300;initval=0;`.

use super::table::Rules;

/// Name and rules of a definition. Errors: what is wrong with it, with what was expected.
pub(super) fn parse(line: &str) -> Result<(String, Rules), String> {
    let wrong = |what: &str| format!("\"{line}\": {what}; expected name=>size=8;autoexpire=300");
    let (name, attributes) = line.split_once("=>").ok_or_else(|| wrong("there is no =>"))?;
    let name = name.trim();
    if name.is_empty() {
        return Err(wrong("the name is missing"));
    }
    let mut rules = Rules::default();
    rules.database.divider = ",".to_owned();
    for attribute in attributes.split(';').map(str::trim).filter(|attribute| !attribute.is_empty()) {
        let (key, value) = attribute.split_once('=').ok_or_else(|| wrong("an attribute has no value"))?;
        let value = value.trim().trim_matches('\'');
        let number = || value.parse::<i64>().map_err(|_| wrong(&format!("{key} is a number")));
        let natural = || number().map(|number| u64::try_from(number).unwrap_or(0));
        match key.trim() {
            "autoexpire" => rules.autoexpire = natural()?,
            "updateexpire" => rules.keeps_expiry = number()? == 0,
            "initval" => rules.initval = Some(number()?),
            "dbmode" => rules.database.is_written_back = number()? != 0,
            // Maps grow as they need to; `htable.reload` reads when it is called.
            "size" | "dmqreplicate" | "reloadat" => {
                number()?;
            }
            "dbtable" => rules.database.table = value.to_owned(),
            "cols" => {
                rules.database.columns = value.split(',').map(|column| column.trim().to_owned()).collect();
            }
            "coldelim" => rules.database.divider = value.to_owned(),
            "colnull" => rules.database.null = value.to_owned(),
            other => return Err(wrong(&format!("there is no attribute {other}"))),
        }
    }
    Ok((name.to_owned(), rules))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn definitions_are_read_and_mistakes_named() {
        let (name, rules) = parse("ipban=>size=8;autoexpire=300;").expect("as in the default file");
        assert_eq!((name.as_str(), rules.autoexpire, rules.keeps_expiry), ("ipban", 300, false));
        let (_, rules) = parse("a => size=4 ; updateexpire=0; initval=5").expect("blanks are allowed");
        assert_eq!((rules.keeps_expiry, rules.initval), (true, Some(5)));
        let (_, rules) = parse("a=>size=4;dbtable=htable;dbmode=1").expect("a table that is written back");
        assert!(rules.database.is_written_back && rules.database.table == "htable");
        for bad in ["a", "=>size=8", "a=>size", "a=>size=x", "a=>colour=1", "a=>dbtables=t"] {
            assert!(parse(bad).expect_err(bad).contains(bad), "{bad}");
        }
    }
}
