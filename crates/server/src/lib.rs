//! The composition root of Entrepot: configuration, command line, and the one place where adapters are chosen. It contains
//! no business rule.
//!
//! # Modules
//! - [`config`]: the settings, from the environment and the file `.env`
//! - [`commands`]: the command line, a module for each command
//! - [`backend`]: opens the store and Redis, and closes them
//! - [`compose`]: builds the use cases over their adapters and decorators
//! - `file_lock`: the lock of the SQLite file
//! - [`jobs`]: the kinds of background jobs
//! - `logging`: log lines and the access log
//! - `process`: the metrics of the process
//!
//! # How a request travels
//! `http` reads it (request id, address, token, limits), turns bytes into domain values, and calls a use case of
//! `application` with the actor. The use case checks permissions, and calls a port of `domain`: a whole business operation.
//! Behind the port is a decorator that caches, and behind that the store: `sqlite`, whose one writer commits the changes
//! of several requests together, or `postgres`. The answer returns the same way, and `http` serializes it.
//!
//! # Where to replace an adapter
//! [`compose`](compose::compose) builds everything by constructor: pass it another `Arc<dyn Port>` there, and nothing else
//! changes. Which adapter a setting selects is decided in [`config`].

pub mod backend;
pub mod commands;
pub mod compose;
pub mod config;
mod file_lock;
pub mod jobs;
mod logging;
mod process;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;
use commands::{Cli, Failure};

/// Runs the command of the process's arguments. Its exit code is 0, 1 if it failed, or 2 if the arguments or the
/// configuration are wrong. Errors go to stderr.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version are such an error too. A reader that is gone is no failure.
            usage.print().ok();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(mistakes)) => {
            for mistake in mistakes {
                eprintln!("{mistake}");
            }
            ExitCode::from(2)
        }
        Err(Failure::Failed(why)) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The examples of the README are compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
