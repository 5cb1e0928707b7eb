//! TLS: the version by ALPN, the same checks on HTTP/2, and its own timeouts.
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wh_server::config::ServerConfig;
use wh_server::serve::{Reason, Reread, Sockets};

use crate::door::{Door, NOTHING, PATIENCE, config};

const SHORT_MS: u64 = 150;

/// A server with a certificate of its own, and what its clients must trust.
struct Secured {
    door: Door,
    roots: RootCertStore,
    files: tempfile::TempDir,
}

/// A new certificate for this machine with its key: both as PEM, and what a client must trust.
fn pair() -> (String, String, RootCertStore) {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    (own.cert.pem(), own.signing_key.serialize_pem(), roots)
}

impl Secured {
    fn open(config: ServerConfig, router: Router) -> Self {
        let files = tempfile::tempdir().unwrap();
        let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
        let (certificate_pem, key_pem, roots) = pair();
        fs::write(&certificate, certificate_pem).unwrap();
        fs::write(&key, key_pem).unwrap();
        let config = ServerConfig { tls_certificate: Some(certificate), tls_key: Some(key), ..config };
        let door = Door::open_with(&config, router, Vec::new(), Sockets::new());
        Self { door, roots, files }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.files.path().join(name), text).unwrap();
    }

    fn reread(&self, reason: Reason) -> Reread {
        self.door.certificate.as_ref().expect("it speaks TLS").reread(reason)
    }

    async fn connect(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut client = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        client.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let tcp = TcpStream::connect(self.door.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, tcp).await.unwrap()
    }

    async fn h2(&self) -> http2::SendRequest<Empty<Bytes>> {
        let stream = self.connect(&["h2", "http/1.1"]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

fn router() -> Router {
    let version = |request: axum::extract::Request| async move { format!("{:?}", request.version()) };
    Router::new().route("/version", get(version).post(version))
}

fn request(address: SocketAddr, method: &str, path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("https://localhost:{}{path}", address.port());
    Request::builder().method(method).version(Version::HTTP_2).uri(uri).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn http2_is_chosen_by_alpn_and_checked_like_the_rest() {
    let server = Secured::open(config(), router());
    let mut sender = server.h2().await;
    let answer = sender.send_request(request(server.door.address, "GET", "/version")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=63072000; includeSubDomains");
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "HTTP/2.0");

    let unsafe_without_origin = request(server.door.address, "POST", "/version");
    assert_eq!(sender.send_request(unsafe_without_origin).await.unwrap().status(), 403);
    let mut own = request(server.door.address, "POST", "/version");
    let origin = format!("https://localhost:{}", server.door.address.port());
    own.headers_mut().insert("origin", origin.parse().unwrap());
    assert_eq!(sender.send_request(own).await.unwrap().status(), 200);

    let mut foreign = request(server.door.address, "GET", "/version");
    *foreign.uri_mut() = "https://evil.example/version".parse().unwrap();
    assert_eq!(sender.send_request(foreign).await.unwrap().status(), 421);
    let mut two = request(server.door.address, "GET", "/version");
    two.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(sender.send_request(two).await.unwrap().status(), 400);
}

#[tokio::test]
async fn http1_is_spoken_with_who_asks_for_it_or_for_nothing() {
    let server = Secured::open(config(), router());
    for protocols in [&["http/1.1"][..], &[]] {
        let stream = server.connect(protocols).await;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::get("/version").body(Empty::<Bytes>::new()).unwrap();
        request.headers_mut().insert("host", "localhost".parse().unwrap());
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "HTTP/1.1");
    }
}

#[tokio::test]
async fn who_does_not_shake_hands_is_cut_off() {
    let server = Secured::open(ServerConfig { tls_handshake_timeout_ms: SHORT_MS, ..config() }, router());
    assert_eq!(server.door.connect().await.statuses().await, NOTHING, "silence");
    let mut client = server.door.connect().await;
    client.send("GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(client.statuses().await, NOTHING, "cleartext");
}

#[tokio::test]
async fn an_http2_connection_without_requests_is_closed() {
    let server = Secured::open(ServerConfig { h2_idle_timeout_ms: SHORT_MS, ..config() }, router());
    let mut sender = server.h2().await;
    sender.send_request(request(server.door.address, "GET", "/version")).await.unwrap();
    let closed = async {
        // Not ready for a request means that the connection is gone.
        while sender.ready().await.is_ok() && !sender.is_closed() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("an idle connection stays open");
}

#[tokio::test]
async fn at_the_end_running_streams_are_answered() {
    let (begin, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, tell) = (begin.clone(), begun.clone());
    let slow = get(move || async move {
        tell.notify_one();
        wait.notified().await;
        "done"
    });
    let server = Secured::open(config(), Router::new().route("/slow", slow));
    let mut sender = server.h2().await;
    let answer = tokio::spawn(sender.send_request(request(server.door.address, "GET", "/slow")));
    begun.notified().await;
    server.door.stop.cancel();
    begin.notify_one();
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "done");
    drop(sender);
    tokio::time::timeout(PATIENCE, server.door.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_that_nobody_takes_does_not_hold_an_old_connection_open() {
    let big = get(|| async { vec![b'x'; 1 << 20] });
    let config = ServerConfig { connection_age_max_s: 1, write_stall_timeout_ms: SHORT_MS, ..config() };
    let server = Secured::open(config, Router::new().route("/big", big));
    let stream = server.connect(&["h2"]).await;
    // No window for answers; pings are answered by the client's library.
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.adaptive_window(false).initial_stream_window_size(0);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let ended = tokio::spawn(connection);
    let answer = sender.send_request(request(server.door.address, "GET", "/big")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let _outcome = tokio::time::timeout(PATIENCE, ended).await.expect("the connection stays open").unwrap();
    drop(answer);
}

#[tokio::test]
async fn a_renewed_certificate_is_served_to_new_connections() {
    let mut server = Secured::open(config(), router());
    let mut open = server.h2().await;
    assert_eq!(server.reread(Reason::Time), Reread::Unchanged);
    assert_eq!(server.reread(Reason::Asked), Reread::Served, "who asks is told in any case");

    let (certificate, key, roots) = pair();
    server.write("cert.pem", &certificate);
    server.write("key.pem", &key);
    assert_eq!(server.reread(Reason::Time), Reread::Served);
    assert_eq!(server.reread(Reason::Time), Reread::Unchanged);
    server.roots = roots;
    let mut renewed = server.h2().await;
    for sender in [&mut open, &mut renewed] {
        let answer = sender.send_request(request(server.door.address, "GET", "/version")).await.unwrap();
        assert_eq!(answer.status(), 200, "a connection ends by itself, with what it began with");
    }
}

#[tokio::test]
async fn a_renewed_pair_that_is_broken_leaves_the_old_one() {
    let server = Secured::open(config(), router());
    let (certificate, key, _) = pair();
    let old_key = fs::read_to_string(server.files.path().join("key.pem")).unwrap();
    let half = &certificate[..certificate.len() / 2];
    for (name, text) in [
        // The first of the two files is there already.
        ("cert.pem", certificate.as_str()),
        ("cert.pem", half),
        ("cert.pem", ""),
        ("cert.pem", old_key.as_str()),
    ] {
        server.write(name, text);
        assert_eq!(server.reread(Reason::Time), Reread::Kept, "{text}");
        assert_eq!(server.reread(Reason::Time), Reread::Unchanged, "it is told once: {text}");
        assert_eq!(server.reread(Reason::Asked), Reread::Kept, "{text}");
        // A handshake with the old one: its client trusts no other.
        server.connect(&["h2"]).await;
    }
    fs::remove_file(server.files.path().join("key.pem")).unwrap();
    assert_eq!(server.reread(Reason::Time), Reread::Kept);
    server.connect(&["h2"]).await;

    server.write("cert.pem", &certificate);
    server.write("key.pem", &key);
    assert_eq!(server.reread(Reason::Time), Reread::Served, "and the next whole pair is served");
}
