//! What the end-to-end tests share: they start the program that was built, with a store of its own, and talk to it as
//! its users do, over HTTP and on the command line. Of the program's own crates only the kit that starts throw-away
//! servers is linked here, so that a test can only see what a client can.
#![allow(clippy::indexing_slicing, reason = "of JSON values, where what is missing is null, and of lists never empty")]
#![allow(clippy::missing_panics_doc, reason = "an assertion of a test that fails is what it is for")]

mod answer;
mod binary;
pub mod browser;
mod certificate;
mod client;
mod collector;
pub mod document;
pub mod feed;
mod hold;
pub mod http2;
pub mod jobs;
pub mod mail;
mod process;
mod receiver;
pub mod retail;
mod secrets;
mod server;
pub mod stores;
pub mod verifier;
mod wire;

pub use answer::Answer;
pub use binary::{entrepot, just};
pub use certificate::Pair;
pub use client::{Client, PASSWORD};
pub use collector::{Collector, Span};
pub use hold::Hold;
pub use process::Beside;
pub use receiver::{Received, Receiver, Reply};
pub use server::Server;
pub use wire::{Bare, Wire};
