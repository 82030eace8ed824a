//! The codes of findings with their titles: what reports for other programs list as rules.

/// Code and title; errors below `S100`, then what is ignored, from `S110` what is probably not meant.
pub const TABLE: &[(&str, &str)] = &[
    ("S001", "the text is no XML"),
    ("S002", "an element is not closed"),
    ("S003", "the root element is no scenario"),
    ("S004", "unknown automatic message"),
    ("S005", "an element stands outside of a message"),
    ("S006", "too many messages"),
    ("S007", "a label is defined twice"),
    ("S008", "unknown element"),
    ("S009", "a message in init that is no nop"),
    ("S010", "a bracket is not closed"),
    ("S011", "unknown keyword"),
    ("S012", "a keyword lacks an argument or has a wrong one"),
    ("S013", "a field without an injection file"),
    ("S014", "unknown injection file"),
    ("S015", "a message without text"),
    ("S016", "unknown label"),
    ("S017", "unknown action"),
    ("S018", "a start line that is not literal"),
    ("S019", "a recv that says neither request nor response"),
    ("S021", "an attribute is missing"),
    ("S022", "an attribute has a wrong value"),
    ("S023", "a pause that may last too long"),
    ("S024", "a repartition with a wrong border"),
    ("S025", "repeat_rtd without rtd"),
    ("S026", "no regular expression"),
    ("S027", "advance_state on a mandatory message"),
    ("S028", "an attribute that timewait cannot have"),
    ("S029", "a transaction attribute on the wrong message"),
    ("S030", "a reference to an unknown variable"),
    ("S031", "a scenario without messages"),
    ("S032", "an optional message without a mandatory one behind it"),
    ("S033", "timewait is not the last message"),
    ("S034", "a response time that is never stopped"),
    ("S035", "a transaction that cannot work"),
    ("S036", "a variable that is used once"),
    ("S040", "a media file that cannot be played"),
    ("S041", "an injection file that cannot be read"),
    ("S042", "a scenario that cannot be read"),
    ("S101", "unknown attribute"),
    ("S102", "a second action element"),
    ("S103", "unknown int_cmd"),
    ("S110", "a variable that is never given a value"),
    ("S111", "a variable that is never read"),
    ("S112", "a label that nothing jumps to"),
    ("S113", "a message that is never reached"),
    ("S114", "a recv that can never match"),
    ("S115", "a header line without colon"),
    ("S116", "a Content-Length that cannot hold"),
    ("S117", "a mandatory header is absent"),
    ("S118", "a CSeq that names another method"),
    ("S119", "a line of an injection file that lacks a field"),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TABLE;

    fn codes_in(path: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(path).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                codes_in(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("codes.rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                let quoted = text.split("\"S").skip(1).filter_map(|rest| rest.split_once('"'));
                let is_code = |code: &str| code.len() == 3 && code.bytes().all(|c| c.is_ascii_digit());
                found.extend(quoted.filter(|(code, _)| is_code(code)).map(|(code, _)| format!("S{code}")));
            }
        }
    }

    #[test]
    fn every_code_has_a_row_and_every_row_is_used() {
        let mut used = Vec::new();
        codes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        used.sort();
        used.dedup();
        assert_eq!(used, TABLE.iter().map(|(code, _)| (*code).to_owned()).collect::<Vec<_>>());
    }
}
