//! Secrets that are generated in development: once, and kept in the data folder.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use entrepot_security::generate_secret;

/// The file in the data folder that contains them; only its owner can read it.
const FILE: &str = "secrets.env";

/// The fewest bytes of a secret: as many as its hash has (RFC 7518, section 3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// The two secrets of a data folder.
#[derive(PartialEq)]
pub(super) struct GeneratedSecrets {
    /// Used if `JWT_SECRET` is not set.
    pub(super) access: String,
    /// Used if `REFRESH_TOKEN_SECRET` is not set.
    pub(super) refresh: String,
}

/// Reads the two secrets of a data folder, or generates them. Two processes that start at once agree: one makes the
/// complete file, and both read it.
pub(super) fn read_or_generate(folder: &Path) -> Result<GeneratedSecrets> {
    let path = folder.join(FILE);
    if !path.exists() {
        generate(folder, &path).with_context(|| format!("cannot keep secrets in {}", path.display()))?;
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let known: HashMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let secret = |name: &str| {
        // A truncated file must not result in a short key.
        let secret = known.get(name).filter(|secret| secret.len() >= MIN_SECRET_BYTES);
        let why = || {
            let path = path.display();
            format!("{path} has no {name} of {MIN_SECRET_BYTES} bytes; remove the file to have it made anew")
        };
        secret.map(|secret| (*secret).to_owned()).with_context(why)
    };
    Ok(GeneratedSecrets { access: secret("JWT_SECRET")?, refresh: secret("REFRESH_TOKEN_SECRET")? })
}

fn generate(folder: &Path, path: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let secrets = format!("JWT_SECRET={}\nREFRESH_TOKEN_SECRET={}\n", generate_secret()?, generate_secret()?);
    // A random name, as process ids are not unique among containers that share the folder.
    let draft = folder.join(format!(".{FILE}.{}", generate_secret()?));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(secrets.as_bytes()).and_then(|()| file.sync_all());
    // Linking is atomic, and never replaces a file.
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, sync::Barrier, thread};

    use super::*;

    #[test]
    fn secrets_are_generated_once_and_readable_by_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = read_or_generate(folder.path()).unwrap();
        assert!(read_or_generate(folder.path()).unwrap() == first);
        assert_ne!(first.access, first.refresh);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn concurrent_starts_agree() {
        const STARTS: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        let together = Barrier::new(STARTS);
        let start = || {
            together.wait();
            read_or_generate(folder.path()).unwrap()
        };
        let all: Vec<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..STARTS).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left behind");
    }

    #[test]
    fn truncated_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let whole = read_or_generate(folder.path()).unwrap();
        for text in ["", "JWT_SECRET=\nREFRESH_TOKEN_SECRET=\n", &format!("JWT_SECRET={}\n", whole.access)] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let why = read_or_generate(folder.path()).err().unwrap().to_string();
            assert!(why.contains("remove the file") && !why.contains(&whole.access), "{why}");
        }
    }
}
