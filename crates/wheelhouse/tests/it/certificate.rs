//! A certificate that is renewed while the server runs: found by itself and by a signal, and its end told as a figure.
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use wh_testkit::engines::EngineKind;
use wh_testkit::flood::SelfSigned;

use crate::house::{House, Site};

/// Who waits so long for a byte is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client that trusts this certificate and no other is answered; nothing where the server shows another one.
fn asked(own: &SelfSigned, address: SocketAddr, path: &str) -> Option<String> {
    let mut connection = own.connect(address, &["http/1.1"], PATIENCE).expect("the server listens");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A server may close without the last word of TLS: what it answered counts.
    let _closed = connection.read_to_end(&mut answer);
    Some(String::from_utf8(answer).expect("text"))
}

/// A pair of files from `old` to `new`, on a server that looks so often; `tell` is done once both are there.
fn renewed(every_s: &str, tell: impl Fn(&House)) {
    let site = Site::new(EngineKind::Sqlite);
    let old = SelfSigned::write(site.folder.path()).expect("a certificate");
    let aside = tempfile::tempdir().expect("a folder");
    let new = SelfSigned::write(aside.path()).expect("a certificate");
    let text = |path: &Path| path.to_str().expect("a path").to_owned();
    let (certificate, key) = (text(&old.certificate), text(&old.key));
    let settings = [
        ("WHEELHOUSE_SERVER_TLS_CERTIFICATE", certificate.as_str()),
        ("WHEELHOUSE_SERVER_TLS_KEY", key.as_str()),
        ("WHEELHOUSE_SERVER_TLS_REREAD_EVERY_S", every_s),
        ("WHEELHOUSE_SERVER_METRICS_LOCAL", "true"),
    ];
    let house = House::start_with(site.folder.path(), &settings);
    let healthy = |own: &SelfSigned| {
        asked(own, house.address, "/health").is_some_and(|answer| answer.contains("\"ok\""))
    };
    assert!(healthy(&old) && !healthy(&new));
    let figures = asked(&old, house.address, "/metrics").expect("the figures");
    let line =
        figures.lines().find_map(|line| line.strip_prefix("tls_certificate_expires_timestamp_seconds "));
    let expires_s: f64 = line.unwrap_or_else(|| panic!("{figures}")).parse().expect("a number");
    // 4096-01-01, as the certificate says.
    assert_eq!(expires_s as i64, 67_090_118_400, "{figures}");

    fs::copy(&new.certificate, &old.certificate).expect("copied");
    fs::copy(&new.key, &old.key).expect("copied");
    tell(&house);
    while !healthy(&new) {
        std::thread::yield_now();
    }
    assert!(!healthy(&old));
    assert!(house.terminate().success());
}

#[test]
fn a_renewed_certificate_is_found() {
    renewed("1", |_| {});
}

#[test]
fn a_renewed_certificate_is_read_at_once_on_a_signal() {
    renewed("86400", |house| {
        let status = Command::new("kill").args(["-HUP", &house.pid().to_string()]).status();
        assert!(status.expect("kill starts").success());
    });
}
