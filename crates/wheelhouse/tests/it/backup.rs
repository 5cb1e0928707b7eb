//! Backup and restore through the command line, against a server that is running.
mod bucket;
mod damage;
mod drills;
mod gateway;
mod gone;
mod installations;
mod keys;
mod postgres;
mod promise;
mod retention;
mod room;
mod tools;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use serde_json::Value;
use wh_backup::{DataFolder, Key, Objects, Repository, Store, create_full};
use wh_base::{Clock, ManualClock, OsRandom, SystemClock};
use wh_testkit::engines::EngineKind;

use crate::house::{House, Person, Site, wheelhouse};

/// A place for backups with its key, and a folder for what is restored.
pub struct Vault {
    folder: tempfile::TempDir,
    /// The place, where it is not the folder's own.
    pub target: Option<String>,
    /// What else must be known to reach it.
    pub settings: Vec<(&'static str, String)>,
}

impl Vault {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let vault = Self { folder, target: None, settings: Vec::new() };
        let made = wheelhouse().args(["backup", "key"]).arg(vault.key()).output().expect("it starts");
        assert!(made.status.success(), "{}", words(&made));
        vault
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("backup.key")
    }

    pub fn place(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    /// What `--target` is.
    pub fn target(&self) -> String {
        self.target.clone().unwrap_or_else(|| self.place().to_str().expect("text").to_owned())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `wheelhouse backup VERB …` with place and key.
    pub fn run(&self, data: &Path, verb: &str, rest: &[&str]) -> Output {
        let mut command = wheelhouse();
        command.args(["backup", verb, "--data-dir"]).arg(data).arg("--target").arg(self.target());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.arg("--key-file").arg(self.key()).args(rest).output().expect("it starts")
    }

    pub fn done(&self, data: &Path, verb: &str, rest: &[&str]) -> String {
        let output = self.run(data, verb, rest);
        assert!(output.status.success(), "backup {verb} {rest:?}: {}", words(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The words of a refusal.
    pub fn refused(&self, data: &Path, verb: &str, rest: &[&str], code: &str) -> String {
        let output = self.run(data, verb, rest);
        let words = words(&output);
        assert!(!output.status.success(), "backup {verb} {rest:?} was not refused: {words}");
        assert!(words.contains(code), "backup {verb} {rest:?} was not refused as {code}: {words}");
        words
    }

    /// The points, oldest first.
    pub fn points(&self, data: &Path) -> Vec<Value> {
        let lines = self.done(data, "list", &["--json"]);
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// A server that makes its backups here, a step each second.
    pub fn serve(&self, data: &Path) -> House {
        let settings = self.all_settings();
        let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.push(("WHEELHOUSE_BACKUP_STEP_EVERY_S", "1"));
        House::start_with(data, &settings)
    }

    /// The settings as they stand in a configuration.
    fn section(&self) -> String {
        format!(
            "[backup]\ntarget = \"{}\"\nkey_file = \"{}\"\n",
            self.place().display(),
            self.key().display()
        )
    }

    /// Place, key, and what else must be known to reach it.
    pub fn all_settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.settings.clone();
        settings.push(("WHEELHOUSE_BACKUP_TARGET", self.target()));
        settings.push(("WHEELHOUSE_BACKUP_KEY_FILE", self.key().to_str().expect("text").to_owned()));
        settings
    }
}

pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Rows of a panel whose column `import` has this value.
pub fn rows_of(owner: &Person, panel: &str, import: usize) -> u64 {
    let filter = format!("%7B%22column%22:%22import%22,%22op%22:%22eq%22,%22value%22:{import}%7D");
    let window = owner.get(&format!("/v1/panels/{panel}/rows?limit=1&filter={filter}"));
    assert_eq!(window.status, 200, "{}", window.text());
    window.json()["count"].as_u64().expect("a count")
}

/// How the backups stand, as the operator sees it.
pub fn state_of(owner: &Person) -> Value {
    let state = owner.get("/v1/system/backups");
    assert_eq!(state.status, 200, "{}", state.text());
    state.json()
}

pub fn csv(import: usize, rows: usize) -> Vec<u8> {
    let mut csv = String::from("import,row\n");
    for row in 0..rows {
        csv.push_str(&format!("{import},{row}\n"));
    }
    csv.into_bytes()
}

#[test]
fn a_backup_of_a_running_server_is_proven_and_restored() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let (house, data) = (site.start(), site.folder.path());
    let owner = house.set_up();
    let panel = owner.panel("kept");
    assert_eq!(owner.import(&panel, "replace", &csv(1, 3_000)).status, 201);
    std::fs::write(data.join("wheelhouse.toml"), "[dataset]\nhot_budget_mb = 64\n").expect("a file");

    assert_eq!(state_of(&owner), serde_json::json!({}));
    let made = vault.done(data, "create", &[]);
    assert!(made.contains("1 objects"), "{made}");
    assert_eq!(state_of(&owner)["proven"], Value::Null);
    let proof = vault.done(data, "verify", &[]);
    assert!(proof.contains("is whole"), "{proof}");
    let state = state_of(&owner);
    assert!(state["proven"]["rows"].as_u64() > Some(0) && state["proven"]["objects"] == 1, "{state}");
    assert_eq!(state["proven"]["point_at"], state["kept_at"]);

    // The objects and most of the database are there already.
    let parts = damage::files(&vault.place().join("parts")).len();
    vault.done(data, "create", &[]);
    assert!(damage::files(&vault.place().join("parts")).len() <= parts + 1);
    assert_eq!(vault.points(data).len(), 2);

    assert_eq!(owner.import(&panel, "replace", &csv(2, 10)).status, 201);
    drop(house);
    let into = vault.path("restored");
    vault.done(data, "restore", &["--into", into.to_str().expect("text")]);
    assert_eq!(
        std::fs::read(into.join("wheelhouse.toml")).expect("kept"),
        b"[dataset]\nhot_budget_mb = 64\n"
    );
    let house = House::start_with(&into, &[]);
    let owner = house.sign_in("olga@acme.example");
    assert_eq!((rows_of(&owner, &panel, 1), rows_of(&owner, &panel, 2)), (3_000, 0));
}

#[test]
fn a_restore_overwrites_nothing_and_leaves_nothing_half() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = site.start();
    house.set_up();
    vault.done(data, "create", &[]);
    let into = vault.path("full");
    std::fs::create_dir(&into).expect("a folder");
    let flags = ["--into", into.to_str().expect("text")];
    std::fs::write(into.join("mine.txt"), "mine").expect("a file");
    vault.refused(data, "restore", &flags, "backup.target_not_empty");
    assert_eq!(
        std::fs::read_dir(&into).expect("a folder").count(),
        1,
        "something was written beside what was there"
    );
    std::fs::remove_file(into.join("mine.txt")).expect("it was there");
    vault.done(data, "restore", &flags);
    vault.refused(data, "restore", &flags, "backup.target_not_empty");
    let beside: Vec<_> =
        std::fs::read_dir(vault.path("")).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert!(!beside.iter().any(|name| name.to_string_lossy().contains("restoring")), "{beside:?}");
}

#[test]
fn a_second_backup_at_the_same_time_is_refused() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    site.start().set_up();
    vault.done(data, "create", &[]);
    let lock =
        std::fs::File::options().write(true).open(vault.place().join("create.lock")).expect("a lock file");
    lock.lock().expect("nobody holds it");
    vault.refused(data, "create", &[], "backup.running");
    drop(lock);
    vault.done(data, "create", &[]);
}

#[test]
fn a_point_that_is_dated_later_than_now_is_not_the_newest() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    site.start().set_up();
    let store = Store::folder(&vault.place());
    let key = Key::read(&vault.key()).expect("the key");
    let repository = Repository::open_or_make(store, key, Arc::new(OsRandom)).expect("a place");
    let ahead = ManualClock::at(SystemClock.now().plus_seconds(365 * 86_400));
    let known =
        [wh_identity::MIGRATIONS, wh_dataset::MIGRATIONS, wh_panels::MIGRATIONS, wh_system::MIGRATIONS];
    create_full(&repository, &DataFolder::new(data), &ahead, &Objects::new(), &known).expect("a point");
    let refused = vault.refused(data, "verify", &[], "backup.point_unknown");
    assert!(refused.contains("clock"), "{refused}");
    vault.done(data, "create", &[]);
    let points = vault.points(data);
    let now = points[0]["id"].as_str().expect("an id");
    let proof = vault.done(data, "verify", &[]);
    assert!(points.len() == 2 && proof.contains(now), "{points:?} {proof}");
}

#[test]
fn a_proof_writes_into_the_data_folder_alone() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    site.start().set_up();
    vault.done(data, "create", &[]);
    // As in a container whose root can only be read.
    let mut command = wheelhouse();
    command.env("TMPDIR", "/proc/nowhere").envs(vault.all_settings());
    let proven = command.args(["backup", "verify", "--data-dir"]).arg(data).output().expect("it starts");
    assert!(proven.status.success(), "{}", words(&proven));
    assert_eq!(std::fs::read_dir(data.join("scratch")).expect("a folder").count(), 0, "something was left");
}

#[test]
fn only_a_proof_of_the_newest_point_of_the_own_place_is_remembered() {
    let (site, vault, other) = (Site::new(EngineKind::Sqlite), Vault::new(), Vault::new());
    let data = site.folder.path();
    let house = site.start();
    let owner = house.set_up();
    vault.done(data, "create", &[]);
    let first = vault.points(data)[0]["id"].as_str().expect("an id").to_owned();
    vault.done(data, "verify", &["--point", &first]);
    assert_eq!(state_of(&owner)["proven"]["point"], first.as_str(), "an id, and the newest all the same");
    vault.done(data, "create", &[]);
    let newest = vault.points(data)[1].clone();
    let file = damage::files(&vault.place().join("points"));
    let file = file.last().expect("two points");
    let whole = std::fs::read(file).expect("a point");
    std::fs::write(file, "damaged").expect("it can be written");
    // As the server says it of its own proof.
    let error = wh_backup::codes::PART_DAMAGED.error("damaged");
    wh_backup::Status::unproven(data, SystemClock.now(), &error).expect("it can be written");
    vault.done(data, "verify", &["--point", &first]);
    let state = state_of(&owner);
    assert_eq!(
        (&state["unproven"]["code"], &state["proven"]["point"]),
        (&"backup.part_damaged".into(), &first.into())
    );
    std::fs::write(file, whole).expect("it can be written");

    // The settings name one place, the command line another one.
    other.done(data, "create", &[]);
    let settings = vault.section();
    std::fs::write(data.join("wheelhouse.toml"), settings).expect("a file");
    other.done(data, "verify", &[]);
    assert!(state_of(&owner)["unproven"].is_object());
    vault.done(data, "verify", &[]);
    let state = state_of(&owner);
    assert_eq!(state["proven"]["point"], newest["id"], "{state}");
    assert!(state["unproven"].is_null(), "{state}");
}

#[test]
fn what_is_kept_must_fit_to_what_is_made() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    site.start().set_up();
    vault.done(data, "create", &[]);
    for (name, value) in [("FULL_EVERY_H", "720"), ("KEEP_DAYS", "6")] {
        let name = format!("WHEELHOUSE_BACKUP_{name}");
        for verb in [["backup", "prune"].as_slice(), &["serve", "--listen", "127.0.0.1:0"]] {
            let mut command = wheelhouse();
            command.args(verb).arg("--data-dir").arg(data).envs(vault.all_settings()).env(&name, value);
            let refused = command.output().expect("it starts");
            let said = words(&refused);
            assert!(!refused.status.success() && said.contains("base.config"), "{name} {verb:?}: {said}");
        }
    }
}

#[test]
fn what_is_missing_or_wrong_is_said_in_clear_words() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    vault.refused(data, "list", &[], "backup.point_unknown");
    vault.refused(data, "create", &[], "backup.source");
    site.start().set_up();
    let bare = wheelhouse().args(["backup", "create", "--data-dir"]).arg(data).output().expect("it starts");
    assert!(words(&bare).contains("backup.not_configured"), "{}", words(&bare));
    let mut command = wheelhouse();
    command.args(["backup", "create", "--target", "s3://bucket/backups", "--data-dir"]).arg(data);
    let refused = command.arg("--key-file").arg(vault.key()).output().expect("it starts");
    assert!(words(&refused).contains("backup.not_configured"), "{}", words(&refused));
    let mut command = wheelhouse();
    command.args(["backup", "create", "--target", "ftp://host/backups", "--data-dir"]).arg(data);
    let refused = command.arg("--key-file").arg(vault.key()).output().expect("it starts");
    assert!(words(&refused).contains("backup.place"), "{}", words(&refused));
    vault.done(data, "create", &[]);
    vault.refused(data, "verify", &["--at", "2001-01-01T00:00:00Z"], "backup.point_unknown");
    vault.refused(data, "verify", &["--point", "no-such-point"], "backup.point_unknown");
    let again = wheelhouse().args(["backup", "key"]).arg(vault.key()).output().expect("it starts");
    assert!(words(&again).contains("backup.key_file"), "a key is never overwritten: {}", words(&again));
    let other = vault.path("other.key");
    assert!(wheelhouse().args(["backup", "key"]).arg(&other).status().expect("it starts").success());
    let key = ["--key-file", other.to_str().expect("text")];
    let mut command = wheelhouse();
    command.args(["backup", "verify", "--data-dir"]).arg(data).arg("--target").arg(vault.place()).args(key);
    let refused = command.output().expect("it starts");
    assert!(words(&refused).contains("backup.key_wrong"), "{}", words(&refused));
}
