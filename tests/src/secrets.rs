//! What must be in no log.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::Request;
use serde_json::Value;

/// Shorter ones could be part of any word.
const SHORTEST: usize = 8;

/// Everything secret that went to a server or came from it. All of its clients share one.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<BTreeSet<String>>>);

impl Secrets {
    /// Keeps one in mind.
    pub(crate) fn note(&self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
        }
    }

    /// Those of a request: its token, what its body names as secret, and the email addresses in its query.
    pub(crate) fn note_request(&self, request: &Request) {
        let credentials = request.headers().get_all("authorization").iter().filter_map(|value| value.to_str().ok());
        credentials.for_each(|value| self.note(value.split_once(' ').map_or(value, |(_, token)| token)));
        for (name, value) in request.url().query_pairs() {
            if value.contains('@') || is_secret(&name) {
                self.note(&value);
                self.note(&value.replace('@', "%40"));
            }
        }
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        match serde_json::from_slice(body) {
            Ok(body) => self.note_fields(&body),
            Err(_) => self.note_form(body),
        }
    }

    /// Those of a body: every text whose name says that it is one.
    pub(crate) fn note_fields(&self, body: &Value) {
        match body {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if is_secret(name) => self.note(text),
                        Value::Array(texts) if is_secret(name) => {
                            texts.iter().filter_map(Value::as_str).for_each(|text| self.note(text));
                        }
                        other => self.note_fields(other),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.note_fields(value)),
            _ => {}
        }
    }

    fn note_form(&self, body: &[u8]) {
        let Ok(url) = reqwest::Url::parse(&format!("form:?{}", String::from_utf8_lossy(body))) else { return };
        url.query_pairs().filter(|(name, _)| is_secret(name)).for_each(|(_, value)| self.note(&value));
    }

    /// Those of a setting, and of what a server keeps in its folder.
    pub(crate) fn note_setting(&self, name: &str, value: &str) {
        if name.contains("SECRET") || name.contains("PASSWORD") {
            self.note(value);
        }
        let user = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
        if let Some((_, password)) = user.and_then(|(user, _)| user.split_once(':')) {
            self.note(password);
        }
    }

    /// Those that a server made for itself.
    pub(crate) fn note_folder(&self, folder: &Path) {
        let kept = fs::read_to_string(folder.join("secrets.env")).unwrap_or_default();
        kept.lines().filter_map(|line| line.split_once('=')).for_each(|(_, secret)| self.note(secret));
    }

    /// Those that are in a text.
    pub(crate) fn told_in(&self, text: &str) -> Vec<String> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect()
    }
}

/// Whether a field of this name has something secret in it.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let tells = ["password", "token", "secret", "recoverycode", "ticket"].iter().any(|part| name.contains(part));
    (tells && name != "tokentype") || matches!(name.as_str(), "key" | "apikey")
}
