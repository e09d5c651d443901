//! Which media type of GraphQL over HTTP a client prefers.

use actix_web::http::header::{ACCEPT, HeaderMap};

use crate::error::weight;

/// A media type of responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`, whose status says nothing of the document.
    Json,
    /// `application/graphql-response+json`.
    GraphqlResponse,
    /// `text/event-stream`: a response for each event of a subscription.
    EventStream,
}

impl Media {
    /// The one that is preferred; JSON for a client that does not say.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let (mut graphql, mut json, mut stream) = (0, 0, 0);
        for range in sent {
            let mut parts = range.split(';').map(str::trim);
            match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => graphql = graphql.max(weight(parts)),
                "application/json" => json = json.max(weight(parts)),
                "text/event-stream" => stream = stream.max(weight(parts)),
                _ => {}
            }
        }
        if stream > 0 && stream >= graphql.max(json) {
            Self::EventStream
        } else if graphql > 0 && graphql >= json {
            Self::GraphqlResponse
        } else {
            Self::Json
        }
    }

    /// The value of `Content-Type`; for a stream that of an answer that is none.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::EventStream => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn new_media_type_is_sent_to_those_who_name_it() {
        let of = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            Media::of(&headers)
        };
        assert_eq!(Media::of(&HeaderMap::new()), Media::Json);
        for json in ["*/*", "application/json", "text/html", "application/graphql-response+json;q=0"] {
            assert_eq!(of(json), Media::Json, "{json}");
        }
        for graphql in [
            "application/graphql-response+json",
            "application/graphql-response+json, application/json;q=0.9",
            "application/json, application/graphql-response+json",
            "Application/GraphQL-Response+JSON; charset=utf-8",
        ] {
            assert_eq!(of(graphql), Media::GraphqlResponse, "{graphql}");
        }
        assert_eq!(of("application/json, application/graphql-response+json;q=0.5"), Media::Json);
        for stream in ["text/event-stream", "text/event-stream, application/json"] {
            assert_eq!(of(stream), Media::EventStream, "{stream}");
        }
        assert_eq!(of("application/json, text/event-stream;q=0.5"), Media::Json);
    }
}
