//! Keys and signatures, as Standard Webhooks has them.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Invalid, Timestamp};

/// How deliveries of an endpoint are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Signing {
    /// With HMAC-SHA256 (`v1`).
    #[default]
    Hmac,
    /// With Ed25519 (`v1a`) as well, so that who verifies needs no secret.
    Ed25519,
}

impl Signing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hmac, Self::Ed25519];

    /// Its name, as clients and stores know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl FromStr for Signing {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|signing| signing.as_str() == name);
        known.ok_or_else(|| Invalid::new("must be hmac or ed25519"))
    }
}

/// An Ed25519 key with which anybody can verify signatures: `whpk_` and its 32 bytes in Base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(String);

impl PublicKey {
    const PREFIX: &'static str = "whpk_";

    fn of(key: &SigningKey) -> Self {
        Self(format!("{}{}", Self::PREFIX, BASE64_STANDARD.encode(key.verifying_key().as_bytes())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = text.strip_prefix(Self::PREFIX).and_then(|text| BASE64_STANDARD.decode(text).ok());
        match bytes {
            Some(bytes) if bytes.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(Invalid::new("must be whpk_ and 32 bytes in Base64")),
        }
    }
}

type Key = Zeroizing<[u8; 32]>;

/// The secret of an endpoint: 32 random bytes that the receiver knows too, and with [`Signing::Ed25519`] 32 more that
/// stay here. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct WebhookSecret {
    shared: Key,
    ed25519: Option<Key>,
}

impl WebhookSecret {
    const PREFIX: &'static str = "whsec_";

    /// A secret of random bytes.
    pub fn new(shared: [u8; 32], ed25519: Option<[u8; 32]>) -> Self {
        Self { shared: Zeroizing::new(shared), ed25519: ed25519.map(Zeroizing::new) }
    }

    /// All its bytes, to be sealed.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        bytes.extend_from_slice(&*self.shared);
        bytes.extend_from_slice(self.ed25519.as_ref().map_or(&[], |key| key.as_slice()));
        bytes
    }

    /// Converts such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        let read = || {
            let (shared, rest) = bytes.split_first_chunk::<32>()?;
            let ed25519 = if rest.is_empty() { None } else { Some(*<&[u8; 32]>::try_from(rest).ok()?) };
            Some(Self::new(*shared, ed25519))
        };
        read().ok_or_else(|| Invalid::new("must be 32 or 64 bytes"))
    }

    /// What the receiver is told: `whsec_` and the shared bytes in Base64.
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(Self::PREFIX.len() + 44));
        text.push_str(Self::PREFIX);
        BASE64_STANDARD.encode_string(*self.shared, &mut text);
        text
    }

    fn signing_key(&self) -> Option<SigningKey> {
        self.ed25519.as_ref().map(|bytes| SigningKey::from_bytes(bytes))
    }

    /// The key that verifies its Ed25519 signatures.
    pub fn public_key(&self) -> Option<PublicKey> {
        self.signing_key().as_ref().map(PublicKey::of)
    }

    /// Signs a message: `v1a,…` if there is an Ed25519 key, then `v1,…`.
    fn sign(&self, message: &[u8]) -> Vec<String> {
        let mut signatures = Vec::with_capacity(2);
        if let Some(key) = self.signing_key() {
            signatures.push(format!("v1a,{}", BASE64_STANDARD.encode(key.sign(message).to_bytes())));
        }
        // HMAC takes keys of every length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.shared) {
            mac.update(message);
            signatures.push(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())));
        }
        signatures
    }

    /// The value of `webhook-signature` for an attempt: the signatures of all secrets with spaces between.
    pub fn signatures(secrets: &[Self], event: &str, at: Timestamp, body: &str) -> String {
        let message = format!("{event}.{}.{body}", at.timestamp());
        secrets.iter().flat_map(|secret| secret.sign(message.as_bytes())).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};

    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn signature_is_that_of_the_specification() {
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#);
        let expected = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(expected, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn message_is_signed_with_every_secret() {
        let at = Timestamp::from_timestamp_millis(1_614_265_330_999).unwrap();
        let (old, new) = (WebhookSecret::new([1; 32], None), WebhookSecret::new([2; 32], None));
        let both = WebhookSecret::signatures(&[new.clone(), old.clone()], "msg", at, "{}");
        let one = |secret: &WebhookSecret| WebhookSecret::signatures(std::slice::from_ref(secret), "msg", at, "{}");
        assert_eq!(both, format!("{} {}", one(&new), one(&old)));
        assert_eq!(one(&new), new.sign(b"msg.1614265330.{}").join(" "));
        assert!(one(&new).starts_with("v1,"));
    }

    #[test]
    fn public_key_verifies_what_was_signed() {
        let secret = WebhookSecret::new([1; 32], Some([7; 32]));
        let key = secret.public_key().unwrap();
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
        let bytes = BASE64_STANDARD.decode(key.as_str().strip_prefix("whpk_").unwrap()).unwrap();
        let key = VerifyingKey::from_bytes(bytes.as_slice().try_into().unwrap()).unwrap();
        let [asymmetric, shared] = secret.sign(b"a message").try_into().unwrap();
        let signature = BASE64_STANDARD.decode(asymmetric.strip_prefix("v1a,").unwrap()).unwrap();
        key.verify(b"a message", &Signature::from_slice(&signature).unwrap()).unwrap();
        assert_eq!(vec![shared], WebhookSecret::new([1; 32], None).sign(b"a message"));
    }

    #[test]
    fn secret_is_read_back_and_not_printed() {
        for secret in [WebhookSecret::new([1; 32], None), WebhookSecret::new([1; 32], Some([7; 32]))] {
            let again = WebhookSecret::from_bytes(&secret.to_bytes()).unwrap();
            assert_eq!((again.expose(), again.public_key()), (secret.expose(), secret.public_key()));
            assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        }
        assert_eq!(*WebhookSecret::new([0; 32], None).expose(), format!("whsec_{}=", "A".repeat(43)));
        for length in [0, 31, 33, 63, 65] {
            assert!(WebhookSecret::from_bytes(&vec![0; length]).is_err());
        }
        assert!("whpk_AAAA".parse::<PublicKey>().is_err());
    }
}
