//! Counts the tokens of a document before it is parsed: the parser is recursive, and takes a multiple of the text's memory.

use crate::refusal::Refusal;

/// The most tokens of a document.
const MAX_TOKENS: usize = 20_000;

/// The most directives, wherever they stand.
const MAX_DIRECTIVES: usize = 20;

/// How deep brackets of any kind may be nested.
const MAX_NESTING: usize = 64;

/// Refuses a document with too many tokens or directives, or with brackets that are nested too deep. What is no token at
/// all is left to the parser.
pub(super) fn check(query: &str) -> Result<(), Refusal> {
    let (mut tokens, mut directives, mut nesting) = (0_usize, 0_usize, 0_usize);
    let mut rest = query.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                rest = after;
                continue;
            }
            b'#' => {
                rest = skip_while(after, |byte| !matches!(byte, b'\r' | b'\n'));
                continue;
            }
            b'"' => after_string(after),
            b'_' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                skip_while(after, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
            }
            b'.' => after.strip_prefix(b"..").unwrap_or(after),
            _ => after,
        };
        tokens += 1;
        match first {
            b'@' => directives += 1,
            b'{' | b'[' | b'(' => nesting += 1,
            b'}' | b']' | b')' => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if tokens > MAX_TOKENS {
            return Err(Refusal::limit(format!("the document may have {MAX_TOKENS} tokens at most")));
        }
        if directives > MAX_DIRECTIVES {
            return Err(Refusal::limit(format!("the document may have {MAX_DIRECTIVES} directives at most")));
        }
        if nesting > MAX_NESTING {
            return Err(Refusal::limit(format!("brackets may be nested {MAX_NESTING} deep at most")));
        }
    }
    Ok(())
}

fn skip_while(bytes: &[u8], skip: impl Fn(&u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|byte| !skip(byte)).unwrap_or(bytes.len());
    bytes.get(end..).unwrap_or_default()
}

/// What is behind a string, whose first quote was read.
fn after_string(bytes: &[u8]) -> &[u8] {
    if let Some(block) = bytes.strip_prefix(b"\"\"") {
        return after_block(block);
    }
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'"' | b'\n' | b'\r' => return after,
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    rest
}

/// What is behind a block string, whose first quotes were read.
fn after_block(block: &[u8]) -> &[u8] {
    let mut rest = block;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b"\"\"\"") {
            return after;
        }
        rest = rest.strip_prefix(b"\\\"\"\"").or_else(|| rest.get(1..)).unwrap_or_default();
    }
    rest
}
