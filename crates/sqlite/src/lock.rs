//! The lock of a database file.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

/// Locks a database file for one server, until it is dropped or the process ends.
///
/// The file itself is locked, so other names of it (symbolic or hard links) do not bypass the lock. It is a lock of
/// `flock(2)`, and SQLite's own are of `fcntl(2)`: on a local file system of Linux they are independent. (On NFS they
/// are the same, so that a server refuses to start there; SQLite's WAL mode does not work on NFS anyway.)
///
/// Closing any descriptor of a file releases all `fcntl` locks of the process on it. So acquire this lock before the
/// store is opened, drop it after the store is closed, and do not acquire it again in between.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// Why a file was not locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("another process has {} locked", .0.display())]
    Taken(PathBuf),
    /// The file cannot be opened, created or locked.
    #[error("cannot lock {}", .0.display())]
    Failed(PathBuf, #[source] std::io::Error),
}

impl FileLock {
    /// Locks a database file, and creates it if necessary. Does not wait.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let failed = |error| LockError::Failed(path.to_owned(), error);
        let file = lock_file(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(target_os = "linux")]
fn lock_file(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // SQLite's mode for new files.
    File::options().create(true).append(true).mode(0o644).open(path)
}

/// On other systems the two kinds of locks may conflict, so a file beside the database is locked; a hard link in
/// another folder bypasses that.
#[cfg(not(target_os = "linux"))]
fn lock_file(path: &Path) -> std::io::Result<File> {
    drop(File::options().create(true).append(true).open(path)?);
    let mut beside = path.canonicalize()?.into_os_string();
    beside.push(".lock");
    File::options().create(true).append(true).open(beside)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs::hard_link, os::unix::fs::symlink};

    use entrepot_domain::user::UserRepository;
    use entrepot_testkit::{at, cause, new_user};
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteOptions, SqliteStore};

    #[test]
    fn other_names_of_the_file_are_locked() {
        let folder = TempDir::new().unwrap();
        let other = TempDir::new().unwrap();
        let path = folder.path().join("entrepot.db");
        let held = FileLock::acquire(&path).unwrap();
        symlink(&path, other.path().join("symlink.db")).unwrap();
        hard_link(&path, other.path().join("hard.db")).unwrap();
        for name in [path.clone(), other.path().join("symlink.db"), other.path().join("hard.db")] {
            assert!(matches!(FileLock::acquire(&name), Err(LockError::Taken(taken)) if taken == name));
        }
        assert!(FileLock::acquire(&folder.path().join("another.db")).is_ok());
        drop(held);
        FileLock::acquire(&other.path().join("hard.db")).unwrap();
    }

    #[tokio::test]
    async fn store_works_on_a_locked_file() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("entrepot.db");
        let _held = FileLock::acquire(&path).unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(&path)).unwrap();
        UserRepository::insert(&store, &new_user("ada"), &cause(at(0))).await.unwrap();
        // A command beside a server does not acquire the lock.
        let command = SqliteStore::open(&SqliteOptions::new(&path)).unwrap();
        assert!(UserRepository::find(&command, new_user("ada").user.id).await.unwrap().is_some());
    }
}
