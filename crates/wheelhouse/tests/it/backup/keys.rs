//! The key's own file: where it may be made, and who may read it.
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use wh_testkit::engines::EngineKind;

use super::bucket::{check, doctor};
use super::{Vault, words};
use crate::house::{Site, wheelhouse};

#[test]
fn a_key_is_made_in_a_new_file_of_a_folder_that_is_there() {
    let vault = Vault::new();
    let before = fs::read(vault.key()).expect("a key");
    for file in [vault.key(), vault.path("nowhere/backup.key")] {
        let refused = wheelhouse().args(["backup", "key"]).arg(&file).output().expect("it starts");
        let said = words(&refused);
        assert!(!refused.status.success() && said.contains("backup.key_file"), "{said}");
        assert!(said.contains("not there yet") && !said.contains("backup key`"), "{said}");
    }
    assert_eq!(fs::read(vault.key()).expect("a key"), before);
}

#[test]
fn a_key_that_others_may_read_is_told() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    site.start().set_up();
    let named = |told: &serde_json::Value| {
        let checks = told["checks"].as_array().expect("a list");
        checks.iter().any(|one| one["check"] == "backup key")
    };
    assert!(!named(&doctor(data, &vault)), "only its owner may read it");
    fs::set_permissions(vault.key(), Permissions::from_mode(0o644)).expect("it is ours");
    let (state, found) = check(&doctor(data, &vault), "backup key");
    assert!(state == "warn" && found.contains("644"), "{state} {found}");
    // A warning only: the server goes on, and so does whoever makes a backup by hand.
    vault.done(data, "create", &[]);
}
