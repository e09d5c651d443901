//! Preconditions on the version of a resource (RFC 9110 13).

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

/// The `If-Match` and `If-None-Match` of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// The versions that a header lists, each with the coding in which the client was shown it. Tags that no resource here
/// can have are left out: they match nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tags {
    /// Whether there is a `*`, which matches every version.
    any: bool,
    versions: Vec<(Version, Option<Coding>)>,
}

impl Tags {
    fn contains(&self, version: Version) -> bool {
        self.any || self.versions.iter().any(|(known, _)| *known == version)
    }
}

impl FromRequest for Preconditions {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        // `If-Match` compares strongly: a weak tag matches nothing. A change applies to the resource, in whichever
        // coding its client was shown it.
        let if_match = tags(req, &IF_MATCH, version);
        // `If-None-Match` compares weakly: a cache may have weakened the tag. A cache may also have the resource in a
        // coding that this client does not accept, and must not send it that.
        let if_none_match = tags(req, &IF_NONE_MATCH, |tag| {
            version(tag.strip_prefix("W/").unwrap_or(tag))
                .filter(|(_, coding)| coding.is_none() || accepts(req.headers(), *coding))
        });
        ready(Ok(Self { if_match, if_none_match }))
    }
}

/// What the preconditions of a `GET` say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    /// The client wants the resource.
    Modified,
    /// The client has it, with this tag.
    NotModified(HeaderValue),
}

impl Preconditions {
    /// Evaluates the preconditions of a `GET` of a resource that has this version, and this tag where it is not
    /// encoded.
    pub(crate) fn select(&self, version: Version, tag: &HeaderValue) -> Result<Selected, Error> {
        if self.if_match.as_ref().is_some_and(|tags| !tags.contains(version)) {
            return Err(Error::PreconditionFailed);
        }
        let Some(known) = self.if_none_match.as_ref().filter(|tags| tags.contains(version)) else {
            return Ok(Selected::Modified);
        };
        let coding = known.versions.iter().find(|(known, _)| *known == version).and_then(|(_, coding)| *coding);
        let encoded = coding.and_then(|coding| coding.tag(tag.to_str().ok()?)?.try_into().ok());
        Ok(Selected::NotModified(encoded.unwrap_or_else(|| tag.clone())))
    }

    /// The version that a change must find; `None` for any. `current` is asked only if the headers name several
    /// versions, or one that it must not be.
    pub(crate) async fn expected(
        &self,
        current: impl Future<Output = Result<Version, Error>>,
    ) -> ApiResult<Option<Version>> {
        match (&self.if_match, &self.if_none_match) {
            (None | Some(Tags { any: true, .. }), None) => Ok(None),
            (Some(Tags { any: false, versions }), None) if versions.len() < 2 => {
                let (version, _) = versions.first().ok_or(Error::PreconditionFailed)?;
                Ok(Some(*version))
            }
            (if_match, if_none_match) => {
                let current = current.await?;
                let matches = if_match.as_ref().is_none_or(|tags| tags.contains(current));
                if !matches || if_none_match.as_ref().is_some_and(|tags| tags.contains(current)) {
                    return Err(Error::PreconditionFailed.into());
                }
                Ok(Some(current))
            }
        }
    }
}

fn tags(
    req: &HttpRequest,
    name: &HeaderName,
    version: impl Fn(&str) -> Option<(Version, Option<Coding>)>,
) -> Option<Tags> {
    if !req.headers().contains_key(name) {
        return None;
    }
    let values = req.headers().get_all(name).filter_map(|value| value.to_str().ok());
    let mut tags = Tags { any: false, versions: Vec::new() };
    for tag in values.flat_map(|value| value.split(',')).map(str::trim) {
        tags.any |= tag == "*";
        tags.versions.extend(version(tag));
    }
    Some(tags)
}

/// The version that a strong tag stands for, and the coding in which it was shown. Tags are compared as text: a number
/// that is written in another way is another tag.
fn version(tag: &str) -> Option<(Version, Option<Coding>)> {
    let (text, coding) = Coding::split(tag.strip_prefix('"')?.strip_suffix('"')?);
    let version = Version(text.parse().ok()?);
    (version.0.to_string() == text).then_some((version, coding))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn conditions(headers: &[(HeaderName, &str)]) -> Preconditions {
        let mut req = TestRequest::default();
        for (name, value) in headers {
            req = req.append_header((name.clone(), *value));
        }
        Preconditions::extract(&req.to_http_request()).into_inner().unwrap()
    }

    /// What a change must find while the resource has version 3.
    async fn expected(headers: &[(HeaderName, &str)]) -> Result<Option<i64>, &'static str> {
        let expected = conditions(headers).expected(async { Ok(Version(3)) }).await;
        expected.map(|version| version.map(|version| version.0)).map_err(|error| error.code())
    }

    async fn if_match(value: &str) -> Result<Option<i64>, &'static str> {
        expected(&[(IF_MATCH, value)]).await
    }

    #[actix_web::test]
    async fn strong_tag_is_a_version() {
        assert_eq!(if_match("\"2\"").await, Ok(Some(2)), "the store compares");
        assert_eq!(if_match("\"3-br\"").await, Ok(Some(3)), "in whatever coding it was shown");
        assert_eq!(if_match("*").await, Ok(None));
        assert_eq!(expected(&[]).await, Ok(None));
    }

    #[actix_web::test]
    async fn one_tag_of_a_list_must_match() {
        for list in ["\"3\", \"5\"", "\"5\", \"3\"", "\"1\", W/\"2\", \"3-gzip\", \"x\"", "\"1\", *"] {
            assert!(matches!(if_match(list).await, Ok(Some(3) | None)), "{list}");
        }
        assert_eq!(if_match("\"2\", \"5\"").await, Err("precondition_failed"));
        assert_eq!(expected(&[(IF_MATCH, "\"5\""), (IF_MATCH, "\"3\"")]).await, Ok(Some(3)), "several headers are one");
    }

    #[actix_web::test]
    async fn weak_and_foreign_tags_match_nothing() {
        for tag in ["W/\"3\"", "3", "\"x\"", "\"", "", "\"+3\"", "\"03\"", "\" 3\"", "\"3-BR\""] {
            assert_eq!(if_match(tag).await, Err("precondition_failed"), "{tag}");
        }
    }

    #[actix_web::test]
    async fn change_may_exclude_versions() {
        for present in ["*", "\"3\"", "W/\"3\"", "\"1\", \"3\""] {
            assert_eq!(expected(&[(IF_NONE_MATCH, present)]).await, Err("precondition_failed"), "{present}");
        }
        for other in ["\"2\"", "\"+3\"", "\"03\"", ""] {
            assert_eq!(expected(&[(IF_NONE_MATCH, other)]).await, Ok(Some(3)), "{other}");
        }
        assert_eq!(expected(&[(IF_MATCH, "\"3\""), (IF_NONE_MATCH, "\"3\"")]).await, Err("precondition_failed"));
    }

    /// The tag of version 3, as far as the client has it.
    fn known(tags: &str, encoding: &str) -> Option<String> {
        let conditions = conditions(&[(IF_NONE_MATCH, tags), (actix_web::http::header::ACCEPT_ENCODING, encoding)]);
        match conditions.select(Version(3), &HeaderValue::from_static("\"3\"")).unwrap() {
            Selected::NotModified(tag) => Some(tag.to_str().unwrap().to_owned()),
            Selected::Modified => None,
        }
    }

    #[test]
    fn weakened_tag_matches() {
        for tags in ["\"3\"", "W/\"3\", \"7\"", "\"7\", \"3\"", "*"] {
            assert_eq!(known(tags, "").unwrap(), "\"3\"", "{tags}");
        }
        assert_eq!(known("\"4\", \"33\", 3", ""), None);
        assert_eq!(known("\"+3\", \"03\"", ""), None, "tags are compared as text");
    }

    #[test]
    fn tag_of_a_coding_matches_for_clients_that_accept_it() {
        assert_eq!(known("\"3-br\"", "br").unwrap(), "\"3-br\"");
        assert_eq!(known("W/\"3-br\"", "br, gzip").unwrap(), "\"3-br\"");
        assert_eq!(known("\"3-br\"", "gzip"), None, "it must not be sent what a cache has in br");
        assert_eq!(known("\"3-deflate\"", "deflate"), None);
    }

    #[test]
    fn get_of_another_version_fails() {
        let select = |headers: &[(HeaderName, &str)]| {
            conditions(headers).select(Version(3), &HeaderValue::from_static("\"3\"")).map_err(|error| error.code())
        };
        assert_eq!(select(&[(IF_MATCH, "\"3\"")]), Ok(Selected::Modified));
        assert_eq!(select(&[(IF_MATCH, "*")]), Ok(Selected::Modified));
        for other in ["\"2\"", "W/\"3\"", "\"03\"", "x"] {
            let both = [(IF_MATCH, other), (IF_NONE_MATCH, "\"3\"")];
            assert_eq!(select(&both), Err("precondition_failed"), "{other}");
        }
    }
}
