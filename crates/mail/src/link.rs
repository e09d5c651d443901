//! Links in mails.

use entrepot_domain::account_token::AccountSecret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A link to a page of the site, with a token that the page hands back to the API.
pub(crate) fn with_token(public_url: &str, page: &str, token: &AccountSecret) -> String {
    let token = utf8_percent_encode(token.expose(), NON_ALPHANUMERIC);
    format!("{}/{page}?token={token}", public_url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_starts_with_the_public_url() {
        let token = AccountSecret::from_random([7; 32]);
        let expected = format!("https://shop.example/app/verify-email?token={}", token.expose());
        for url in ["https://shop.example/app", "https://shop.example/app/"] {
            assert_eq!(with_token(url, "verify-email", &token), expected);
        }
    }
}
