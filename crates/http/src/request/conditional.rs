//! Conditions on the version of a thing (RFC 9110 13).

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use entrepot_application::Error;
use entrepot_domain::Version;

use crate::error::{ApiError, ApiResult};

/// The version that a change is meant for; `None` if the client did not say, or any will do.
///
/// Of several versions the greatest counts: versions only grow, so an older one can not be the present one while a
/// newer one was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) Option<Version>);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(tags(req, &IF_MATCH)))
    }
}

impl IfMatch {
    fn read(tags: Option<Vec<&str>>) -> ApiResult<Self> {
        let Some(tags) = tags else { return Ok(Self(None)) };
        if tags.contains(&"*") {
            return Ok(Self(None));
        }
        // Comparison is strong here: a weak tag matches nothing, and neither does one that was never ours.
        let newest = tags.into_iter().filter_map(version).max();
        newest.map(|version| Self(Some(version))).ok_or_else(|| Error::PreconditionFailed.into())
    }
}

/// The versions that a client has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IfNoneMatch {
    any: bool,
    versions: Vec<Version>,
}

impl FromRequest for IfNoneMatch {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tags = tags(req, &IF_NONE_MATCH).unwrap_or_default();
        ready(Ok(Self {
            any: tags.contains(&"*"),
            // Comparison is weak here: a cache may have weakened our tag.
            versions: tags.into_iter().filter_map(|tag| version(tag.strip_prefix("W/").unwrap_or(tag))).collect(),
        }))
    }
}

impl IfNoneMatch {
    /// Whether the client has this version.
    pub(crate) fn has(&self, version: Version) -> bool {
        self.any || self.versions.contains(&version)
    }
}

fn tags<'r>(req: &'r HttpRequest, name: &HeaderName) -> Option<Vec<&'r str>> {
    req.headers().contains_key(name).then(|| {
        let values = req.headers().get_all(name).filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim).collect()
    })
}

fn version(tag: &str) -> Option<Version> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok().map(Version)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn if_match(value: &str) -> Result<Option<i64>, &'static str> {
        let req = TestRequest::default().insert_header((IF_MATCH, value)).to_http_request();
        let read = IfMatch::read(tags(&req, &IF_MATCH));
        read.map(|IfMatch(version)| version.map(|version| version.0)).map_err(|error| error.code())
    }

    #[test]
    fn a_strong_tag_is_a_version() {
        assert_eq!(if_match("\"3\""), Ok(Some(3)));
        assert_eq!(if_match("\"3\", \"5\""), Ok(Some(5)));
        assert_eq!(if_match("*"), Ok(None));
    }

    #[test]
    fn weak_and_foreign_tags_match_nothing() {
        for tag in ["W/\"3\"", "3", "\"x\"", "\"", ""] {
            assert_eq!(if_match(tag), Err("precondition_failed"), "{tag}");
        }
    }

    #[test]
    fn a_weakened_tag_is_still_known() {
        let req = TestRequest::default().insert_header((IF_NONE_MATCH, "W/\"3\", \"7\"")).to_http_request();
        let known = IfNoneMatch::extract(&req);
        let known = known.into_inner().unwrap();
        assert!(known.has(Version(3)) && known.has(Version(7)) && !known.has(Version(4)));
    }
}
