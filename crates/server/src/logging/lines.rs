//! Lines that are gathered on their way out.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long a line may wait for others. A system call costs more than all the rest of a line, so that a busy server
/// shares one among the lines of this time.
const WAIT: Duration = Duration::from_millis(5);

/// So many bytes wait for nobody. Whoever logs more than this writes it out: a reader that is slow slows down those who
/// log, and does not fill the memory.
const FULL: usize = 64 << 10;

/// A place to write lines to, in the order in which they come. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lines(Arc<Inner>);

struct Inner {
    /// Locked before `gathered` is taken, so that nobody is overtaken.
    out: Mutex<Out>,
    gathered: Mutex<Vec<u8>>,
    /// Something is gathered where nothing was.
    some: Condvar,
}

struct Out {
    sink: Box<dyn Write + Send>,
    /// Changes places with `gathered`, so that neither is allocated again.
    taken: Vec<u8>,
}

impl Lines {
    /// Lines into `sink`.
    pub(super) fn into(sink: impl Write + Send + 'static) -> Self {
        let out = Out { sink: Box::new(sink), taken: Vec::new() };
        Self(Arc::new(Inner { out: Mutex::new(out), gathered: Mutex::default(), some: Condvar::new() }))
    }

    /// Starts the thread that writes what was gathered.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(&self) -> io::Result<()> {
        let lines = self.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || lines.write_what_waits()).map(drop)
    }

    /// Writes a line soon, together with others; needs the thread that [`start`](Self::start) starts.
    pub(super) fn gather(&self, line: &[u8]) {
        let mut gathered = lock(&self.0.gathered);
        let is_first = gathered.is_empty();
        gathered.extend_from_slice(line);
        let is_full = gathered.len() >= FULL;
        drop(gathered);
        if is_full {
            self.flush();
        } else if is_first {
            self.0.some.notify_one();
        }
    }

    /// Writes a line now, behind those that wait.
    pub(super) fn write(&self, line: &[u8]) {
        lock(&self.0.gathered).extend_from_slice(line);
        self.flush();
    }

    /// Writes all that waits. A sink that takes no more is no reason to stop serving.
    pub(super) fn flush(&self) {
        let mut out = lock(&self.0.out);
        let Out { sink, taken } = &mut *out;
        mem::swap(&mut *lock(&self.0.gathered), taken);
        if !taken.is_empty() {
            sink.write_all(taken).and_then(|()| sink.flush()).ok();
            taken.clear();
        }
    }

    fn write_what_waits(&self) {
        loop {
            let mut gathered = lock(&self.0.gathered);
            while gathered.is_empty() {
                gathered = self.0.some.wait(gathered).unwrap_or_else(PoisonError::into_inner);
            }
            drop(gathered);
            thread::sleep(WAIT);
            self.flush();
        }
    }
}

/// A holder that panicked left whole lines behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{self, Receiver, Sender},
        time::Instant,
    };

    use super::*;

    /// Tells what it is given.
    struct Told(Sender<Vec<u8>>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (Lines, Receiver<Vec<u8>>) {
        let (sender, told) = mpsc::channel();
        (Lines::into(Told(sender)), told)
    }

    #[test]
    fn what_is_gathered_comes_soon_and_together() {
        let (lines, told) = lines();
        lines.start().unwrap();
        let begun = Instant::now();
        lines.gather(b"a\n");
        lines.gather(b"b\n");
        lines.gather(b"c\n");
        let mut came = Vec::new();
        let mut writes = 0;
        while came.len() < 6 {
            came.extend(told.recv_timeout(Duration::from_secs(10)).unwrap());
            writes += 1;
        }
        assert_eq!(came, b"a\nb\nc\n");
        // On a machine that stood still in between there may be more writes, but hardly ever as many as lines.
        assert!(writes == 1 || begun.elapsed() > WAIT, "{writes}");
    }

    #[test]
    fn a_line_that_must_not_wait_takes_the_others_with_it() {
        let (lines, told) = lines();
        lines.gather(b"a\n");
        lines.write(b"b\n");
        assert_eq!(told.try_iter().collect::<Vec<_>>().concat(), b"a\nb\n");
        lines.gather(b"c\n");
        lines.flush();
        assert_eq!(told.try_iter().collect::<Vec<_>>().concat(), b"c\n");
    }

    #[test]
    fn a_busy_moment_does_not_fill_the_memory() {
        let (lines, told) = lines();
        let line = [b'x'; 1_024];
        for _ in 0..64 {
            lines.gather(&line);
        }
        assert_eq!(told.try_iter().map(|bytes| bytes.len()).sum::<usize>(), FULL);
    }

    #[test]
    fn a_sink_that_is_gone_harms_nobody() {
        let (lines, told) = lines();
        drop(told);
        lines.write(b"a\n");
        lines.gather(b"b\n");
        lines.flush();
        assert!(lock(&lines.0.gathered).is_empty());
    }
}
