//! What the doctor sees of the network: whether the ports are free, whether the certificate can be used.
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use wh_server::serve::check_tls;

use super::Finding;
use crate::data_dir;
use crate::settings::Settings;

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

pub(super) fn certificate(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "certificate";
    match check_tls(&settings.server) {
        Ok(false) => None,
        Ok(true) => Some(Finding::ok(CHECK, "certificate and key can be read and belong together")),
        Err(error) => Some(Finding::error(CHECK, &error)),
    }
}
