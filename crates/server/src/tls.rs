//! Certificate and key into a TLS acceptor.

use std::{io::BufReader, path::Path, sync::Arc};

use fargard_model::bounded;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::{config::Tls, start::StartError};

/// Longest PEM file.
const MAX_PEM: usize = 1 << 20;

/// What stands in errors where files have their path.
const SELF_SIGNED: &str = "self-signed certificate";
/// Name in a certificate that nobody verifies.
const NOBODY: &str = "fargard.invalid";

type Certified = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// TLS 1.2 and 1.3 with ring's algorithms, HTTP/1.1.
pub(crate) fn acceptor(from: &Tls) -> Result<TlsAcceptor, StartError> {
    let (chain, key) = match from {
        Tls::Files { cert, key } => read(cert, key)?,
        Tls::SelfSigned => make().map_err(|error| bad(Path::new(SELF_SIGNED), error))?,
    };
    let at = if let Tls::Files { cert, .. } = from { cert } else { Path::new(SELF_SIGNED) };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| bad(at, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A new key (ECDSA P-256) and a certificate that it signs itself.
fn make() -> Result<Certified, rcgen::Error> {
    let made = rcgen::generate_simple_self_signed([NOBODY.to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], key.into()))
}

fn read(cert: &Path, key: &Path) -> Result<Certified, StartError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_reader_iter(BufReader::new(&*pem(cert)?))
        .collect::<Result<_, _>>()
        .map_err(|error| bad(cert, error))?;
    if chain.is_empty() {
        return Err(bad(cert, "there is no certificate in it"));
    }
    let read = PrivateKeyDer::from_pem_slice(&pem(key)?)
        .map_err(|error| bad(key, format!("no private key can be read from it: {error}")))?;
    Ok((chain, read))
}

fn pem(path: &Path) -> Result<Vec<u8>, StartError> {
    bounded::read(path, MAX_PEM).map_err(|error| bad(path, error))
}

#[expect(clippy::needless_pass_by_value, reason = "errors and texts come here by value")]
fn bad(path: &Path, reason: impl ToString) -> StartError {
    StartError::Tls { path: path.to_owned(), reason: reason.to_string() }
}
