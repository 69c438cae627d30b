//! TLS for SIP (RFC 3261 section 26.2, RFC 5922): our certificate, read again when its files change, and the
//! authorities that peers' certificates are checked against.

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Where the certificates are, all in PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// Our certificate and those between it and its authority.
    pub cert: PathBuf,
    pub key: PathBuf,
    /// The authorities that the certificates of peers we connect to must come from; `None`: those of the system.
    pub ca: Option<PathBuf>,
}

/// What a file looked like: when it was written, and its length. `None` while it is not there.
type Stamp = Option<(SystemTime, u64)>;

pub(super) struct Tls {
    pub acceptor: TlsAcceptor,
    pub connector: TlsConnector,
    files: Files,
    identity: Arc<Identity>,
    stamps: [Stamp; 2],
}

impl Tls {
    /// Reads the files; the error says which one, and why it cannot be used.
    pub fn open(files: Files) -> io::Result<Tls> {
        let provider = Arc::new(ring::default_provider());
        let stamps = stamps(&files);
        let identity = Arc::new(Identity(RwLock::new(Arc::new(read_identity(&files, &provider)?))));
        let roots = roots(files.ca.as_deref())?;
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(identity.clone());
        // Carriers that ask for a certificate of ours get the one that we serve with.
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_client_cert_resolver(identity.clone());
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
            files,
            identity,
            stamps,
        })
    }

    /// Takes a changed certificate and key for the handshakes to come. One that cannot be used is told of once and
    /// leaves the old one: so does a certificate whose key is still being written.
    pub fn reload(&mut self) {
        let stamps = stamps(&self.files);
        if stamps == self.stamps {
            return;
        }
        self.stamps = stamps;
        match read_identity(&self.files, &ring::default_provider()) {
            Ok(fresh) => {
                *self.identity.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                tracing::info!(cert = %self.files.cert.display(), "a new TLS certificate");
            }
            Err(error) => tracing::error!(%error, "the new TLS certificate cannot be used: the old one stays"),
        }
    }
}

/// What speaks HTTP to servers that those of `ca`, or of the system, vouch for.
pub(in crate::server) fn web_connector(ca: Option<&Path>) -> io::Result<TlsConnector> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots(ca)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Whether TLS could be served with these files.
pub fn usable(files: &Files) -> io::Result<()> {
    Tls::open(files.clone()).map(drop)
}

fn stamps(files: &Files) -> [Stamp; 2] {
    [&files.cert, &files.key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

/// Our certificate with its key, checked to belong together.
fn read_identity(files: &Files, provider: &CryptoProvider) -> io::Result<CertifiedKey> {
    let chain = certificates(&files.cert)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, error))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| unusable(&files.cert, error))
}

fn roots(ca: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| unusable(path, error))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            let (taken, _) = roots.add_parsable_certificates(found.certs);
            if taken == 0 {
                tracing::warn!(errors = ?found.errors, "no authorities on this system: no TLS peer can be connected to");
            }
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| unusable(path, error))?;
    if read.is_empty() { Err(unusable(path, "no certificate in it")) } else { Ok(read) }
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {why}", path.display()))
}

/// Our certificate as it stands, for handshakes in either direction.
#[derive(Debug)]
struct Identity(RwLock<Arc<CertifiedKey>>);

impl Identity {
    fn current(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[cfg(test)]
impl Tls {
    /// The certificate that the next handshake gets.
    pub fn served(&self) -> Vec<u8> {
        self.identity.current().cert[0].to_vec()
    }
}
