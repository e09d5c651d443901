//! Checks of request heads that hyper does not do.
//!
//! hyper parses heads. Before that, this module checks for what hyper would refuse without a specific status (versions,
//! long targets), for what its types lose (a fragment, a length beside chunks), and for upgrades to protocols other
//! than WebSocket.

use memchr::memchr;

use crate::{
    fields::{is_text, is_token},
    refusal::Refusal,
};

/// The maximum length of a head.
pub(super) const MAX_HEAD: usize = 128 << 10;
/// The maximum length of the first line: the limit of http's type for targets.
const MAX_FIRST_LINE: usize = 65_534;
/// The maximum number of lines after the first.
const MAX_LINES: usize = 100;

/// Replaces the name of an `Upgrade` header that is ignored.
const IGNORED: &[u8; 7] = b"ignored";

/// Finds the end of a head that arrives in parts.
#[derive(Debug, Default)]
pub(super) struct HeadScanner {
    scanned: usize,
    line_start: usize,
    lines: usize,
}

impl HeadScanner {
    /// Returns whether no byte of the head has arrived.
    pub(super) fn is_new(&self) -> bool {
        self.scanned == 0
    }

    /// Returns the end of the head, if it is complete; `bytes` start with the bytes that were scanned before. The
    /// caller has to skip empty lines before the head.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        while let Some(at) = bytes.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)) {
            let end = self.scanned + at;
            let line = without_return(bytes.get(self.line_start..end).unwrap_or_default());
            self.scanned = end + 1;
            self.line_start = end + 1;
            if line.is_empty() && self.lines > 0 {
                return Ok(Some(end + 1));
            }
            self.check(line.len(), end + 1)?;
            self.lines += 1;
            if self.lines > MAX_LINES + 1 {
                return Err(Refusal::HeadTooLarge);
            }
        }
        self.scanned = bytes.len();
        self.check(bytes.len() - self.line_start.min(bytes.len()), bytes.len())?;
        Ok(None)
    }

    fn check(&self, line: usize, head: usize) -> Result<(), Refusal> {
        if self.lines == 0 && line > MAX_FIRST_LINE {
            return Err(Refusal::TargetTooLong);
        }
        if head > MAX_HEAD { Err(Refusal::HeadTooLarge) } else { Ok(()) }
    }
}

/// Refuses a complete head, or changes it so that hyper interprets it correctly.
pub(super) fn prepare(head: &mut [u8]) -> Result<(), Refusal> {
    let end = memchr(b'\n', head).unwrap_or(head.len());
    let Some((first, rest)) = head.split_at_mut_checked(end) else { return Err(Refusal::Malformed) };
    prepare_first_line(first)?;
    prepare_lines(rest)
}

fn prepare_first_line(line: &mut [u8]) -> Result<(), Refusal> {
    let length = without_return(line).len();
    // The preface of HTTP/2, which is supported with TLS only.
    let is_preface = line.starts_with(b"PRI * ");
    let Some(line) = line.get_mut(..length) else { return Err(Refusal::Malformed) };
    let mut parts = line.split_mut(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::Malformed);
    };
    // RFC 9112 3.2: a target has no fragment. The type for targets drops one.
    if !is_token(method) || target.contains(&b'#') || is_preface {
        return Err(Refusal::Malformed);
    }
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => {
            // RFC 9110 2.5: a higher minor version is treated as the highest known one.
            *minor = (*minor).min(b'1');
            Ok(())
        }
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Err(Refusal::Version)
        }
        _ => Err(Refusal::Malformed),
    }
}

fn prepare_lines(lines: &mut [u8]) -> Result<(), Refusal> {
    let (mut has_length, mut codings) = (false, 0);
    for line in lines.split_mut(|byte| *byte == b'\n') {
        let length = without_return(line).len();
        let Some(line) = line.get_mut(..length).filter(|line| !line.is_empty()) else { continue };
        let Some(colon) = memchr(b':', line) else { return Err(Refusal::Malformed) };
        let (name, value) = line.split_at_mut(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if !is_token(name) || !value.iter().all(|byte| is_text(*byte)) {
            return Err(Refusal::Malformed);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            has_length = true;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings += 1;
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::Malformed);
            }
        } else if name.eq_ignore_ascii_case(b"upgrade") && !value.eq_ignore_ascii_case(b"websocket") {
            name.copy_from_slice(IGNORED);
        }
    }
    // RFC 9112 6.3: a message with two lengths may be an attempt to smuggle a request.
    if codings > 1 || (has_length && codings > 0) { Err(Refusal::Malformed) } else { Ok(()) }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(head: &str) -> Result<String, Refusal> {
        let mut head = head.as_bytes().to_vec();
        prepare(&mut head).map(|()| String::from_utf8(head).unwrap())
    }

    #[test]
    fn end_of_a_head_is_found_at_its_last_byte() {
        for head in ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET / HTTP/1.1\nhost: a\n\n", "GET / HTTP/1.1\r\n\n"] {
            let mut scanner = HeadScanner::default();
            for end in 0..head.len() {
                assert_eq!(scanner.scan(&head.as_bytes()[..end]), Ok(None), "{head:?} {end}");
            }
            let more = format!("{head}more\n\n");
            assert_eq!(scanner.scan(more.as_bytes()), Ok(Some(head.len())), "{head:?}");
            assert_eq!(HeadScanner::default().scan(more.as_bytes()), Ok(Some(head.len())), "{head:?}");
        }
    }

    #[test]
    fn heads_have_limits() {
        let scan = |head: String| HeadScanner::default().scan(head.as_bytes());
        assert_eq!(scan(format!("GET /{}", "a".repeat(65_530))), Err(Refusal::TargetTooLong));
        assert!(scan(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100))).unwrap().is_some());
        assert_eq!(scan(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101))), Err(Refusal::HeadTooLarge));
        assert_eq!(scan(format!("GET / HTTP/1.1\r\na: {}", "b".repeat(MAX_HEAD))), Err(Refusal::HeadTooLarge));
    }

    #[test]
    fn versions_are_checked() {
        assert_eq!(prepared("GET / HTTP/1.2\r\n\r\n").unwrap(), "GET / HTTP/1.1\r\n\r\n");
        assert_eq!(prepared("GET / HTTP/1.0\r\n\r\n").unwrap(), "GET / HTTP/1.0\r\n\r\n");
        for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/3.0"] {
            assert_eq!(prepared(&format!("GET / {version}\r\n\r\n")), Err(Refusal::Version));
        }
        for malformed in
            ["PRI * HTTP/2.0", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET / http/1.1", " / HTTP/1.1"]
        {
            assert_eq!(prepared(&format!("{malformed}\r\n\r\n")), Err(Refusal::Malformed), "{malformed}");
        }
    }

    #[test]
    fn malformed_lines_are_refused() {
        for line in ["a", ": b", "a : b", " a: b", "a: b\rc: d", "a: \0", "a: \x7f", "a(: b"] {
            assert_eq!(prepared(&format!("GET / HTTP/1.1\r\n{line}\r\n\r\n")), Err(Refusal::Malformed), "{line:?}");
        }
        let good = "GET / HTTP/1.1\r\na:\r\nb: \tc d\u{e9}\t\r\n\r\n";
        assert_eq!(prepared(good).unwrap(), good);
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        for bad in [
            "GET /a#b HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        ] {
            assert_eq!(prepared(bad), Err(Refusal::Malformed), "{bad}");
        }
    }

    #[test]
    fn only_websocket_is_an_upgrade() {
        let head = |name: &str, to: &str| format!("GET / HTTP/1.1\r\n{name}: {to}\r\nhost: a\r\n\r\n");
        assert_eq!(prepared(&head("Upgrade", "h2c")).unwrap(), head("ignored", "h2c"));
        assert_eq!(prepared(&head("Upgrade", "WebSocket")).unwrap(), head("Upgrade", "WebSocket"));
    }
}
