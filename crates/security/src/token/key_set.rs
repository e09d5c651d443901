//! The keys of one type of token.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entrepot_domain::Fault;

use super::{
    key::{Key, header},
    verified::VerifiedTokens,
};

/// The maximum length of a token; a longer one is not decoded.
const MAX_TOKEN_LENGTH: usize = 4_096;

/// Keys of which the first signs and all verify.
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// The header of tokens that were signed with a secret before there were key IDs.
    header_without_kid: String,
    verified: VerifiedTokens,
}

impl KeySet {
    /// Creates the keys of tokens of type `typ`.
    pub(super) fn new(keys: Vec<Key>, typ: &str) -> Self {
        let verified = VerifiedTokens::new(keys.iter().any(|key| !key.is_secret()));
        Self { keys, header_without_kid: header(typ, "HS256", None), verified }
    }

    /// Signs these claims with the first key.
    pub(super) fn sign(&self, claims: &[u8]) -> Result<String, Fault> {
        let first = self.keys.first();
        let first = first.ok_or_else(|| Fault::unknown(anyhow::anyhow!("there is no key to sign tokens with")))?;
        Ok(token(first, claims))
    }

    /// Signs these claims with each key.
    pub(super) fn sign_with_each(&self, claims: &[u8]) -> impl Iterator<Item = String> {
        self.keys.iter().map(move |key| token(key, claims))
    }

    /// Verifies a token and returns its encoded claims. The header selects the key. A token without a key ID is tried
    /// with every secret; one with an unknown key ID is refused.
    pub(super) fn verify(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > MAX_TOKEN_LENGTH {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let good = match self.keys.iter().find(|key| key.header() == header) {
            Some(key) if key.is_secret() => key.verify(message.as_bytes(), signature),
            Some(key) => self.verified.check(token, || key.verify(message.as_bytes(), signature)),
            None if header == self.header_without_kid => {
                let mut secrets = self.keys.iter().filter(|key| key.is_secret());
                secrets.any(|key| key.verify(message.as_bytes(), signature))
            }
            None => false,
        };
        if good { URL_SAFE_NO_PAD.decode(claims).ok() } else { None }
    }
}

fn token(key: &Key, claims: &[u8]) -> String {
    let mut token = String::with_capacity(512);
    token.push_str(key.header());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&signature);
    token
}
