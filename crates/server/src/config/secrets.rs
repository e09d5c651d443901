//! Secrets that were not given: made once, and kept.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use entrepot_security::generate_secret;

/// The file in the data folder that keeps them, for its owner alone.
const FILE: &str = "secrets.env";

/// The fewest bytes of a secret (RFC 7518 3.2: as many as the hash has).
pub(super) const SECRET_BYTES: usize = 32;

/// The two secrets of a data folder.
#[derive(PartialEq)]
pub(super) struct Kept {
    /// In the place of `JWT_SECRET`.
    pub(super) access: String,
    /// In the place of `REFRESH_TOKEN_SECRET`.
    pub(super) refresh: String,
}

/// The two secrets of a data folder, which are made if they are not there. Two starts at once agree: one makes the
/// file, whole, and both read it.
pub(super) fn kept(folder: &Path) -> Result<Kept> {
    let path = folder.join(FILE);
    if !path.exists() {
        make(folder, &path).with_context(|| format!("cannot keep secrets in {}", path.display()))?;
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let known: HashMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let secret = |name: &str| {
        // A file that was cut short must not leave everybody's tokens signed with next to nothing.
        let secret = known.get(name).filter(|secret| secret.len() >= SECRET_BYTES);
        let why = || {
            let path = path.display();
            format!("{path} has no {name} of {SECRET_BYTES} bytes; remove the file to have it made anew")
        };
        secret.map(|secret| (*secret).to_owned()).with_context(why)
    };
    Ok(Kept { access: secret("JWT_SECRET")?, refresh: secret("REFRESH_TOKEN_SECRET")? })
}

fn make(folder: &Path, path: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let secrets = format!("JWT_SECRET={}\nREFRESH_TOKEN_SECRET={}\n", generate_secret()?, generate_secret()?);
    // A name of its own: process ids are alike in containers that share the folder.
    let draft = folder.join(format!(".{FILE}.{}", generate_secret()?));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(secrets.as_bytes()).and_then(|()| file.sync_all());
    // A link is made whole or not at all, and never over a file that is there.
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
    fn they_are_made_once_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = kept(folder.path()).unwrap();
        assert!(kept(folder.path()).unwrap() == first);
        assert_ne!(first.access, first.refresh);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn starts_at_once_agree() {
        const STARTS: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        let together = Barrier::new(STARTS);
        let start = || {
            together.wait();
            kept(folder.path()).unwrap()
        };
        let all: Vec<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..STARTS).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left behind");
    }

    #[test]
    fn a_file_that_was_cut_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let whole = kept(folder.path()).unwrap();
        for text in ["", "JWT_SECRET=\nREFRESH_TOKEN_SECRET=\n", &format!("JWT_SECRET={}\n", whole.access)] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let why = kept(folder.path()).err().unwrap().to_string();
            assert!(why.contains("remove the file") && !why.contains(&whole.access), "{why}");
        }
    }
}
