//! What the doctor says of certificates that end, of clocks that were ahead, and of too little memory.
use std::fs;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use wh_base::{Clock, SystemClock};
use wh_testkit::engines::EngineKind;

use super::{Visit, visit};
use crate::database::{connected, embedded, parsed, url};
use crate::house::{Site, sites, wheelhouse};

const DAY_S: u64 = 86_400;

fn now_s() -> u64 {
    u64::try_from(SystemClock.now().micros() / 1_000_000).expect("after 1970")
}

/// What is said of a certificate for `localhost` that holds between two moments, in seconds since 1970.
fn certified(from_s: u64, until_s: u64, public_url: &str) -> Visit {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (at(from_s), at(until_s));
    let pair = KeyPair::generate().expect("a key");
    let own = params.self_signed(&pair).expect("a certificate");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, own.pem()).expect("written");
    fs::write(&key, pair.serialize_pem()).expect("written");
    let settings = [
        ("WHEELHOUSE_SERVER_TLS_CERTIFICATE", certificate.to_str().expect("a path")),
        ("WHEELHOUSE_SERVER_TLS_KEY", key.to_str().expect("a path")),
        ("WHEELHOUSE_SERVER_PUBLIC_URL", public_url),
    ];
    visit(&folder.path().join("data"), &settings)
}

#[test]
fn the_end_of_a_certificate_is_seen_before_it_comes() {
    let now = now_s();
    let days = |days: u64| certified(now - DAY_S, now + days * DAY_S, "https://localhost");
    let long = days(90);
    assert!(long.well && long.of("certificate").0 == "ok", "{}", long.words);
    // The next day has not begun while this test runs.
    let soon = days(13);
    assert!(soon.well && soon.of("certificate").0 == "warn", "{}", soon.words);

    let over = certified(now - 90 * DAY_S, now - DAY_S, "https://localhost");
    let (state, found) = over.of("certificate");
    assert!(!over.well && state == "fail" && found.contains("ended"), "{found}");
    let early = certified(now + DAY_S, now + 90 * DAY_S, "https://localhost");
    let (state, found) = early.of("certificate");
    assert!(!early.well && state == "fail" && found.contains("begins"), "{found}");
}

#[test]
fn a_certificate_for_another_name_is_named() {
    let now = now_s();
    let named = |url: &str| certified(now - DAY_S, now + 90 * DAY_S, url);
    for url in ["https://wheelhouse.example.com", "https://203.0.113.7:8443"] {
        let other = named(url);
        let (state, found) = other.of("certificate name");
        let name = url.trim_start_matches("https://").trim_end_matches(":8443");
        assert!(other.well && state == "warn" && found.contains(name), "{found}");
    }
    let own = named("https://localhost:8443");
    let checks = own.told["checks"].as_array().expect("a list");
    assert!(checks.iter().all(|one| one["check"] != "certificate name"), "{}", own.words);
}

/// An event that happened so many seconds from now, by the clock that was right then.
fn event_in(site: &Site, seconds: u64) {
    let at = (now_s() + seconds) * 1_000_000;
    let insert = |table: &str, id: &str, data: &str| {
        format!(
            "INSERT INTO {table} (tenant_id, id, kind, subject, at, data) VALUES ({id}, {id}, 'a.b', 'c', {at}, {data})"
        )
    };
    if site.kind == EngineKind::Sqlite {
        let sql = insert("kernel_outbox", "zeroblob(16)", "'{}'");
        return embedded(site.folder.path()).execute_batch(&sql).expect("written");
    }
    let sql = insert("kernel_outbox", "'00000000-0000-0000-0000-000000000000'::uuid", "'{}'::jsonb");
    let sys = parsed(&url(site.folder.path(), "sys"));
    connected(sys, async |client| client.batch_execute(&sql).await.expect("written"));
}

#[test]
fn a_clock_that_was_ahead_is_seen_in_the_database() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        assert!(house.terminate().success());
        let right = visit(site.folder.path(), &[]);
        assert_eq!(right.of("clock history").0, "ok", "{}", right.words);
        event_in(&site, 3 * 3_600);
        let ahead = visit(site.folder.path(), &[]);
        let (state, found) = ahead.of("clock history");
        assert!(ahead.well && state == "warn" && found.contains("event"), "{found}");
    }
}

#[test]
fn a_clock_that_was_ahead_is_seen_in_the_status_of_the_backups() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    assert!(house.terminate().success());
    let (data, vault) = (site.folder.path(), tempfile::tempdir().expect("a folder"));
    let path = |name: &str| vault.path().join(name).to_str().expect("text").to_owned();
    let (key, place) = (path("backup.key"), path("backups"));
    assert!(wheelhouse().args(["backup", "key", &key]).output().expect("it starts").status.success());
    let settings =
        [("WHEELHOUSE_BACKUP_TARGET", place.as_str()), ("WHEELHOUSE_BACKUP_KEY_FILE", key.as_str())];
    let mut create = wheelhouse();
    create.args(["backup", "create", "--data-dir"]).arg(data).envs(settings);
    assert!(create.output().expect("it starts").status.success());
    assert_eq!(visit(data, &settings).of("clock history").0, "ok");

    let file = data.join("backup-status.json");
    let mut status: Value = serde_json::from_slice(&fs::read(&file).expect("the status")).expect("JSON");
    status["last_success"]["at"] = "2199-01-01T00:00:00Z".into();
    fs::write(&file, status.to_string()).expect("written");
    let ahead = visit(data, &settings);
    let (state, found) = ahead.of("clock history");
    assert!(ahead.well && state == "warn" && found.contains("backups"), "{found}");
}

#[test]
fn more_memory_for_rows_than_the_machine_can_spare_is_named() {
    let most = [("WHEELHOUSE_DATASET_HOT_BUDGET_MB", "1048576")];
    let folder = tempfile::tempdir().expect("a folder");
    let total_kb = fs::read_to_string("/proc/meminfo")
        .expect("Linux")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    let is_too_much = total_kb.expect("its memory") >> 11 < 1_048_576;
    let looked = visit(folder.path(), &most);
    assert_eq!(looked.of("memory").0, if is_too_much { "warn" } else { "ok" }, "{}", looked.words);
}
