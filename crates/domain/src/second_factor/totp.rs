//! Codes of authenticator apps (RFC 6238: SHA-1, six digits, thirty seconds, which all apps support).

use std::{fmt, fmt::Write as _};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::base32;
use crate::{Email, Invalid, Timestamp};

/// The length of a time step in seconds.
const STEP_SECONDS: i64 = 30;

/// The accepted clock difference of a phone in steps, in either direction (RFC 6238 5.2).
const MAX_SKEW_STEPS: i64 = 1;

/// The issuer that apps display.
const ISSUER: &str = "Entrepot";

/// The secret that codes are computed from: 20 random bytes, the length of SHA-1 (RFC 4226 4). Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<[u8; TotpSecret::BYTES]>);

impl TotpSecret {
    /// Its length in bytes.
    pub const BYTES: usize = 20;

    /// Creates a secret from the first 20 of these random bytes.
    pub fn from_random(random: &[u8; 32]) -> Self {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        for (to, from) in bytes.iter_mut().zip(random) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Creates a secret from its bytes; `None` if there are not 20.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// Returns its bytes.
    pub fn expose(&self) -> &[u8] {
        &*self.0
    }

    /// Returns the text that users type into an app.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::encode(self.expose()))
    }

    /// Returns the key URI for a QR code, which all apps support. The account name is percent-encoded.
    pub fn uri(&self, email: &Email) -> Zeroizing<String> {
        let mut uri = Zeroizing::new(format!("otpauth://totp/{ISSUER}:"));
        for byte in email.as_str().bytes() {
            // Writing to a string does not fail.
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
                other => write!(uri, "%{other:02X}").unwrap_or_default(),
            }
        }
        let (text, seconds) = (self.text(), STEP_SECONDS);
        let parameters = ["?secret=", &text, "&issuer=", ISSUER, "&algorithm=SHA1&digits=6&period="];
        uri.extend(parameters);
        write!(uri, "{seconds}").unwrap_or_default();
        uri
    }

    /// Returns the time step of a valid code, which may be one step before or after the present one, because clocks
    /// differ. `None` if the code is wrong. Takes the same time whichever digits are wrong.
    pub fn check(&self, code: &TotpCode, now: Timestamp) -> Option<TimeStep> {
        let present = TimeStep::of(now).0;
        let steps = (present.saturating_sub(MAX_SKEW_STEPS)..=present.saturating_add(MAX_SKEW_STEPS)).map(TimeStep);
        steps.fold(None, |found, step| if self.code(step).is(*code) { Some(step) } else { found })
    }

    /// Returns the code of a time step (RFC 4226 5.3).
    pub fn code(&self, step: TimeStep) -> TotpCode {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(self.expose()) else { return TotpCode(u32::MAX) };
        mac.update(&step.0.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash.last().copied().unwrap_or_default() & 15);
        let number = hash.iter().skip(offset).take(4).fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
        TotpCode((number & 0x7fff_ffff) % 1_000_000)
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// A time step of thirty seconds, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeStep(pub i64);

impl TimeStep {
    /// The step of a time.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.timestamp().div_euclid(STEP_SECONDS))
    }
}

/// Six digits. Never printed, because it is valid for half a minute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TotpCode(u32);

impl TotpCode {
    /// Parses six digits, ignoring spaces and hyphens.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        match digits.parse() {
            Ok(number) if digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok(Self(number)),
            _ => Err(Invalid::new("must be six digits")),
        }
    }

    fn is(self, other: Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    /// RFC 6238, appendix B: the SHA-1 ones, of whose eight digits ours are the last six.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(rfc().code(TimeStep::of(at(seconds))).0, code[2..].parse::<u32>().unwrap(), "{seconds}");
        }
    }

    /// RFC 4226, appendix D.
    #[test]
    fn codes_are_those_of_rfc_4226() {
        let codes = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(rfc().code(TimeStep(step)).0, code);
        }
    }

    #[test]
    fn code_of_an_adjacent_step_is_accepted() {
        let step = TimeStep::of(at(1_000_000_000));
        let code = rfc().code(step);
        let begins = step.0 * 30;
        for (seconds, good) in [(-31, false), (-30, true), (0, true), (29, true), (59, true), (60, false)] {
            assert_eq!(rfc().check(&code, at(begins + seconds)), good.then_some(step), "{seconds}");
        }
        assert_eq!(rfc().check(&TotpCode((code.0 + 1) % 1_000_000), at(begins)), None);
    }

    #[test]
    fn code_has_six_digits() {
        for good in ["000042", "000 042", " 000-042 "] {
            assert_eq!(TotpCode::parse(good).unwrap(), TotpCode(42));
        }
        for bad in ["", "42", "0000042", "00004x", "+00042", "٠٠٠٠٤٢"] {
            assert!(TotpCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn uri_contains_secret_and_parameters() {
        let uri = rfc().uri(&Email::parse("ada+totp@example.com").unwrap());
        assert_eq!(
            uri.as_str(),
            "otpauth://totp/Entrepot:ada%2Btotp%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Entrepot&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(rfc().text().len(), 32);
    }

    #[test]
    fn secrets_and_codes_are_not_printed() {
        assert_eq!(format!("{:?} {:?}", rfc(), TotpCode(42)), "TotpSecret(…) TotpCode(…)");
        assert!(TotpSecret::from_bytes(b"short").is_none());
        assert_eq!(TotpSecret::from_random(&[7; 32]).expose(), [7; 20]);
    }
}
