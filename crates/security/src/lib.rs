//! Password hashes, tokens and randomness.

mod hasher;
mod random;
mod secret;
mod token;

pub use hasher::BcryptHasher;
pub use random::SystemRandomness;
pub use secret::generate_secret;
pub use token::{JwtIssuer, JwtKeys, PrivateKey};
