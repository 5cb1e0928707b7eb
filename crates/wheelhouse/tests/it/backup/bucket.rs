//! Backups in a bucket of a real object store: the whole way on both engines, an outage in the middle, and refusals with a name.
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wh_backup::{Followed, codes};
use wh_base::{Clock, ManualClock, SystemClock};
use wh_testkit::engines::EngineKind;

use super::gateway::{Fuse, Gateway, KEY_ID, SECRET, follow};
use super::{Vault, csv, damage, postgres, rows_of, state_of, words};
use crate::database::embedded;
use crate::house::{House, Person, Site, sites, wheelhouse};

/// Until when a server must have said what is wrong, or that it is well again; far more than it takes.
const PATIENCE: Duration = Duration::from_mins(3);

/// Ask until the backups stand as they should.
#[track_caller]
pub fn comes_to(owner: &Person, what: &str, stands: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = state_of(owner);
        if stands(&state) {
            return state;
        }
        assert!(Instant::now() < until, "{what}: {state}");
        std::thread::yield_now();
    }
}

pub fn doctor(data: &Path, vault: &Vault) -> Value {
    let mut command: Command = wheelhouse();
    command.env("WHEELHOUSE_SERVER_LISTEN", "127.0.0.1:0").envs(vault.all_settings());
    let output = command.args(["doctor", "--json", "--data-dir"]).arg(data).output().expect("it starts");
    assert!(!words(&output).contains(SECRET), "the secret is in what the doctor says");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", words(&output)))
}

/// State and words of one of the doctor's checks.
pub fn check(told: &Value, name: &str) -> (String, String) {
    let checks = told["checks"].as_array().expect("a list");
    let one = checks.iter().find(|one| one["check"] == name).unwrap_or_else(|| panic!("no {name} in {told}"));
    let text = |key: &str| one[key].as_str().expect("text").to_owned();
    (text("state"), text("found"))
}

#[test]
fn a_bucket_holds_backups_that_are_listed_proven_and_restored() {
    let Some(gateway) = Gateway::start("backups of the embedded database in a bucket") else { return };
    let (site, vault) = (Site::new(EngineKind::Sqlite), gateway.vault());
    let (house, data) = (site.start(), site.folder.path());
    let owner = house.set_up();
    let panel = owner.panel("kept");
    assert_eq!(owner.import(&panel, "replace", &csv(1, 3_000)).status, 201);

    let told = doctor(data, &vault);
    assert_eq!(check(&told, "backup target").0, "ok", "{told}");
    assert_eq!(check(&told, "last backup").0, "warn", "{told}");
    vault.done(data, "create", &[]);
    let parts = || damage::files(&gateway.objects().join("of/this-server/parts")).len();
    let before = parts();
    assert!(before > 0, "the parts lie where the target says");
    // The object and most of the database are there already.
    vault.done(data, "create", &[]);
    assert!(parts() <= before + 1, "{before} parts, then {}", parts());
    assert_eq!(owner.import(&panel, "append", &csv(2, 10)).status, 201);
    vault.done(data, "create", &[]);
    assert_eq!(vault.points(data).len(), 3);
    let proof = vault.done(data, "verify", &[]);
    assert!(proof.contains("is whole"), "{proof}");
    let told = doctor(data, &vault);
    for name in ["backup target", "last backup", "last proof"] {
        assert_eq!(check(&told, name).0, "ok", "{name}: {told}");
    }
    assert!(vault.done(data, "prune", &[]).contains("Removed 0 points"));

    drop(house);
    for (point, counts) in [(0, (3_000, 0)), (2, (3_000, 10))] {
        let into = vault.path(&format!("restored-{point}"));
        let folder = into.to_str().expect("text");
        let id = vault.points(data)[point]["id"].as_str().expect("an id").to_owned();
        vault.done(data, "restore", &["--into", folder, "--point", &id]);
        let house = House::start_with(&into, &[]);
        let owner = house.sign_in("olga@acme.example");
        assert_eq!((rows_of(&owner, &panel, 1), rows_of(&owner, &panel, 2)), counts, "point {point}");
    }
    let left = damage::files(&gateway.objects().join("of/this-server"));
    let left = left.iter().filter(|file| {
        let file = file.to_string_lossy();
        file.contains("/locks/") || file.contains("/probes/")
    });
    assert_eq!(left.count(), 0, "locks end with their holders, probes with the doctor");
}

#[test]
fn a_bucket_holds_backups_of_postgres() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        let Some(gateway) = Gateway::start("backups of PostgreSQL in a bucket") else { return };
        let vault = gateway.vault();
        postgres::walk(&site, &vault);
        assert_eq!(vault.points(site.folder.path()).len(), 3);
    }
}

#[test]
fn an_object_store_that_dies_in_the_middle_is_named_and_the_next_backup_is_whole() {
    let Some(gateway) = Gateway::start("an outage of the object store") else { return };
    let site = Site::new(EngineKind::Sqlite);
    let (house, data) = (site.start(), site.folder.path());
    let owner = house.set_up();
    let panel = owner.panel("kept");
    assert_eq!(owner.import(&panel, "replace", &csv(1, 3_000)).status, 201);

    let fused = Gateway::vault_at(gateway.fused(Fuse::Part(2)));
    let refused = fused.refused(data, "create", &[], "backup.store_away");
    assert!(refused.contains("s3://wheelhouse/of/this-server") && !refused.contains(SECRET), "{refused}");
    assert!(
        !gateway.objects().join("of/this-server/points").exists(),
        "a point appears after all its parts or not at all"
    );
    let told = doctor(data, &fused);
    assert_eq!(check(&told, "backup target").0, "fail", "{told}");

    gateway.come_back();
    // What the first one left behind, its lock too, is in nobody's way.
    let vault = gateway.vault();
    std::fs::copy(fused.key(), vault.key()).expect("the same key");
    vault.done(data, "create", &[]);
    assert_eq!(vault.points(data).len(), 1);
    assert!(vault.done(data, "verify", &[]).contains("is whole"));
    let into = vault.path("restored");
    vault.done(data, "restore", &["--into", into.to_str().expect("text")]);
    drop(house);
    let house = House::start_with(&into, &[]);
    assert_eq!(rows_of(&house.sign_in("olga@acme.example"), &panel, 1), 3_000);

    // Through an address behind which nothing is any more.
    gateway.kill();
    vault.refused(data, "list", &[], "backup.store_away");
}

#[test]
fn a_step_whose_answer_was_lost_is_no_hole_in_what_comes_after() {
    let Some(gateway) = Gateway::start("an answer that is lost") else { return };
    let (site, vault) = (Site::new(EngineKind::Sqlite), gateway.vault());
    let data = site.folder.path();
    let house = site.start();
    let owner = house.set_up();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let mut follower = follow(gateway.fused(Fuse::Step), &vault.key(), data, &clock);
    follower.look().expect("a full point");
    let mut look_after = |title: &str| {
        owner.panel(title);
        clock.advance_seconds(1);
        follower.look()
    };
    let lost = look_after("first").expect_err("nobody says that it is there");
    assert!(lost.is(&codes::AWAY), "{lost:?}");
    gateway.come_back();
    for title in ["second", "third"] {
        let followed = look_after(title).expect("it is back");
        assert!(matches!(followed, Followed::Step(_)), "{followed:?}");
    }
    let numbers: Vec<_> = vault.points(data).iter().map(|point| point["number"].clone()).collect();
    assert_eq!(numbers, [0, 1, 1, 2], "it was written, and once more");
    let into = vault.path("restored");
    vault.done(data, "restore", &["--into", into.to_str().expect("text")]);
    let restored = embedded(&into);
    let mut titles = restored.prepare("SELECT title FROM panels_panel ORDER BY title").expect("the table");
    let titles = titles.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    let titles: Vec<_> = titles.map(|title| title.expect("a title")).collect();
    assert_eq!(titles, ["first", "second", "third"]);
}

#[test]
fn a_server_follows_into_a_bucket_through_an_outage() {
    let Some(gateway) = Gateway::start("steps into a bucket") else { return };
    let (site, vault) = (Site::new(EngineKind::Sqlite), gateway.vault());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    let before = owner.panel("before");
    comes_to(&owner, "the first point", |state| state["kept_at"].is_string());
    let first = vault.points(data)[0]["at"].as_str().expect("a moment").to_owned();

    gateway.kill();
    let meanwhile = owner.panel("meanwhile");
    let state = comes_to(&owner, "the outage", |state| state["failed"].is_object());
    assert_eq!(state["failed"]["code"], json!("backup.store_away"), "{state}");
    let last = check(&doctor(data, &vault), "last backup");
    assert!(last.0 == "warn" && last.1.contains("backup.store_away"), "{last:?}");
    gateway.come_back();
    comes_to(&owner, "the recovery", |state| !state["failed"].is_object());
    let after = owner.panel("after");
    // The last step is made when the server ends.
    assert!(house.terminate().success());

    let into = vault.path("restored");
    vault.done(data, "restore", &["--into", into.to_str().expect("text")]);
    let early = vault.path("restored-early");
    vault.done(data, "restore", &["--into", early.to_str().expect("text"), "--at", &first]);
    let points = vault.points(data);
    assert!(points.iter().any(|point| point["kind"] == "step"), "{points:?}");
    let house = House::start_with(&into, &[]);
    let owner = house.sign_in("olga@acme.example");
    for panel in [&before, &meanwhile, &after] {
        assert_eq!(owner.get(&format!("/v1/panels/{panel}")).status, 200);
    }
    let from_early = embedded(&early);
    let there: i64 = from_early
        .query_row("SELECT COUNT(*) FROM panels_panel WHERE title = 'meanwhile'", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(there, 0, "a moment before the panel was made");
}

#[test]
fn what_an_object_store_refuses_is_named_and_no_secret_is_told() {
    let Some(gateway) = Gateway::start("refusals of an object store") else { return };
    let (site, vault) = (Site::new(EngineKind::Sqlite), gateway.vault());
    let data = site.folder.path();
    site.start().set_up();
    let with = |name: &'static str, value: &str| {
        let mut other = gateway.vault();
        other.settings.retain(|(key, _)| *key != name);
        other.settings.push((name, value.to_owned()));
        other
    };
    let unsaid = |said: &str, secrets: &[&str]| {
        for secret in secrets {
            assert!(!said.contains(secret), "a secret is told: {said}");
        }
    };

    let wrong = "WrongSecret+0123456789/NeverPrinted88";
    for verb in ["create", "list", "verify"] {
        let other = with("WHEELHOUSE_BACKUP_S3_SECRET_ACCESS_KEY", wrong);
        let said = other.refused(data, verb, &[], "backup.store_refused");
        unsaid(&said, &[wrong, SECRET]);
        let other = with("WHEELHOUSE_BACKUP_S3_ACCESS_KEY_ID", "AKIANOBODY");
        unsaid(&other.refused(data, verb, &[], "backup.store_refused"), &[SECRET]);
    }
    let told = doctor(data, &with("WHEELHOUSE_BACKUP_S3_SECRET_ACCESS_KEY", wrong));
    assert_eq!(check(&told, "backup target").0, "fail", "{told}");
    unsaid(&told.to_string(), &[wrong, SECRET]);

    let mut other = gateway.vault();
    other.target = Some("s3://nobody-made-this/backups".to_owned());
    for verb in ["create", "list"] {
        unsaid(&other.refused(data, verb, &[], "backup.bucket_missing"), &[SECRET]);
    }
    other.target = Some(format!("s3://{KEY_ID}:{SECRET}@wheelhouse/backups"));
    unsaid(&other.refused(data, "create", &[], "backup.place"), &[SECRET]);
    let plain = with("WHEELHOUSE_BACKUP_S3_ALLOW_HTTP", "false");
    let said = plain.refused(data, "create", &[], "backup.place");
    assert!(said.contains("s3_allow_http"), "{said}");
    let inside = format!("http://{KEY_ID}:{SECRET}@{}", gateway.address());
    let said = with("WHEELHOUSE_BACKUP_S3_ENDPOINT", &inside).refused(data, "create", &[], "backup.place");
    unsaid(&said, &[SECRET]);
    let mut nobody = gateway.vault();
    nobody.settings.retain(|(name, _)| !name.contains("KEY"));
    let said = nobody.refused(data, "create", &[], "backup.not_configured");
    assert!(said.contains("s3_secret_access_key"), "{said}");
    unsaid(&vault.done(data, "create", &[]), &[SECRET]);
    // Two keys in one place cannot be mixed up, there as in a folder.
    gateway.vault().refused(data, "verify", &[], "backup.key_wrong");
}

#[test]
fn two_at_the_same_time_are_told_apart_in_a_bucket() {
    let Some(gateway) = Gateway::start("locks in a bucket") else { return };
    let (site, vault) = (Site::new(EngineKind::Sqlite), gateway.vault());
    let data = site.folder.path();
    site.start().set_up();
    vault.done(data, "create", &[]);
    // Another machine's, just renewed: nobody knows whether it still runs.
    let locks = gateway.objects().join("of/this-server/locks/create.lock");
    std::fs::create_dir_all(&locks).expect("a folder");
    let foreign = locks.join("alone-00000000000000000000000000000000");
    std::fs::write(&foreign, r#"{"host":"another machine","pid":1}"#).expect("a file");
    vault.refused(data, "create", &[], "backup.running");
    // It did not renew for an hour: it is gone.
    let file = std::fs::File::options().write(true).open(&foreign).expect("a file");
    let modified = file.metadata().and_then(|meta| meta.modified()).expect("a time");
    file.set_modified(modified - Duration::from_hours(1)).expect("it can be set");
    vault.done(data, "create", &[]);
    assert!(!foreign.exists(), "what was given up is cleared away");
    assert_eq!(vault.points(data).len(), 2);
}
