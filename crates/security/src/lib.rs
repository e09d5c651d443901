//! Password hashes, tokens, sealed secrets and randomness.

mod hasher;
mod random;
mod sealer;
mod secret;
mod token;

pub use hasher::BcryptHasher;
pub use random::SystemRandomness;
pub use sealer::AesSealer;
pub use secret::generate_secret;
pub use token::{JwtIssuer, JwtKeys, PrivateKey};
