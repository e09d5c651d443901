//! The keys of tokens that are given: lists, of which the first key signs and all verify.

use std::{collections::HashSet, fs};

use entrepot_security::PrivateKey;

use super::secrets::MIN_SECRET_BYTES;

/// The least entropy of a secret in production, in bits, by how often each of its bytes occurs. Thirty-two random letters
/// of any alphabet have more, hexadecimal digits around 115.
const MIN_ENTROPY_BITS: f64 = 72.0;

/// Parts of well-known example secrets, in lower case and without separators.
const PLACEHOLDERS: [&str; 12] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "placeholder",
    "yoursecret",
    "yourjwt",
    "yourkey",
    "supersecret",
    "insecure",
    "donotuse",
    "keyboardcat",
];

/// The secrets of a comma-separated list, and what is wrong with each: the rest of a sentence that begins with the name.
pub(super) fn secrets(text: &str, in_production: bool) -> (Vec<String>, Vec<String>) {
    let secrets: Vec<String> = parts(text).map(str::to_owned).collect();
    let count = secrets.len();
    let mut mistakes = Vec::new();
    let mut known = HashSet::new();
    for (place, secret) in (1..).zip(&secrets) {
        let of_many = if count > 1 { format!("(key {place} of {count}) ") } else { String::new() };
        let mut refuse = |why: &str| mistakes.push(format!("{of_many}{why}"));
        if secret.len() < MIN_SECRET_BYTES {
            refuse(&format!("must be at least {MIN_SECRET_BYTES} bytes long"));
        } else if in_production && let Some(why) = weakness(secret) {
            refuse(&format!("{why}; openssl rand -base64 48 makes one that nobody guesses"));
        }
        if !known.insert(secret) {
            refuse("must not be named twice");
        }
    }
    if secrets.is_empty() {
        mistakes.push(format!("must be at least {MIN_SECRET_BYTES} bytes long"));
    }
    (secrets, mistakes)
}

/// The keys in the files of a comma-separated list, or what is wrong with them.
pub(super) fn private(text: &str) -> (Vec<PrivateKey>, Vec<String>) {
    let mut keys = Vec::new();
    let mut mistakes = Vec::new();
    for file in parts(text) {
        let read = fs::read(file).map_err(anyhow::Error::from);
        match read.and_then(|pem| PrivateKey::from_pem(&pem)) {
            Ok(key) if keys.contains(&key) => mistakes.push(format!("has in {file} a key that it has already")),
            Ok(key) => keys.push(key),
            Err(why) => mistakes.push(format!(
                "cannot be read from {file}: {why:#}; openssl genpkey -algorithm ed25519 -out {file} makes a key"
            )),
        }
    }
    (keys, mistakes)
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Why a secret of sufficient length is easy to guess.
fn weakness(secret: &str) -> Option<&'static str> {
    let plain: String = secret.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if PLACEHOLDERS.into_iter().any(|known| plain.contains(known)) {
        return Some("must not be a placeholder");
    }
    let bytes = secret.as_bytes();
    // A short word that is repeated is as easy to guess as the word.
    let repeats = |length| bytes.iter().zip(bytes.iter().skip(length)).all(|(byte, later)| byte == later);
    if (1..=bytes.len() / 4).any(repeats) || entropy_bits(bytes) < MIN_ENTROPY_BITS {
        return Some("must not be so easy to guess");
    }
    None
}

/// The Shannon entropy of the bytes, as if they were independent.
fn entropy_bits(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(counts.iter().sum::<u32>());
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count)).map(|n| n * (total / n).log2()).sum()
}

#[cfg(test)]
mod tests {
    use entrepot_security::generate_secret;

    use super::*;

    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015";

    #[test]
    fn list_is_separated_by_commas() {
        let (secrets, mistakes) = secrets(&format!(" {HEX} ,,{HEX}x,"), true);
        assert_eq!(secrets, [HEX.to_owned(), format!("{HEX}x")]);
        assert_eq!(mistakes, [""; 0]);
    }

    #[test]
    fn bad_keys_of_a_list_are_reported_by_position() {
        let (_, mistakes) = secrets(&format!("short,{HEX},{HEX},{}", "a".repeat(40)), true);
        assert_eq!(mistakes.len(), 3, "{mistakes:#?}");
        for (mistake, place) in mistakes.iter().zip([1, 3, 4]) {
            assert!(mistake.starts_with(&format!("(key {place} of 4) must ")), "{mistake}");
            assert!(!mistake.contains(HEX) && !mistake.contains("aaa"), "a secret was told");
        }
        assert_eq!(secrets(",", false).1.len(), 1, "a list of nothing");
    }

    #[test]
    fn weak_secrets_are_only_for_development() {
        for weak in [
            "a".repeat(64),
            "ab".repeat(32),
            "password".repeat(8),
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabcdefgh".to_owned(),
            "0000000000000000000000000000000000000001".to_owned(),
            "change-me-change-me-now-or-else-1234567890".to_owned(),
            "CHANGE_ME_IN_PRODUCTION_0123456789abcdef".to_owned(),
            "your-256-bit-secret-your_secret_goes_here".to_owned(),
            "this is my super secret key, 32 bytes+".replace(',', ""),
        ] {
            assert_eq!(secrets(&weak, true).1.len(), 1, "{weak}");
            assert_eq!(secrets(&weak, false).1.len(), 0, "{weak}");
        }
    }

    #[test]
    fn random_secrets_are_accepted() {
        for good in [
            HEX,
            "0123456789abcdef0123456789abcdef",
            "83410572690418265930712846509173",
            "correct horse battery staple 12345",
        ] {
            assert_eq!(secrets(good, true).1, [""; 0], "{good}");
        }
        for _ in 0..1_000 {
            let secret = generate_secret().unwrap();
            assert_eq!(weakness(&secret[..MIN_SECRET_BYTES]), None, "{secret}");
        }
    }

    #[test]
    fn unreadable_key_says_how_to_make_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwt.pem");
        let name = file.to_str().unwrap();
        let (keys, mistakes) = private(name);
        assert!(keys.is_empty() && mistakes[0].contains("No such file") && mistakes[0].contains("openssl genpkey"));
        fs::write(&file, "no key").unwrap();
        assert!(private(name).1[0].contains("no PEM"), "{:?}", private(name).1);
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOpLwJkgbERo3B3yp1n5XJChK8hjoVqES9jB1REHTgMW\n\
            -----END PRIVATE KEY-----\n";
        fs::write(&file, pem).unwrap();
        let (keys, mistakes) = private(name);
        assert_eq!((keys.len(), mistakes.len()), (1, 0));
        let (keys, mistakes) = private(&format!("{name}, {name}"));
        assert_eq!((keys.len(), mistakes.len()), (1, 1), "{mistakes:?}");
    }
}
