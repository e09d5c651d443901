//! Lines of JSON, each with the time at which it was logged.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use entrepot_domain::Timestamp;

thread_local! {
    static SCRATCH: Cell<(Vec<u8>, Stamp)> = const { Cell::new((Vec::new(), Stamp::new())) };
}

/// Begins an object with its stamp, has it written to its end, and hands it out. The memory is kept from line to line.
pub(super) fn stamped(write: impl FnOnce(&mut Vec<u8>), out: impl FnOnce(&[u8])) {
    // Taken rather than borrowed: a value that logs while it is formatted finds another one.
    let (mut line, mut stamp) = SCRATCH.take();
    line.clear();
    line.extend_from_slice(b"{\"timestamp\":\"");
    stamp.write(&mut line);
    line.push(b'"');
    write(&mut line);
    out(&line);
    SCRATCH.set((line, stamp));
}

/// Writes the time in UTC, to the microsecond. The calendar is asked once a second: many lines have the same date.
#[derive(Default)]
struct Stamp {
    /// Of which second since 1970 `date` is.
    second: i64,
    /// `2026-11-21T04:31:00`
    date: String,
}

impl Stamp {
    const fn new() -> Self {
        Self { second: 0, date: String::new() }
    }

    /// Appends it to a line.
    #[expect(clippy::disallowed_methods, reason = "no rule depends on when a line was logged")]
    fn write(&mut self, line: &mut Vec<u8>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = i64::try_from(now.as_secs()).unwrap_or_default();
        if second != self.second || self.date.is_empty() {
            self.second = second;
            self.date = Timestamp::from_timestamp(second, 0).unwrap_or_default().to_rfc3339();
            // Without the offset.
            self.date.truncate("2026-11-21T04:31:00".len());
        }
        line.extend_from_slice(self.date.as_bytes());
        let mut decimals = *b".000000Z";
        let mut micros = now.subsec_micros();
        for digit in decimals.iter_mut().skip(1).take(6).rev() {
            *digit += u8::try_from(micros % 10).unwrap_or_default();
            micros /= 10;
        }
        line.extend_from_slice(&decimals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is held against the machine's clock needs the machine's clock")]
    fn it_is_now() {
        let micros = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        let old = Stamp { second: 5, date: "1970-01-01T00:00:05".to_owned() };
        for mut stamp in [Stamp::new(), old] {
            for _ in 0..2 {
                let (mut line, before) = (Vec::new(), micros());
                stamp.write(&mut line);
                let text = String::from_utf8(line).unwrap();
                let at: Timestamp = text.parse().unwrap();
                assert!((before..=micros()).contains(&u128::try_from(at.timestamp_micros()).unwrap()), "{text}");
                assert_eq!((text.len(), text.ends_with('Z')), ("2026-11-21T04:31:00.000001Z".len(), true));
            }
        }
    }
}
