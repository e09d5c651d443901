//! A strict scanner for the end of chunked bodies (RFC 9112 7.1).
//!
//! hyper decodes chunks, but accepts control characters in their extensions, and any text up to an empty line after the
//! last chunk: with a bare line feed in it, the head of the next request would be lost. So hyper only gets bytes that
//! this scanner has accepted.

use crate::fields::{is_text, is_token_byte};

/// The maximum length of an extension.
const MAX_EXTENSION_BYTES: usize = 4 << 10;
/// The maximum length and number of lines of trailers, as in hyper.
const MAX_TRAILER_BYTES: usize = 15 << 10;
const MAX_TRAILER_LINES: usize = 100;
/// The maximum number of digits of a size.
const MAX_DIGITS: u8 = 16;

/// Scans a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkScanner {
    state: State,
    /// The remaining bytes of the chunk, or the size read so far.
    size: u64,
    digits: u8,
    /// The bytes of the extension or of the trailers.
    bytes: usize,
    lines: usize,
}

/// The expected part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// White space after the size.
    Space,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    /// The first byte of a trailer line.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    LastEnd,
}

/// The result of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// All bytes belong to the body, which continues.
    More,
    /// The body ended after so many bytes.
    Ended(usize),
    /// The body is malformed after so many bytes.
    Malformed(usize),
}

impl ChunkScanner {
    pub(super) fn new() -> Self {
        Self { state: State::Size, size: 0, digits: 0, bytes: 0, lines: 0 }
    }

    pub(super) fn scan(&mut self, bytes: &[u8]) -> Progress {
        let mut position = 0;
        while let Some(byte) = bytes.get(position) {
            if self.state == State::Data {
                let left = usize::try_from(self.size).unwrap_or(usize::MAX);
                let step = left.min(bytes.len() - position);
                self.size -= u64::try_from(step).unwrap_or(self.size);
                position += step;
                if self.size == 0 {
                    self.state = State::DataReturn;
                }
                continue;
            }
            match self.step(*byte) {
                Some(state) => self.state = state,
                None => return Progress::Malformed(position),
            }
            position += 1;
            if self.state == State::LastEnd && *byte == b'\n' {
                return Progress::Ended(position);
            }
        }
        Progress::More
    }

    /// Returns the state after this byte; `None` if the byte is not expected.
    fn step(&mut self, byte: u8) -> Option<State> {
        match (self.state, byte) {
            (State::Size, _) if byte.is_ascii_hexdigit() => {
                self.digits = self.digits.checked_add(1).filter(|digits| *digits <= MAX_DIGITS)?;
                self.size = self.size << 4 | u64::from(char::from(byte).to_digit(16)?);
                Some(State::Size)
            }
            (State::Size, _) if self.digits == 0 => None,
            (State::Size | State::Space | State::Extension, b'\r') => Some(State::SizeEnd),
            (State::Size | State::Space, b' ' | b'\t') => self.count(MAX_EXTENSION_BYTES).map(|()| State::Space),
            (State::Size | State::Space, b';') => Some(State::Extension),
            (State::Extension, _) if is_text(byte) => self.count(MAX_EXTENSION_BYTES).map(|()| State::Extension),
            (State::SizeEnd, b'\n') => {
                self.bytes = 0;
                self.digits = 0;
                Some(if self.size == 0 { State::TrailerStart } else { State::Data })
            }
            (State::DataReturn, b'\r') => Some(State::DataEnd),
            (State::DataEnd, b'\n') => Some(State::Size),
            (State::TrailerStart, b'\r') | (State::LastEnd, b'\n') => Some(State::LastEnd),
            (State::TrailerStart, _) if is_token_byte(byte) => {
                self.lines += 1;
                (self.lines <= MAX_TRAILER_LINES).then_some(())?;
                self.count(MAX_TRAILER_BYTES).map(|()| State::TrailerName)
            }
            (State::TrailerName, b':') => self.count(MAX_TRAILER_BYTES).map(|()| State::TrailerValue),
            (State::TrailerName, _) if is_token_byte(byte) => {
                self.count(MAX_TRAILER_BYTES).map(|()| State::TrailerName)
            }
            (State::TrailerValue, b'\r') => self.count(MAX_TRAILER_BYTES).map(|()| State::TrailerEnd),
            (State::TrailerValue, _) if is_text(byte) => self.count(MAX_TRAILER_BYTES).map(|()| State::TrailerValue),
            (State::TrailerEnd, b'\n') => self.count(MAX_TRAILER_BYTES).map(|()| State::TrailerStart),
            _ => None,
        }
    }

    fn count(&mut self, max: usize) -> Option<()> {
        self.bytes += 1;
        (self.bytes <= max).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(body: &str) -> Progress {
        ChunkScanner::new().scan(body.as_bytes())
    }

    #[test]
    fn end_of_a_body_is_found() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "a;b=\"c d\"\r\n0123456789\r\n00\r\nx-sum: 1, 2\r\ny:\r\n\r\n",
            "5 \t;x\r\nhello\r\n0 \r\n\r\n",
        ] {
            assert_eq!(scan(&format!("{body}GET /")), Progress::Ended(body.len()), "{body:?}");
            for split in 0..body.len() {
                let mut scanner = ChunkScanner::new();
                assert_eq!(scanner.scan(&body.as_bytes()[..split]), Progress::More, "{body:?} {split}");
                assert_eq!(scanner.scan(&body.as_bytes()[split..]), Progress::Ended(body.len() - split), "{body:?}");
            }
        }
    }

    #[test]
    fn malformed_bodies_are_found() {
        for (body, good) in [
            ("zz\r\n", 0),
            ("\r\n", 0),
            ("-1\r\n", 0),
            ("2\n{}", 1),
            ("12345678901234567\r\n", 16),
            ("5\r\nhelloX\r\n", 8),
            ("5\r\nhello\n0\r\n\r\n", 8),
            ("5;\0e\r\n", 2),
            ("5;a\nb\r\n", 3),
            ("0\r\n\nGET / HTTP/1.1\r\n\r\n", 3),
            ("0\r\na: b\nGET / HTTP/1.1\r\n\r\n", 7),
            ("0\r\ngarbage\r\n\r\n", 10),
            ("0\r\na\rb: c\r\n\r\n", 4),
            ("0\r\na: b\r\n c\r\n\r\n", 9),
            ("0\r\n: b\r\n\r\n", 3),
        ] {
            assert_eq!(scan(body), Progress::Malformed(good), "{body:?}");
        }
    }

    #[test]
    fn extensions_and_trailers_have_limits() {
        assert!(matches!(scan(&format!("1;{}", "x".repeat(5_000))), Progress::Malformed(_)));
        assert!(matches!(scan(&format!("0\r\na: {}", "x".repeat(16_000))), Progress::Malformed(_)));
        assert!(matches!(scan(&format!("0\r\n{}", "a: b\r\n".repeat(101))), Progress::Malformed(_)));
        assert_eq!(scan(&format!("0\r\n{}", "a: b\r\n".repeat(100))), Progress::More);
        assert_eq!(scan("ffffffffffffffff\r\n{}"), Progress::More);
    }
}
