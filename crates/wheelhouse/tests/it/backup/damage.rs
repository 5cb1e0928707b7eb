//! One flipped byte in, or the absence of, every kind of file that a backup is made of: named, and nothing restored.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wh_testkit::engines::EngineKind;

use super::bucket::comes_to;
use super::{Vault, csv, state_of, words};
use crate::house::Site;

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Until when a server must have made whole again what its proof found damaged; far more than it takes.
const PATIENCE: Duration = Duration::from_mins(3);

#[test]
fn a_server_keeps_anew_what_its_own_proof_found_damaged() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    let panel = owner.panel("kept");
    let until = Instant::now() + PATIENCE;
    while state_of(&owner)["kept_at"].is_null() {
        assert!(Instant::now() < until, "no full point was made");
        std::thread::yield_now();
    }
    let before = files(&vault.place().join("parts"));
    assert_eq!(owner.import(&panel, "replace", &csv(1, 3_000)).status, 201);
    assert!(house.terminate().success());
    let after = files(&vault.place().join("parts"));
    let new = after.iter().find(|part| !before.contains(part)).expect("an object was kept");
    fs::write(new, "damaged").expect("it can be written");
    // As if the last proof were long ago.
    let status = data.join("backup-status.json");
    let mut told: serde_json::Value =
        serde_json::from_slice(&fs::read(&status).expect("a status")).expect("JSON");
    told["last_verified"] = serde_json::Value::Null;
    fs::write(&status, told.to_string()).expect("it can be written");

    let house = vault.serve(data);
    // The server's proof, not ours, must be the first to meet it: ours would put it aside for the next start.
    let owner = house.sign_in("olga@acme.example");
    let until = Instant::now() + PATIENCE;
    while state_of(&owner)["unproven"].is_null() {
        assert!(Instant::now() < until, "the proof found nothing");
        std::thread::yield_now();
    }
    while !vault.run(data, "verify", &[]).status.success() {
        assert!(Instant::now() < until, "nothing whole was made");
    }
    assert!(house.terminate().success());
    vault.done(data, "verify", &[]);
}

#[test]
fn a_server_begins_anew_behind_what_a_proof_by_hand_found_damaged() {
    let (site, mut vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    // No proof but ours is there to find it.
    vault.settings.push(("WHEELHOUSE_BACKUP_VERIFY_EVERY_H", "0".to_owned()));
    let (data, parts) = (site.folder.path(), vault.place().join("parts"));
    let house = vault.serve(data);
    let owner = house.set_up();
    let panel = owner.panel("kept");
    comes_to(&owner, "the first point", |state| state["kept_at"].is_string());
    let before = files(&parts);
    assert_eq!(owner.import(&panel, "replace", &csv(1, 3_000)).status, 201);
    let until = Instant::now() + PATIENCE;
    let new = loop {
        if let Some(new) = files(&parts).into_iter().find(|part| !before.contains(part)) {
            break new;
        }
        assert!(Instant::now() < until, "the object was not kept");
        std::thread::yield_now();
    };
    fs::write(new, "damaged").expect("it can be written");
    // Until the step that needs it is there, the newest point is whole.
    let found = loop {
        let proof = vault.run(data, "verify", &[]);
        if !proof.status.success() {
            break words(&proof);
        }
        assert!(Instant::now() < until, "the proof found nothing");
    };
    assert!(found.contains("backup.part_damaged"), "{found}");
    while !vault.run(data, "verify", &[]).status.success() {
        assert!(Instant::now() < until, "steps go on behind a part that is not there");
    }
    assert!(house.terminate().success());
    vault.done(data, "verify", &[]);
}

#[test]
fn damage_and_absence_are_found_and_named() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    let panel = owner.panel("kept");
    assert_eq!(owner.import(&panel, "replace", &csv(1, 3_000)).status, 201);
    // The last step is made when the server ends.
    house.terminate();
    let points = vault.points(data);
    assert!(points.iter().any(|point| point["kind"] == "step"), "{points:?}");
    vault.done(data, "verify", &[]);

    let parts = files(&vault.place().join("parts"));
    let steps = files(&vault.place().join("points"));
    assert!(!parts.is_empty() && steps.len() >= 2, "{parts:?} {steps:?}");
    let into = vault.path("never");
    let flags = ["--into", into.to_str().expect("text")];
    for file in parts.iter().chain(&steps) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let whole = fs::read(file).expect("a file");
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            fs::write(file, &damaged).expect("it can be written");
            let words = vault.refused(data, "restore", &flags, "backup.part_damaged");
            assert!(words.contains(&name), "{words} does not name {name}");
        }
        fs::write(file, &whole[..whole.len() / 2]).expect("it can be written");
        vault.refused(data, "verify", &[], "backup.part_damaged");
        // A proof puts a damaged part aside, so that it is not taken for kept.
        assert_eq!(file.exists(), !parts.contains(file));
        if file.exists() {
            fs::remove_file(file).expect("it is there");
        }
        if file != steps.last().expect("points") {
            // Without the newest point the one before it is the newest, and whole.
            vault.refused(data, "restore", &flags, "backup.part_missing");
        }
        fs::write(file, &whole).expect("it can be written");
        assert!(!into.exists(), "a refused restore left something");
    }
    let header = vault.place().join("wheelhouse-backup.json");
    let text = fs::read_to_string(&header).expect("a header");
    fs::write(&header, text.replace("\"format\": 1", "\"format\": 2")).expect("it can be written");
    vault.refused(data, "list", &[], "backup.format_newer");
    fs::write(&header, text.replace("\"id\": \"", "\"id\": \"x")).expect("it can be written");
    vault.refused(data, "list", &[], "backup.part_damaged");
    fs::write(&header, text).expect("it can be written");
    vault.done(data, "verify", &[]);
    vault.done(data, "restore", &flags);

    // One proof finds all that is damaged, and one new point keeps it anew.
    for part in &parts {
        fs::write(part, "damaged").expect("it can be written");
    }
    vault.refused(data, "verify", &[], "backup.part_damaged");
    vault.done(data, "create", &[]);
    vault.done(data, "verify", &[]);
}
