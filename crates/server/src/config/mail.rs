//! How mails are sent.

use entrepot_mail::{Sender, SmtpOptions};

use super::MailConfig;

/// Reads the settings, and returns them with all mistakes.
pub(super) fn read(
    smtp: Option<&str>,
    from: Option<&str>,
    public_url_text: Option<&str>,
    in_production: bool,
) -> (MailConfig, Vec<String>) {
    let mut mistakes = Vec::new();
    let mut note = |name: &str, why: String| mistakes.push(format!("{name} {why}"));
    let config = MailConfig {
        smtp: smtp.map(SmtpOptions::parse).transpose().unwrap_or_else(|why| {
            note("SMTP_URL", why);
            None
        }),
        sender: from.map_or_else(|| Ok(Sender::default()), Sender::parse).unwrap_or_else(|why| {
            note("MAIL_FROM", why);
            Sender::default()
        }),
        public_url: public_url_text.map(public_url).transpose().unwrap_or_else(|why| {
            note("PUBLIC_URL", why);
            None
        }),
    };
    if in_production && smtp.is_some() {
        for (name, value) in [("MAIL_FROM", from), ("PUBLIC_URL", public_url_text)] {
            if value.is_none() {
                note(name, "must be set in production when SMTP_URL is: others get these mails".to_owned());
            }
        }
    }
    (config, mistakes)
}

/// The beginning of links, without a slash at its end.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let bad = || "must be a URL like https://shop.example.com, which pages and links are below".to_owned();
    let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
    let host = rest.split('/').next().unwrap_or_default();
    let is_clean = rest.chars().all(|c| c.is_ascii_graphic() && !"?#@\"<>\\^`{|}".contains(c));
    if !matches!(scheme, "http" | "https") || host.is_empty() || host.starts_with(':') || !is_clean {
        return Err(bad());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_names_sender_and_site() {
        let smtp = Some("smtp://mail.example");
        assert!(read(smtp, None, None, false).1.is_empty() && read(None, None, None, true).1.is_empty());
        assert_eq!(read(smtp, None, None, true).1.len(), 2);
        let (config, mistakes) = read(smtp, Some("Shop <shop@shop.example>"), Some("https://shop.example"), true);
        assert!(mistakes.is_empty() && config.smtp.is_some(), "{mistakes:?}");
        let mistakes = read(Some("mail.example"), Some("shop"), Some("shop"), false).1;
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    }

    #[test]
    fn public_url_may_have_a_path() {
        assert_eq!(public_url("https://shop.example/app/").unwrap(), "https://shop.example/app");
        assert_eq!(public_url("http://localhost:5173").unwrap(), "http://localhost:5173");
        for bad in
            ["", "shop.example", "ftp://shop.example", "https://", "https://a/?b=c", "https://a/#b", "https://:80"]
        {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }
}
