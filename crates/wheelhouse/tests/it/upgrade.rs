//! Data made by an older build opens with this one; data of a newer build is refused in clear words and left as it is.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wh_testkit::engines::EngineKind;

use crate::backup::{Vault, words};
use crate::database::{connected, embedded, owner};
use crate::house::{House, sites, wheelhouse};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = std::fs::read_dir(folder).expect("the fixtures").flatten().map(|entry| entry.path());
    files.filter(|file| file.to_string_lossy().ends_with(".tar.gz")).collect()
}

#[test]
fn data_of_every_release_opens_and_is_whole() {
    let fixtures = fixtures();
    assert!(!fixtures.is_empty());
    for archive in fixtures {
        let name = archive.file_name().expect("a name").to_string_lossy().into_owned();
        let version = name.trim_start_matches("data-").trim_end_matches(".tar.gz");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let unpacked = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(folder.path()).status();
        assert!(unpacked.expect("tar starts").success());
        // The second start finds what the first one brought up to date.
        for _ in 0..2 {
            let house = House::start_with(folder.path(), &[]);
            assert!(house.setup_token.is_none(), "{name}: its owner is not known");
            let owner = house.sign_in("olga@acme.example");
            let panels = owner.get("/v1/panels").json();
            let titles: Vec<_> =
                panels["items"].as_array().expect("a list").iter().map(|p| &p["title"]).collect();
            assert_eq!(titles.len(), 2, "{name}: {titles:?}");
            let flights = panels["items"].as_array().expect("a list").iter();
            let wanted = format!("Flights of {version}");
            let flights = flights.clone().find(|panel| panel["title"] == wanted.as_str()).expect("the panel");
            let id = flights["id"].as_str().expect("an id");
            let filter = "%7B%22column%22:%22carrier%22,%22op%22:%22eq%22,%22value%22:%22UA%22%7D";
            let window = owner.get(&format!("/v1/panels/{id}/rows?limit=1&filter={filter}")).json();
            assert_eq!(
                (window["total"].as_u64(), window["count"].as_u64() > Some(0)),
                (Some(600), true),
                "{window}"
            );
            let imports = owner.get(&format!("/v1/panels/{id}/imports")).json();
            let imports = imports["items"].as_array().expect("a list").iter();
            assert_eq!(imports.filter(|import| import["state"] == "done").count(), 2);
            let other = owner.import(id, "append", b"carrier\nUA\n");
            assert_eq!(other.code(), "dataset.schema_differs", "{}", other.text());
            assert_eq!(house.sign_in("viewer@acme.example").get("/v1/identity/me").json()["role"], "viewer");
            house.terminate();
        }
        // The store was made before it was said whose it is; what is in it says it.
        let mark = std::fs::read_to_string(folder.path().join("objects/wheelhouse-store")).expect("the mark");
        assert!(mark.contains("installation "), "{name}: {mark}");
    }
}

#[test]
fn data_of_a_newer_build_is_refused_and_left_alone() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        house.terminate();
        let (vault, data) = (Vault::new(), site.folder.path());
        for context in ["panels", "futures", "kernel"] {
            note_migration(site.kind, site.folder.path(), "INSERT", context);
            let output = wheelhouse()
                .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
                .arg(site.folder.path())
                .stdout(Stdio::null())
                .output()
                .expect("it starts");
            let words = words(&output);
            assert!(!output.status.success(), "a newer folder was opened");
            assert!(words.contains("db.schema_newer") && words.contains("9999_future"), "{words}");
            // Nor is it backed up by a program that does not know which objects it names.
            let words = vault.refused(data, "create", &[], "db.schema_newer");
            assert!(words.contains("9999_future"), "{words}");
            assert!(vault.points(data).is_empty(), "a refused backup left a point");
            note_migration(site.kind, site.folder.path(), "DELETE", context);
        }
        vault.done(data, "create", &[]);
        assert!(site.start().setup_token.is_none(), "the refusal changed something");
    }
}

/// As if a newer build had been at work, or not.
fn note_migration(kind: EngineKind, folder: &Path, verb: &str, context: &str) {
    let time = if kind == EngineKind::Sqlite { "applied_at" } else { "at" };
    let sql = match verb {
        "INSERT" => format!(
            "INSERT INTO kernel_migration (context, name, checksum, {time}) VALUES ('{context}', '9999_future', 'x', 0)"
        ),
        _ => format!("DELETE FROM kernel_migration WHERE context = '{context}' AND name = '9999_future'"),
    };
    if kind == EngineKind::Sqlite {
        return embedded(folder).execute_batch(&sql).expect("it can be written");
    }
    connected(owner(folder), async |client| client.batch_execute(&sql).await.expect("it can be written"));
}
