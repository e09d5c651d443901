//! TLS to the server, as `sslmode` says.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The checks of the server's certificate (libpq, 34.19.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verify {
    /// None: protects against eavesdropping, but not against an active attacker.
    Nothing,
    /// A trusted authority has signed it.
    Authority,
    /// It is also valid for the host.
    Full,
}

/// Creates a connector for a mode; `roots` is a file of trusted authorities, else those of the system are used.
pub(crate) fn connector(verify: Verify, roots: Option<&Path>) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => Arc::new(Signature { provider: provider.clone(), chain: None }),
        Verify::Authority => {
            let chain =
                WebPkiServerVerifier::builder_with_provider(Arc::new(root_certificates(roots)?), provider.clone());
            Arc::new(Signature { provider: provider.clone(), chain: Some(chain.build()?) })
        }
        Verify::Full => {
            WebPkiServerVerifier::builder_with_provider(Arc::new(root_certificates(roots)?), provider.clone())
                .build()?
        }
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn root_certificates(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file {
        let cannot = || format!("cannot read certificates from {}", file.display());
        for certificate in CertificateDer::pem_file_iter(file).with_context(cannot)? {
            roots.add(certificate.with_context(cannot)?)?;
        }
        anyhow::ensure!(!roots.is_empty(), "{} has no certificate", file.display());
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        anyhow::ensure!(!roots.is_empty(), "the machine has no certificates; name a file with sslrootcert=");
    }
    Ok(roots)
}

/// Checks less than a browser does: the server has the key of its certificate and, with a chain, an authority has
/// signed it; not for which host.
#[derive(Debug)]
struct Signature {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Signature {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is checked last, so the chain is valid.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
