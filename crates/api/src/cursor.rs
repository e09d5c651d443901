//! Cursors: places in a list that a client may hand back, and nobody may make.

use std::io;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entrepot_domain::{Fault, Keyset, SortValue, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// How many bytes of the signature a cursor has.
const SIGNATURE: usize = 16;

/// No cursor of ours is longer: a product's name and a price, encoded.
const MAX_LENGTH: usize = 4_096;

/// Signs the cursors of one list, with its filters and its sort: those of another do not open.
///
/// Of several keys the first signs, and what one of the others signed opens too.
pub struct Seal(Vec<Hmac<Sha256>>);

#[derive(Serialize, Deserialize)]
struct Place {
    #[serde(rename = "v")]
    values: Vec<Value>,
    #[serde(rename = "i")]
    id: Uuid,
}

#[derive(Serialize, Deserialize)]
enum Value {
    #[serde(rename = "s")]
    Text(String),
    #[serde(rename = "n")]
    Integer(i64),
    #[serde(rename = "t")]
    Time(i64),
}

impl Seal {
    /// A seal for what these parts say of a list.
    pub fn new(keys: &[impl AsRef<[u8]>], parts: &[&str]) -> Self {
        let mac = |key: &_| {
            // HMAC takes keys of every length.
            let mut mac = Hmac::<Sha256>::new_from_slice(AsRef::<[u8]>::as_ref(key))
                .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
            for part in parts {
                // With its length before it, no part runs into the next.
                mac.update(&part.len().to_be_bytes());
                mac.update(part.as_bytes());
            }
            mac
        };
        Self(keys.iter().map(mac).collect())
    }

    /// A place as a cursor.
    pub fn close(&self, place: &Keyset) -> Result<String, Fault> {
        let values = place.values.iter().map(|value| match value {
            SortValue::Text(text) => Value::Text(text.clone()),
            SortValue::Integer(number) => Value::Integer(*number),
            SortValue::Time(at) => Value::Time(at.timestamp_millis()),
        });
        let place = Place { values: values.collect(), id: place.id };
        let payload = serde_json::to_vec(&place).map_err(Fault::unknown)?;
        let signs = self.0.first().ok_or_else(|| Fault::unknown(io::Error::other("there is no key")))?;
        let signature = signs.clone().chain_update(&payload).finalize().into_bytes();
        let signature = signature.iter().take(SIGNATURE).copied();
        Ok(URL_SAFE_NO_PAD.encode(signature.chain(payload).collect::<Vec<u8>>()))
    }

    /// The place behind a cursor, if it is one of this list.
    pub fn open(&self, cursor: &str) -> Option<Keyset> {
        if cursor.len() > MAX_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (signature, payload) = bytes.split_at_checked(SIGNATURE)?;
        let signed = |mac: &Hmac<Sha256>| mac.clone().chain_update(payload).verify_truncated_left(signature).is_ok();
        if !self.0.iter().any(signed) {
            return None;
        }
        let place: Place = serde_json::from_slice(payload).ok()?;
        let values = place.values.into_iter().map(|value| match value {
            Value::Text(text) => Some(SortValue::Text(text)),
            Value::Integer(number) => Some(SortValue::Integer(number)),
            Value::Time(millis) => Timestamp::from_timestamp_millis(millis).map(SortValue::Time),
        });
        Some(Keyset { values: values.collect::<Option<_>>()?, id: place.id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Keyset {
        let time = Timestamp::from_timestamp_millis(1_700_000_000_123).unwrap();
        let values = vec![SortValue::Text("Mug \"ø\"".into()), SortValue::Integer(-3), SortValue::Time(time)];
        Keyset { values, id: Uuid::from_u128(7) }
    }

    #[test]
    fn sealed_cursor_opens_again() {
        let seal = Seal::new(&[b"key"], &["products", "name"]);
        assert_eq!(seal.open(&seal.close(&place()).unwrap()).unwrap(), place());
    }

    #[test]
    fn first_key_signs_and_every_key_opens() {
        let (before, between) = (Seal::new(&[b"old"], &["products"]), Seal::new(&[b"new", b"old"], &["products"]));
        assert_eq!(between.open(&before.close(&place()).unwrap()).unwrap(), place());
        let cursor = between.close(&place()).unwrap();
        assert_eq!(between.open(&cursor).unwrap(), place());
        assert!(before.open(&cursor).is_none());
    }

    #[test]
    fn another_list_sort_filter_or_key_does_not_open_it() {
        let cursor = Seal::new(&[b"key"], &["products", "name", "q=a"]).close(&place()).unwrap();
        for other in [
            Seal::new(&[b"key"], &["orders", "name", "q=a"]),
            Seal::new(&[b"key"], &["products", "-name", "q=a"]),
            Seal::new(&[b"key"], &["products", "name", "q=b"]),
            Seal::new(&[b"key"], &["products", "nameq", "=a"]),
            Seal::new(&[b"other"], &["products", "name", "q=a"]),
        ] {
            assert_eq!(other.open(&cursor), None);
        }
    }

    #[test]
    fn changed_character_anywhere_is_refused() {
        let seal = Seal::new(&[b"key"], &["products"]);
        let cursor = seal.close(&place()).unwrap();
        for at in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert!(seal.open(std::str::from_utf8(&forged).unwrap()).is_none(), "at {at}");
        }
    }

    #[test]
    fn junk_does_not_open() {
        let seal = Seal::new(&[b"key"], &["products"]);
        for junk in ["", "A", "====", "é", "null", &"A".repeat(22), &"A".repeat(100_000)] {
            assert!(seal.open(junk).is_none(), "{junk:.20}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_was_made_up_opens(cursor in proptest::prop_oneof![".*", "[A-Za-z0-9_=-]{0,200}"]) {
            let opened = Seal::new(&[b"key"], &["products"]).open(&cursor);
            proptest::prop_assert!(opened.is_none());
        }

        #[test]
        fn every_place_opens_again_but_not_shortened_nor_lengthened(
            text in ".*", number in proptest::num::i64::ANY, id in proptest::num::u128::ANY, cut in 1..40_usize,
        ) {
            let seal = Seal::new(&[b"key"], &["products"]);
            let values = vec![SortValue::Text(text), SortValue::Integer(number)];
            let place = Keyset { values, id: Uuid::from_u128(id) };
            let cursor = seal.close(&place).unwrap();
            if cursor.len() <= MAX_LENGTH {
                proptest::prop_assert_eq!(seal.open(&cursor).unwrap(), place);
            }
            proptest::prop_assert!(seal.open(&cursor[..cursor.len() - cut]).is_none());
            proptest::prop_assert!(seal.open(&cursor[cut..]).is_none());
            proptest::prop_assert!(seal.open(&(cursor + &"A".repeat(cut))).is_none());
        }
    }
}
