//! `wheelhouse healthcheck`: says what the server says, finds it by the settings, and fails when nobody is there.
use std::net::SocketAddr;
use std::process::Output;

use wh_testkit::engines::EngineKind;

use crate::house::{House, Site, sites, wheelhouse};

/// A port that is reserved and that nobody listens on.
const CLOSED: &str = "127.0.0.1:1";

fn check(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = wheelhouse();
    command.arg("healthcheck").args(arguments).envs(settings.iter().copied());
    command.output().expect("it starts")
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_running_server_is_found_by_its_settings() {
    for site in sites() {
        let house = site.start();
        let front = house.address.to_string();
        let everywhere = SocketAddr::from(([0, 0, 0, 0], house.address.port())).to_string();
        for settings in [
            vec![("WHEELHOUSE_SERVER_LISTEN", front.as_str())],
            vec![("WHEELHOUSE_SERVER_LISTEN", everywhere.as_str())],
            // A port for probes is asked first: it is there also when the front door speaks TLS.
            vec![("WHEELHOUSE_SERVER_LISTEN", CLOSED), ("WHEELHOUSE_SERVER_METRICS_LISTEN", front.as_str())],
        ] {
            let ready = check(&settings, &[]);
            assert!(ready.status.success(), "{settings:?}: {}", words(&ready));
            assert_eq!(String::from_utf8_lossy(&ready.stdout).trim(), "ready");
            let alive = check(&settings, &["--alive"]);
            assert!(alive.status.success(), "{settings:?}: {}", words(&alive));
        }
    }
}

#[test]
fn a_server_that_drains_is_alive_and_not_ready() {
    let site = Site::new(EngineKind::Sqlite);
    let house = House::start_with(site.folder.path(), &[("WHEELHOUSE_SERVER_DRAIN_DELAY_MS", "60000")]);
    let address = house.address.to_string();
    let settings = [("WHEELHOUSE_SERVER_LISTEN", address.as_str())];
    house.signal_terminate();
    // The signal is taken up some time later; each question is a process of its own.
    let refused = (0..1_000).map(|_| check(&settings, &[])).find(|output| !output.status.success());
    let refused = words(&refused.expect("it says that it drains"));
    assert!(refused.contains("503") && refused.contains("server.draining"), "{refused}");
    assert!(refused.contains("wheelhouse.unhealthy"), "{refused}");
    assert!(check(&settings, &["--alive"]).status.success());
    house.kill();
}

#[test]
fn nobody_and_settings_that_cannot_be_asked_are_named() {
    let away = check(&[("WHEELHOUSE_SERVER_LISTEN", CLOSED)], &[]);
    assert!(!away.status.success() && words(&away).contains("wheelhouse.unhealthy"), "{}", words(&away));
    let any = check(&[("WHEELHOUSE_SERVER_LISTEN", "127.0.0.1:0")], &[]);
    assert!(!any.status.success() && words(&any).contains("port 0"), "{}", words(&any));
    let tls = [("WHEELHOUSE_SERVER_TLS_CERTIFICATE", "a.pem"), ("WHEELHOUSE_SERVER_TLS_KEY", "k.pem")];
    let tls = check(&tls, &[]);
    assert!(!tls.status.success() && words(&tls).contains("metrics_listen"), "{}", words(&tls));
}
