//! What the doctor sees of the network: whether the ports are free, whether the certificate can be used.
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use wh_base::Timestamp;
use wh_server::serve::{TlsFound, check_tls};

use super::Finding;
use crate::data_dir;
use crate::settings::Settings;

const CERTIFICATE: &str = "certificate";
const DAY_MICROS: i64 = 86_400_000_000;
/// Whoever renews by himself does so a month before the end; with less than this left something is wrong with it.
const EXPIRES_SOON_DAYS: i64 = 14;

pub(super) fn ports(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![port("port", settings, settings.server.listen)];
    findings.extend(settings.server.metrics_listen.map(|address| port("metrics port", settings, address)));
    findings
}

fn port(check: &str, settings: &Settings, address: SocketAddr) -> Finding {
    let Err(error) = TcpListener::bind(address) else {
        return Finding::ok(check, format!("{address} is free"));
    };
    let found = format!("{address}: {error}");
    match error.kind() {
        ErrorKind::AddrInUse => match data_dir::holder(&settings.data_dir) {
            Some(holder) => Finding::ok(
                check,
                format!("{address} is taken; the server of this data folder runs as {holder}"),
            ),
            None => Finding::fail(
                check,
                found,
                "stop the program that listens there (`ss -ltnp`), or set another `listen`",
            ),
        },
        ErrorKind::PermissionDenied => {
            let advice = "ports below 1024 need a right: AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or a port above";
            Finding::fail(check, found, advice)
        }
        _ => Finding::fail(check, found, "set `listen` in [server] to an address of this machine"),
    }
}

pub(super) fn certificate(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    match check_tls(&settings.server) {
        Ok(None) => Vec::new(),
        Ok(Some(found)) => certificate_of(&found, now),
        Err(error) => vec![Finding::error(CERTIFICATE, &error)],
    }
}

/// What a certificate that can be served looks like to who comes now.
pub(super) fn certificate_of(found: &TlsFound, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![dates(found, now)];
    if let Some(name) = &found.name_missing {
        let advice = "order one for the name in public_url; behind a proxy that shows its own certificate this does no harm";
        findings.push(Finding::warn("certificate name", format!("it is not made out to {name}"), advice));
    }
    findings
}

fn dates(found: &TlsFound, now: Timestamp) -> Finding {
    let Some(validity) = found.validity else {
        let found = "certificate and key belong together; its dates cannot be read";
        return Finding::warn(CERTIFICATE, found, "look at it with `openssl x509 -noout -dates`");
    };
    let (begins_at, expires_at) = (validity.begins_at, validity.expires_at);
    let renew = "renew it: the server reads both files again within a minute, and at once on SIGHUP";
    if expires_at <= now {
        return Finding::fail(CERTIFICATE, format!("it ended at {expires_at}"), renew);
    }
    if begins_at > now {
        let advice = "look at the clock of this machine; otherwise wait, or order another one";
        return Finding::fail(CERTIFICATE, format!("it begins at {begins_at} only"), advice);
    }
    let days = (expires_at.micros() - now.micros()) / DAY_MICROS;
    let found = format!("certificate and key belong together; it ends at {expires_at}, in {days} days");
    if days < EXPIRES_SOON_DAYS {
        return Finding::warn(CERTIFICATE, found, renew);
    }
    Finding::ok(CERTIFICATE, found)
}
