//! Where a catalogue comes from.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Failure, text::printable};

/// Opens a file, or stdin for `-`; its size comes with it if it is known.
pub(super) fn open(file: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if file == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let name = printable(&file.to_string_lossy());
    let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
    let (metadata, opened) = opened.map_err(|error| Failure::Failed(format!("cannot read {name}: {error}")))?;
    if metadata.is_dir() {
        return Err(Failure::Failed(format!("{name} is a folder; name a CSV file in it")));
    }
    Ok((Box::new(opened), metadata.is_file().then_some(metadata.len())))
}

/// A progress bar, where there is a terminal.
pub(super) fn progress(size: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
