//! Conditions on the version of a thing (RFC 9110 13).

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH},
};
use entrepot_application::Error;
use entrepot_domain::Version;

use crate::{
    encoding::{Coding, accepts},
    error::{ApiError, ApiResult},
};

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
        // In which coding the client was shown a version does not matter to a change of it.
        let newest = tags.into_iter().filter_map(version).map(|(version, _)| version).max();
        newest.map(|version| Self(Some(version))).ok_or_else(|| Error::PreconditionFailed.into())
    }
}

/// The versions that a client has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IfNoneMatch {
    any: bool,
    versions: Vec<(Version, Option<Coding>)>,
}

impl FromRequest for IfNoneMatch {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tags = tags(req, &IF_NONE_MATCH).unwrap_or_default();
        // Comparison is weak here: a cache may have weakened our tag.
        let versions = tags.iter().filter_map(|tag| version(tag.strip_prefix("W/").unwrap_or(tag)));
        // A cache may hold the thing in a coding that this client does not take, and must not send it that.
        let versions = versions.filter(|(_, coding)| coding.is_none() || accepts(req.headers(), *coding));
        ready(Ok(Self { any: tags.contains(&"*"), versions: versions.collect() }))
    }
}

impl IfNoneMatch {
    /// The tag by which the client has this version, whose tag is this one where it is not encoded; `None` if it has
    /// it not.
    pub(crate) fn knows(&self, version: Version, tag: &HeaderValue) -> Option<HeaderValue> {
        let known = self.versions.iter().find(|(known, _)| *known == version);
        let Some((_, coding)) = known else { return self.any.then(|| tag.clone()) };
        let encoded = coding.and_then(|coding| coding.tag(tag.to_str().ok()?)?.try_into().ok());
        Some(encoded.unwrap_or_else(|| tag.clone()))
    }
}

fn tags<'r>(req: &'r HttpRequest, name: &HeaderName) -> Option<Vec<&'r str>> {
    req.headers().contains_key(name).then(|| {
        let values = req.headers().get_all(name).filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim).collect()
    })
}

/// The version that a strong tag of ours names, and the coding in which it was shown.
fn version(tag: &str) -> Option<(Version, Option<Coding>)> {
    let (version, coding) = Coding::split(tag.strip_prefix('"')?.strip_suffix('"')?);
    version.parse().ok().map(|version| (Version(version), coding))
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
        assert_eq!(if_match("\"3-br\""), Ok(Some(3)), "in whatever coding it was shown");
        assert_eq!(if_match("*"), Ok(None));
    }

    #[test]
    fn weak_and_foreign_tags_match_nothing() {
        for tag in ["W/\"3\"", "3", "\"x\"", "\"", ""] {
            assert_eq!(if_match(tag), Err("precondition_failed"), "{tag}");
        }
    }

    /// The tag of version 3, as far as the client has it.
    fn known(tags: &str, encoding: &str) -> Option<String> {
        let req =
            TestRequest::default().insert_header((IF_NONE_MATCH, tags)).insert_header(("accept-encoding", encoding));
        let known = IfNoneMatch::extract(&req.to_http_request()).into_inner().unwrap();
        let tag = known.knows(Version(3), &HeaderValue::from_static("\"3\""))?;
        Some(tag.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_weakened_tag_is_still_known() {
        for tags in ["\"3\"", "W/\"3\", \"7\"", "\"7\", \"3\"", "*"] {
            assert_eq!(known(tags, "").unwrap(), "\"3\"", "{tags}");
        }
        assert_eq!(known("\"4\", \"33\", 3", ""), None);
    }

    #[test]
    fn a_coding_is_known_to_who_takes_it() {
        assert_eq!(known("\"3-br\"", "br").unwrap(), "\"3-br\"");
        assert_eq!(known("W/\"3-br\"", "br, gzip").unwrap(), "\"3-br\"");
        assert_eq!(known("\"3-br\"", "gzip"), None, "it must not be sent what a cache keeps in br");
        assert_eq!(known("\"3-deflate\"", "deflate"), None);
    }
}
