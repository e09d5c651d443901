//! Text of a file: what it looks like, how it is shown, and how HTML becomes plain.

use std::borrow::Cow;

/// A text for the terminal: control characters and invisible ones are escaped, so that a file cannot move the cursor or
/// change colours.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// What a file is that begins with these bytes, if they cannot be CSV in UTF-8.
pub(super) fn foreign_format(start: &[u8]) -> Option<&'static str> {
    let contains = |what: &[u8]| start.windows(what.len()).any(|window| window == what);
    match start {
        [b'P', b'K', 3, 4, ..] if contains(b"opendocument.spreadsheet") => Some("an OpenDocument spreadsheet (.ods)"),
        [b'P', b'K', 3, 4, ..] if contains(b"xl/") || contains(b"[Content_Types].xml") => {
            Some("an Excel workbook (.xlsx)")
        }
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some("a ZIP archive, as .xlsx files are too"),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Some("an old Excel workbook (.xls)"),
        [0x1F, 0x8B, ..] => Some("a compressed file (gzip, .gz)"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("a compressed file (bzip2, .bz2)"),
        [0xFD, b'7', b'z', b'X', b'Z', ..] => Some("a compressed file (.xz)"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("a compressed file (.zst)"),
        [b'7', b'z', 0xBC, 0xAF, ..] => Some("a compressed file (.7z)"),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Some("text in UTF-32"),
        // Without a mark at its start, ASCII in UTF-16 has a NUL in every pair of bytes.
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 1..=0x7F, 0, 1..=0x7F, ..] | [1..=0x7F, 0, 1..=0x7F, 0, ..] => {
            Some("text in UTF-16")
        }
        [b'%', b'P', b'D', b'F', ..] => Some("a PDF file"),
        [b'{' | b'[', ..] => Some("JSON"),
        [b'<', ..] => Some("HTML or XML"),
        _ => {
            let mut header = start.iter().take_while(|byte| !matches!(byte, b'\r' | b'\n'));
            header.any(|byte| *byte == 0).then_some("a binary file")
        }
    }
}

/// The text of an HTML fragment, with its paragraphs and lines.
pub(super) fn from_html(html: &str) -> Cow<'_, str> {
    if html.contains(['<', '&']) {
        let text = nanohtml2text::html2text(html).replace("\r\n", "\n");
        Cow::Owned(text.trim().to_owned())
    } else {
        Cow::Borrowed(html.trim())
    }
}

/// The known name that is most like this one, if any is.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.trim().to_lowercase();
    known
        .map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_letters_kept() {
        assert_eq!(printable("\u{1b}[31mred"), "\\u{1b}[31mred");
        assert_eq!(printable("a\tb\r\nc\0\u{9b}\u{202e}"), "a\\tb\\r\\nc\\0\\u{9b}\\u{202e}");
        assert_eq!(printable("Größe 5\" \\ 'ü' 価格"), "Größe 5\" \\ 'ü' 価格");
    }

    #[test]
    fn files_of_other_kinds_are_recognised() {
        for (start, expected) in [
            (&b"PK\x03\x04\x14\0\x06\0[Content_Types].xml"[..], "Excel workbook (.xlsx)"),
            (b"PK\x03\x04\x14\0mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
            (b"PK\x03\x04readme.txt", "ZIP"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\xff\xfes\0k\0u\0", "UTF-16"),
            (b"\xfe\xff\0s\0k\0u", "UTF-16"),
            (b"s\0k\0u\0", "UTF-16"),
            (b"\0s\0k\0u", "UTF-16"),
            (b"\xff\xfe\0\0s\0\0\0", "UTF-32"),
            (b"%PDF-1.7", "PDF"),
            (b"[{\"sku\":1}]", "JSON"),
            (b"<!doctype html>", "HTML"),
            (b"sku,name\0", "binary"),
        ] {
            assert!(foreign_format(start).is_some_and(|format| format.contains(expected)), "{expected}");
        }
        for csv in [
            &b""[..],
            b"sku,name,price\n",
            b"\"sku\";\"name\"\n",
            "prix,\u{e9}tat\n".as_bytes(),
            b"PK,name\n",
            b"sku\n\0",
        ] {
            assert_eq!(foreign_format(csv), None, "{csv:?}");
        }
    }

    #[test]
    fn html_becomes_text_with_lines() {
        assert_eq!(
            from_html("<p>Holds <b>tea</b> &amp; milk.</p><ul><li>Blue<li>Tin</ul>"),
            "Holds tea & milk.\n\nBlue\nTin"
        );
        assert_eq!(from_html("one\ntwo "), "one\ntwo");
        assert_eq!(from_html("5 < 6<br/>a<script>alert(1)</script>"), "5 < 6\na");
    }

    #[test]
    fn nearest_name_ignores_case() {
        let nearest = |name| nearest(name, ["sku", "name", "price", "description", "stock", "currency"].into_iter());
        for (name, expected) in
            [("Prise", "price"), ("descripton", "description"), ("STOCKS", "stock"), ("names", "name")]
        {
            assert_eq!(nearest(name), Some(expected));
        }
        for name in ["Größe", "Tipo", "REF", "Published"] {
            assert_eq!(nearest(name), None, "{name}");
        }
    }
}
