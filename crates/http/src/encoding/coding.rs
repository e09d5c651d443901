//! The codings, and what they do.

use std::io::{self, Read, Write};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};

/// A coding that answers can have; the cheapest first, for who takes several alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For what is made for one request.
    Quick,
    /// For what is kept and sent to many.
    Thorough,
}

/// Brotli's window, as a power of two: what an answer of ordinary length has need of, and little memory.
const BROTLI_WINDOW: i32 = 18;

impl Coding {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// As `Content-Encoding` has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Where it stands in [`ALL`](Self::ALL).
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Zstd => 0,
            Self::Brotli => 1,
            Self::Gzip => 2,
        }
    }

    /// An entity tag and the coding that was written into it, as [`tag`](Self::tag) does.
    pub(crate) fn split(tag: &str) -> (&str, Option<Self>) {
        let found = Self::ALL.into_iter().find_map(|coding| {
            let bare = tag.strip_suffix(coding.name())?.strip_suffix('-')?;
            Some((bare, Some(coding)))
        });
        found.unwrap_or((tag, None))
    }

    /// A strong tag of the same thing in this coding, for its bytes are others (RFC 9110 8.8.3.3); `None` for a weak
    /// one, which need not tell them apart.
    pub(crate) fn tag(self, tag: &str) -> Option<String> {
        let bare = tag.strip_prefix('"')?.strip_suffix('"')?;
        Some(format!("\"{bare}-{}\"", self.name()))
    }

    /// The bytes in this coding.
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

/// Why a body in gzip is not read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It would have more bytes than the limit.
    TooLong,
    /// It is no gzip, or not whole.
    Broken(io::Error),
}

/// A body as it was before gzip. No more than `limit` bytes are ever made, whatever it claims to be. It is one member:
/// of the empty ones that RFC 1952 lets stand one after the other, a small body holds enough to keep a core busy.
pub(crate) fn gunzip(encoded: &[u8], limit: usize) -> Result<Vec<u8>, Unreadable> {
    let mut decoder = GzDecoder::new(encoded);
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    decoder.by_ref().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Unreadable::Broken)?;
    if bytes.len() > limit {
        return Err(Unreadable::TooLong);
    }
    if !decoder.into_inner().is_empty() {
        return Err(Unreadable::Broken(io::Error::new(io::ErrorKind::InvalidData, "something follows its end")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client makes of it.
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
    fn what_is_encoded_can_be_decoded() {
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
    fn a_tag_tells_codings_apart() {
        assert_eq!(Coding::Brotli.tag("\"3\"").unwrap(), "\"3-br\"");
        assert_eq!(Coding::Gzip.tag("W/\"3\""), None);
        assert_eq!(Coding::split("3-br"), ("3", Some(Coding::Brotli)));
        assert_eq!(Coding::split("3"), ("3", None));
        assert_eq!(Coding::split("3br"), ("3br", None));
        for coding in Coding::ALL {
            assert_eq!(Coding::ALL[coding.place()], coding);
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_limit() {
        let bomb = Coding::Gzip.encode(&vec![0; 10_000_000], Effort::Thorough).unwrap();
        assert!(bomb.len() < 20_000);
        assert!(matches!(gunzip(&bomb, 9_999_999), Err(Unreadable::TooLong)));
        assert_eq!(gunzip(&bomb, 10_000_000).unwrap().len(), 10_000_000);
    }

    #[test]
    fn what_is_no_gzip_is_broken() {
        let mut good = Coding::Gzip.encode(b"{}", Effort::Quick).unwrap();
        assert!(matches!(gunzip(&good[..good.len() - 1], 100), Err(Unreadable::Broken(_))), "cut");
        assert!(matches!(gunzip(b"{}", 100), Err(Unreadable::Broken(_))), "plain");
        let last = good.len() - 1;
        good[last] ^= 1;
        assert!(matches!(gunzip(&good, 100), Err(Unreadable::Broken(_))), "of another length than it says");
        good[last] ^= 1;
        good.extend_from_slice(&good.clone());
        assert!(matches!(gunzip(&good, 100), Err(Unreadable::Broken(_))), "twice");
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_unpacked_within_the_limit_or_refused(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), limit in 0..400_usize, whole in proptest::bool::ANY,
        ) {
            let packed = Coding::Gzip.encode(&bytes, Effort::Quick).unwrap();
            match gunzip(&packed, limit) {
                Ok(plain) => proptest::prop_assert!(plain == bytes && bytes.len() <= limit),
                Err(Unreadable::TooLong) => proptest::prop_assert!(bytes.len() > limit),
                Err(Unreadable::Broken(error)) => proptest::prop_assert!(false, "{}", error),
            }
            let header = if whole { packed.get(..10).unwrap_or_default() } else { &[] };
            if let Ok(plain) = gunzip(&[header, &bytes].concat(), limit) {
                proptest::prop_assert!(plain.len() <= limit);
            }
        }
    }
}
