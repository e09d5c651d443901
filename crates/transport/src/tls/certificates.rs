//! A certificate and its key, reloaded when their files change.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{task::spawn_blocking, time::sleep};
use x509_cert::{Certificate, der::Decode};

/// The interval between checks of the files.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// An error of one of the files, worded to follow its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateError {
    Certificate(String),
    Key(String),
}

/// The content of the files.
#[derive(Debug, Clone)]
struct Loaded {
    key: Arc<CertifiedKey>,
    expires: SystemTime,
}

/// A certificate with its chain and its key.
#[derive(Debug)]
pub struct Certificates {
    files: Files,
    /// The state of the files when they were read.
    read: Option<FileState>,
    loaded: RwLock<Loaded>,
}

impl Certificates {
    /// Reads both files, in PEM: the certificate first in its file, followed by its chain. Blocks.
    ///
    /// # Errors
    /// All errors of both files. An expired certificate is no error: see [`expires_at`](Self::expires_at).
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Vec<CertificateError>> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let read = files.state();
        let loaded = RwLock::new(files.load()?);
        Ok(Self { files, read, loaded })
    }

    /// Returns when the certificate expires.
    pub fn expires_at(&self) -> SystemTime {
        self.loaded().expires
    }

    fn loaded(&self) -> Loaded {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again when they have changed, whether they were overwritten, renamed, or replaced by a symbolic
    /// link. Invalid files are logged once, and the last valid ones stay in use. Never returns.
    pub(crate) async fn watch(self: Arc<Self>) {
        let (mut before, mut read) = (self.read, self.read);
        loop {
            sleep(CHECK_INTERVAL).await;
            let files = self.files.clone();
            let Ok(now) = spawn_blocking(move || files.state()).await else { continue };
            // Between the writes of the two files they do not match.
            let at_rest = now == before;
            before = now;
            if at_rest && now != read {
                read = now;
                let this = self.clone();
                spawn_blocking(move || this.read_again()).await.ok();
            }
        }
    }

    fn read_again(&self) {
        match self.files.load() {
            Ok(loaded) => {
                tracing::info!(certificate = %self.files.certificate.display(), "the certificate was read again");
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
            }
            Err(errors) => {
                let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
                let errors = errors.join("; ");
                tracing::error!(%errors, "the new certificate is invalid, the old one stays in use");
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.loaded().key)
    }
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Certificate(why) => write!(f, "TLS_CERT {why}"),
            Self::Key(why) => write!(f, "TLS_KEY {why}"),
        }
    }
}

#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Differs if a file was written or replaced: device, inode, size, and the times of its content and of itself.
type FileState = [(u64, u64, u64, i64, i64, i64, i64); 2];

impl Files {
    fn state(&self) -> Option<FileState> {
        let of = |path: &Path| {
            let file = fs::metadata(path).ok()?;
            let times = (file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec());
            Some((file.dev(), file.ino(), file.size(), times.0, times.1, times.2, times.3))
        };
        Some([of(&self.certificate)?, of(&self.key)?])
    }

    fn load(&self) -> Result<Loaded, Vec<CertificateError>> {
        let chain = chain(&self.certificate).map_err(CertificateError::Certificate);
        let key = key(&self.key).map_err(CertificateError::Key);
        let ((chain, expires), key) = match (chain, key) {
            (Ok(chain), Ok(key)) => (chain, key),
            (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
        };
        match CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()) {
            Ok(key) => Ok(Loaded { key: Arc::new(key), expires }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(vec![CertificateError::Key(
                "must be the key of the certificate in TLS_CERT, and is another one's".into(),
            )]),
            Err(error) => {
                Err(vec![CertificateError::Key(format!("cannot be used with the certificate in TLS_CERT: {error}"))])
            }
        }
    }
}

/// The certificates of a file, and when the first of them expires.
fn chain(path: &Path) -> Result<(Vec<CertificateDer<'static>>, SystemTime), String> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let bad =
        |why: &dyn std::fmt::Display| format!("must name a file with certificates in PEM; in {} {why}", path.display());
    let chain = chain.map_err(|error| bad(&error))?;
    let first = chain.first().ok_or_else(|| bad(&"there is none"))?;
    let first = Certificate::from_der(first).map_err(|error| bad(&format!("the first is malformed: {error}")))?;
    let expires = first.tbs_certificate.validity.not_after.to_unix_duration();
    Ok((chain, SystemTime::UNIX_EPOCH + expires))
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    // The parser's error is not shown, because it might contain the key.
    let bad = |_| format!("must name a file with a private key in PEM, and {} has none", path.display());
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(bad)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error: io::Error| format!("must name a file that can be read: {}: {error}", path.display()))
}
