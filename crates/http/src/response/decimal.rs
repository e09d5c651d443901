//! Numbers as text.

/// A number in decimal digits. `Display` takes several times as long, and every response has some numbers in its
/// headers.
pub(crate) struct Decimal {
    digits: [u8; Self::MAX_DIGITS],
    begin: usize,
}

impl Decimal {
    /// How many digits [`u64::MAX`] has.
    const MAX_DIGITS: usize = 20;

    pub(crate) fn of(mut number: u64) -> Self {
        let mut digits = [b'0'; Self::MAX_DIGITS];
        let mut begin = Self::MAX_DIGITS;
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
            begin -= 1;
            if number == 0 {
                break;
            }
        }
        Self { digits, begin }
    }

    pub(crate) fn as_str(&self) -> &str {
        let digits = self.digits.get(self.begin..).and_then(|digits| str::from_utf8(digits).ok());
        digits.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_display() {
        for number in [0, 7, 10, 99, 100, 4_294_967_295, u64::MAX] {
            assert_eq!(Decimal::of(number).as_str(), number.to_string());
        }
    }
}
