//! `wheelhouse doctor`: healthy installations on both engines, and each way in which one can be ill.
mod machine;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wh_testkit::engines::{EngineKind, shared};

use crate::database::url;
use crate::house::{Site, sites, wheelhouse};

/// One run: whether it found nothing in the way, and its checks.
struct Visit {
    well: bool,
    told: Value,
    words: String,
}

fn visit(folder: &Path, settings: &[(&str, &str)]) -> Visit {
    let mut command = doctor(folder, settings);
    let output = command.arg("--json").output().expect("it starts");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let told: Value = serde_json::from_str(&words)
        .unwrap_or_else(|error| panic!("{error}: {words} {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.success(), told["ok"] == true, "the exit code says the same");
    Visit { well: output.status.success(), told, words }
}

fn doctor(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = wheelhouse();
    // A port of its own, so that whatever runs on this machine is not in the way.
    command.env("WHEELHOUSE_SERVER_LISTEN", "127.0.0.1:0");
    command.arg("doctor").arg("--data-dir").arg(folder).envs(settings.iter().copied());
    command
}

impl Visit {
    /// State and words of a check.
    fn of(&self, check: &str) -> (&str, &str) {
        let checks = self.told["checks"].as_array().expect("a list");
        let found = checks.iter().filter(|one| one["check"] == check);
        let worst =
            found.max_by_key(|one| ["ok", "warn", "fail"].iter().position(|word| one["state"] == *word));
        let one = worst.unwrap_or_else(|| panic!("no {check} in {}", self.words));
        if one["state"] != "ok" {
            assert!(one["advice"].as_str().is_some_and(|advice| advice.len() > 10), "{one} says what to do");
        }
        (one["state"].as_str().expect("a state"), one["found"].as_str().expect("words"))
    }
}

#[test]
fn a_healthy_installation_has_nothing_to_repair() {
    for site in sites() {
        let before = visit(site.folder.path(), &[]);
        assert!(before.well, "before the first start: {}", before.words);
        let house = site.start();
        house.set_up();
        let running = visit(site.folder.path(), &[]);
        assert!(running.well, "beside a running server: {}", running.words);
        assert_eq!(running.of("database schema"), ("ok", "as this version needs it"));
        assert_eq!(running.of("object store").0, "ok");
        for check in [
            "configuration",
            "data folder",
            "disk space",
            "clock",
            "open files",
            "memory",
            "port",
            "database",
        ] {
            assert_ne!(running.of(check).0, "fail", "{check}");
        }
        if site.kind == EngineKind::Postgres {
            // A server for tests may be told to write nothing; that is no reason not to start.
            assert_ne!(running.of("database durability").0, "fail");
        }
        let address = house.address.to_string();
        let taken = visit(site.folder.path(), &[("WHEELHOUSE_SERVER_LISTEN", &address)]);
        let (state, found) = taken.of("port");
        assert!(state == "ok" && found.contains(&house.pid().to_string()), "our own server: {found}");
        assert!(house.terminate().success());

        let output = doctor(site.folder.path(), &[]).output().expect("it starts");
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(lines.lines().any(|line| line.starts_with("ok    database")), "{lines}");
        assert!(lines.trim_end().ends_with("0 failed"), "{lines}");
        let left: Vec<_> = fs::read_dir(site.folder.path())
            .expect("a folder")
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains("doctor"))
            .collect();
        assert!(left.is_empty(), "it leaves nothing behind: {left:?}");
    }
}

#[test]
fn it_looks_where_serve_would_listen() {
    let site = Site::new(EngineKind::Sqlite);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = doctor(site.folder.path(), &[]).args(["--listen", &address]).output().expect("it starts");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = words.lines().find(|line| line.contains(&address)).unwrap_or_else(|| panic!("{words}"));
    assert!(!output.status.success() && line.starts_with("fail  port"), "{words}");

    let house = site.start();
    let address = house.address.to_string();
    let mut asked = wheelhouse();
    asked.args(["healthcheck", "--listen", &address, "--data-dir"]).arg(site.folder.path());
    let answer = asked.output().expect("it starts");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
}

#[test]
fn a_company_that_operates_and_is_not_there_is_named() {
    const SETTING: &str = "WHEELHOUSE_IDENTITY_OPERATOR_COMPANY";
    const NOBODYS: &str = "00000000-0000-4000-8000-000000000007";
    for site in sites() {
        let looked = |id: &str| visit(site.folder.path(), &[(SETTING, id)]);
        if site.kind == EngineKind::Sqlite {
            let before = looked(NOBODYS);
            assert_eq!(before.of("operator company").0, "warn", "{}", before.words);
            assert!(!site.folder.path().join("wheelhouse.db").exists(), "it makes nothing");
        }
        let house = site.start();
        let owner = house.set_up();
        let me = owner.get("/v1/identity/me").json();
        let there = looked(me["tenant"]["id"].as_str().expect("an id"));
        assert_eq!(there.of("operator company").0, "ok", "{}", there.words);
        let missing = looked(NOBODYS);
        let (state, found) = missing.of("operator company");
        assert!(missing.well && state == "warn" && found.contains(NOBODYS), "{found}");
        assert_eq!(owner.get("/v1/identity/me").status, 200, "beside a running server");
        let unset = visit(site.folder.path(), &[]);
        let checks = unset.told["checks"].as_array().expect("a list");
        assert!(checks.iter().all(|one| one["check"] != "operator company"), "{}", unset.words);
    }
}

/// Root may write everywhere: then rights are no test.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    // Not even root writes below a file.
    fs::write(&data, "a file").expect("written");
    let ill = visit(&data, &[]);
    assert_eq!(ill.of("data folder").0, "fail", "{}", ill.words);
    // What the kernel itself lets nobody write, root or not.
    let ill = visit(Path::new("/proc/wheelhouse"), &[]);
    assert_eq!(ill.of("data folder").0, "fail", "{}", ill.words);
    assert!(!ill.well && ill.of("data folder").1.contains("/proc"));
    if !is_root() {
        let locked = folder.path().join("locked");
        fs::create_dir(&locked).expect("made");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).expect("set");
        assert_eq!(visit(&locked, &[]).of("data folder").0, "fail");
    }
}

#[test]
fn data_and_passwords_that_others_can_read_are_named() {
    let site = Site::new(EngineKind::Sqlite);
    site.start().terminate();
    fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let visit = visit(site.folder.path(), &[]);
    assert_eq!(visit.of("data folder rights").0, "warn");
    assert!(visit.well, "a warning is no failure");
}

#[test]
fn a_file_whose_secrets_others_can_read_is_named_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wheelhouse.toml");
    let write = |text: &str, mode: u32| {
        fs::write(&file, text).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
    };
    let secrets = [
        ("[telemetry]\notlp_headers = [\"authorization=Bearer t\"]\n", "telemetry.otlp_headers"),
        ("[database]\npostgres_app_url = \"postgres://app:p@db/w\"\n", "database.postgres_app_url"),
        ("[backup]\ns3_secret_access_key = \"k\"\n", "backup.s3_secret_access_key"),
        ("[backup]\nscratch_url = \"postgres://proof:p@db/w\"\n", "backup.scratch_url"),
    ];
    for (text, key) in secrets {
        write(text, 0o644);
        let open = visit(folder.path(), &[]);
        let (state, found) = open.of("configuration");
        assert!(state == "warn" && found.contains(key) && found.contains("644"), "{found}");
        write(text, 0o600);
        assert_eq!(visit(folder.path(), &[]).of("configuration").0, "ok", "{key}");
    }
    // What is said by the environment does not stand in the file, and no token is none.
    write("[telemetry]\notlp_headers = []\n[log]\nlevel = \"info\"\n", 0o644);
    let url = ("WHEELHOUSE_DATABASE_POSTGRES_OWNER_URL", "postgres://owner:p@db/w");
    assert_eq!(visit(folder.path(), &[url]).of("configuration").0, "ok");
}

#[test]
fn a_configuration_that_is_wrong_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("wheelhouse.toml"), "[server]\nlissten = \"x\"\n").expect("written");
    let ill = visit(folder.path(), &[]);
    let (state, found) = ill.of("configuration");
    assert!(state == "fail" && found.contains("wheelhouse.toml:2") && found.contains("listen"), "{found}");
}

#[test]
fn a_port_that_another_program_holds_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let ill = visit(folder.path(), &[("WHEELHOUSE_SERVER_LISTEN", &address)]);
    assert_eq!(ill.of("port").0, "fail");
    assert!(ill.of("port").1.contains(&address));
}

#[test]
fn a_certificate_without_its_key_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let ill = visit(folder.path(), &[("WHEELHOUSE_SERVER_TLS_CERTIFICATE", "/nowhere.pem")]);
    assert_eq!(ill.of("certificate").0, "fail");
}

#[test]
fn few_open_files_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 1000; ulimit -Sn 300; exec \"$0\" doctor --json --data-dir \"$1\""])
        .arg(env!("CARGO_BIN_EXE_wheelhouse"))
        .arg(folder.path())
        .env("WHEELHOUSE_SERVER_LISTEN", "127.0.0.1:0")
        .output()
        .expect("it starts");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let visit = Visit { well: true, words: told.to_string(), told };
    assert_eq!(visit.of("open files"), ("warn", "300 may be open, raised to 1000 at start"));
}

#[test]
fn a_file_that_is_no_database_or_a_broken_one_is_named() {
    let site = Site::new(EngineKind::Sqlite);
    site.start().terminate();
    let file = site.folder.path().join("wheelhouse.db");
    let whole = fs::read(&file).expect("the database");
    let mut broken = whole.clone();
    // Behind the header, so that it opens: pages that make no sense.
    let end = broken.len().min(64 * 4096);
    broken[4096..end].fill(0xa5);
    fs::write(&file, &broken).expect("written");
    let ill = visit(site.folder.path(), &[]);
    assert!(!ill.well, "{}", ill.words);
    fs::write(&file, b"not a database at all, but long enough to be looked at as one").expect("written");
    assert_eq!(visit(site.folder.path(), &[]).of("database").0, "fail");
    fs::write(&file, &whole).expect("written");
    assert!(visit(site.folder.path(), &[]).well);
    fs::remove_dir_all(site.folder.path().join("objects")).expect("removed");
    fs::write(site.folder.path().join("objects"), "in the way").expect("written");
    assert_eq!(visit(site.folder.path(), &[]).of("object store").0, "fail");
}

fn postgres() -> Option<Site> {
    sites().into_iter().find(|site| site.kind == EngineKind::Postgres)
}

#[test]
fn a_database_that_is_away_or_refuses_is_named() {
    let Some(site) = postgres() else { return };
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let away = format!("postgres://wh:hunter2@{gone}/wheelhouse");
    let ill = visit(site.folder.path(), &[("WHEELHOUSE_DATABASE_POSTGRES_OWNER_URL", &away)]);
    assert_eq!(ill.of("database owner login").0, "fail");
    assert!(!ill.words.contains("hunter2"), "{}", ill.words);
    let wrong = url(site.folder.path(), "app").replace("_app:", "_app:wrong");
    let ill = visit(site.folder.path(), &[("WHEELHOUSE_DATABASE_POSTGRES_APP_URL", &wrong)]);
    let trusting = ill.of("database app login").0 == "ok";
    assert!(trusting || !ill.well, "a server that asks for passwords refuses a wrong one: {}", ill.words);
    let nobody = format!(
        "postgres://nobody_{}@{}",
        std::process::id(),
        url(site.folder.path(), "app").rsplit_once('@').expect("a host").1
    );
    let ill = visit(site.folder.path(), &[("WHEELHOUSE_DATABASE_POSTGRES_APP_URL", &nobody)]);
    assert_eq!(ill.of("database app login").0, "fail");
}

#[test]
fn a_login_that_may_too_much_is_named() {
    let Some(site) = postgres() else { return };
    assert!(visit(site.folder.path(), &[]).well);
    // The administrator as the login that serves tenants: row security would not hold it.
    let database = url(site.folder.path(), "app").rsplit_once('/').expect("a database").1.to_owned();
    let admin = shared().expect("postgres is there").admin_url().to_owned();
    let admin = format!("{}/{database}", admin.rsplit_once('/').expect("a database").0);
    let ill = visit(site.folder.path(), &[("WHEELHOUSE_DATABASE_POSTGRES_APP_URL", &admin)]);
    assert_eq!(ill.of("database rights").0, "fail");
    assert!(ill.words.contains("superuser"), "{}", ill.words);
}

#[test]
fn the_place_of_the_backups_and_the_age_of_the_last_one_are_looked_at() {
    let site = Site::new(EngineKind::Sqlite);
    site.start().set_up();
    let data = site.folder.path();
    let none = visit(data, &[]);
    assert_eq!(none.of("backup target").0, "warn", "{}", none.words);
    let vault = tempfile::tempdir().expect("a folder");
    let path = |name: &str| vault.path().join(name).to_str().expect("text").to_owned();
    let (key, other, place) = (path("backup.key"), path("other.key"), path("backups"));
    for key in [&key, &other] {
        assert!(wheelhouse().args(["backup", "key", key]).output().expect("it starts").status.success());
    }
    let settings =
        [("WHEELHOUSE_BACKUP_TARGET", place.as_str()), ("WHEELHOUSE_BACKUP_KEY_FILE", key.as_str())];

    let before = visit(data, &settings);
    let (state, found) = before.of("backup target");
    assert!(state == "ok" && found.contains("first backup"), "{found}");
    assert_eq!((before.of("last backup").0, before.of("last proof").0), ("warn", "warn"));
    assert!(!Path::new(&place).exists(), "it changes nothing");
    for verb in ["create", "verify"] {
        let mut command = wheelhouse();
        command.args(["backup", verb, "--data-dir"]).arg(data).envs(settings);
        assert!(command.output().expect("it starts").status.success(), "{verb}");
    }
    let after = visit(data, &settings);
    let (state, found) = after.of("backup target");
    assert!(state == "ok" && found.contains("newest point"), "{found}");
    assert_eq!((after.of("last backup").0, after.of("last proof").0), ("ok", "ok"), "{}", after.words);

    let wrong = [settings[0], ("WHEELHOUSE_BACKUP_KEY_FILE", other.as_str())];
    assert_eq!(visit(data, &wrong).of("backup target").0, "fail");
    let file = [("WHEELHOUSE_BACKUP_TARGET", key.as_str()), settings[1]];
    let ill = visit(data, &file);
    assert!(!ill.well && ill.of("backup target").0 == "fail", "{}", ill.words);
    let unsaid = [("WHEELHOUSE_BACKUP_TARGET", "s3://company-backups/here"), settings[1]];
    let ill = visit(data, &unsaid);
    assert!(ill.of("backup target").1.contains("s3_access_key_id"), "{}", ill.words);
}
