//! Randomness of the operating system.

use entrepot_domain::{Fault, api_key::Randomness};

/// Uses the random generator of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn bytes(&self) -> Result<[u8; 32], Fault> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(Fault::unknown)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_random() {
        assert_ne!(SystemRandomness.bytes().unwrap(), SystemRandomness.bytes().unwrap());
    }
}
