//! How far an HTTP/2 client is in what it has begun to send, as far as one must know to tell who is slow.
//!
//! Nothing can stand between the parts of a frame, nor between the frames of one head, and the head of a request is not
//! known before it is whole. So a client in the middle of one holds up its whole connection.

/// What a client says first (RFC 9113 3.4).
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// The length, the type and the flags of a frame, and its stream.
const HEAD: usize = 9;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// How much of the preface has come.
    preface: usize,
    /// What has come of the head of a frame.
    head: Vec<u8>,
    /// How much of its payload is still to come.
    payload: usize,
    /// Whether the head of a request goes on in the next frame.
    goes_on: bool,
}

impl Frames {
    /// Takes in what was read; whether something came to its end in it.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        while !bytes.is_empty() {
            let wanted = match self {
                Self { preface, .. } if *preface < PREFACE => PREFACE - *preface,
                Self { payload: 0, head, .. } => HEAD - head.len(),
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
            ended |= self.is_whole();
        }
        ended
    }

    fn begin_frame(&mut self) {
        if let [a, b, c, kind, flags, _, _, _, _] = *self.head {
            self.payload = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if matches!(kind, HEADERS | CONTINUATION) {
                self.goes_on = flags & END_HEADERS == 0;
            }
            self.head.clear();
        }
    }

    /// Whether nothing that was begun is still to come.
    pub(super) fn is_whole(&self) -> bool {
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
    fn it_is_known_at_each_byte_whether_something_is_still_to_come() {
        let pieces = [
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), true),
            (frame(4, 0, &[]), true),
            (frame(HEADERS, END_HEADERS, b"head"), true),
            (frame(HEADERS, 0, b"he"), false),
            (frame(CONTINUATION, 0, &[]), false),
            (frame(CONTINUATION, END_HEADERS, b"ad"), true),
            (frame(0, 0, b"data"), true),
        ];
        let mut frames = Frames::default();
        assert!(!frames.is_whole(), "the preface is due");
        for (piece, whole) in &pieces {
            let (last, before) = piece.split_last().unwrap();
            for byte in before {
                assert!(!frames.read(&[*byte]));
                assert!(!frames.is_whole(), "{piece:?}");
            }
            assert_eq!((frames.read(&[*last]), frames.is_whole()), (*whole, *whole), "{piece:?}");
        }
        // And all at once.
        let all: Vec<u8> = pieces.into_iter().flat_map(|(piece, _)| piece).collect();
        let mut frames = Frames::default();
        assert!(frames.read(&[&all, &b"\0\0"[..]].concat()), "something came to its end");
        assert!(!frames.is_whole(), "and something else was begun");
    }
}
