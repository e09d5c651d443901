//! The binary `entrepot`; see the library beside it.

use std::process::ExitCode;

/// Fast for many small buffers that several threads allocate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    entrepot_server::run()
}
