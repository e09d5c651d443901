//! What every answer carries, whatever it answers.

use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::BytesMut;
use entrepot_application::Standing;

use super::{
    headers, limits,
    request_id::{RequestId, X_REQUEST_ID},
};
use crate::response::{header_line, header_value};

/// What an answer is marked with, in its extensions. Whoever sends it puts it into its head: there are seventeen headers
/// in it, most of them always the same, and in a map they cost as much as all else that is done for a cached answer.
pub(crate) struct Marks {
    /// Whether it goes through TLS all the way to the client, as far as is known.
    pub(super) secure: bool,
    pub(super) request_id: RequestId,
    /// How the caller stands, if it was counted.
    pub(super) standing: Option<Standing>,
}

impl Marks {
    /// As lines of a head of HTTP/1.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.extend_from_slice(headers::lines(self.secure));
        self.each(|name, parts| header_line(out, name, parts));
    }

    /// One after the other.
    pub(crate) fn each_header(&self, mut put: impl FnMut(HeaderName, HeaderValue)) {
        headers::of(self.secure).for_each(|(name, value)| put(name.clone(), value.clone()));
        self.each(|name, parts| put(name.clone(), header_value(parts)));
    }

    /// Those that are never the same.
    fn each(&self, mut put: impl FnMut(&HeaderName, &[&str])) {
        put(&X_REQUEST_ID, &[self.request_id.as_str()]);
        if let Some(standing) = &self.standing {
            limits::each(standing, put);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entrepot_domain::{Quota, Verdict};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn lines_and_headers_say_the_same() {
        let quota = Quota { limit: 100, window: Duration::from_mins(15) };
        let verdict = Verdict { allowed: true, remaining: 7, resets_in: Duration::from_secs(61) };
        for (secure, counted) in [(false, false), (true, true)] {
            let standing = counted.then_some(Standing { quota, verdict, limit: "address" });
            let marks = Marks { secure, request_id: RequestId::from(Uuid::from_u128(7)), standing };
            let (mut lines, mut headers) = (BytesMut::new(), Vec::new());
            marks.write(&mut lines);
            marks.each_header(|name, value| headers.push(format!("{name}: {}\r\n", value.to_str().unwrap())));
            let headers = headers.concat();
            assert_eq!(String::from_utf8_lossy(&lines), headers);
            assert_eq!(headers.contains("ratelimit: \"default\";r=7;t=61\r\n"), counted, "{headers}");
            assert_eq!(headers.contains("strict-transport-security: "), secure, "{headers}");
        }
    }
}
