//! The Huffman code of HPACK (RFC 7541 5.2 and B).

use std::sync::LazyLock;

/// The length of the code of each byte in bits. The code is canonical, so the lengths define it.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26,
];
const MAX_LENGTH: usize = 30;
/// All codes longer than 12 bits begin with so many ones, and no others.
pub(super) const RARE_ONES: u32 = 10;
/// The same for codes longer than 11 bits: `#` and `>` as well.
pub(super) const FRAGMENT_ONES: u32 = 9;

/// The codes of one length.
#[derive(Debug, Clone, Default)]
struct Length {
    first_code: u32,
    symbols: Vec<u8>,
}

static CODES: LazyLock<[Length; MAX_LENGTH + 1]> = LazyLock::new(|| {
    let mut code = 0;
    std::array::from_fn(|length| {
        code <<= 1;
        let has_length = |symbol: &u8| LENGTHS.get(usize::from(*symbol)).is_some_and(|of| usize::from(*of) == length);
        let symbols: Vec<u8> = (0..=u8::MAX).filter(has_length).collect();
        let first_code = code;
        code += u32::try_from(symbols.len()).unwrap_or_default();
        Length { first_code, symbols }
    })
});

/// Returns whether a text may contain bytes whose codes begin with at least `wanted` ones: rare bytes, such as control
/// characters. Searches for a run of ones, which is cheaper than decoding.
pub(super) fn may_have_ones(text: &[u8], wanted: u32) -> bool {
    let mut ones = 0;
    text.iter().any(|byte| {
        if *byte == u8::MAX {
            ones += 8;
        } else if ones + byte.leading_ones() >= wanted {
            return true;
        } else {
            ones = byte.trailing_ones();
        }
        ones >= wanted
    })
}

/// Decodes a text; `None` if it is malformed.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (mut decoded, mut code, mut length) = (Vec::new(), 0, 0);
    for bit in text.iter().flat_map(|byte| (0..8).rev().map(move |place| u32::from(byte >> place & 1))) {
        code = code << 1 | bit;
        length += 1;
        let codes = CODES.get(length)?;
        let place = code.checked_sub(codes.first_code).and_then(|place| usize::try_from(place).ok());
        if let Some(symbol) = place.and_then(|place| codes.symbols.get(place)) {
            decoded.push(*symbol);
            (code, length) = (0, 0);
        }
    }
    // The padding consists of ones and is shorter than a byte.
    (length < 8 && code + 1 == 1 << length).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &[u8]) -> Vec<u8> {
        let code = |byte: &u8| {
            let length = usize::from(LENGTHS[usize::from(*byte)]);
            let codes = &CODES[length];
            let place = codes.symbols.iter().position(|symbol| symbol == byte).unwrap();
            format!("{:0length$b}", codes.first_code + u32::try_from(place).unwrap())
        };
        let mut bits: String = text.iter().map(code).collect();
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        let byte = |bits: &[u8]| u8::from_str_radix(str::from_utf8(bits).unwrap(), 2).unwrap();
        bits.as_bytes().chunks(8).map(byte).collect()
    }

    #[test]
    fn texts_are_decoded() {
        // RFC 7541 C.4.1
        let example = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decode(&example).unwrap(), b"www.example.com");
        assert_eq!(encode(b"www.example.com"), example);
        let all: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(decode(&encode(&all)).unwrap(), all);
        assert_eq!(decode(&[]).unwrap(), b"");
        for bad in [&[0xff][..], &[0xff; 4], &[0x00, 0x00, 0xfe]] {
            assert!(decode(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn control_characters_have_rare_codes() {
        assert!(!may_have_ones(&encode(b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"), RARE_ONES));
        for byte in (0..32).chain([127, 128, 255]) {
            for before in 0..8 {
                let text = [&b"0".repeat(before), &[byte][..], b"0"].concat();
                assert!(may_have_ones(&encode(&text), RARE_ONES), "{text:?}");
            }
        }
        for before in 0..8 {
            assert!(may_have_ones(&encode(&[&b"0".repeat(before), &b"#0"[..]].concat()), FRAGMENT_ONES));
        }
    }
}
