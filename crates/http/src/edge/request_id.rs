//! The identifier of a request, in its response and on every line of the log.

use std::{fmt, rc::Rc};

use actix_web::http::header::{HeaderMap, HeaderName};
use entrepot_domain::IdGenerator;
use uuid::{Uuid, fmt::Hyphenated};

/// The header of the identifier.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The most characters of an identifier from a client.
const MAX_LEN: usize = 128;

/// The identifier of a request: the one that the client sent, if it is well-formed, else a new UUID.
#[derive(Clone)]
pub(crate) struct RequestId(Rc<str>);

impl RequestId {
    /// The identifier of a request with these headers.
    pub(super) fn of(headers: &HeaderMap, ids: &dyn IdGenerator) -> Self {
        let sent = headers.get(&X_REQUEST_ID).and_then(|sent| sent.to_str().ok());
        match sent.filter(|sent| is_well_formed(sent.as_bytes())) {
            Some(sent) => Self(sent.into()),
            None => Self::from(ids.next()),
        }
    }

    /// The identifier as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for RequestId {
    fn from(id: Uuid) -> Self {
        Self((*id.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH])).into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_well_formed(id: &[u8]) -> bool {
    (1..=MAX_LEN).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The trace that a request belongs to: the second part of a `traceparent` that is valid by W3C Trace Context 3.2.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(&TRACEPARENT);
    let (first, None) = (sent.next()?, sent.next()) else { return None };
    let mut parts = first.to_str().ok()?.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Later versions may add parts.
    let has_its_parts = parts.next().is_none() || version != "00";
    let is_valid = is_hex(version, 2) && version != "ff" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
    (has_its_parts && is_valid).then_some(trace)
}

fn is_hex(part: &str, len: usize) -> bool {
    part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(part: &str, len: usize) -> bool {
    is_hex(part, len) && part.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn only_well_formed_identifiers_are_accepted() {
        for good in ["a", "0193-ab_C.d", &"x".repeat(128)] {
            assert!(is_well_formed(good.as_bytes()), "{good}");
        }
        for bad in ["", "a b", "a\"b", "é", "a/b", &"x".repeat(129)] {
            assert!(!is_well_formed(bad.as_bytes()), "{bad}");
        }
    }

    fn trace_of(parents: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(TRACEPARENT.clone(), HeaderValue::from_str(parent).unwrap());
        }
        trace_id(&headers).map(ToOwned::to_owned)
    }

    #[test]
    fn traceparent_is_parsed_strictly() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let good = format!("00-{trace}-b7ad6b7169203331-01");
        assert_eq!(trace_of(&[&good]).unwrap(), trace);
        assert_eq!(trace_of(&[&format!("01-{trace}-b7ad6b7169203331-01-more")]).unwrap(), trace);
        for bad in [
            format!("00-{trace}-b7ad6b7169203331-01-more"),
            format!("ff-{trace}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
            format!("00-{trace}-b7ad6b7169203331"),
            format!("00-{trace}-b7ad6b7169203331-1"),
            String::new(),
        ] {
            assert_eq!(trace_of(&[&bad]), None, "{bad}");
        }
        assert_eq!(trace_of(&[&good, &good]), None, "two are none");
    }
}
