//! PostgreSQL: its own programs dump and load it; proven in a scratch database, loaded into a new one.
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wh_backup::{Key, Repository, Store};
use wh_base::{Clock, OsRandom, SystemClock};
use wh_testkit::engines::{EngineKind, shared};

use super::bucket::comes_to;
use super::{Vault, csv, damage, rows_of, state_of, words};
use crate::house::{House, Site, sites, wheelhouse};

#[test]
fn a_postgres_is_backed_up_proven_and_loaded_into_a_new_database() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        walk(&site, &Vault::new());
    }
}

#[test]
fn a_server_dumps_anew_what_a_proof_by_hand_found_damaged() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        let (vault, data) = (Vault::new(), site.folder.path());
        let house = vault.serve(data);
        comes_to(&house.set_up(), "the first point", |state| state["kept_at"].is_string());
        // All of them: a dump that broke off may have left some that no point needs.
        for part in damage::files(&vault.place().join("parts")) {
            std::fs::write(part, "damaged").expect("it can be written");
        }
        let flags = ["--scratch-url", shared().expect("sites() gave it").admin_url()];
        vault.refused(data, "verify", &flags, "backup.part_damaged");
        // A server looks each minute, and as it starts.
        assert!(house.terminate().success());
        let before = vault.points(data).len();
        let house = vault.serve(data);
        let owner = house.sign_in("olga@acme.example");
        comes_to(&owner, "a further point", |_| vault.points(data).len() > before);
        assert!(house.terminate().success());
        vault.done(data, "verify", &flags);
    }
}

#[test]
fn a_point_that_another_process_makes_is_waited_for_and_no_failure() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        let (vault, data) = (Vault::new(), site.folder.path());
        // What `wheelhouse backup create` holds for as long as it takes.
        let key = Key::read(&vault.key()).expect("the key");
        let place = Store::folder(&vault.place());
        Repository::open_or_make(place, key, Arc::new(OsRandom)).expect("a place");
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let lock = options.open(vault.place().join("create.lock")).expect("a lock file");
        lock.lock().expect("nobody makes a full point");
        let log = vault.path("log.txt");
        let mut command = wheelhouse();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.envs(vault.all_settings()).env("WHEELHOUSE_LOG_LEVEL", "info");
        command.stderr(File::create(&log).expect("a file"));
        let house = House::started(command);
        let owner = house.set_up();
        let end = Instant::now() + Duration::from_mins(2);
        while !std::fs::read_to_string(&log).expect("the log").contains("another process works in its place")
        {
            assert!(Instant::now() < end, "the server does not say that it waits");
            std::thread::yield_now();
        }
        let state = state_of(&owner);
        assert!(state["failed"].is_null() && state["kept_at"].is_null(), "{state}");
        assert!(house.terminate().success());
        drop(lock);
        // A server looks each minute, and as it starts.
        let house = vault.serve(data);
        let owner = house.sign_in("olga@acme.example");
        let state = comes_to(&owner, "the first point", |state| state["kept_at"].is_string());
        assert!(state["failed"].is_null(), "{state}");
        assert!(house.terminate().success());
    }
}

#[test]
fn a_server_proves_its_points_by_itself() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        let (mut vault, data) = (Vault::new(), site.folder.path());
        let admin = shared().expect("sites() gave it").admin_url();
        vault.settings.push(("WHEELHOUSE_BACKUP_SCRATCH_URL", admin.to_owned()));
        let house = site.start();
        let owner = house.set_up();
        assert_eq!(owner.import(&owner.panel("kept"), "replace", &csv(1, 2_000)).status, 201);
        assert!(house.terminate().success());
        let house = vault.serve(data);
        comes_to(&house.sign_in("olga@acme.example"), "the first point", |state| {
            state["kept_at"].is_string()
        });
        assert!(house.terminate().success());
        // A server looks whether a proof is due each minute, and as it starts.
        let house = vault.serve(data);
        let owner = house.sign_in("olga@acme.example");
        let state = comes_to(&owner, "the first proof", |state| state["proven"].is_object());
        let proven = &state["proven"];
        assert!(proven["rows"].as_u64() > Some(0) && proven["objects"] == 1, "{state}");
        assert_eq!(proven["point"], vault.points(data)[0]["id"], "{state}");
        assert!(state["unproven"].is_null(), "{state}");
        assert!(house.terminate().success());

        // As if the last proof were long ago, and the disk of the place had lost what it held since.
        let status = data.join("backup-status.json");
        let told = std::fs::read(&status).expect("a status");
        let mut told: serde_json::Value = serde_json::from_slice(&told).expect("JSON");
        told["last_verified"] = serde_json::Value::Null;
        std::fs::write(&status, told.to_string()).expect("it can be written");
        for part in damage::files(&vault.place().join("parts")) {
            std::fs::write(part, "damaged").expect("it can be written");
        }
        let house = vault.serve(data);
        let owner = house.sign_in("olga@acme.example");
        comes_to(&owner, "the damage", |state| state["unproven"]["code"] == "backup.part_damaged");
        assert!(house.terminate().success());
    }
}

/// The whole way, with any place for the backups.
pub fn walk(site: &Site, vault: &Vault) {
    let (house, data) = (site.start(), site.folder.path());
    let owner = house.set_up();
    let panel = owner.panel("kept");
    assert_eq!(owner.import(&panel, "replace", &csv(1, 2_000)).status, 201);
    let stop = Arc::new(AtomicBool::new(false));
    let (person, over) = (owner.clone(), stop.clone());
    let writer = std::thread::spawn(move || {
        for n in 0.. {
            if over.load(Ordering::SeqCst) {
                return;
            }
            person.panel(&format!("meanwhile {n}"));
        }
    });
    vault.done(data, "create", &[]);
    stop.store(true, Ordering::SeqCst);
    writer.join().expect("the writer");
    vault.done(data, "create", &[]);
    let admin = shared().expect("sites() gave it").admin_url();
    vault.refused(data, "verify", &[], "backup.not_configured");
    losing_rows(data, vault, admin);
    let old = old_server(vault);
    old.proves(data, vault, admin);
    with_password_file(data, vault, admin);
    beside_a_named_database(data, vault, admin);
    after_a_killed_proof(data, vault, admin);
    drop(house);

    let into = vault.path("restored");
    let folder = into.to_str().expect("text");
    vault.done(data, "restore", &["--into", folder]);
    // The old database is there and full: it is not written to.
    let load = || old.program().args(["backup", "load", "--data-dir", folder]).output().expect("it starts");
    let refused = words(&load());
    assert!(refused.contains("backup.target_not_empty"), "{refused}");
    let url = crate::database::url(data, "owner");
    let former = url.rsplit('/').next().expect("a database");
    let new = format!("{former}_new");
    let init = |more: &[&str]| {
        let mut command = wheelhouse();
        command.args(["db", "init", "--admin-url", admin, "--database", &new, "--login-prefix", former]);
        command.args(["--data-dir", folder]).args(more).output().expect("it starts")
    };
    // The restored configuration leads to the old one still.
    let refused = words(&init(&[]));
    assert!(refused.contains("db.elsewhere") && refused.contains("--repoint"), "{refused}");
    let made = init(&["--repoint"]);
    assert!(made.status.success(), "{}", words(&made));
    of_a_newer_build(&into, former);
    let loaded = load();
    assert!(loaded.status.success(), "{}", words(&loaded));
    old.was_asked();
    let gone =
        sql(&crate::database::url(&into, "owner"), "SELECT to_regclass('wheelhouse.kernel_later') IS NULL");
    assert_eq!(gone.trim(), "t", "the archive takes the place of all that was there");
    let left = damage::files(&into.join("scratch"));
    assert!(left.is_empty(), "what a load wrote for itself goes with it: {left:?}");
    let house = House::start_with(&into, &[]);
    let owner = house.sign_in("olga@acme.example");
    assert_eq!(rows_of(&owner, &panel, 1), 2_000);
    assert_eq!(owner.get(&format!("/v1/panels/{panel}")).json()["title"], "kept");
    owner.panel("after");
    // The backup was made while a server ran, which does not serve this database.
    let nodes = owner.get("/v1/system/nodes").json();
    assert_eq!(nodes["items"].as_array().map(Vec::len), Some(1), "{nodes}");
    drop(house);
    again(&into, vault);
}

/// As if a later build had made the database: it holds a table that no archive of this build knows.
fn of_a_newer_build(data: &Path, prefix: &str) {
    let make = format!(
        "CREATE TABLE wheelhouse.kernel_later (n int); GRANT SELECT ON wheelhouse.kernel_later TO {prefix}_sys"
    );
    sql(&crate::database::url(data, "owner"), &make);
}

/// One statement by PostgreSQL's own program, and what it prints.
fn sql(url: &str, statement: &str) -> String {
    let mut psql = Command::new(program("psql"));
    psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", statement, "--dbname", url]);
    let output = psql.output().expect("it starts");
    assert!(output.status.success(), "{statement}: {}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What was restored once is backed up and restored again, with the archive that it was loaded from still there.
fn again(data: &Path, vault: &Vault) {
    assert!(data.join("wheelhouse.pgdump").is_file(), "nobody removed it");
    let resumed =
        wheelhouse().args(["backup", "resume", "--data-dir"]).arg(data).output().expect("it starts");
    assert!(resumed.status.success(), "{}", words(&resumed));
    vault.done(data, "create", &[]);
    let into = vault.path("restored-again");
    vault.done(data, "restore", &["--into", into.to_str().expect("text")]);
    assert!(into.join("wheelhouse.toml").is_file() && into.join("wheelhouse.pgdump").is_file());
    assert!(!into.join("wheelhouse.node").exists(), "two servers would be one to their database");
}

/// A proof counts what the scratch database holds: a load that says it went well and brought no rows is no proof.
fn losing_rows(data: &Path, vault: &Vault, admin: &str) {
    let programs = vault.path("programs");
    std::fs::create_dir_all(&programs).expect("a folder");
    let script = format!(
        "#!/bin/sh\nfor one in \"$@\"; do shift; [ \"$one\" = --section=data ] || set -- \"$@\" \"$one\"; done\nexec '{}' \"$@\"\n",
        program("pg_restore").display()
    );
    let file = programs.join("pg_restore");
    std::fs::write(&file, script).expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    let mut command = wheelhouse();
    command.env("PATH", format!("{}:{}", programs.display(), path())).envs(vault.all_settings());
    let refused = command.args(["backup", "verify", "--scratch-url", admin, "--data-dir"]).arg(data).output();
    let refused = refused.expect("it starts");
    let said = words(&refused);
    assert!(!refused.status.success() && said.contains("backup.not_proven"), "{said}");
}

/// A server that is older than the programs, as far as a file of statements can tell.
struct OldServer {
    /// Where its program is found before the others.
    path: String,
    asked: PathBuf,
}

impl OldServer {
    fn program(&self) -> Command {
        let mut command = wheelhouse();
        command.env("PATH", &self.path);
        command
    }

    fn proves(&self, data: &Path, vault: &Vault, admin: &str) {
        let mut command = self.program();
        command.envs(vault.all_settings()).args(["backup", "verify", "--scratch-url", admin, "--data-dir"]);
        let output = command.arg(data).output().expect("it starts");
        let said = words(&output);
        assert!(output.status.success() && said.contains("is whole"), "{said}");
        self.was_asked();
    }

    /// It was given a file since it was asked last.
    fn was_asked(&self) {
        std::fs::remove_file(&self.asked).expect("statements were loaded by another way");
    }
}

/// `psql` in front of a server of before 17, which does not know what programs of 17 set.
fn old_server(vault: &Vault) -> OldServer {
    let (programs, asked) = (vault.path("old-server"), vault.path("old-server-asked"));
    std::fs::create_dir_all(&programs).expect("a folder");
    let script = format!(
        "#!/bin/sh\nfor one in \"$@\"; do case \"$one\" in *.sql)\n: > '{}'\n\
         if grep -q '^SET transaction_timeout' \"$one\"; then echo 'unrecognized parameter' >&2; exit 3; fi;;\n\
         esac; done\nexec '{}' \"$@\"\n",
        asked.display(),
        program("psql").display()
    );
    let file = programs.join("psql");
    std::fs::write(&file, script).expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    OldServer { path: format!("{}:{}", programs.display(), path()), asked }
}

/// The same without a password on the command line; one that stands twice is refused.
fn with_password_file(data: &Path, vault: &Vault, admin: &str) {
    let file = vault.path("password");
    let file_text = file.to_str().expect("text");
    let mut bare = url::Url::parse(admin).expect("a URL");
    let password = bare.password().map(str::to_owned);
    // A server that trusts whoever comes takes any.
    std::fs::write(&file, format!("{}\n", password.as_deref().unwrap_or("any"))).expect("a file");
    bare.set_password(None).expect("it names a host");
    let proof =
        vault.done(data, "verify", &["--scratch-url", bare.as_str(), "--scratch-password-file", file_text]);
    assert!(proof.contains("is whole"), "{proof}");
    bare.set_password(Some("twice")).expect("it names a host");
    let twice = ["--scratch-url", bare.as_str(), "--scratch-password-file", file_text];
    let refused = vault.refused(data, "verify", &twice, "base.config");
    assert!(!refused.contains("twice@"), "{refused}");
}

/// A proof loads into a database of its own, also where the URL names one behind its question mark.
fn beside_a_named_database(data: &Path, vault: &Vault, admin: &str) {
    let mut url = url::Url::parse(admin).expect("a URL");
    url.query_pairs_mut().append_pair("dbname", "postgres");
    vault.done(data, "verify", &["--scratch-url", url.as_str()]);
    let mut dump = Command::new(program("pg_dump"));
    dump.env("LC_ALL", "C").args(["--schema-only", "--schema=wheelhouse", "--dbname", url.as_str()]);
    let said = words(&dump.output().expect("it starts"));
    assert!(said.contains("no matching schemas"), "a proof left something in a database of others: {said}");
}

/// A proof that was killed has left its database, with all that it held; the next one drops it, but none that is in use.
fn after_a_killed_proof(data: &Path, vault: &Vault, admin: &str) {
    let sql = |statement: &str| sql(admin, statement);
    let url = crate::database::url(data, "owner");
    let id = url.rsplit('/').next().expect("a database");
    let hour_ago = SystemClock.now().plus_seconds(-3_600).micros() / 1_000_000;
    let (left, used) = (format!("wh_verify_1600000000_{id}"), format!("wh_verify_{hour_ago}_{id}"));
    for name in [&left, &used] {
        sql(&format!("CREATE DATABASE {name} TEMPLATE template0"));
    }
    vault.done(data, "verify", &["--scratch-url", admin]);
    let there = sql("SELECT datname FROM pg_database");
    sql(&format!("DROP DATABASE {used}"));
    assert!(!there.contains(&left) && there.contains(&used), "{there}");
}

fn path() -> String {
    std::env::vars().find(|(name, _)| name == "PATH").map(|(_, path)| path).unwrap_or_default()
}

/// On the path, else the newest that Debian keeps aside.
fn program(name: &str) -> PathBuf {
    let folders = path();
    let mut found: Vec<_> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().collect();
    found.sort_by_key(|version| version.file_name().to_string_lossy().parse::<u32>().unwrap_or_default());
    let aside = found.iter().rev().map(|version| version.path().join("bin"));
    let mut all = folders.split(':').map(PathBuf::from).chain(aside).map(|folder| folder.join(name));
    all.find(|file| file.is_file()).expect("a server was started, so its programs are there")
}
