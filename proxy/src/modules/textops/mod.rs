//! Module textops: searching and changing the text of messages.
//!
//! Changes are edits: they show in the sent message, and readers see the received text until then.
//! Patterns are POSIX extended, ignore case and keep lines apart.

mod body;
mod fields;
mod lists;
mod multipart;
mod search;
mod subst;
mod texts;

use crate::api::{FunctionDef, FunctionFn, Kind, ModuleDef, Routes, TransformDef, TransformKind};

/// The table of module textops.
pub static MODULE: ModuleDef = ModuleDef {
    name: "textops",
    functions: FUNCTIONS,
    transforms: &[TransformDef::new(
        "re",
        "subst",
        &[TransformKind::Rest(subst::prepare)],
        subst::transform,
        "one substitution, /re/text/flags",
    )],
    ..ModuleDef::EMPTY
};

const TEXT: &[Kind] = &[Kind::Text];
const TWO_TEXTS: &[Kind] = &[Kind::Text, Kind::Text];
const THREE_TEXTS: &[Kind] = &[Kind::Text, Kind::Text, Kind::Text];
const PATTERN: &[Kind] = &[search::PATTERN];
const PATTERN_TEXT: &[Kind] = &[search::PATTERN, Kind::Text];
const TEXT_PV: &[Kind] = &[Kind::Text, Kind::WritePv];
const SUBST: &[Kind] = &[subst::EXPRESSION];

static FUNCTIONS: &[FunctionDef] = &[
    row("search", PATTERN, search::search, "whether the message matches"),
    row("search_body", PATTERN, search::search_body, "whether the body matches"),
    row(
        "search_hf",
        &[Kind::Text, search::PATTERN, Kind::Text],
        search::search_field,
        "whether a header field matches: a all, f first, l last",
    )
    .optional(1),
    row("search_str", &[Kind::Text, search::PATTERN], search::search_text, "whether a text matches"),
    row("search_append", PATTERN_TEXT, search::append, "inserts a text behind the first match"),
    row("search_append_body", PATTERN_TEXT, search::append_body, "the same in the body"),
    row("replace", PATTERN_TEXT, search::replace, "replaces the first match"),
    row("replace_all", PATTERN_TEXT, search::replace_all, "replaces all matches"),
    row(
        "replace_hdrs",
        PATTERN_TEXT,
        search::replace_headers,
        "replaces the first match in the header fields",
    ),
    row("replace_body", PATTERN_TEXT, search::replace_body, "replaces the first match in the body"),
    row("replace_body_all", PATTERN_TEXT, search::replace_body_all, "replaces all matches in the body"),
    row("replace_body_atonce", PATTERN_TEXT, search::replace_body_whole, "the same, the body as one line"),
    row("replace_str", THREE_TEXTS, search::replace_text, "replaces a text: a all, f first"),
    row("replace_hdrs_str", THREE_TEXTS, search::replace_headers_text, "the same in header fields"),
    row("replace_body_str", THREE_TEXTS, search::replace_body_text, "the same in the body"),
    row("subst", SUBST, subst::subst, "substitutes in the message"),
    row("subst_body", SUBST, subst::subst_body, "substitutes in the body"),
    row("subst_uri", SUBST, subst::subst_uri, "substitutes in the request URI"),
    row("subst_user", SUBST, subst::subst_user, "substitutes in the user of the request URI"),
    row("subst_v", &[Kind::WritePv, subst::EXPRESSION], subst::subst_variable, "substitutes in a variable"),
    row(
        "subst_hf",
        &[Kind::Text, subst::EXPRESSION, Kind::Text],
        subst::subst_field,
        "substitutes in a header field: a all, f first, l last",
    ),
    FunctionDef::new(
        "append_to_reply",
        TEXT,
        Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH),
        fields::append_to_reply,
        "adds a header field to the reply made here",
    ),
    row("append_hf", TWO_TEXTS, fields::append, "adds a header field at the end, or behind a named one")
        .optional(1),
    row("insert_hf", TWO_TEXTS, fields::insert, "adds a header field at the top, or before a named one")
        .optional(1),
    row("append_urihf", TWO_TEXTS, fields::append_uri, "adds a header field with the request URI"),
    row("is_present_hf", TEXT, fields::is_present, "whether a header field is there"),
    row("is_present_hf_pv", TEXT, fields::is_present, "whether a header field is there"),
    row(
        "is_present_hf_re",
        PATTERN,
        fields::is_present_matching,
        "whether a field with a matching name is there",
    ),
    row("is_present_hf_re_pv", PATTERN, fields::is_present_matching, "the same"),
    row("remove_hf", TEXT, fields::remove, "removes all header fields of a name"),
    row("remove_hf_pv", TEXT, fields::remove, "removes all header fields of a name"),
    row("remove_hf_re", PATTERN, fields::remove_matching, "removes header fields with matching names"),
    row("remove_hf_re_pv", PATTERN, fields::remove_matching, "removes header fields with matching names"),
    row(
        "remove_hf_exp",
        &[search::PATTERN, search::PATTERN],
        fields::remove_except,
        "removes fields that match the first and not the second",
    ),
    row(
        "remove_hf_exp_pv",
        &[search::PATTERN, search::PATTERN],
        fields::remove_except,
        "removes fields that match the first and not the second",
    ),
    row(
        "remove_hf_match",
        THREE_TEXTS,
        fields::remove_by_value,
        "removes fields of a name by their body: eq, ne, in, re",
    ),
    row("remove_hf_idx", &[Kind::Text, Kind::Int], fields::remove_at, "removes one of the fields of a name"),
    row("is_method", &[fields::METHODS], fields::is_method, "whether the method is one of a list"),
    row("has_body", TEXT, body::has_body, "whether there is a body, of a type").optional(1),
    row("set_body", TWO_TEXTS, body::set_body, "sets body and Content-Type"),
    FunctionDef::new(
        "set_reply_body",
        TWO_TEXTS,
        Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH),
        body::set_reply_body,
        "sets body and Content-Type of the reply made here",
    ),
    row("filter_body", TEXT, multipart::filter, "keeps only the part of a type"),
    requests("set_body_multipart", THREE_TEXTS, multipart::set, "makes the body one of several parts")
        .optional(3),
    requests("append_body_part", THREE_TEXTS, multipart::append, "adds a part to the body").optional(1),
    requests("append_body_part_hex", THREE_TEXTS, multipart::append_hex, "the same, content in hex digits")
        .optional(1),
    row("get_body_part", TEXT_PV, multipart::get, "stores the content of a part"),
    row("get_body_part_raw", TEXT_PV, multipart::get_raw, "the same with headers and delimiter"),
    requests("remove_body_part", TEXT, multipart::remove, "takes a part out of the body"),
    row("is_audio_on_hold", &[], body::is_audio_on_hold, "whether the SDP puts audio on hold"),
    row("is_privacy", TEXT, fields::is_privacy, "whether Privacy has a value"),
    row("append_time", &[], fields::append_time, "adds Date to the reply made here"),
    row("append_time_to_request", &[], fields::append_time_to_request, "adds Date to the request"),
    row("in_list", THREE_TEXTS, lists::in_list, "whether a text is in a list"),
    row("in_list_prefix", THREE_TEXTS, lists::in_list_prefix, "whether a list has a prefix of a text"),
    row("cmp_str", TWO_TEXTS, texts::equal, "whether texts are equal"),
    row("cmp_istr", TWO_TEXTS, texts::equal_any_case, "whether texts are equal, ignoring case"),
    row("starts_with", TWO_TEXTS, texts::starts_with, "whether a text starts with another"),
    row("ends_with", TWO_TEXTS, texts::ends_with, "whether a text ends with another"),
    row("str_find", TWO_TEXTS, texts::find, "place of a text in another, from 1"),
    row("str_ifind", TWO_TEXTS, texts::find_any_case, "the same, ignoring case"),
    row("str_any_in", TWO_TEXTS, texts::any_in, "whether any character is in a set"),
    row("str_all_in", TWO_TEXTS, texts::all_in, "whether all characters are in a set"),
    row(
        "regex_substring",
        &[Kind::Text, search::PATTERN, Kind::Int, Kind::Int, Kind::WritePv],
        search::regex_substring,
        "stores one group of a match",
    ),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

const fn requests(
    name: &'static str,
    params: &'static [Kind],
    run: FunctionFn,
    doc: &'static str,
) -> FunctionDef {
    let routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::EVENT);
    FunctionDef::new(name, params, routes, run, doc)
}

#[cfg(test)]
mod tests;
