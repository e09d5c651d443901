//! The file `.env`.
//!
//! A strict reader: no value is ever changed silently. There is no substitution of variables, so a `$` that a shell or
//! another reader would substitute is refused unless single quotes or a backslash say that it stands for itself.

use std::{collections::HashMap, fs, io, iter::Peekable, path::Path, str::Chars};

/// What the file sets, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct DotEnv {
    /// The values of the good lines; of a name that is set twice, the last.
    pub(super) values: HashMap<String, String>,
    /// A sentence for each bad line.
    pub(super) mistakes: Vec<String>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    Malformed,
    Dollar,
}

impl DotEnv {
    /// Reads the file; a missing one sets nothing.
    pub(super) fn read(path: &Path) -> Self {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => Self { mistakes: vec![format!(".env cannot be read: {error}")], ..Self::default() },
        }
    }

    fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let mut file = Self::default();
        let mut reader = Reader { chars: text.chars().peekable(), line: 1 };
        while reader.chars.peek().is_some() {
            let line = reader.line;
            match reader.entry() {
                Ok(Some((name, value))) => drop(file.values.insert(name, value)),
                Ok(None) => {}
                Err(mistake) => {
                    // Never the line itself: it may contain a secret.
                    file.mistakes.push(match mistake {
                        Mistake::Malformed => format!(
                            ".env is malformed in line {line}; a line is NAME=value, and a value with spaces or quotes \
                             belongs between single quotes"
                        ),
                        Mistake::Dollar => format!(
                            ".env has a $ in line {line}, but variables are not substituted; put the value between \
                             single quotes, in which a $ stands for itself"
                        ),
                    });
                    reader.skip_line();
                }
            }
        }
        file
    }
}

/// Reads entries from the text, and counts its lines.
struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    fn skip_blanks(&mut self) {
        while self.chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    fn skip_line(&mut self) {
        while self.chars.peek().is_some_and(|c| *c != '\n') {
            self.next();
        }
        self.next();
    }

    /// Reads a line, or several where a quoted value spans them; `None` if it is blank or a comment.
    fn entry(&mut self) -> Result<Option<(String, String)>, Mistake> {
        self.skip_blanks();
        if self.chars.peek().is_none_or(|c| matches!(c, '#' | '\n')) {
            self.skip_line();
            return Ok(None);
        }
        let mut name = self.name();
        if name == "export" && self.chars.peek().is_some_and(|c| matches!(c, ' ' | '\t')) {
            self.skip_blanks();
            name = self.name();
        }
        self.skip_blanks();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || self.chars.next_if_eq(&'=').is_none() {
            return Err(Mistake::Malformed);
        }
        // Behind a blank, a # begins a comment.
        let blank = self.chars.peek().is_some_and(|c| matches!(c, ' ' | '\t'));
        self.skip_blanks();
        let value = if blank && self.chars.peek() == Some(&'#') { String::new() } else { self.value()? };
        self.end_of_line()?;
        Ok(Some((name, value)))
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
            name.push(c);
        }
        name
    }

    /// Reads a value, which may consist of quoted and unquoted parts, up to the first blank behind it.
    fn value(&mut self) -> Result<String, Mistake> {
        let mut value = String::new();
        while let Some(c) = self.chars.next_if(|c| !c.is_whitespace()) {
            match c {
                '\'' => self.single_quoted(&mut value)?,
                '"' => self.double_quoted(&mut value)?,
                '$' => return Err(Mistake::Dollar),
                '\\' => value.push(self.escaped()?),
                c => value.push(c),
            }
        }
        Ok(value)
    }

    fn single_quoted(&mut self, value: &mut String) -> Result<(), Mistake> {
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some(c) => value.push(c),
                None => return Err(Mistake::Malformed),
            }
        }
    }

    fn double_quoted(&mut self, value: &mut String) -> Result<(), Mistake> {
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('$') => return Err(Mistake::Dollar),
                Some('\\') => value.push(self.escaped()?),
                Some(c) => value.push(c),
                None => return Err(Mistake::Malformed),
            }
        }
    }

    /// The character that a backslash and the next one stand for.
    fn escaped(&mut self) -> Result<char, Mistake> {
        match self.chars.next_if(|c| matches!(c, '\\' | '\'' | '"' | '$' | ' ' | 'n')) {
            Some('n') => Ok('\n'),
            Some(c) => Ok(c),
            None => Err(Mistake::Malformed),
        }
    }

    /// Nothing may follow a value but a comment.
    fn end_of_line(&mut self) -> Result<(), Mistake> {
        self.skip_blanks();
        if self.chars.peek().is_none_or(|c| matches!(c, '#' | '\n')) {
            self.skip_line();
            return Ok(());
        }
        Err(Mistake::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        let mut file = DotEnv::parse(&format!("A={text}"));
        match (file.values.remove("A"), file.mistakes.pop()) {
            (Some(value), None) => Ok(value),
            (None, Some(mistake)) => Err(mistake),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn good_lines_are_read() {
        let file = DotEnv::parse("\u{feff}PORT=1\r\n# a note\n\nexport HOST='a b' # more\nEMPTY=\n  A = b\t# c");
        assert_eq!(file.mistakes, [""; 0]);
        let value = |name| file.values.get(name).map(String::as_str);
        assert_eq!((value("PORT"), value("HOST"), value("EMPTY")), (Some("1"), Some("a b"), Some("")));
        assert_eq!(value("A"), Some("b"));
    }

    #[test]
    fn values_are_taken_as_they_stand() {
        for (text, expected) in [
            ("./a#b", "./a#b"),
            ("#b", "#b"),
            (" # b", ""),
            ("'./a$b'", "./a$b"),
            ("'a\\n${B}'", "a\\n${B}"),
            ("\"a 'b' \\\"c\\\" \\$d\\n\"", "a 'b' \"c\" $d\n"),
            ("a\\ b\\$c", "a b$c"),
            ("it'\"'s", "it\"s"),
            ("'two\nlines'", "two\nlines"),
            ("postgres://ada:h%24@db/shop?a=b", "postgres://ada:h%24@db/shop?a=b"),
        ] {
            assert_eq!(value(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn dollar_outside_single_quotes_is_refused() {
        for text in ["./a$b", "${HOME}/a", "$", "\"./a$b\"", "a'b'$c"] {
            let mistake = value(text).unwrap_err();
            assert!(mistake.starts_with(".env has a $ in line 1,") && mistake.contains("single quotes"), "{mistake}");
        }
    }

    #[test]
    fn bad_lines_are_told_by_number_and_never_shown() {
        let file = DotEnv::parse(
            "PORT=1\n\n# correct horse\nJWT_SECRET=correct horse\nGOOD='two\nlines'\ncorrect-horse\nA=correct horse # note\n\
             LAST=\"correct\nhorse\n",
        );
        let lines: Vec<_> = file.mistakes.iter().map(|mistake| mistake.split(';').next().unwrap()).collect();
        assert_eq!(lines, [4, 7, 8, 9].map(|line| format!(".env is malformed in line {line}")));
        assert!(!format!("{:?}", file.mistakes).contains("horse"));
        assert_eq!(file.values.len(), 2);
    }

    #[test]
    fn malformed_lines_are_refused() {
        for line in ["A", "=b", "1A=b", "A-B=c", "export A", "A='b' c", "A=b\\x", "A='b", "export=", "A: b"] {
            let file = DotEnv::parse(line);
            assert_eq!(file.mistakes.len(), usize::from(line != "export="), "{line}: {file:?}");
        }
    }

    #[test]
    fn missing_file_sets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = DotEnv::read(&folder.path().join(".env"));
        assert!(file.values.is_empty() && file.mistakes.is_empty());
        assert_eq!(DotEnv::read(folder.path()).mistakes.len(), 1, "a folder is no file");
    }
}
