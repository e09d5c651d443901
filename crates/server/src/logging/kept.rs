//! What tests log.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

/// Keeps what it is given.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    /// Its lines of JSON, each without the stamp that it begins with.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let without_stamp = |line: &str| {
            let rest = line.strip_prefix("{\"timestamp\":\"").unwrap();
            format!("{{{}", rest.get("2026-11-21T04:31:00.000001Z\",".len()..).unwrap())
        };
        text.lines().map(without_stamp).collect()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
