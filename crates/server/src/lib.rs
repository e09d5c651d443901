//! The composition root of Entrepot: configuration, command line, and the one place where adapters are chosen. No rule
//! of the business lives here.
//!
//! # How a request travels
//! `http` takes it at its edge (request id, address, token, limits), turns bytes into domain values, and calls a use
//! case of `application` with the actor. The use case decides who may, and calls a port of `domain`: a whole business
//! operation. Behind the port stands a decorator that remembers, and behind that the `sqlite` store, whose one writer
//! commits what several requests want together. The answer goes back the same way, and the edge puts it into words.
//!
//! # Where to swap an adapter
//! [`compose`](compose::compose) builds everything by constructor: give it another `Arc<dyn Port>` there, and nothing
//! else changes. Which adapter a configuration asks for is decided in [`config`].

pub mod backend;
pub mod commands;
pub mod compose;
pub mod config;
mod logging;
mod process;

use std::process::ExitCode;

use clap::Parser;
use commands::{Cli, Failure};

/// Runs the command that the process was started with, and says how it ended: 0, 1 if it failed, 2 if it was asked or
/// configured wrongly. What went wrong goes to stderr.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version come this way too; a reader that is gone is no reason to fail.
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
