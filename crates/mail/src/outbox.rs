//! Writes mails to a folder.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use entrepot_domain::mail::{Mail, MailError, Mailer};
use tokio::task::spawn_blocking;

use crate::message::{MessageSettings, message};

/// Only the owner may read mails: they hold tokens.
const MODE: u32 = 0o600;

/// Writes mails to a folder as files with the ending `.eml`, which mail programs open. Their names begin with a `UUIDv7`,
/// so they are in the order in which the mails were asked for.
pub struct Outbox {
    folder: PathBuf,
    settings: MessageSettings,
}

impl Outbox {
    /// An outbox in this folder, which is made when a mail is written.
    pub fn new(folder: PathBuf, settings: MessageSettings) -> Self {
        Self { folder, settings }
    }
}

#[async_trait]
impl Mailer for Outbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let bytes = message(mail, &self.settings)?.formatted();
        let kind = mail.content.kind().as_str();
        let file = self.folder.join(format!("{}-{kind}.eml", mail.id));
        let shown = file.display().to_string();
        let (folder, path) = (self.folder.clone(), file);
        let written = spawn_blocking(move || write(&folder, &path, &bytes)).await;
        match written {
            Ok(Ok(())) => {
                tracing::info!(kind, file = shown, "a mail was written; SMTP_URL would send it");
                Ok(())
            }
            Ok(Err(why)) => Err(MailError::Temporary(format!("the outbox cannot be written to: {why}"))),
            Err(_) => Err(MailError::Temporary("the outbox was not written to".to_owned())),
        }
    }
}

/// Nobody sees a file that is half written.
fn write(folder: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let part = file.with_extension("part");
    let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&part)?;
    open.write_all(bytes)?;
    fs::rename(&part, file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use entrepot_domain::{Email, Timestamp, mail::MailContent, user::PersonName};
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::*;
    use crate::Sender;

    #[tokio::test]
    async fn mail_is_one_file_however_often_it_is_sent() {
        let data = TempDir::new().unwrap();
        let folder = data.path().join("outbox");
        let settings = MessageSettings { sender: Sender::default(), public_url: "http://localhost".to_owned() };
        let outbox = Outbox::new(folder.clone(), settings);
        let mail = Mail {
            id: Uuid::from_u128(9),
            at: Timestamp::default(),
            to: Email::parse("ada@example.com").unwrap(),
            name: PersonName::parse("Ada").unwrap(),
            content: MailContent::PasswordChanged { at: Timestamp::default() },
        };
        for _ in 0..2 {
            outbox.send(&mail).await.unwrap();
        }
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files, [folder.join("00000000-0000-0000-0000-000000000009-password_changed.eml")]);
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, MODE);

        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "").unwrap();
        assert!(matches!(outbox.send(&mail).await, Err(MailError::Temporary(_))));
    }
}
