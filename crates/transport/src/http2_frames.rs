//! Follows the frames of an HTTP/2 client, to detect slow ones.
//!
//! Nothing can be sent between the parts of a frame, nor between the frames of a head, and a head is not known before
//! it is complete. So a client that stops there blocks its whole connection.

/// The greatest ID of a stream.
pub(crate) const MAX_STREAM_ID: u32 = u32::MAX >> 1;

/// Creates a GOAWAY frame without an error, with the ID of the last processed stream (RFC 9113 6.8).
pub(crate) fn goaway(last_stream: u32) -> [u8; 17] {
    let [a, b, c, d] = (last_stream & MAX_STREAM_ID).to_be_bytes();
    [0, 0, 8, 7, 0, 0, 0, 0, 0, a, b, c, d, 0, 0, 0, 0]
}

/// The length of the client's preface (RFC 9113 3.4).
pub(crate) const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// The length of the head of a frame: length, type, flags and stream.
pub(crate) const FRAME_HEAD: usize = 9;

pub(crate) const HEADERS: u8 = 1;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_HEADERS: u8 = 4;

/// The length of a frame's payload.
pub(crate) fn payload_length([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
}

/// Follows the frames of a client.
#[derive(Debug, Default)]
pub(crate) struct FrameScanner {
    /// The number of received bytes of the preface.
    preface: usize,
    /// The incomplete head of a frame.
    head: Vec<u8>,
    /// The remaining bytes of the payload.
    payload: usize,
    /// Whether a head continues in the next frame.
    goes_on: bool,
    /// The stream of the present or last head.
    opening: u32,
    /// The greatest ID of a stream with a complete head.
    last_stream: u32,
}

impl FrameScanner {
    /// Scans bytes; returns whether a frame, or a head of several frames, ended in them.
    pub(crate) fn scan(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        while !bytes.is_empty() {
            let wanted = match self {
                Self { preface, .. } if *preface < PREFACE => PREFACE - *preface,
                Self { payload: 0, head, .. } => FRAME_HEAD - head.len(),
                Self { payload, .. } => *payload,
            };
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.preface < PREFACE {
                self.preface += part.len();
            } else if self.payload > 0 {
                self.payload -= part.len();
            } else {
                self.head.extend_from_slice(part);
                self.begin_frame();
            }
            if self.is_whole() {
                self.last_stream = self.last_stream.max(self.opening);
                ended = true;
            }
        }
        ended
    }

    fn begin_frame(&mut self) {
        if let [a, b, c, kind, flags, ref stream @ ..] = *self.head
            && let Ok(stream) = <[u8; 4]>::try_from(stream)
        {
            self.payload = payload_length([a, b, c]);
            if matches!(kind, HEADERS | CONTINUATION) {
                self.goes_on = flags & END_HEADERS == 0;
                self.opening = u32::from_be_bytes(stream) & MAX_STREAM_ID;
            }
            self.head.clear();
        }
    }

    /// The greatest ID of a stream with a complete head; 0 if there is none.
    pub(crate) fn last_stream(&self) -> u32 {
        self.last_stream
    }

    /// Returns whether no frame or head is incomplete.
    pub(crate) fn is_whole(&self) -> bool {
        self.preface == PREFACE && self.head.is_empty() && self.payload == 0 && !self.goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn frames_are_followed_byte_by_byte() {
        let pieces = [
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), true),
            (frame(4, 0, &[]), true),
            (frame(HEADERS, END_HEADERS, b"head"), true),
            (frame(HEADERS, 0, b"he"), false),
            (frame(CONTINUATION, 0, &[]), false),
            (frame(CONTINUATION, END_HEADERS, b"ad"), true),
            (frame(0, 0, b"data"), true),
        ];
        let mut frames = FrameScanner::default();
        assert!(!frames.is_whole(), "the preface is due");
        for (piece, whole) in &pieces {
            let (last, before) = piece.split_last().unwrap();
            for byte in before {
                assert!(!frames.scan(&[*byte]));
                assert!(!frames.is_whole(), "{piece:?}");
            }
            assert_eq!((frames.scan(&[*last]), frames.is_whole()), (*whole, *whole), "{piece:?}");
        }
        assert_eq!(frames.last_stream(), 1);
        // And all at once.
        let all: Vec<u8> = pieces.into_iter().flat_map(|(piece, _)| piece).collect();
        let mut frames = FrameScanner::default();
        assert!(frames.scan(&[&all, &b"\0\0"[..]].concat()), "a frame ended");
        assert!(!frames.is_whole(), "and another one was begun");
    }
}
