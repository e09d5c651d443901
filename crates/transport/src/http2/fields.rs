//! Field blocks of HTTP/2 requests with malformed fields.
//!
//! A malformed field is an error of its stream (RFC 9113 8.1.1), but h2 ends the whole connection if a name or value
//! has bytes that http's types do not accept, and with it the requests of all other clients of the same proxy. So each
//! field block is checked before h2 decodes it. A malformed one is rewritten: the malformed field is replaced with as
//! many letters, so that the HPACK tables of both sides stay equal, and a field is added for which h2 resets the
//! stream.

use std::borrow::Cow;

use super::huffman;
use crate::fields::{is_text, is_token};

/// The entries of the static table that are pseudo-headers, and those that no request has (RFC 7541 A).
const METHOD: std::ops::RangeInclusive<usize> = 2..=3;
const PATH: std::ops::RangeInclusive<usize> = 4..=5;
const STATUS: std::ops::RangeInclusive<usize> = 8..=14;
const LAST_PSEUDO: usize = 14;

/// `connection: x`, which is forbidden in HTTP/2, as a literal that is not indexed.
const FORBIDDEN_FIELD: &[u8] = b"\0\x0aconnection\x01x";

const INDEXED: u8 = 0x80;
const WITH_INDEXING: u8 = 0x40;
const SIZE_UPDATE: u8 = 0x20;
const NEVER_INDEXED: u8 = 0x10;
const HUFFMAN: u8 = 0x80;

/// Returns the block that h2 has to decode instead of a malformed one; `None` if the block is well-formed, or not a
/// block at all. Trailers have no pseudo-headers (RFC 9113 8.1), but h2 accepts them.
pub(super) fn rewritten(block: &[u8], is_trailers: bool) -> Option<Vec<u8>> {
    let mut reader = Reader(block);
    while !reader.0.is_empty() {
        let is_well_formed = match reader.representation()? {
            Representation::Indexed(index) => !(is_trailers && index <= LAST_PSEUDO),
            Representation::SizeUpdate => true,
            Representation::Literal(field) => field.is_well_formed()? && !(is_trailers && field.is_pseudo()),
        };
        if !is_well_formed {
            return rewrite(block);
        }
    }
    None
}

fn rewrite(block: &[u8]) -> Option<Vec<u8>> {
    let (mut reader, mut rewritten) = (Reader(block), Vec::with_capacity(block.len() + FORBIDDEN_FIELD.len()));
    while !reader.0.is_empty() {
        let before = reader.0;
        match reader.representation()? {
            Representation::Literal(field) if !field.is_well_formed()? => field.write_harmless(&mut rewritten)?,
            _ => rewritten.extend(before.get(..before.len() - reader.0.len())?),
        }
    }
    rewritten.extend(FORBIDDEN_FIELD);
    Some(rewritten)
}

/// A field representation (RFC 7541 6).
enum Representation<'a> {
    /// An index of a table.
    Indexed(usize),
    /// A new size of the table.
    SizeUpdate,
    Literal(Literal<'a>),
}

struct Literal<'a> {
    /// [`WITH_INDEXING`], [`NEVER_INDEXED`] or nothing.
    kind: u8,
    /// The index of its name; 0 for a literal name.
    index: usize,
    name: Option<Text<'a>>,
    value: Text<'a>,
}

struct Text<'a> {
    is_huffman: bool,
    bytes: &'a [u8],
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn representation(&mut self) -> Option<Representation<'a>> {
        let first = *self.0.first()?;
        let (kind, bits) = match first {
            first if first & INDEXED > 0 => return self.integer(7).map(Representation::Indexed),
            first if first & WITH_INDEXING > 0 => (WITH_INDEXING, 6),
            first if first & SIZE_UPDATE > 0 => return self.integer(5).map(|_| Representation::SizeUpdate),
            first => (first & NEVER_INDEXED, 4),
        };
        let index = self.integer(bits)?;
        let name = if index == 0 { Some(self.text()?) } else { None };
        Some(Representation::Literal(Literal { kind, index, name, value: self.text()? }))
    }

    /// Reads an integer with a prefix of `bits` bits (RFC 7541 5.1).
    fn integer(&mut self, bits: u32) -> Option<usize> {
        let max = (1 << bits) - 1;
        let mut number = usize::from(self.byte()?) & max;
        if number < max {
            return Some(number);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<Text<'a>> {
        let is_huffman = *self.0.first()? & HUFFMAN > 0;
        let length = self.integer(7)?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Text { is_huffman, bytes })
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }
}

impl Text<'_> {
    fn decode(&self) -> Option<Cow<'_, [u8]>> {
        if self.is_huffman { huffman::decode(self.bytes).map(Cow::Owned) } else { Some(Cow::Borrowed(self.bytes)) }
    }
}

impl Literal<'_> {
    fn is_pseudo(&self) -> bool {
        match &self.name {
            Some(name) => name.decode().is_some_and(|name| name.starts_with(b":")),
            None => self.index <= LAST_PSEUDO,
        }
    }

    /// `None` if it cannot be decoded.
    fn is_well_formed(&self) -> Option<bool> {
        let name = self.name.as_ref().map(Text::decode);
        let is_path = match &name {
            None => PATH.contains(&self.index),
            Some(name) => name.as_deref() == Some(b":path"),
        };
        let is_pseudo = match &name {
            None if STATUS.contains(&self.index) => return Some(false),
            None if METHOD.contains(&self.index) => return self.value.decode().map(|value| is_token(&value)),
            None => self.index <= LAST_PSEUDO,
            Some(name) => match name.as_deref()? {
                b":method" => return self.value.decode().map(|value| is_token(&value)),
                b":path" | b":scheme" | b":authority" | b":protocol" => true,
                name if is_token(name) && !name.iter().any(u8::is_ascii_uppercase) => false,
                _ => return Some(false),
            },
        };
        let rare = if is_path { huffman::FRAGMENT_ONES } else { huffman::RARE_ONES };
        if self.value.is_huffman && !huffman::may_have_ones(self.value.bytes, rare) {
            return Some(true);
        }
        let value = self.value.decode()?;
        // h2 would drop the fragment of a path, which is not allowed (RFC 9113 8.3.1).
        let has_fragment = is_path && value.contains(&b'#');
        Some(value.iter().all(|byte| is_text(*byte)) && (!is_pseudo || str::from_utf8(&value).is_ok()) && !has_fragment)
    }

    /// Writes letters in place of the field. `None` if that is not possible.
    fn write_harmless(&self, out: &mut Vec<u8>) -> Option<()> {
        let mut value = self.value.decode()?.len();
        let name = match &self.name {
            None if STATUS.contains(&self.index) => Some(":status".len()),
            None => None,
            Some(name) => match name.decode()?.as_ref() {
                b":method" | b":path" | b":scheme" | b":authority" | b":protocol" => {
                    out.push(self.kind);
                    write_text(out, name.decode()?.as_ref());
                    write_text(out, &vec![b'x'; value]);
                    return Some(());
                }
                // A name needs a letter, which is taken from the value.
                b"" => {
                    value = value.checked_sub(1)?;
                    Some(1)
                }
                name => Some(name.len()),
            },
        };
        let bits = if self.kind == WITH_INDEXING { 6 } else { 4 };
        match name {
            None => write_integer(out, self.kind, bits, self.index),
            Some(name) => {
                out.push(self.kind);
                write_text(out, &vec![b'x'; name]);
            }
        }
        write_text(out, &vec![b'x'; value]);
        Some(())
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    write_integer(out, 0, 7, text.len());
    out.extend(text);
}

/// Writes an integer with a prefix of `bits` bits after the bits of `first` (RFC 7541 5.1).
fn write_integer(out: &mut Vec<u8>, first: u8, bits: u32, number: usize) {
    let max = (1 << bits) - 1;
    let Some(mut rest) = number.checked_sub(max) else {
        return out.push(first | u8::try_from(number).unwrap_or_default());
    };
    out.push(first | u8::try_from(max).unwrap_or_default());
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(kind: u8, name: &str, value: &str) -> Vec<u8> {
        let mut block = vec![kind];
        write_text(&mut block, name.as_bytes());
        write_text(&mut block, value.as_bytes());
        block
    }

    #[test]
    fn well_formed_blocks_are_left_alone() {
        let long = "x".repeat(5_000);
        for block in [
            vec![0x82, 0x84, 0x86],
            literal(0, ":path", "/ü"),
            literal(WITH_INDEXING, "x-a", "b\tc é"),
            literal(NEVER_INDEXED, "x-a", &long),
            // RFC 7541 C.4.1: indexed fields, and a Huffman-coded one.
            b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff".to_vec(),
            vec![0x3f, 0xe1, 0x1f, 0x82],
            vec![],
        ] {
            assert_eq!(rewritten(&block, false), None, "{block:?}");
        }
    }

    #[test]
    fn malformed_fields_are_replaced_by_as_many_letters() {
        for (name, value, harmless) in [
            ("x-a", "b\x01c", ("xxx", "xxx")),
            ("x a", "b", ("xxx", "x")),
            ("X-A", "b", ("xxx", "x")),
            ("", "bc", ("x", "x")),
            (":nothing", "b", ("xxxxxxxx", "x")),
            (":path", "/\n", (":path", "xx")),
            (":path", "/#a", (":path", "xxx")),
            (":method", "GE T", (":method", "xxxx")),
        ] {
            for kind in [0, WITH_INDEXING, NEVER_INDEXED] {
                let good = literal(kind, "x-b", "c");
                let block = [literal(kind, name, value), good.clone()].concat();
                let expected = [&literal(kind, harmless.0, harmless.1)[..], &good, FORBIDDEN_FIELD].concat();
                assert_eq!(rewritten(&block, false), Some(expected), "{name:?}: {value:?}");
            }
        }
        // With a name of the static table: a path, a cookie and a status. The code of Huffman of "/#" is 18 bits long.
        assert_eq!(rewritten(b"\x44\x02/#", false), Some([b"\x44\x02xx", FORBIDDEN_FIELD].concat()));
        assert_eq!(rewritten(b"\x44\x83\x63\xfe\xbf", false), Some([b"\x44\x02xx", FORBIDDEN_FIELD].concat()));
        assert_eq!(rewritten(b"\x60\x01\x00", false), Some([b"\x60\x01x", FORBIDDEN_FIELD].concat()));
        assert_eq!(rewritten(b"\x48\x01\x00", false), Some([b"\x40\x07xxxxxxx\x01x", FORBIDDEN_FIELD].concat()));
    }

    #[test]
    fn trailers_have_no_pseudo_headers() {
        for block in [vec![0x84], literal(0, ":path", "/"), literal(0, "x-a", "b\x01")] {
            assert!(rewritten(&block, true).is_some_and(|block| block.ends_with(FORBIDDEN_FIELD)), "{block:?}");
        }
        assert_eq!(rewritten(&literal(0, "x-a", "b"), true), None);
    }

    #[test]
    fn malformed_huffman_codes_and_lengths_are_left_to_h2() {
        for block in [
            &b"\x40\x03x-a\x82\xff\xff"[..],
            b"\x40\x03x-a",
            b"\x40\x7f\xff\xff\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(rewritten(block, false), None, "{block:?}");
        }
    }
}
