//! Any bytes as a stream: the frames must be the same whatever pieces the stream arrives in.
//!
//! The first byte chooses the size of the pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sip::msg::frame::{Frame, FrameError, Framer, Limits, MissingLength};

fuzz_target!(|bytes: &[u8]| {
    let Some((size, stream)) = bytes.split_first() else { return };
    let whole = frames(stream, stream.len().max(1));
    let pieces = frames(stream, usize::from(*size % 16) + 1);
    assert_eq!(whole.0, pieces.0, "messages");
    assert_eq!(whole.1, pieces.1, "error");
});

/// Lengths of the messages, the bytes of line ends between them left out, and how it ended.
fn frames(stream: &[u8], size: usize) -> (Vec<usize>, Option<FrameError>) {
    let limits = Limits { max_head: 512, max_message: 1024, missing_length: MissingLength::Refuse };
    let (mut framer, mut unread, mut seen) = (Framer::new(limits), Vec::new(), Vec::new());
    for piece in stream.chunks(size) {
        unread.extend_from_slice(piece);
        loop {
            let len = match framer.next(&unread) {
                Ok(Frame::Incomplete { .. }) => break,
                Ok(Frame::Pong { len } | Frame::Ping { len }) => len,
                Ok(Frame::Message { len }) => {
                    seen.push(len);
                    len
                }
                Err(error) => return (seen, Some(error)),
            };
            assert!(len > 0 && len <= unread.len());
            unread.drain(..len);
        }
        assert!(unread.len() <= limits.max_message + size);
    }
    (seen, None)
}
