//! Whose points are whose: a restored copy beside what it is a copy of, and two servers that share a place.
use std::path::Path;

use wh_testkit::engines::EngineKind;

use super::bucket::comes_to;
use super::{Vault, state_of, words};
use crate::house::{House, Site, wheelhouse};

#[test]
fn a_restored_folder_makes_no_backups_until_it_is_told_to() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let panel = house.set_up().panel("kept");
    assert!(house.terminate().success());
    // As an operator has it: the restored folder brings the settings with it.
    let settings = vault.section();
    std::fs::write(data.join("wheelhouse.toml"), settings).expect("a file");
    vault.done(data, "create", &[]);
    let points = vault.points(data).len();

    let into = vault.path("drill");
    vault.done(data, "restore", &["--into", into.to_str().expect("text")]);
    let house = House::start_with(&into, &[]);
    let owner = house.sign_in("olga@acme.example");
    assert_eq!(owner.get(&format!("/v1/panels/{panel}")).status, 200);
    owner.panel("of the drill");
    let state = state_of(&owner);
    assert_eq!(state["failed"]["code"], "backup.restored", "{state}");
    assert!(house.terminate().success());
    vault.refused(&into, "create", &[], "backup.restored");
    vault.refused(&into, "prune", &[], "backup.restored");
    assert_eq!(vault.points(data).len(), points, "a drill wrote into the backups");

    let resumed =
        wheelhouse().args(["backup", "resume", "--data-dir"]).arg(&into).output().expect("it starts");
    assert!(resumed.status.success(), "{}", words(&resumed));
    let house = vault.serve(&into);
    let owner = house.sign_in("olga@acme.example");
    comes_to(&owner, "the first point of its own", |state| state["kept_at"].is_string());
    assert!(house.terminate().success());
    assert!(vault.points(data).len() > points);
    vault.done(&into, "verify", &[]);

    // The old server comes back: neither takes the other one's points for its own.
    let newest = |data: &Path| vault.done(data, "verify", &[]).split_whitespace().nth(1).map(str::to_owned);
    let theirs = newest(&into);
    let made = vault.done(data, "create", &[]);
    assert_eq!(newest(data).as_deref(), made.split_whitespace().nth(1));
    assert_eq!(newest(&into), theirs);
    let all = vault.points(data);
    let old = all[0]["id"].as_str().expect("an id");
    assert_ne!(all[0]["installation"], all[points]["installation"], "{all:?}");
    vault.done(&into, "verify", &["--point", old]);

    // It is given up: the new one cleans up after it, and never removes its newest point.
    let former = all[0]["installation"].as_str().expect("an id");
    assert!(words(&resumed).contains(&format!("prune --installation {former}")), "{}", words(&resumed));
    vault.done(&into, "prune", &["--installation", former]);
    let newest = made.split_whitespace().nth(1);
    assert!(vault.points(data).iter().any(|point| point["id"].as_str() == newest));
    let nobody = "00000000-0000-0000-0000-000000000007";
    vault.refused(&into, "prune", &["--installation", nobody], "backup.installation_unknown");
}

#[test]
fn two_installations_in_one_place_are_told_apart() {
    let (ours, theirs, vault) = (Site::new(EngineKind::Sqlite), Site::new(EngineKind::Sqlite), Vault::new());
    let mut ids = Vec::new();
    for site in [&ours, &theirs] {
        site.start().set_up();
        let made = vault.done(site.folder.path(), "create", &[]);
        ids.push(made.split_whitespace().nth(1).expect("an id").to_owned());
    }
    for (site, id) in [&ours, &theirs].into_iter().zip(&ids) {
        assert!(vault.done(site.folder.path(), "verify", &[]).contains(id.as_str()), "not its own point");
    }
    let points = vault.points(ours.folder.path());
    assert_ne!(points[0]["installation"], points[1]["installation"], "{points:?}");
    // A machine that is neither of them must say which one it means.
    let (nobody, into) = (vault.path("nobody"), vault.path("restored"));
    let flags = ["--into", into.to_str().expect("text")];
    vault.refused(&nobody, "restore", &flags, "backup.installations");
    vault.done(&nobody, "restore", &[flags[0], flags[1], "--point", &ids[0]]);
}
