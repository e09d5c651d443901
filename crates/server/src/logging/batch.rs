//! A writer that writes several lines with one system call.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long a line may wait for others. The system call costs more CPU than formatting the line, so a busy server
/// shares one among the lines of this time.
const BATCH_INTERVAL: Duration = Duration::from_millis(5);

/// The thread that fills a batch up to this many bytes writes it out itself: a slow reader slows down those who log
/// instead of filling the memory.
const MAX_BATCH_BYTES: usize = 64 << 10;

/// Writes lines into a sink, in the order in which they come. Cheap to clone.
#[derive(Clone)]
pub(super) struct BatchWriter {
    shared: Arc<Shared>,
    /// Whether a thread writes what waits.
    is_batched: bool,
}

struct Shared {
    /// Locked before `waiting` is emptied, so that lines keep their order.
    output: Mutex<Output>,
    waiting: Mutex<Vec<u8>>,
    /// Notified when `waiting` is no longer empty.
    not_empty: Condvar,
}

struct Output {
    sink: Box<dyn Write + Send>,
    /// Swapped with `waiting`, so that neither is allocated again.
    batch: Vec<u8>,
}

impl BatchWriter {
    /// A writer that writes each line at once.
    pub(super) fn unbatched(sink: impl Write + Send + 'static) -> Self {
        let output = Output { sink: Box::new(sink), batch: Vec::new() };
        let shared = Shared { output: Mutex::new(output), waiting: Mutex::default(), not_empty: Condvar::new() };
        Self { shared: Arc::new(shared), is_batched: false }
    }

    /// A writer whose thread writes what [`write_soon`](Self::write_soon) was given. Unbatched if the system has no
    /// thread left.
    pub(super) fn batched(sink: impl Write + Send + 'static) -> Self {
        let writer = Self::unbatched(sink);
        let shared = Arc::clone(&writer.shared);
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_batches());
        Self { is_batched: thread.is_ok(), ..writer }
    }

    /// Writes a line within [`BATCH_INTERVAL`], together with others.
    pub(super) fn write_soon(&self, line: &[u8]) {
        let mut waiting = lock(&self.shared.waiting);
        let was_empty = waiting.is_empty();
        waiting.extend_from_slice(line);
        let is_full = waiting.len() >= MAX_BATCH_BYTES;
        drop(waiting);
        if is_full || !self.is_batched {
            self.write_waiting();
        } else if was_empty {
            self.shared.not_empty.notify_one();
        }
    }

    /// Writes all that waits.
    pub(super) fn write_waiting(&self) {
        self.shared.write_waiting();
    }
}

/// Writes at once, behind the lines that wait.
impl Write for BatchWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.shared.waiting).extend_from_slice(bytes);
        self.write_waiting();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// Ignores a sink that fails: a server whose log has no reader goes on serving.
    fn write_waiting(&self) {
        let mut output = lock(&self.output);
        let Output { sink, batch } = &mut *output;
        mem::swap(&mut *lock(&self.waiting), batch);
        if !batch.is_empty() {
            sink.write_all(batch).and_then(|()| sink.flush()).ok();
            batch.clear();
        }
    }

    fn write_batches(&self) {
        loop {
            let waiting = lock(&self.waiting);
            let waiting = self.not_empty.wait_while(waiting, |waiting| waiting.is_empty());
            drop(waiting.unwrap_or_else(PoisonError::into_inner));
            thread::sleep(BATCH_INTERVAL);
            self.write_waiting();
        }
    }
}

/// A thread that panicked while it held the lock left only whole lines behind.
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

    /// Sends on what is written.
    struct ChannelSink(Sender<Vec<u8>>);

    impl Write for ChannelSink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sink() -> (ChannelSink, Receiver<Vec<u8>>) {
        let (sender, written) = mpsc::channel();
        (ChannelSink(sender), written)
    }

    /// A batched writer whose thread never comes.
    fn without_thread(sink: ChannelSink) -> BatchWriter {
        BatchWriter { is_batched: true, ..BatchWriter::unbatched(sink) }
    }

    #[test]
    fn waiting_lines_are_written_soon_and_together() {
        let (sink, written) = sink();
        let writer = BatchWriter::batched(sink);
        let began = Instant::now();
        writer.write_soon(b"a\n");
        writer.write_soon(b"b\n");
        writer.write_soon(b"c\n");
        let mut bytes = Vec::new();
        let mut calls = 0;
        while bytes.len() < 6 {
            bytes.extend(written.recv_timeout(Duration::from_secs(10)).unwrap());
            calls += 1;
        }
        assert_eq!(bytes, b"a\nb\nc\n");
        // On a machine that stood still in between there may be more calls, but hardly ever as many as lines.
        assert!(calls == 1 || began.elapsed() > BATCH_INTERVAL, "{calls}");
    }

    #[test]
    fn line_that_is_written_at_once_comes_after_waiting_lines() {
        let (sink, written) = sink();
        let mut writer = without_thread(sink);
        writer.write_soon(b"a\n");
        assert_eq!(written.try_iter().count(), 0);
        writer.write_all(b"b\n").unwrap();
        assert_eq!(written.try_iter().collect::<Vec<_>>().concat(), b"a\nb\n");
        writer.write_soon(b"c\n");
        writer.write_waiting();
        assert_eq!(written.try_iter().collect::<Vec<_>>().concat(), b"c\n");
    }

    #[test]
    fn unbatched_writer_writes_each_line_at_once() {
        let (sink, written) = sink();
        BatchWriter::unbatched(sink).write_soon(b"a\n");
        assert_eq!(written.try_iter().collect::<Vec<_>>(), [b"a\n"]);
    }

    #[test]
    fn full_batch_is_written_by_its_writer() {
        let (sink, written) = sink();
        let writer = without_thread(sink);
        let line = [b'x'; 1_024];
        for _ in 0..64 {
            writer.write_soon(&line);
        }
        assert_eq!(written.try_iter().map(|bytes| bytes.len()).sum::<usize>(), MAX_BATCH_BYTES);
    }

    #[test]
    fn sink_that_fails_is_ignored() {
        let (sink, written) = sink();
        drop(written);
        let mut writer = without_thread(sink);
        writer.write_all(b"a\n").unwrap();
        writer.write_soon(b"b\n");
        writer.write_waiting();
        assert!(lock(&writer.shared.waiting).is_empty());
    }
}
