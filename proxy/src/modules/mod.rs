//! The list of modules, one line each. A module is a folder with one static table.

pub mod acc;
pub mod alias_db;
pub mod auth;
pub mod auth_db;
pub mod awaited;
pub mod cfgutils;
pub mod corex;
pub mod counters;
pub mod db;
pub mod debugger;
pub mod dialog;
pub mod dispatcher;
pub mod domain;
pub mod group;
pub mod htable;
pub mod kex;
pub mod maxfwd;
pub mod nathelper;
pub mod outbound;
pub mod path;
pub mod permissions;
pub mod pike;
pub mod pv;
pub mod registrar;
pub mod rr;
pub mod sanity;
pub mod secfilter;
pub mod siputils;
pub mod sl;
pub mod speeddial;
pub mod textops;
pub mod textopsx;
pub mod tm;
pub mod tmx;
pub mod uac;
pub mod usrloc;
pub mod xlog;

use crate::api::ModuleDef;

/// All modules `loadmodule` knows.
pub static MODULES: &[&ModuleDef] = &[
    &acc::MODULE,
    &alias_db::MODULE,
    &auth::MODULE,
    &auth_db::MODULE,
    &awaited::MI_FIFO,
    &awaited::MI_RPC,
    &awaited::URI_DB,
    &awaited::XMLRPC,
    &awaited::RTPENGINE,
    &awaited::RTPPROXY,
    &awaited::PRESENCE_XML,
    &awaited::PRESENCE,
    &awaited::TLS,
    &awaited::XHTTP,
    &awaited::JSONRPCS,
    &awaited::CFG_RPC,
    &awaited::CTL,
    &cfgutils::MODULE,
    &corex::MODULE,
    &counters::MODULE,
    &db::MYSQL,
    &db::POSTGRES,
    &db::SQLITE,
    &db::TEXT,
    &debugger::MODULE,
    &dialog::MODULE,
    &dispatcher::MODULE,
    &domain::MODULE,
    &group::MODULE,
    &htable::MODULE,
    &kex::MODULE,
    &maxfwd::MODULE,
    &nathelper::MODULE,
    &outbound::MODULE,
    &permissions::MODULE,
    &path::MODULE,
    &pike::MODULE,
    &pv::MODULE,
    &registrar::MODULE,
    &rr::MODULE,
    &sanity::MODULE,
    &secfilter::MODULE,
    &siputils::MODULE,
    &sl::MODULE,
    &speeddial::MODULE,
    &textops::MODULE,
    &textopsx::MODULE,
    &tm::MODULE,
    &tmx::MODULE,
    &uac::MODULE,
    &usrloc::MODULE,
    &xlog::MODULE,
];
