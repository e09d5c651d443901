//! The codings.

use std::io::{self, Read, Write};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};

/// A coding of responses; the cheapest first, for clients that accept several equally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

/// How much CPU compression may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For the response of one request.
    Quick,
    /// For what is compressed once and sent to many.
    Thorough,
}

/// Brotli's window, as a power of two: enough for the usual response, and little memory.
const BROTLI_WINDOW: i32 = 18;

impl Coding {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in `Content-Encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Its index in [`ALL`](Self::ALL).
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Zstd => 0,
            Self::Brotli => 1,
            Self::Gzip => 2,
        }
    }

    /// Splits an entity tag from the coding that [`tag`](Self::tag) has added.
    pub(crate) fn split(tag: &str) -> (&str, Option<Self>) {
        let found = Self::ALL.into_iter().find_map(|coding| {
            let bare = tag.strip_suffix(coding.name())?.strip_suffix('-')?;
            Some((bare, Some(coding)))
        });
        found.unwrap_or((tag, None))
    }

    /// The strong tag of a resource in this coding, whose bytes differ (RFC 9110 8.8.3.3); `None` for a weak tag, which is
    /// the same for all codings.
    pub(crate) fn tag(self, tag: &str) -> Option<String> {
        let bare = tag.strip_prefix('"')?.strip_suffix('"')?;
        Some(format!("\"{bare}-{}\"", self.name()))
    }

    /// Compresses bytes.
    pub(crate) fn encode(self, bytes: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
        match (self, effort) {
            (Self::Zstd, Effort::Quick) => zstd::bulk::compress(bytes, 1),
            (Self::Zstd, Effort::Thorough) => zstd::bulk::compress(bytes, 15),
            (Self::Brotli, Effort::Quick) => brotli(bytes, 3),
            (Self::Brotli, Effort::Thorough) => brotli(bytes, 9),
            (Self::Gzip, Effort::Quick) => gzip(bytes, 2),
            (Self::Gzip, Effort::Thorough) => gzip(bytes, 9),
        }
    }
}

fn brotli(mut bytes: &[u8], quality: i32) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality,
        lgwin: BROTLI_WINDOW,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut encoded = Vec::with_capacity(bytes.len() / 4);
    brotli::BrotliCompress(&mut bytes, &mut encoded, &params)?;
    Ok(encoded)
}

fn gzip(bytes: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(level));
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Why a gzip body was refused.
#[derive(Debug)]
pub(crate) enum GunzipError {
    /// It is longer than the limit.
    TooLong,
    /// It is not gzip, or not complete.
    Broken(io::Error),
}

/// Decompresses a gzip body, to at most `limit` bytes. It must be one member: RFC 1952 allows several, and a small body of
/// empty ones would keep a core busy.
pub(crate) fn gunzip(encoded: &[u8], limit: usize) -> Result<Vec<u8>, GunzipError> {
    let mut decoder = GzDecoder::new(encoded);
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    decoder.by_ref().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(GunzipError::Broken)?;
    if bytes.len() > limit {
        return Err(GunzipError::TooLong);
    }
    if !decoder.into_inner().is_empty() {
        return Err(GunzipError::Broken(io::Error::new(io::ErrorKind::InvalidData, "data follows the end")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decompresses as a client does.
    fn decode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Zstd => plain = zstd::decode_all(bytes).unwrap(),
            Coding::Brotli => brotli::BrotliDecompress(&mut &*bytes, &mut plain).unwrap(),
            Coding::Gzip => plain = gunzip(bytes, 1 << 24).unwrap(),
        }
        plain
    }

    #[test]
    fn decoding_reverses_encoding() {
        let text = "An enamel mug, and another enamel mug. ".repeat(2_000);
        for coding in Coding::ALL {
            for effort in [Effort::Quick, Effort::Thorough] {
                let encoded = coding.encode(text.as_bytes(), effort).unwrap();
                assert!(encoded.len() < text.len() / 10, "{coding:?}: {}", encoded.len());
                assert_eq!(decode(coding, &encoded), text.as_bytes());
            }
            assert_eq!(decode(coding, &coding.encode(b"", Effort::Quick).unwrap()), b"");
        }
    }

    #[test]
    fn tag_distinguishes_codings() {
        assert_eq!(Coding::Brotli.tag("\"3\"").unwrap(), "\"3-br\"");
        assert_eq!(Coding::Gzip.tag("W/\"3\""), None);
        assert_eq!(Coding::split("3-br"), ("3", Some(Coding::Brotli)));
        assert_eq!(Coding::split("3"), ("3", None));
        assert_eq!(Coding::split("3br"), ("3br", None));
        for coding in Coding::ALL {
            assert_eq!(Coding::ALL[coding.index()], coding);
        }
    }

    #[test]
    fn bomb_is_decompressed_up_to_the_limit_only() {
        let bomb = Coding::Gzip.encode(&vec![0; 10_000_000], Effort::Thorough).unwrap();
        assert!(bomb.len() < 20_000);
        assert!(matches!(gunzip(&bomb, 9_999_999), Err(GunzipError::TooLong)));
        assert_eq!(gunzip(&bomb, 10_000_000).unwrap().len(), 10_000_000);
    }

    #[test]
    fn malformed_gzip_is_refused() {
        let mut good = Coding::Gzip.encode(b"{}", Effort::Quick).unwrap();
        assert!(matches!(gunzip(&good[..good.len() - 1], 100), Err(GunzipError::Broken(_))), "cut");
        assert!(matches!(gunzip(b"{}", 100), Err(GunzipError::Broken(_))), "plain");
        let last = good.len() - 1;
        good[last] ^= 1;
        assert!(matches!(gunzip(&good, 100), Err(GunzipError::Broken(_))), "of another length than it says");
        good[last] ^= 1;
        good.extend_from_slice(&good.clone());
        assert!(matches!(gunzip(&good, 100), Err(GunzipError::Broken(_))), "twice");
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_decompressed_within_the_limit_or_refused(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), limit in 0..400_usize, whole in proptest::bool::ANY,
        ) {
            let packed = Coding::Gzip.encode(&bytes, Effort::Quick).unwrap();
            match gunzip(&packed, limit) {
                Ok(plain) => proptest::prop_assert!(plain == bytes && bytes.len() <= limit),
                Err(GunzipError::TooLong) => proptest::prop_assert!(bytes.len() > limit),
                Err(GunzipError::Broken(error)) => proptest::prop_assert!(false, "{}", error),
            }
            let header = if whole { packed.get(..10).unwrap_or_default() } else { &[] };
            if let Ok(plain) = gunzip(&[header, &bytes].concat(), limit) {
                proptest::prop_assert!(plain.len() <= limit);
            }
        }
    }
}
