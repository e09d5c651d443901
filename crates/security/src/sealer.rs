//! Encryption of secrets.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
    hkdf,
};
use entrepot_domain::{
    Fault, UserId,
    second_factor::{SealedSecret, Sealer},
};
use zeroize::Zeroizing;

/// The first byte of a sealed secret: the version of the format, so that there can be others.
const VERSION_AES_GCM: u8 = 1;

/// The `info` of HKDF: it separates the derived key from those that sign tokens.
const HKDF_INFO: &[u8] = b"entrepot second factor";

/// Seals with AES-256-GCM and a random nonce. The key is derived by HKDF (RFC 5869) from a secret of the configuration.
/// The user is authenticated data, so that a secret sealed for one user cannot be opened for another.
///
/// The first of several secrets seals and all open, so that a secret can be replaced while it is in use. When a secret
/// is removed, what was sealed with it is lost.
pub struct AesSealer {
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

impl AesSealer {
    /// Creates a sealer with these secrets, of at least 32 bytes each. Without secrets it neither seals nor opens.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { secrets: secrets.into_iter().map(|secret| Zeroizing::new(secret.to_vec())).collect() }
    }
}

impl fmt::Debug for AesSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AesSealer").finish_non_exhaustive()
    }
}

/// Derives the key of a secret. It is derived for each call, which takes microseconds; logins take milliseconds.
fn key(secret: &[u8]) -> Result<RandomizedNonceKey, Unspecified> {
    let mut bytes = Zeroizing::new([0; 32]);
    let pseudorandom = hkdf::Salt::none(hkdf::HKDF_SHA256).extract(secret);
    pseudorandom.expand(&[HKDF_INFO], &AES_256_GCM)?.fill(bytes.as_mut_slice())?;
    RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice())
}

fn failed(_: Unspecified) -> Fault {
    Fault::unknown(anyhow::anyhow!("AES-256-GCM does not work here"))
}

impl Sealer for AesSealer {
    fn seal(&self, user: UserId, secret: &[u8]) -> Result<SealedSecret, Fault> {
        let first =
            self.secrets.first().ok_or_else(|| Fault::unknown(anyhow::anyhow!("there is no key to seal with")))?;
        let mut text = secret.to_vec();
        let key = key(first).map_err(failed)?;
        let nonce = key.seal_in_place_append_tag(Aad::from(user.0.as_bytes()), &mut text).map_err(failed)?;
        Ok(SealedSecret([&[VERSION_AES_GCM], nonce.as_ref().as_slice(), &text].concat()))
    }

    fn open(&self, user: UserId, sealed: &SealedSecret) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let Some((&VERSION_AES_GCM, rest)) = sealed.0.split_first() else { return Ok(None) };
        let Some((nonce, text)) = rest.split_first_chunk::<NONCE_LEN>() else { return Ok(None) };
        for secret in &self.secrets {
            let mut text = Zeroizing::new(text.to_vec());
            let key = key(secret).map_err(failed)?;
            let nonce = Nonce::assume_unique_for_key(*nonce);
            if let Ok(plain) = key.open_in_place(nonce, Aad::from(user.0.as_bytes()), &mut text) {
                return Ok(Some(Zeroizing::new(plain.to_vec())));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn sealer(secrets: &[&str]) -> AesSealer {
        AesSealer::new(secrets.iter().map(|secret| secret.as_bytes()))
    }

    fn open(sealer: &AesSealer, user: UserId, kept: &SealedSecret) -> Option<Vec<u8>> {
        sealer.open(user, kept).unwrap().map(|plain| plain.to_vec())
    }

    #[test]
    fn sealed_secret_opens_for_its_user_only() {
        let sealer = sealer(&["a secret of the configuration"]);
        let kept = sealer.seal(ADA, b"twenty bytes or so").unwrap();
        assert_eq!(open(&sealer, ADA, &kept).unwrap(), b"twenty bytes or so");
        assert_eq!(open(&sealer, BOB, &kept), None);
        assert!(!kept.0.windows(6).any(|part| part == b"twenty"));
        assert_ne!(sealer.seal(ADA, b"twenty bytes or so").unwrap(), kept, "the nonce is another each time");
    }

    #[test]
    fn changed_secret_does_not_open() {
        let sealer = sealer(&["a secret of the configuration"]);
        let kept = sealer.seal(ADA, b"secret").unwrap();
        for place in 0..kept.0.len() {
            let mut changed = kept.clone();
            changed.0[place] ^= 1;
            assert_eq!(open(&sealer, ADA, &changed), None, "byte {place}");
        }
        for length in 0..kept.0.len() {
            assert_eq!(open(&sealer, ADA, &SealedSecret(kept.0[..length].to_vec())), None, "{length} bytes");
        }
    }

    #[test]
    fn first_secret_seals_and_all_secrets_open() {
        let (old, both, new) = (sealer(&["old"]), sealer(&["new", "old"]), sealer(&["new"]));
        let kept = old.seal(ADA, b"secret").unwrap();
        assert_eq!(open(&both, ADA, &kept).unwrap(), b"secret");
        assert_eq!(open(&new, ADA, &kept), None);
        assert_eq!(open(&new, ADA, &both.seal(ADA, b"secret").unwrap()).unwrap(), b"secret");
        assert!(sealer(&[]).seal(ADA, b"secret").is_err());
    }
}
