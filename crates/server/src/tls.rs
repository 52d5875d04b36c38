//! Certificate and key into a TLS acceptor.

use std::{io::BufReader, path::Path, sync::Arc};

use fargard_model::bounded;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::{config::Tls, start::StartError};

/// Longest PEM file.
const MAX_PEM: usize = 1 << 20;

/// TLS 1.2 and 1.3 with ring's algorithms, HTTP/1.1.
pub(crate) fn acceptor(files: &Tls) -> Result<TlsAcceptor, StartError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_reader_iter(BufReader::new(&*pem(&files.cert)?))
            .collect::<Result<_, _>>()
            .map_err(|error| bad(&files.cert, error))?;
    if chain.is_empty() {
        return Err(bad(&files.cert, "there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem(&files.key)?)
        .map_err(|error| bad(&files.key, format!("no private key can be read from it: {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| bad(&files.cert, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn pem(path: &Path) -> Result<Vec<u8>, StartError> {
    bounded::read(path, MAX_PEM).map_err(|error| bad(path, error))
}

#[expect(clippy::needless_pass_by_value, reason = "errors and texts come here by value")]
fn bad(path: &Path, reason: impl ToString) -> StartError {
    StartError::Tls { path: path.to_owned(), reason: reason.to_string() }
}
