//! Responses, and what tests expect of them.

use anyhow::Result;
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

/// A response with its whole body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where there is none, a string where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Reads a response to its end, unless it is a live feed, which has none: its body is null.
    pub async fn read(response: reqwest::Response) -> Result<Self> {
        let status = response.status();
        let headers = response.headers().clone();
        let says = |kind: &[u8]| headers.get("content-type").is_some_and(|said| said.as_bytes().starts_with(kind));
        let text = if says(b"text/event-stream") { String::new() } else { response.text().await? };
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        // Every body that says it is JSON must be.
        let says_json = says(b"application/json");
        assert!(!says_json || status == StatusCode::NOT_MODIFIED || !body.is_string(), "{status}: {body}");
        Ok(Self { status: status.as_u16(), headers, body })
    }

    /// A header, or nothing where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The member `data` of the body.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The member `id` of `data`.
    #[track_caller]
    pub fn id(&self) -> String {
        let id = self.data()["id"].as_str();
        id.map_or_else(|| panic!("no id: {} {}", self.status, self.body), str::to_owned)
    }

    /// The elements of a list.
    #[track_caller]
    pub fn list(&self) -> &[Value] {
        self.data().as_array().unwrap_or_else(|| panic!("no list: {} {}", self.status, self.body))
    }

    /// One field of every element of a list, as text.
    #[track_caller]
    pub fn each(&self, field: &str) -> Vec<String> {
        self.list().iter().map(|one| one[field].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Expects a status, and the envelope of a success where there is a body.
    #[allow(clippy::return_self_not_must_use, reason = "an assertion: often nothing more is asked of the answer")]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        if !self.body.is_null() {
            assert_eq!(self.body["status"], "success", "{}", self.body);
        }
        assert!(!self.header("x-request-id").is_empty());
        self
    }

    /// Expects an error in the envelope of errors: its status, its code, and the request's id as in the header.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.body["status"], "error", "{}", self.body);
        assert!(self.body["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.body);
        assert_eq!(self.body["requestId"].as_str(), Some(self.header("x-request-id")), "{}", self.body);
        self
    }

    /// Expects a refused body or query, with an entry for each of these fields and no other.
    #[track_caller]
    pub fn invalid(&self, fields: &[&str]) -> &Self {
        self.error(400, "validation_failed");
        let mut found: Vec<&str> =
            self.body["errors"].as_array().map_or(&[][..], Vec::as_slice).iter().map(entry).collect();
        let mut asked = fields.to_vec();
        found.sort_unstable();
        asked.sort_unstable();
        assert_eq!(found, asked, "{}", self.body);
        self
    }
}

/// The field of one entry, which must have a message too.
#[track_caller]
fn entry(entry: &Value) -> &str {
    assert!(entry["message"].as_str().is_some_and(|message| !message.is_empty()), "{entry}");
    entry["field"].as_str().unwrap_or_default()
}
