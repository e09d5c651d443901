//! The file `.env`.

use std::{
    cell::Cell,
    collections::HashMap,
    fs,
    io::{self, Read},
    path::Path,
};

/// What the file says, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct DotEnv {
    /// What the good lines say.
    pub(super) values: HashMap<String, String>,
    /// A sentence for each bad one.
    pub(super) mistakes: Vec<String>,
}

impl DotEnv {
    /// Reads the file; one that is not there says nothing.
    pub(super) fn read(path: &Path) -> Self {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => Self { mistakes: vec![format!(".env cannot be read: {error}")], ..Self::default() },
        }
    }

    fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let taken = Cell::new(0);
        let mut file = Self::default();
        for line in dotenvy::from_read_iter(Lines { rest: text.as_bytes(), taken: &taken }) {
            match line {
                Ok((name, value)) => drop(file.values.insert(name, value)),
                // Only the number is told: the words of dotenvy repeat the line, and it may be a secret's.
                Err(dotenvy::Error::LineParse(bad, _)) => {
                    let number = taken.get().saturating_sub(bad.trim_end().matches('\n').count());
                    file.mistakes.push(format!(
                        ".env is malformed in line {number}; a line is NAME=value, and a value with spaces or quotes \
                         belongs between single quotes"
                    ));
                }
                Err(error) => file.mistakes.push(format!(".env cannot be read: {error}")),
            }
        }
        file
    }
}

/// Hands out a line at a time, so that the lines which were taken can be counted.
struct Lines<'a> {
    rest: &'a [u8],
    taken: &'a Cell<usize>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let mut line = self.rest.get(..end).unwrap_or_default();
        let count = line.read(buffer)?;
        self.rest = self.rest.get(count..).unwrap_or_default();
        if count > 0 && line.is_empty() {
            self.taken.set(self.taken.get() + 1);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_lines_are_read() {
        let file = DotEnv::parse("\u{feff}PORT=1\r\n# a note\n\nexport HOST='a b' # more\nEMPTY=\n");
        assert_eq!(file.mistakes, [""; 0]);
        let value = |name| file.values.get(name).map(String::as_str);
        assert_eq!((value("PORT"), value("HOST"), value("EMPTY")), (Some("1"), Some("a b"), Some("")));
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
    fn a_file_that_is_not_there_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = DotEnv::read(&folder.path().join(".env"));
        assert!(file.values.is_empty() && file.mistakes.is_empty());
        assert_eq!(DotEnv::read(folder.path()).mistakes.len(), 1, "a folder is no file");
    }
}
