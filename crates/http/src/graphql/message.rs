//! The messages of graphql-transport-ws.

use bytestring::ByteString;
use entrepot_graphql::{Refusal, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a client sends.
#[derive(Debug)]
pub(super) enum FromClient {
    /// Shows credentials, before anything else is asked.
    Init {
        authorization: Option<String>,
    },
    Ping {
        payload: Option<Map<String, Value>>,
    },
    Pong,
    /// Begins an operation, or asks for what none can be.
    Subscribe {
        id: String,
        request: Result<Request, Refusal>,
    },
    /// Ends an operation.
    Complete {
        id: String,
    },
}

/// The message is none of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoMessage;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Ping { payload: Option<Map<String, Value>> },
    Pong {},
    Subscribe { id: String, payload: Map<String, Value> },
    Complete { id: String },
}

impl FromClient {
    pub(super) fn read(text: &str) -> Result<Self, NoMessage> {
        Ok(match serde_json::from_str(text).map_err(|_| NoMessage)? {
            Message::ConnectionInit { payload } => Self::Init { authorization: authorization(payload)? },
            Message::Ping { payload } => Self::Ping { payload },
            Message::Pong {} => Self::Pong,
            Message::Subscribe { id, .. } if id.is_empty() => return Err(NoMessage),
            Message::Subscribe { id, payload } => Self::Subscribe { id, request: request(payload)? },
            Message::Complete { id } => Self::Complete { id },
        })
    }
}

/// The `Authorization` of a `connection_init`. Names of headers have no case.
fn authorization(payload: Option<Map<String, Value>>) -> Result<Option<String>, NoMessage> {
    let mut sent = payload.unwrap_or_default().into_iter();
    match sent.find(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        Some((_, Value::String(authorization))) => Ok(Some(authorization)),
        Some((_, Value::Null)) | None => Ok(None),
        Some(_) => Err(NoMessage),
    }
}

/// The request of a `subscribe`. An empty document is one that does not parse, and not a message that is none.
fn request(payload: Map<String, Value>) -> Result<Result<Request, Refusal>, NoMessage> {
    let is_empty = payload.get("query").is_some_and(|query| query == "");
    match Request::from_parameters(payload) {
        Err(_) if !is_empty => Err(NoMessage),
        request => Ok(request),
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromServer<'a> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a Map<String, Value>>,
    },
    Error {
        id: &'a str,
        payload: &'a Value,
    },
    Complete {
        id: &'a str,
    },
}

impl FromServer<'_> {
    /// The text of the message.
    pub(super) fn text(&self) -> ByteString {
        json(self).into()
    }
}

/// The message with a result, which is JSON already.
pub(super) fn next(id: &str, result: &str) -> ByteString {
    format!(r#"{{"type":"next","id":{},"payload":{result}}}"#, json(&id)).into()
}

fn json(view: &impl Serialize) -> String {
    serde_json::to_string(view).unwrap_or_else(|error| {
        tracing::error!(%error, "a message does not serialise");
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_protocol() {
        let read = |text: &str| FromClient::read(text);
        assert!(matches!(read(r#"{"type":"connection_init"}"#), Ok(FromClient::Init { authorization: None })));
        for init in [
            r#"{"type":"connection_init","payload":{"authorization":"Bearer x"}}"#,
            r#"{"payload":{"Authorization":"Bearer x","more":1},"type":"connection_init"}"#,
        ] {
            let Ok(FromClient::Init { authorization }) = read(init) else { panic!("{init}") };
            assert_eq!(authorization.as_deref(), Some("Bearer x"));
        }
        assert!(matches!(read(r#"{"type":"ping"}"#), Ok(FromClient::Ping { payload: None })));
        assert!(matches!(read(r#"{"type":"pong","payload":{"at":1}}"#), Ok(FromClient::Pong)));
        assert!(matches!(read(r#"{"type":"complete","id":"1"}"#), Ok(FromClient::Complete { id }) if id == "1"));
        let subscribe = read(r#"{"type":"subscribe","id":"1","payload":{"query":"{ me { id } }","variables":null}}"#);
        assert!(matches!(subscribe, Ok(FromClient::Subscribe { request: Ok(_), .. })));
        let empty = read(r#"{"type":"subscribe","id":"1","payload":{"query":""}}"#);
        assert!(matches!(empty, Ok(FromClient::Subscribe { request: Err(_), .. })));
    }

    #[test]
    fn other_texts_are_no_messages() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            r#""connection_init""#,
            r#"{"type":"start","id":"1","payload":{"query":"{ me { id } }"}}"#,
            r#"{"type":"connection_init","payload":"Bearer x"}"#,
            r#"{"type":"connection_init","payload":{"Authorization":7}}"#,
            r#"{"type":"subscribe","payload":{"query":"{ me { id } }"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{ me { id } }"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{ me { id } }"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{ me { id } }","variables":[]}}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert_eq!(FromClient::read(text).err(), Some(NoMessage), "{text}");
        }
    }

    #[test]
    fn answers_have_the_form_of_the_protocol() {
        assert_eq!(&*FromServer::ConnectionAck.text(), r#"{"type":"connection_ack"}"#);
        assert_eq!(&*FromServer::Pong { payload: None }.text(), r#"{"type":"pong"}"#);
        assert_eq!(&*FromServer::Complete { id: "1" }.text(), r#"{"type":"complete","id":"1"}"#);
        let next = next("\"1\"", r#"{"data":{"me":null}}"#);
        assert_eq!(&*next, r#"{"type":"next","id":"\"1\"","payload":{"data":{"me":null}}}"#);
    }
}
