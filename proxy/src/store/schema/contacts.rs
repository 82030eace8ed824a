//! Where users are: the tables of usrloc.
//!
//! Rows as Kamailio 5.6.3 creates them; `id`, which every table has, is left out.

use super::{Column, Key, Table};

pub(super) static TABLES: &[Table] = &[
    Table {
        name: "location",
        version: 9,
        columns: &contact_columns(512, 128),
        keys: &[
            Key::unique("ruid_idx", &["ruid"]),
            Key::index("account_contact_idx", &["username", "domain", "contact"]),
            Key::index("expires_idx", &["expires"]),
            Key::index("tcpcon_idx", &["connection_id"]),
            Key::index("connection_idx", &["server_id", "connection_id"]),
        ],
    },
    Table {
        name: "location_attrs",
        version: 1,
        columns: &[
            Column::text("ruid", 64).or_empty(),
            Column::text("username", 64).or_empty(),
            Column::text("domain", 64).nullable(),
            Column::text("aname", 64).or_empty(),
            Column::int("atype").or("0"),
            Column::text("avalue", 512).or_empty(),
            Column::time("last_modified").or("'2000-01-01 00:00:01'"),
        ],
        keys: &[
            Key::index("account_record_idx", &["username", "domain", "ruid"]),
            Key::index("last_modified_idx", &["last_modified"]),
        ],
    },
    Table {
        name: "aliases",
        version: 8,
        columns: &contact_columns(255, 255),
        keys: &[
            Key::unique("ruid_idx", &["ruid"]),
            Key::index("account_contact_idx", &["username", "domain", "contact"]),
            Key::index("expires_idx", &["expires"]),
        ],
    },
];

/// The columns of a table of contacts, by the longest URI of a contact and of where it came from.
const fn contact_columns(contact: u16, received: u16) -> [Column; 22] {
    [
        Column::text("ruid", 64).or_empty(),
        Column::text("username", 64).or_empty(),
        Column::text("domain", 64).nullable(),
        Column::text("contact", contact).or_empty(),
        Column::text("received", received).nullable(),
        Column::text("path", 512).nullable(),
        Column::time("expires").or("'2030-05-28 21:32:15'"),
        Column::real("q").or("1.0"),
        Column::text("callid", 255).or("'Default-Call-ID'"),
        Column::int("cseq").or("1"),
        Column::time("last_modified").or("'2000-01-01 00:00:01'"),
        Column::int("flags").or("0"),
        Column::int("cflags").or("0"),
        Column::text("user_agent", 255).or_empty(),
        Column::text("socket", 64).nullable(),
        Column::int("methods").nullable(),
        Column::text("instance", 255).nullable(),
        Column::int("reg_id").or("0"),
        Column::int("server_id").or("0"),
        Column::int("connection_id").or("0"),
        Column::int("keepalive").or("0"),
        Column::int("partition").or("0"),
    ]
}
