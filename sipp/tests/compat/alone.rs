//! Rows that no comparison shows, and why: what 3.6.1 does not have, or what it does that cannot be compared.

/// Rows by name, and their state.
pub(crate) const TABLE: &[(&[&str], &str)] = &[
    (
        &[
            "<urlencode>",
            "<urldecode>",
            "[rtpstream_audio_port +N]",
            "[rtpstream_video_port +N]",
            "[cryptotag… <1|2><audio|video>]",
            "[cryptosuite… <suite><1|2><audio|video>]",
            "[cryptokeyparams… <1|2><audio|video>[-1]]",
            "[ueaescm… <suite><1|2><audio|video>]",
        ],
        "works as in 3.7; 3.6.1 has none",
    ),
    (&["uac_pcap"], "works; 3.6.1 needs raw sockets for it"),
    (&["ooc_dummy"], "works; -aa uses it and nobody else"),
];
