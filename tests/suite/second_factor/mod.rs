//! Second factors: one-time codes of an authenticator app, and recovery codes.

mod guessing;
mod login;
mod manage;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use entrepot_tests::{Answer, Client, PASSWORD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;

/// An authenticator app: an implementation of RFC 6238 apart from the program's.
pub(crate) struct App(Vec<u8>);

impl App {
    /// Takes the secret in base 32.
    pub(crate) fn new(secret: &str) -> Self {
        let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
        for letter in secret.chars() {
            bits = bits << 5 | u32::try_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap()).unwrap();
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 255).unwrap());
            }
        }
        Self(bytes)
    }

    /// The code now, or so many steps of thirty seconds later.
    #[expect(clippy::disallowed_methods, reason = "a device shows the code of its own clock")]
    pub(crate) fn code(&self, later: u64) -> String {
        let step = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30 + later;
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).unwrap();
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A code that is not valid within the next minutes.
    fn wrong(&self) -> String {
        let good: Vec<_> = (0..20).map(|later| self.code(later)).collect();
        (0..100).map(|n| format!("{n:06}")).find(|code| !good.contains(code)).unwrap()
    }
}

/// Enables it for a user. Returns their app, whose present code is used up, and their recovery codes.
pub(crate) async fn protect(who: &Client) -> Result<(App, Vec<String>)> {
    let begun = who.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    let app = App::new(begun.data()["secret"].as_str().context("no secret")?);
    let confirmed = who.post("/auth/totp/confirm", json!({"code": app.code(0)})).await?.expect(200);
    Ok((app, recovery_codes(&confirmed)))
}

fn recovery_codes(answer: &Answer) -> Vec<String> {
    let codes = answer.data()["recoveryCodes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// Logs a user in, with a code if there is one.
async fn login(who: &Client, email: &str, code: Option<&str>) -> Result<Answer> {
    let mut body = json!({"email": email, "password": PASSWORD});
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    who.post("/auth/login", body).await
}

/// Removes it.
async fn remove(who: &Client, password: &str, code: &str) -> Result<Answer> {
    let body = json!({"currentPassword": password, "code": code});
    who.send(who.request(reqwest::Method::DELETE, "/auth/totp").json(&body)).await
}
