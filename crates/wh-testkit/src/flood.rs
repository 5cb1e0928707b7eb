//! Attackers on a server's door: connections under TLS that speak any bytes, and slow clients. Shared by tests and benchmarks.
pub mod frames;

mod attacker;
mod slow;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

pub use attacker::{Attacker, Reply};
pub use slow::{SLOW, Slow, slowhttptest_is_there};

/// A connection under TLS.
pub type Secured = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for `localhost` that nobody but its own clients trusts.
pub struct SelfSigned {
    /// PEM file of the certificate.
    pub certificate: PathBuf,
    /// PEM file of its key.
    pub key: PathBuf,
    roots: RootCertStore,
}

impl SelfSigned {
    /// Make one and write it into this folder.
    pub fn write(folder: &Path) -> io::Result<Self> {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let own = own.map_err(io::Error::other)?;
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, own.cert.pem())?;
        std::fs::write(&key, own.signing_key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).map_err(io::Error::other)?;
        Ok(Self { certificate, key, roots })
    }

    /// A client that speaks these protocols. It takes up no session again: each connection costs a whole handshake, as a
    /// stranger's does.
    pub fn client(&self, protocols: &[&str]) -> io::Result<Arc<ClientConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(io::Error::other)?.with_root_certificates(self.roots.clone());
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// A connection that gives up reading and writing after so long without a byte.
    pub fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&str],
        patience: Duration,
    ) -> io::Result<Secured> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let client = ClientConnection::new(self.client(protocols)?, name).map_err(io::Error::other)?;
        let tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(patience))?;
        tcp.set_write_timeout(Some(patience))?;
        Ok(StreamOwned::new(client, tcp))
    }
}
