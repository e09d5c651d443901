//! The binary `entrepot`; see the library beside it.

use std::process::ExitCode;

/// Many small buffers, from several threads: what this allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    entrepot_server::run()
}
