//! Defects of SIPp that are mended here, each with the test that shows it.

/// One difference.
pub(crate) struct Fix {
    /// What SIPp does.
    pub(crate) sipp: &'static str,
    /// What happens here.
    pub(crate) here: &'static str,
    /// The test function.
    pub(crate) test: &'static str,
}

/// All differences meant as improvements.
pub(crate) const TABLE: &[Fix] = &[
    Fix {
        sipp: "A repeated INVITE after 180 and 200 is unexpected and aborts the call",
        here: "It is answered with the last answer",
        test: "a_repeated_invite_is_answered_with_the_last_answer",
    },
    Fix {
        sipp: "A new BYE in the timewait is answered and the finished call fails",
        here: "It is answered, the call stays successful",
        test: "a_new_bye_in_the_timewait_is_answered_and_keeps_the_success",
    },
    Fix {
        sipp: "An ACK that comes again in the timewait makes the finished call fail",
        here: "It is counted as a retransmission",
        test: "a_repeated_ack_in_the_timewait_keeps_the_success",
    },
    Fix {
        sipp: "A message that a global recv takes moves the call back to it",
        here: "The call stays where it is",
        test: "a_global_message_of_earlier_leaves_the_call_where_it_is",
    },
    Fix {
        sipp: "An answer that comes while the call stands on a nop or between two sends is unexpected",
        here: "Steps that wait for nothing run before a message is looked at",
        test: "sends_and_nops_in_a_row_run_before_any_message_is_looked_at",
    },
    Fix {
        sipp: "A recv with neither request nor response loads and ends the program later",
        here: "It is refused with its place",
        test: "mistakes_name_their_place",
    },
    Fix {
        sipp: "The first mistake of a scenario is told, mostly without its place",
        here: "All mistakes at once, with line, column and near name",
        test: "all_mistakes_are_reported_at_once_with_place_and_near_name",
    },
    Fix {
        sipp: "stop_call in a nop leaves the call open, or it succeeds",
        here: "The call is rejected",
        test: "stop_call_rejects_the_call_and_skips_the_rest",
    },
    Fix {
        sipp: "A failed check in a nop is forgotten",
        here: "The call fails at its end, whatever step follows",
        test: "failed_checks_fail_the_call_at_its_end",
    },
    Fix {
        sipp: "[len] without a body cuts the headers behind it off",
        here: "It prints 0 and the headers stay",
        test: "message_texts_are_normalised",
    },
    Fix {
        sipp: "A keyword without value on the last line of the header takes the empty line behind it away",
        here: "Only its own line vanishes",
        test: "lines_of_keywords_without_value_vanish",
    },
    Fix {
        sipp: "A call that cannot go on (jump out of range, missing file, line that is no number, challenge without header) ends the program and all calls",
        here: "It fails, named with file and line, the others go on; the exit code in the end is SIPp's 255",
        test: "a_call_that_cannot_go_on_ends_no_other",
    },
    Fix {
        sipp: "A field that a line of an injection file does not have prints nothing, with a warning",
        here: "The call fails, named with scenario, file and line; the start warns of the first such line",
        test: "a_short_line_fails_its_call_alone",
    },
    Fix {
        sipp: "More -users than a USER file has lines end the program when the call is made",
        here: "Refused at the start; a user who comes later fails alone, and the exit code in the end is SIPp's 255",
        test: "a_user_without_a_line_fails_alone",
    },
    Fix {
        sipp: "With -t ui the first call's [local_port] is 0",
        here: "It is the port",
        test: "calls_leave_from_the_address_of_their_line",
    },
    Fix {
        sipp: "[next_url] without a recorded target prints nothing",
        here: "It prints the URI of the last To, as 3.7 does",
        test: "the_next_url_is_the_last_to_until_a_target_is_recorded",
    },
    Fix {
        sipp: "[[pid]] prints the value and stray bytes",
        here: "It prints the value in brackets",
        test: "keywords_print_what_sipp_prints",
    },
    Fix {
        sipp: "[media_port] on a line without audio or video ends the program",
        here: "It prints the port anywhere",
        test: "keywords_print_what_sipp_prints",
    },
    Fix {
        sipp: "The answered PING leaves a call that never ends",
        here: "The call ends without a verdict",
        test: "unexpected_requests_are_answered_when_asked_for",
    },
    Fix {
        sipp: "%% in a PRINTF line is not understood",
        here: "It is a percent sign",
        test: "printf_files_make_virtual_lines",
    },
    Fix {
        sipp: "Several challenges: the first parameters win",
        here: "The strongest challenge that can be answered is",
        test: "authentication_takes_the_strongest_challenge_and_covers_the_body",
    },
    Fix {
        sipp: "A command that comes before its recvCmd rejects the call",
        here: "It waits for its turn; a flood is rejected",
        test: "commands_that_come_early_wait_for_their_turn",
    },
    Fix {
        sipp: "The standard deviation of one sample is garbage",
        here: "It is 0",
        test: "one_sample_deviates_by_nothing",
    },
    Fix {
        sipp: "The response time file has dates in scientific notation",
        here: "Plain dates",
        test: "response_times_keep_microseconds_and_plain_dates",
    },
    Fix {
        sipp: "A server that answers a first OPTIONS by -aa counts a call and waits for it for ever",
        here: "It is answered and no call; sent again it is answered again",
        test: "a_request_answered_before_it_was_a_call_is_none",
    },
    Fix {
        sipp: "A host name in setdest holds all calls up while it is looked up",
        here: "Only the call that needs it waits",
        test: "setdest_takes_names",
    },
    Fix {
        sipp: "The BYE after an unexpected request carries that request's From and To",
        here: "It carries those of the dialog",
        test: "a_bye_after_an_unexpected_request_belongs_to_the_dialog",
    },
    Fix {
        sipp: "Entities of some attributes are decoded twice (3.7)",
        here: "Once",
        test: "entities_are_decoded_once",
    },
    Fix {
        sipp: "An offset is cut off any keyword at a sign with a digit: [$a-1], file names with dates",
        here: "Offsets belong to simple keywords only",
        test: "offsets_belong_to_simple_keywords_only",
    },
    Fix {
        sipp: "A keyword as argument of a keyword works only in quotes",
        here: "With and without",
        test: "arguments_of_keywords_need_no_quotes",
    },
    Fix {
        sipp: "ResponseTimeRepartition before the messages has no effect",
        here: "It counts wherever it stands",
        test: "borders_written_before_the_messages_count",
    },
    Fix {
        sipp: "An optional recv does not jump to the first message",
        here: "It does",
        test: "an_optional_message_may_jump_to_the_first_one",
    },
    Fix {
        sipp: "ereg over msg, hdr or body in a nop ends the program by a crash",
        here: "It searches the last received message",
        test: "a_search_in_a_nop_looks_at_the_last_message",
    },
    Fix {
        sipp: "[last_X] misses some compact forms",
        here: "All forms find each other",
        test: "last_headers_are_printed_as_the_version_does",
    },
    Fix {
        sipp: "--sf, --sn, --sd with two dashes end in an internal error",
        here: "One dash is as good as two",
        test: "host_stands_anywhere_and_one_dash_is_as_good_as_two",
    },
    Fix {
        sipp: "The times of the closing statistics are zero",
        here: "They are true",
        test: "statistics_screen_has_sipps_columns",
    },
    Fix {
        sipp: "reset stats leaves the repartitions, and the open calls are no longer counted",
        here: "Repartitions and percentiles begin anew too, open calls stay counted as created",
        test: "a_second_in_which_counters_began_anew_counts_from_there",
    },
    Fix {
        sipp: "q twice leaves the aborted calls open, and the program never ends",
        here: "They are aborted and counted failed, the program ends",
        test: "second_request_forces",
    },
    Fix {
        sipp: "-timeout waits for a call that waits for ever",
        here: "It ends the run",
        test: "a_timeout_ends_the_run",
    },
    Fix {
        sipp: "Exit code 0 though -m was not reached",
        here: "The same; 2 with -strict",
        test: "strict_runs_must_be_whole_and_on_time",
    },
    Fix { sipp: "-timeout under a second never fires", here: "It does", test: "a_timeout_ends_the_run" },
    Fix {
        sipp: "-rxrn and -rxsn are refused (3.7)",
        here: "Both name the built-in scenario for incoming calls",
        test: "the_second_scenario_has_both_its_names",
    },
    Fix {
        sipp: "-message_overwrite and its like without a file name keep the file from being made",
        here: "The automatic name stays",
        test: "an_overwrite_rule_alone_keeps_the_automatic_name",
    },
    Fix {
        sipp: "Key s and SIGUSR2 without -trace_screen: the key never works; trace messages on opens the logs file",
        here: "The screens are written, and the messages file is begun",
        test: "screens_and_traces_are_written_when_asked_for",
    },
    Fix {
        sipp: "-t un and tn do not start when -max_socket (50000) is above the limit of open files",
        here: "The soft limit is raised; where the hard one is too low, calls share sockets and a warning says so",
        test: "a_low_limit_of_open_files_is_raised_or_shared",
    },
    Fix {
        sipp: "-max_reconnect: no new connection is made; the program ends or hangs",
        here: "The connection is made again, that many times",
        test: "a_closed_connection_is_made_again",
    },
    Fix {
        sipp: "A request outside of any call that -aa answers counts twice (3.7)",
        here: "Once",
        test: "requests_outside_of_calls_are_answered_and_counted_once",
    },
    Fix {
        sipp: "exec command is forgotten once it was started",
        here: "One that fails is a warning with its exit status",
        test: "commands_are_bounded_and_collected",
    },
    Fix {
        sipp: "Received RTP is counted, not measured",
        here: "Loss, order, jitter, first packet, codec, R and MOS of each call: rtp_stats, -fail-if, key m, -json",
        test: "every_call_is_measured_for_itself",
    },
    Fix {
        sipp: "Received telephone events and INFO digits are not decoded",
        here: "rtp_stats gives them as dtmf and dtmf_info",
        test: "digits_played_are_decoded_into_a_variable",
    },
    Fix {
        sipp: "One playback at a time per call",
        here: "One per media line, and a stream besides",
        test: "audio_and_video_go_together",
    },
    Fix {
        sipp: "A description without c= ends the program",
        here: "A warning names the call, others go on",
        test: "says_why_a_line_has_no_address",
    },
    Fix {
        sipp: "SRTP that libsrtp does not open (SIPp issue 865)",
        here: "Opened by libsrtp and opening what it protects, keys of 128 and 256 bits",
        test: "libsrtp_opens_what_we_protect_and_the_other_way_round",
    },
];
