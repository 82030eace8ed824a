//! Who may import whom: placeholder replaced by the table of rooms.
