//! Sends mails to an SMTP server.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use entrepot_domain::mail::{Mail, MailError, Mailer};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::Url;

use crate::message::{MessageSettings, message};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a whole mail may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(25);

/// How long a check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// An SMTP server: `smtp://` or `smtps://`, with or without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpOptions {
    host: String,
    port: u16,
    /// TLS from the first byte, instead of STARTTLS where that is offered.
    implicit_tls: bool,
    credentials: Option<(String, String)>,
}

impl fmt::Debug for SmtpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpOptions").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl SmtpOptions {
    /// Parses a URL. The port is 465 for `smtps://`, 587 with a user, else 25, unless the URL has one. The error follows
    /// the name of the setting, and does not quote the URL.
    pub fn parse(url: &str) -> Result<Self, String> {
        let bad = || "must be a URL like smtp://user:password@mail.example.com:587 or smtps://…".to_owned();
        let url = Url::parse(url).map_err(|_| bad())?;
        let implicit_tls = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(bad()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(bad());
        }
        let decoded =
            |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| bad());
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err("must have both a user and a password, or neither".to_owned()),
            (user, Some(password)) => Some((decoded(user)?, decoded(password)?)),
        };
        let port = match (implicit_tls, &credentials) {
            (true, _) => 465,
            (false, Some(_)) => 587,
            (false, None) => 25,
        };
        // The URL has IPv6 addresses between brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port().unwrap_or(port), implicit_tls, credentials })
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
        let tls = TlsParameters::new(self.host.clone()).context("TLS cannot be set up")?;
        let tls = match (self.implicit_tls, &self.credentials) {
            (true, _) => Tls::Wrapper(tls),
            // A password never goes over a connection that others can read.
            (false, Some(_)) => Tls::Required(tls),
            (false, None) => Tls::Opportunistic(tls),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.host.clone());
        let mut builder = builder.port(self.port).timeout(Some(CONNECT_TIMEOUT)).tls(tls);
        if let Some((user, password)) = self.credentials.clone() {
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(builder.build())
    }

    /// Connects, turns to TLS and logs in as for a mail, and asks whether the server answers (`NOOP`).
    pub async fn check(&self) -> Result<()> {
        let transport = self.transport()?;
        let answers =
            timeout(CHECK_TIMEOUT, transport.test_connection()).await.context("the server does not answer")?;
        ensure!(answers?, "the server does not answer NOOP");
        Ok(())
    }
}

/// Sends mails to an SMTP server, each over a connection of its own.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    settings: MessageSettings,
}

impl SmtpMailer {
    /// A mailer for this server. Connects to nothing yet.
    pub fn new(options: &SmtpOptions, settings: MessageSettings) -> Result<Self> {
        Ok(Self { transport: options.transport()?, settings })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message(mail, &self.settings)?;
        match timeout(SEND_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => {
                tracing::info!(kind = mail.content.kind().as_str(), "a mail was sent");
                Ok(())
            }
            Ok(Err(error)) => Err(meaning(&error)),
            Err(_) => Err(MailError::Temporary("the SMTP server took too long".to_owned())),
        }
    }
}

/// What an error means. The words of the server may quote the address, so only its code is told.
fn meaning(error: &Error) -> MailError {
    if let Some(code) = error.status() {
        let words = format!("the SMTP server answered {code}");
        return if is_about_the_mail(code.into()) { MailError::Refused(words) } else { MailError::Temporary(words) };
    }
    let words = if error.is_timeout() {
        "the SMTP server did not answer in time"
    } else if error.is_tls() {
        "no TLS connection with the SMTP server could be made"
    } else if error.is_client() {
        "the SMTP server offers no TLS, no login or no SMTPUTF8, and the mail needs it"
    } else {
        "the connection to the SMTP server failed"
    };
    MailError::Temporary(words.to_owned())
}

/// Whether a code refuses this mail for good (RFC 5321 4.2.3), and not all of them, as a wrong password does.
const fn is_about_the_mail(code: u16) -> bool {
    matches!(code, 550..=556)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_is_named_by_url() {
        let of = |url: &str| SmtpOptions::parse(url).unwrap();
        assert_eq!((of("smtp://mail.example").port, of("smtps://mail.example").port), (25, 465));
        let full = of("smtp://ada%40example.com:p%3Ass@mail.example");
        assert_eq!(full.credentials, Some(("ada@example.com".to_owned(), "p:ss".to_owned())));
        assert_eq!((full.port, full.implicit_tls), (587, false));
        assert_eq!((of("smtps://[::1]:2465").host.as_str(), of("smtp://127.0.0.1:2525/").port), ("::1", 2525));
        assert!(!format!("{full:?}").contains("ss"), "{full:?}");
        for bad in
            ["", "mail.example", "http://mail.example", "smtp://", "smtp://a@b", "smtp://m/path", "smtp://m?tls=no"]
        {
            assert!(SmtpOptions::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_refusals_of_the_mail_are_final() {
        for (code, expected) in [(550, true), (554, true), (535, false), (530, false), (451, false), (421, false)] {
            assert_eq!(is_about_the_mail(code), expected, "{code}");
        }
    }
}
