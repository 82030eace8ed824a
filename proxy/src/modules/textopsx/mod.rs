//! Module textopsx: applying the changes at once, and further changes to the text of messages.

mod auth_form;
mod glob;
mod hf_value;
mod iterators;
mod whole;

use crate::api::{FunctionDef, FunctionFn, InnerKind, Kind, ModuleDef, PvDef, RouteKind, Routes};
use hf_value::PLACE;
use iterators::Over::{Fields, Lines};

/// The table of module textopsx.
pub static MODULE: ModuleDef = ModuleDef {
    name: "textopsx",
    functions: FUNCTIONS,
    pvs: &[
        PvDef::new("hfitname", iterators::field_name, "name of the field an iterator is at")
            .inner(InnerKind::Name),
        PvDef::new("hfitbody", iterators::field_body, "body of the field an iterator is at")
            .inner(InnerKind::Name),
        PvDef::new("blitval", iterators::body_line, "line of the body an iterator is at")
            .inner(InnerKind::Name),
    ],
    ..ModuleDef::EMPTY
};

const NAME: &[Kind] = &[Kind::Text];
const NAME_TEXT: &[Kind] = &[Kind::Text, Kind::Text];
const PLACE_TEXT: &[Kind] = &[PLACE, Kind::Text];
const WHOLE: Routes = Routes::of(RouteKind::Request).or(Routes::of(RouteKind::CoreReply));

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new("msg_apply_changes", &[], WHOLE, whole::apply, "makes the changes made so far visible"),
    FunctionDef::new("msg_set_buffer", NAME, WHOLE, whole::set_buffer, "puts a text in place of the message"),
    FunctionDef::new(
        "change_reply_status",
        &[Kind::Int, Kind::Text],
        Routes::REPLY,
        whole::change_status,
        "sets status and reason of a reply",
    ),
    FunctionDef::new(
        "change_reply_status_code",
        &[Kind::Int],
        Routes::REPLY,
        whole::change_status_code,
        "sets the status of a reply",
    ),
    row("remove_body", &[], whole::remove_body, "removes the body"),
    row("keep_hf", &[Kind::Regex], whole::keep, "removes fields whose name does not match").optional(1),
    row(
        "fnmatch",
        &[Kind::Text, Kind::Text, Kind::Text],
        glob::matches,
        "whether a text matches a pattern of shells",
    )
    .optional(1),
    row("append_hf_value", PLACE_TEXT, hf_value::append, "adds a value behind one, or a field at the end"),
    row("insert_hf_value", PLACE_TEXT, hf_value::insert, "adds a value before one, or a field at the top"),
    row("remove_hf_value", &[PLACE], hf_value::remove, "removes a value or one of its parameters"),
    row(
        "remove_hf_value2",
        &[PLACE],
        hf_value::remove_in_auth,
        "removes a field or a parameter, in the form of Authorization",
    ),
    row("assign_hf_value", PLACE_TEXT, hf_value::assign, "sets a value or one of its parameters"),
    row(
        "assign_hf_value2",
        PLACE_TEXT,
        hf_value::assign_in_auth,
        "sets a field or a parameter, in the form of Authorization",
    ),
    row("include_hf_value", NAME_TEXT, hf_value::include, "adds a value when it is not there"),
    row("exclude_hf_value", NAME_TEXT, hf_value::exclude, "removes a value when it is there"),
    row("hf_value_exists", NAME_TEXT, hf_value::exists, "whether a value is there"),
    row("hf_iterator_start", NAME, |ctx, args| iterators::start(ctx, args, Fields), "starts over the fields"),
    row("hf_iterator_end", NAME, |ctx, args| iterators::end(ctx, args, Fields), "ends it"),
    row("hf_iterator_next", NAME, |ctx, args| iterators::next(ctx, args, Fields), "the next field"),
    row("hf_iterator_prev", NAME, |ctx, args| iterators::previous(ctx, args, Fields), "the field before"),
    row("hf_iterator_rm", NAME, |ctx, args| iterators::remove(ctx, args, Fields), "removes the field"),
    row(
        "hf_iterator_append",
        NAME_TEXT,
        |ctx, args| iterators::append(ctx, args, Fields),
        "adds fields behind it",
    ),
    row(
        "hf_iterator_insert",
        NAME_TEXT,
        |ctx, args| iterators::insert(ctx, args, Fields),
        "adds fields before it",
    ),
    row("bl_iterator_start", NAME, |ctx, args| iterators::start(ctx, args, Lines), "starts over the body"),
    row("bl_iterator_end", NAME, |ctx, args| iterators::end(ctx, args, Lines), "ends it"),
    row("bl_iterator_next", NAME, |ctx, args| iterators::next(ctx, args, Lines), "the next line of the body"),
    row("bl_iterator_rm", NAME, |ctx, args| iterators::remove(ctx, args, Lines), "removes the line"),
    row(
        "bl_iterator_append",
        NAME_TEXT,
        |ctx, args| iterators::append(ctx, args, Lines),
        "adds text behind the line",
    ),
    row(
        "bl_iterator_insert",
        NAME_TEXT,
        |ctx, args| iterators::insert(ctx, args, Lines),
        "adds text before the line",
    ),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}
