//! Backups that are gone, because a mount is away or somebody emptied the place: told by name, and nothing is kept in their stead unasked.
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use wh_backup::{Followed, codes};
use wh_base::{Clock, ManualClock, SystemClock};
use wh_testkit::engines::EngineKind;

use super::bucket::{check, comes_to, doctor};
use super::gateway::{Gateway, follow};
use super::{Vault, state_of, words};
use crate::house::{Site, wheelhouse};

#[test]
fn a_folder_that_is_away_keeps_nothing_and_is_filled_anew_when_it_is_back() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    comes_to(&owner, "the first point", |state| state["kept_at"].is_string());
    let away = vault.path("away");
    fs::rename(vault.place(), &away).expect("it is there");
    let gone = json!("backup.place_gone");
    let first = comes_to(&owner, "the absence", |state| state["failed"]["code"] == gone);
    // Nobody writes, and what is gone is not said to be kept ever longer.
    let next = comes_to(&owner, "the next look", |state| state["failed"]["at"] != first["failed"]["at"]);
    assert_eq!((&next["failed"]["code"], &next["kept_at"]), (&gone, &first["kept_at"]));
    assert!(!vault.place().exists(), "another place was made where the first one was");
    let target = check(&doctor(data, &vault), "backup target");
    assert_eq!(target.0, "fail", "{target:?}");

    fs::rename(&away, vault.place()).expect("it is there");
    comes_to(&owner, "the return", |state| !state["failed"].is_object());
    assert!(house.terminate().success());
    let points = vault.points(data);
    assert!(points.iter().filter(|point| point["kind"] == "full").count() >= 2, "{points:?}");
    vault.done(data, "verify", &[]);
    assert_eq!(check(&doctor(data, &vault), "backup target").0, "ok");
}

#[test]
fn a_mount_that_is_away_is_not_replaced_by_a_place_on_this_disk() {
    let (site, mut vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let (mount, away) = (vault.path("mnt"), vault.path("away"));
    let place = mount.join("wheelhouse");
    vault.target = Some(place.to_str().expect("text").to_owned());
    site.start().set_up();
    let refused = vault.refused(data, "create", &[], "backup.store");
    assert!(refused.contains("is not there") && !mount.exists(), "{refused}");
    let target = check(&doctor(data, &vault), "backup target");
    assert_eq!(target.0, "fail", "{target:?}");
    fs::create_dir(&mount).expect("a folder");
    vault.done(data, "create", &[]);
    assert_eq!(check(&doctor(data, &vault), "backup target").0, "ok");

    // What is mounted there is away; the folder on which it was mounted stays.
    fs::rename(&place, &away).expect("it is there");
    let house = vault.serve(data);
    let owner = house.sign_in("olga@acme.example");
    comes_to(&owner, "the absence", |state| state["failed"]["code"] == "backup.place_gone");
    assert!(house.terminate().success());
    assert_eq!(fs::read_dir(&mount).expect("a folder").count(), 0, "a place was made on this disk");
    let target = check(&doctor(data, &vault), "backup target");
    assert_eq!(target.0, "fail", "{target:?}");

    // By hand it may begin anew.
    vault.done(data, "create", &[]);
    assert_eq!(vault.points(data).len(), 1);
    assert_eq!(check(&doctor(data, &vault), "backup target").0, "ok");
}

#[test]
fn a_bucket_that_was_emptied_is_told_within_a_minute_and_filled_anew() {
    let Some(gateway) = Gateway::start("a bucket that was emptied") else { return };
    let (site, vault) = (Site::new(EngineKind::Sqlite), gateway.vault());
    let data = site.folder.path();
    site.start().set_up();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let begin = || follow(gateway.address(), &vault.key(), data, &clock);
    let mut follower = begin();
    let Followed::Full(full) = follower.look().expect("a look") else { panic!("the first is full") };
    gateway.remove_all("of");
    clock.advance_seconds(59);
    // Nothing was asked of the bucket yet, so nothing newer is said to be kept.
    let at = full.at;
    assert_eq!(follower.look().expect("a look"), Followed::Nothing { at, point: full });
    clock.advance_seconds(1);
    assert!(follower.look().expect_err("it is gone").is(&codes::PLACE_GONE));
    let anew = begin().look().expect("a look");
    assert!(matches!(anew, Followed::Full(_)), "{anew:?}");
    assert!(vault.done(data, "verify", &[]).contains("is whole"));
    assert_eq!(vault.points(data).len(), 1);
}

#[test]
fn resume_says_of_no_folder_that_it_makes_backups_unless_it_does() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let resume = |folder: &Path| {
        let output = wheelhouse().args(["backup", "resume", "--data-dir"]).arg(folder).output();
        let output = output.expect("it starts");
        (output.status.success(), words(&output))
    };
    let missing = vault.path("nowhere");
    let (done, said) = resume(&missing);
    assert!(!done && said.contains("wheelhouse.data_dir_unusable"), "{said}");
    assert!(!missing.exists());
    site.start().set_up();
    let (done, said) = resume(data);
    assert!(!done && said.contains("backup.not_configured"), "{said}");
    fs::write(data.join("wheelhouse.toml"), vault.section()).expect("a file");
    let (done, said) = resume(data);
    assert!(done && said.contains("already"), "{said}");
}

#[test]
fn a_place_that_lost_its_points_is_filled_anew_by_the_next_start() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    comes_to(&house.set_up(), "the first point", |state| state["kept_at"].is_string());
    assert!(house.terminate().success());
    fs::remove_dir_all(vault.place().join("points")).expect("it is there");
    let target = check(&doctor(data, &vault), "backup target");
    assert!(target.0 == "fail" && target.1.contains("holds no backups"), "{target:?}");
    let house = vault.serve(data);
    let owner = house.sign_in("olga@acme.example");
    // The failure is told before the point is made, and ends with it.
    let until = std::time::Instant::now() + std::time::Duration::from_mins(3);
    while vault.points(data).is_empty() || state_of(&owner)["failed"].is_object() {
        assert!(std::time::Instant::now() < until, "no full point was made");
        std::thread::yield_now();
    }
    assert!(house.terminate().success());
    vault.done(data, "verify", &[]);
}
