//! The mails that a server without SMTP writes.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use mailparse::{MailHeaderMap, ParsedMail, parse_mail};

use crate::Server;

/// How long a mail may take to be written; far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail as its reader sees it.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The header `X-Entrepot-Mail`.
    pub kind: String,
    /// The address in `To`.
    pub to: String,
    /// The names and values of all headers, decoded.
    pub headers: Vec<(String, String)>,
    /// The part for people who read text.
    pub text: String,
    /// The part for people who read HTML.
    pub html: String,
}

impl Mail {
    /// Reads a message, with its headers and both of its parts.
    ///
    /// # Errors
    /// If it is no such message.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mail = parse_mail(bytes)?;
        ensure!(mail.ctype.mimetype == "multipart/alternative", "it is {}", mail.ctype.mimetype);
        let part = |mimetype: &str| -> Result<String> {
            let is_it = |part: &&ParsedMail<'_>| part.ctype.mimetype == mimetype;
            Ok(mail.subparts.iter().find(is_it).with_context(|| format!("no {mimetype}"))?.get_body()?)
        };
        let to = mail.headers.get_first_header("To").context("no To")?;
        let to = match mailparse::addrparse_header(to)?.extract_single_info() {
            Some(single) => single.addr,
            None => bail!("To is {}", to.get_value()),
        };
        Ok(Self {
            kind: mail.headers.get_first_value("X-Entrepot-Mail").context("no X-Entrepot-Mail")?,
            to,
            headers: mail.headers.iter().map(|header| (header.get_key(), header.get_value())).collect(),
            text: part("text/plain")?,
            html: part("text/html")?,
        })
    }

    /// The value of a header that there must be once.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => value,
            found => panic!("{name}: {found:?}"),
        }
    }

    /// The link in the text.
    pub fn link(&self) -> &str {
        let mut links = self.text.split_whitespace().filter(|word| word.contains("://"));
        match (links.next(), links.next()) {
            (Some(link), None) => link,
            found => panic!("{found:?} in {}", self.text),
        }
    }

    /// The token of the link.
    pub fn token(&self) -> String {
        let link = reqwest::Url::parse(self.link()).map_err(|why| why.to_string());
        let pairs = link.iter().flat_map(reqwest::Url::query_pairs);
        let tokens: Vec<_> = pairs.filter(|(name, _)| name == "token").map(|(_, token)| token.to_string()).collect();
        match tokens.as_slice() {
            [token] => token.clone(),
            found => panic!("{found:?} in {link:?}"),
        }
    }
}

/// The mails in the outbox of a server that runs in this folder, the oldest first.
///
/// # Errors
/// If one cannot be read.
pub fn mails(folder: &Path) -> Result<Vec<Mail>> {
    let Ok(files) = fs::read_dir(folder.join("outbox")) else { return Ok(Vec::new()) };
    let mut paths = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    paths.iter().map(|path| Mail::parse(&fs::read(path)?)).collect()
}

/// Waits until this address has got so many mails of a kind, and returns the last one.
///
/// # Errors
/// If they do not come.
pub async fn nth_mail(folder: &Path, to: &str, kind: &str, count: usize) -> Result<Mail> {
    let begun = Instant::now();
    loop {
        let mut found = mails(folder)?;
        found.retain(|mail| mail.kind == kind && mail.to.eq_ignore_ascii_case(to));
        ensure!(found.len() <= count, "there are {} mails {kind} for {to}", found.len());
        if found.len() == count {
            return found.pop().context("none was asked for");
        }
        ensure!(begun.elapsed() < PATIENCE, "{} of {count} mails {kind} came for {to}", found.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for the first mail of a kind to this address.
///
/// # Errors
/// If it does not come.
pub async fn mail(server: &Server, to: &str, kind: &str) -> Result<Mail> {
    nth_mail(server.folder(), to, kind, 1).await
}
