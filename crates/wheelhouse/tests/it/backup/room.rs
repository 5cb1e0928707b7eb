//! A disk without room for a proof, an archive or a restore: named, nothing is filled, and backups go on.
use std::path::Path;
use std::process::{Command, Stdio};

use wh_backup::Status;
use wh_testkit::engines::EngineKind;

use super::bucket::{check, comes_to, doctor};
use super::drills::moment;
use super::{Vault, csv, words};
use crate::house::{House, Site, sites};
use crate::weather::can_mount;

/// Less than an empty database takes.
const SIZE: &str = "32k";

/// The program, where a folder is a disk of its own that is far too small.
fn beside_a_small_disk(folder: &Path, vault: &Vault) -> Command {
    let script = format!("mount -t tmpfs -o size={SIZE} tmpfs '{}' && exec \"$0\" \"$@\"", folder.display());
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script, env!("CARGO_BIN_EXE_wheelhouse")]);
    command.stdin(Stdio::null()).env("WHEELHOUSE_LOG_LEVEL", "error").envs(vault.all_settings());
    command.env("WHEELHOUSE_BACKUP_SCRATCH_DIR", folder);
    command
}

/// The words of a refusal for want of room.
fn no_room(mut command: Command, verb: &str, data: &Path, rest: &[&str]) -> String {
    let command = command.args(["backup", verb, "--data-dir"]).arg(data).args(rest);
    let output = command.output().expect("it starts");
    let words = words(&output);
    assert!(!output.status.success() && words.contains("backup.no_room"), "backup {verb}: {words}");
    words
}

#[test]
fn a_proof_without_room_is_named_and_the_backups_go_on() {
    if !can_mount() {
        return;
    }
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let (data, small) = (site.folder.path(), vault.path("small"));
    std::fs::create_dir(&small).expect("a folder");
    let house = site.start();
    let owner = house.set_up();
    assert_eq!(owner.import(&owner.panel("kept"), "replace", &csv(1, 3_000)).status, 201);
    assert!(house.terminate().success());
    vault.done(data, "create", &[]);

    let said = no_room(beside_a_small_disk(&small, &vault), "verify", data, &[]);
    assert!(said.contains("MB free"), "{said}");
    let into = small.join("restored");
    let into = ["--into", into.to_str().expect("text")];
    no_room(beside_a_small_disk(&small, &vault), "restore", data, &into);
    let mut doctors = beside_a_small_disk(&small, &vault);
    doctors.env("WHEELHOUSE_SERVER_LISTEN", "127.0.0.1:0");
    let told = doctors.args(["doctor", "--json", "--data-dir"]).arg(data).output().expect("it starts");
    let told = serde_json::from_slice(&told.stdout).unwrap_or_else(|e| panic!("{e}: {}", words(&told)));
    assert_eq!(check(&told, "backup scratch").0, "warn", "{told}");
    assert_eq!(check(&doctor(data, &vault), "backup scratch").0, "ok");

    let mut serve = beside_a_small_disk(&small, &vault);
    serve.env("WHEELHOUSE_BACKUP_STEP_EVERY_S", "1");
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    let house = House::started(serve);
    let owner = house.sign_in("olga@acme.example");
    let state = comes_to(&owner, "the proof", |state| state["unproven"]["code"] == "backup.no_room");
    let before = moment(&state["kept_at"]);
    owner.panel("after");
    let state = comes_to(&owner, "a further point", |state| moment(&state["kept_at"]) > before);
    assert!(state["failed"].is_null(), "{state}");
    assert!(house.terminate().success());

    // Where there is room the same point is whole, and that is what is remembered.
    vault.done(data, "verify", &[]);
    let status = Status::read(data).expect("a status");
    assert!(status.last_unproven.is_none() && status.last_verified.is_some(), "{status:?}");
}

#[test]
fn an_archive_of_postgres_without_room_is_named_and_no_point() {
    if !can_mount() {
        return;
    }
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        let vault = Vault::new();
        let (data, small) = (site.folder.path(), vault.path("small"));
        std::fs::create_dir(&small).expect("a folder");
        site.start().set_up();
        // Nobody knows yet how large it will be: it ends when there is too little left.
        no_room(beside_a_small_disk(&small, &vault), "create", data, &[]);
        assert!(vault.points(data).is_empty(), "half an archive is a point");
        vault.done(data, "create", &[]);
        let said = no_room(beside_a_small_disk(&small, &vault), "create", data, &[]);
        assert!(said.contains("are to be written"), "it began although it knew better: {said}");
        assert_eq!(vault.points(data).len(), 1);
    }
}
