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

/// The two secrets of a data folder, which are made if they are not there. Two starts at once agree: one makes the
/// file, whole, and both read it.
pub(super) fn kept(folder: &Path) -> Result<(String, String)> {
    let path = folder.join(FILE);
    if !path.exists() {
        make(folder, &path).with_context(|| format!("cannot keep secrets in {}", path.display()))?;
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let known: HashMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let secret = |name: &str| {
        let secret = known.get(name).map(|secret| (*secret).to_owned());
        secret.with_context(|| format!("{} has no {name}; remove the file to have it made anew", path.display()))
    };
    Ok((secret("JWT_SECRET")?, secret("REFRESH_TOKEN_SECRET")?))
}

fn make(folder: &Path, path: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".{FILE}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    write!(file, "JWT_SECRET={}\nREFRESH_TOKEN_SECRET={}\n", generate_secret()?, generate_secret()?)?;
    file.sync_all()?;
    // A link is made whole or not at all, and never over a file that is there.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn they_are_made_once_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = kept(folder.path()).unwrap();
        assert_eq!(kept(folder.path()).unwrap(), first);
        assert_ne!(first.0, first.1);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
