//! Password hashes and tokens.

mod hasher;
mod secret;
mod token;

pub use hasher::BcryptHasher;
pub use secret::generate_secret;
pub use token::{JwtIssuer, JwtKeys, PrivateKey};
