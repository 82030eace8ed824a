//! Users, their aliases and rights, and the addresses that are trusted.
//!
//! Rows as Kamailio 5.6.3 creates them; `id`, which every table has, is left out.

use super::{Column, Key, Table};

pub(super) static TABLES: &[Table] = &[
    Table {
        name: "subscriber",
        version: 7,
        columns: &[
            Column::text("username", 64).or_empty(),
            Column::text("domain", 64).or_empty(),
            Column::text("password", 64).or_empty(),
            Column::text("ha1", 128).or_empty(),
            Column::text("ha1b", 128).or_empty(),
        ],
        keys: &[
            Key::unique("account_idx", &["username", "domain"]),
            Key::index("username_idx", &["username"]),
        ],
    },
    Table {
        name: "dbaliases",
        version: 1,
        columns: &[
            Column::text("alias_username", 64).or_empty(),
            Column::text("alias_domain", 64).or_empty(),
            Column::text("username", 64).or_empty(),
            Column::text("domain", 64).or_empty(),
        ],
        keys: &[
            Key::index("alias_user_idx", &["alias_username"]),
            Key::index("alias_idx", &["alias_username", "alias_domain"]),
            Key::index("target_idx", &["username", "domain"]),
        ],
    },
    Table {
        name: "speed_dial",
        version: 2,
        columns: &[
            Column::text("username", 64).or_empty(),
            Column::text("domain", 64).or_empty(),
            Column::text("sd_username", 64).or_empty(),
            Column::text("sd_domain", 64).or_empty(),
            Column::text("new_uri", 255).or_empty(),
            Column::text("fname", 64).or_empty(),
            Column::text("lname", 64).or_empty(),
            Column::text("description", 64).or_empty(),
        ],
        keys: &[Key::unique("speed_dial_idx", &["username", "domain", "sd_domain", "sd_username"])],
    },
    Table {
        name: "domain",
        version: 2,
        columns: &[
            Column::text("domain", 64),
            Column::text("did", 64).nullable(),
            Column::time("last_modified").or("'2000-01-01 00:00:01'"),
        ],
        keys: &[Key::unique("domain_idx", &["domain"])],
    },
    Table {
        name: "domain_attrs",
        version: 1,
        columns: &[
            Column::text("did", 64),
            Column::text("name", 32),
            Column::unsigned("type"),
            Column::text("value", 255),
            Column::time("last_modified").or("'2000-01-01 00:00:01'"),
        ],
        keys: &[Key::index("domain_attrs_idx", &["did", "name"])],
    },
    Table {
        name: "grp",
        version: 2,
        columns: &[
            Column::text("username", 64).or_empty(),
            Column::text("domain", 64).or_empty(),
            Column::text("grp", 64).or_empty(),
            Column::time("last_modified").or("'2000-01-01 00:00:01'"),
        ],
        keys: &[Key::unique("account_group_idx", &["username", "domain", "grp"])],
    },
    Table {
        name: "uri",
        version: 1,
        columns: &[
            Column::text("username", 64).or_empty(),
            Column::text("domain", 64).or_empty(),
            Column::text("uri_user", 64).or_empty(),
            Column::time("last_modified").or("'2000-01-01 00:00:01'"),
        ],
        keys: &[Key::unique("account_idx", &["username", "domain", "uri_user"])],
    },
    Table {
        name: "usr_preferences",
        version: 2,
        columns: &[
            Column::text("uuid", 64).or_empty(),
            Column::text("username", 255).or("0"),
            Column::text("domain", 64).or_empty(),
            Column::text("attribute", 32).or_empty(),
            Column::int("type").or("0"),
            Column::text("value", 128).or_empty(),
            Column::time("last_modified").or("'2000-01-01 00:00:01'"),
        ],
        keys: &[
            Key::index("ua_idx", &["uuid", "attribute"]),
            Key::index("uda_idx", &["username", "domain", "attribute"]),
        ],
    },
    Table {
        name: "address",
        version: 6,
        columns: &[
            Column::int("grp").or("1"),
            Column::text("ip_addr", 50),
            Column::int("mask").or("32"),
            Column::int("port").or("0"),
            Column::text("tag", 64).nullable(),
        ],
        keys: &[],
    },
    Table {
        name: "trusted",
        version: 6,
        columns: &[
            Column::text("src_ip", 50),
            Column::text("proto", 4),
            Column::text("from_pattern", 64).nullable(),
            Column::text("ruri_pattern", 64).nullable(),
            Column::text("tag", 64).nullable(),
            Column::int("priority").or("0"),
        ],
        keys: &[Key::index("peer_idx", &["src_ip"])],
    },
    Table {
        name: "re_grp",
        version: 1,
        columns: &[Column::text("reg_exp", 128).or_empty(), Column::int("group_id").or("0")],
        keys: &[Key::index("group_idx", &["group_id"])],
    },
    Table {
        name: "secfilter",
        version: 1,
        columns: &[
            Column::int("action").or("0"),
            Column::int("type").or("0"),
            Column::text("data", 64).or_empty(),
        ],
        keys: &[Key::index("secfilter_idx", &["action", "type", "data"])],
    },
    Table {
        name: "htable",
        version: 2,
        columns: &[
            Column::text("key_name", 64).or_empty(),
            Column::int("key_type").or("0"),
            Column::int("value_type").or("0"),
            Column::text("key_value", 128).or_empty(),
            Column::int("expires").or("0"),
        ],
        keys: &[],
    },
];
