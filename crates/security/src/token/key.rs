//! Keys, each with one algorithm and a key ID.

use std::{fmt, sync::Arc};

use anyhow::{Context, Result};
use aws_lc_rs::{
    digest, hmac,
    signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entrepot_domain::auth::PublicKey;
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

/// The number of bytes of a secret's hash in its key ID. Enough to distinguish a few keys.
const KEY_ID_BYTES: usize = 8;

/// The maximum length of a signature in bytes, that of Ed25519.
const MAX_SIGNATURE_LENGTH: usize = 64;

/// An Ed25519 private key (RFC 8032). Never printed; cheap to clone.
#[derive(Clone)]
pub struct PrivateKey {
    pair: Arc<Ed25519KeyPair>,
    verifier: Arc<ParsedPublicKey>,
    public: PublicKey,
}

impl PrivateKey {
    /// Parses a key in PKCS #8 (RFC 8410), as `openssl genpkey -algorithm ed25519` writes it.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let der =
            PrivatePkcs8KeyDer::from_pem_slice(pem).context("it is no PEM of a PRIVATE KEY without a password")?;
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(anyhow::Error::from);
        let pair = pair.context("its key is not one of Ed25519")?;
        let bytes = pair.public_key().as_ref().try_into().context("its key is not one of Ed25519")?;
        let verifier = ParsedPublicKey::new(&ED25519, bytes)?;
        let public = PublicKey { id: thumbprint(&bytes), bytes };
        Ok(Self { pair: Arc::new(pair), verifier: Arc::new(verifier), public })
    }

    /// Returns the public key.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.public == other.public
    }
}

impl Eq for PrivateKey {}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateKey").field(&self.public.id).finish()
    }
}

/// The key ID of a public key: its thumbprint (RFC 7638, RFC 8037 appendix A.3).
fn thumbprint(public: &[u8; 32]) -> String {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public));
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, jwk.as_bytes()))
}

/// The key ID of a secret: a part of its hash. It reveals no more about the secret than a token that it signed.
fn key_id(secret: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(b"entrepot key id\0");
    hash.update(secret);
    let hash = hash.finish();
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..KEY_ID_BYTES).unwrap_or_default())
}

/// The encoded header of a token. `kid` identifies the key; tokens of versions without key IDs have none.
pub(super) fn header(typ: &str, alg: &str, kid: Option<&str>) -> String {
    let kid = kid.map(|kid| format!(r#","kid":"{kid}""#)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"{typ}","alg":"{alg}"{kid}}}"#))
}

/// A key for one type of token.
pub(super) struct Key {
    header: String,
    algorithm: Algorithm,
}

enum Algorithm {
    Hs256(Box<hmac::Key>),
    EdDsa(PrivateKey),
}

impl Key {
    /// Creates a key from a shared secret.
    pub(super) fn hs256(secret: &[u8], typ: &str) -> Self {
        let header = header(typ, "HS256", Some(&key_id(secret)));
        Self { header, algorithm: Algorithm::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret))) }
    }

    /// Creates a key from an Ed25519 key pair.
    pub(super) fn ed25519(key: &PrivateKey, typ: &str) -> Self {
        let header = header(typ, "EdDSA", Some(&key.public.id));
        Self { header, algorithm: Algorithm::EdDsa(key.clone()) }
    }

    /// The encoded header of every token that it signs.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// Whether it is a shared secret, which may have signed tokens without a key ID.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.algorithm, Algorithm::Hs256(_))
    }

    /// Signs a message and encodes the signature.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        match &self.algorithm {
            Algorithm::Hs256(key) => URL_SAFE_NO_PAD.encode(hmac::sign(key, message)),
            Algorithm::EdDsa(key) => URL_SAFE_NO_PAD.encode(key.pair.sign(message)),
        }
    }

    /// Verifies an encoded signature.
    pub(super) fn verify(&self, message: &[u8], signature: &str) -> bool {
        let mut bytes = [0; MAX_SIGNATURE_LENGTH];
        let Ok(length) = URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes) else { return false };
        let signature = bytes.get(..length).unwrap_or_default();
        match &self.algorithm {
            Algorithm::Hs256(key) => hmac::verify(key, message, signature).is_ok(),
            Algorithm::EdDsa(key) => key.verifier.verify_sig(message, signature).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_matches_the_rfc_vector() {
        // RFC 8037 appendix A.2 and A.3.
        let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(thumbprint(&public.try_into().unwrap()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn key_id_is_short_and_depends_on_the_secret() {
        assert_eq!(key_id(b"one"), key_id(b"one"));
        assert_ne!(key_id(b"one"), key_id(b"other"));
        assert_eq!(key_id(b"one").len(), 11);
    }

    #[test]
    fn error_explains_why_a_private_key_is_invalid() {
        // An ECDSA key, which PKCS #8 can contain as well.
        let other = "-----BEGIN PRIVATE KEY-----\n\
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n\
            OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n\
            1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n\
            -----END PRIVATE KEY-----\n";
        for (pem, why) in [("", "no PEM"), ("-----BEGIN PRIVATE KEY-----\n", "no PEM"), (other, "not one of Ed25519")] {
            let said = format!("{:#}", PrivateKey::from_pem(pem.as_bytes()).unwrap_err());
            assert!(said.contains(why), "{said}");
        }
    }
}
