//! The `Accept-Encoding` header (RFC 9110 12.5.3).

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap};

use super::Coding;
use crate::error::weight;

/// The weight of each coding, in thousandths; 0 for one that the client does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    codings: [u16; Coding::ALL.len()],
    identity: u16,
}

/// The weight of no coding where the header does not give one: accepted, but any other is better.
const DEFAULT_IDENTITY: u16 = 1;

impl Accepted {
    /// What a request accepts. Without the header that is every coding by the RFC, but such a client may not know any: it
    /// gets none.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let (mut known, mut identity, mut others) = ([None; Coding::ALL.len()], None, None);
        let sent = headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
        for range in sent.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = Some(weight(parts));
            let coding = Coding::ALL.into_iter().zip(&mut known).find(|(coding, _)| is(*coding, &name));
            match (coding, name.as_str()) {
                (Some((_, known)), _) => *known = weight,
                (None, "identity") => identity = weight,
                (None, "*") => others = weight,
                (None, _) => {}
            }
        }
        Self {
            codings: known.map(|weight| weight.or(others).unwrap_or(0)),
            identity: identity.or(others.filter(|weight| *weight == 0)).unwrap_or(DEFAULT_IDENTITY),
        }
    }

    /// Whether a response may have this coding, or none.
    pub(crate) fn allows(self, coding: Option<Coding>) -> bool {
        match coding {
            Some(coding) => self.codings.get(coding.index()).is_some_and(|weight| *weight > 0),
            None => self.identity > 0,
        }
    }

    /// The coding that the client prefers, and of several the cheapest; `None` if it prefers no coding, or accepts nothing
    /// at all: a response that it may not understand is better than none.
    pub(crate) fn best(self) -> Option<Coding> {
        let known = Coding::ALL.into_iter().zip(self.codings).filter(|(_, weight)| *weight > 0);
        // `max_by_key` returns the last of equal ones.
        let (best, weight) = known.rev().max_by_key(|(_, weight)| *weight)?;
        (weight >= self.identity).then_some(best)
    }
}

fn is(coding: Coding, name: &str) -> bool {
    // RFC 9110 8.4.1.3 has the alias.
    name == coding.name() || (coding == Coding::Gzip && name == "x-gzip")
}

/// Whether a request accepts a response in this coding, or in none.
pub(crate) fn accepts(headers: &HeaderMap, coding: Option<Coding>) -> bool {
    Accepted::of(headers).allows(coding)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn accepted(lines: &[&str]) -> Accepted {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        Accepted::of(&headers)
    }

    #[test]
    fn greatest_weight_wins_then_the_cheapest() {
        use Coding::{Brotli, Gzip, Zstd};
        for (sent, best) in [
            ("gzip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("GZIP;Q=0.5", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("gzip, deflate, br", Some(Brotli)),
            ("zstd;q=0.8, br;q=0.9, gzip;q=0.7", Some(Brotli)),
            ("zstd;q=0, br;q=0, gzip;q=0.001", Some(Gzip)),
            ("*", Some(Zstd)),
            ("*;q=0.1, zstd;q=0, gzip", Some(Gzip)),
            ("identity;q=0.5, gzip;q=0.4", None),
            ("identity;q=0.5, gzip;q=0.5", Some(Gzip)),
            ("gzip, *;q=0", Some(Gzip)),
            ("identity", None),
            ("deflate", None),
            ("gzip;q=0", None),
            ("*;q=0", None),
            ("gzip;q=x", None),
            ("", None),
        ] {
            assert_eq!(accepted(&[sent]).best(), best, "{sent}");
        }
        assert_eq!(accepted(&[]).best(), None);
        assert_eq!(accepted(&["gzip;q=0.1", "br;q=0.2"]).best(), Some(Brotli), "several lines are one");
    }

    #[test]
    fn plain_response_can_be_excluded() {
        for (sent, plain) in [
            ("gzip", true),
            ("gzip, identity;q=0", false),
            ("gzip, *;q=0", false),
            ("identity, *;q=0", true),
            ("*", true),
            ("", true),
        ] {
            assert_eq!(accepted(&[sent]).allows(None), plain, "{sent}");
        }
    }

    proptest::proptest! {
        #[test]
        fn best_coding_is_accepted(sent in "[a-z*;=,.0-9 qQ-]{0,60}|((gzip|br|zstd|identity|\\*)(;q=(0|1|0\\.[0-9]{1,4}))?, ?){0,6}") {
            let accepted = accepted(&[&sent]);
            match accepted.best() {
                Some(coding) => proptest::prop_assert!(accepted.allows(Some(coding))),
                None => proptest::prop_assert!(accepted.allows(None) || Coding::ALL.into_iter().all(|coding| !accepted.allows(Some(coding)))),
            }
        }
    }
}
