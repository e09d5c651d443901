//! Generation of secrets for the configuration.

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Returns 48 random bytes from the operating system as 64 characters that fit into a file or a variable.
pub fn generate_secret() -> Result<String> {
    let mut bytes = [0; 48];
    getrandom::fill(&mut bytes).context("the operating system gives no randomness")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_random() {
        let (one, other) = (generate_secret().unwrap(), generate_secret().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }
}
