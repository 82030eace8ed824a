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
    (&["urlencode variable", "urldecode variable"], "works as in 3.7; 3.6.1 has none"),
    (
        &["exec play_pcap_audio", "exec play_pcap_image", "exec play_pcap_video"],
        "works; packets compared with 3.6.1 in a_capture_is_replayed_as_sipp_replays_it",
    ),
    (&["exec play_dtmf"], "works; packets compared with 3.6.1 in telephone_events_are_those_of_sipp"),
    (&["exec rtp_stream"], "works; packets compared with 3.6.1 in a_file_is_streamed_as_sipp_streams_it"),
    (&["exec rtp_echo"], "works as in 3.7; 3.6.1 has none"),
    (&["exec rtp_stats", "exec assign_to"], "works; ours alone"),
    (&["uac_pcap"], "works; 3.6.1 needs raw sockets for it"),
    (&["ooc_dummy"], "works; -aa uses it and nobody else"),
];

/// Options that are refused, and why.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("multihome", "no SCTP"),
    ("heartbeat", "no SCTP"),
    ("assocmaxret", "no SCTP"),
    ("pathmaxret", "no SCTP"),
    ("pmtu", "no SCTP"),
    ("gracefulclose", "no SCTP"),
    ("plugin", "a plug-in of SIPp is compiled against its classes, which are not here"),
];

/// Values of `-t` that are refused, and why.
pub(crate) const REFUSED_TRANSPORTS: &[(&str, &str)] =
    &[("c1, cn", "compression needs a plug-in that no distribution carries"), ("s1, sn", "no SCTP")];
