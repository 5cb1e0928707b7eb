//! A data folder with another database than the one its rows were written with: nothing is lost, and the way back is open.
use std::path::Path;
use std::process::Command;

use wh_testkit::engines::{EngineKind, shared};

use crate::backup::words;
use crate::database::{administrator, connected, embedded};
use crate::house::{House, Person, Site, sites, wheelhouse};

const CSV: &[u8] = b"carrier,dep_delay\nUA,2\nAA,-4\n";

/// What older builds wrote into every store.
const OLD_MARK: &str = "the objects of a Wheelhouse; see docs/operations.md\n";

/// A folder with a company, a panel and its rows; what the server was is over.
fn used() -> (Site, String) {
    let site = Site::new(EngineKind::Sqlite);
    let panel = use_once(&site);
    (site, panel)
}

fn use_once(site: &Site) -> String {
    let house = site.start();
    let owner = house.set_up();
    let panel = owner.panel("kept");
    assert_eq!(owner.import(&panel, "replace", CSV).status, 201);
    assert!(house.terminate().success());
    panel
}

fn rows(owner: &Person, panel: &str) -> u64 {
    let window = owner.get(&format!("/v1/panels/{panel}/rows?limit=1"));
    assert_eq!(window.status, 200, "{}", window.text());
    window.json()["total"].as_u64().expect("a number")
}

/// A start that must not come to its end, and what it says.
fn refused(folder: &Path) -> String {
    let mut command = wheelhouse();
    let output = command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder).output();
    let output = output.expect("it starts");
    assert!(!output.status.success(), "it was not refused: {}", words(&output));
    words(&output)
}

fn objects(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("objects")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// The embedded database, with what lies beside it while it is open.
fn database_moves(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("wheelhouse.db") {
            std::fs::rename(entry.path(), to.join(name)).expect("moved");
        }
    }
}

/// Changes the database of a server that is not running; on PostgreSQL as its administrator, whom no wall between companies holds.
fn change(site: &Site, sql: &str) {
    let folder = site.folder.path();
    if site.kind == EngineKind::Sqlite {
        return embedded(folder).execute_batch(sql).expect("it can be written");
    }
    let admin = administrator(folder);
    connected(admin, async |client| client.batch_execute(sql).await.expect("it can be written"));
}

/// The word for `store_adopt` that a refusal names.
fn word(said: &str) -> String {
    let (_, rest) = said.split_once("the word for store_adopt: ").unwrap_or_else(|| panic!("{said}"));
    rest.split_once(')').expect("an end").0.to_owned()
}

#[test]
fn without_its_database_a_folder_is_not_started_on_and_with_it_all_is_there() {
    let (site, panel) = used();
    let (folder, aside) = (site.folder.path(), tempfile::tempdir().expect("a folder"));
    let there = objects(folder);
    database_moves(folder, aside.path());
    let said = refused(folder);
    assert!(said.contains("dataset.store_foreign") && said.contains("store_adopt"), "{said}");
    assert_eq!(objects(folder), there);
    let doctor = |folder: &Path| {
        let mut command = wheelhouse();
        command.env("WHEELHOUSE_SERVER_LISTEN", "127.0.0.1:0").args(["doctor", "--data-dir"]).arg(folder);
        words(&command.output().expect("it starts"))
    };
    let told = doctor(folder);
    assert!(told.contains("fail  object store owner"), "{told}");
    // The database comes back, in place of the empty one that the refused start has made.
    let empty = tempfile::tempdir().expect("a folder");
    database_moves(folder, empty.path());
    database_moves(aside.path(), folder);
    let told = doctor(folder);
    assert!(told.contains("ok    object store owner"), "{told}");
    let house = site.start();
    assert_eq!(rows(&house.sign_in("olga@acme.example"), &panel), 2);
}

#[test]
fn a_new_database_takes_a_store_over_only_with_a_written_word() {
    let (site, _) = used();
    let (folder, aside) = (site.folder.path(), tempfile::tempdir().expect("a folder"));
    let there = objects(folder);
    database_moves(folder, aside.path());
    let word = word(&refused(folder));
    let settings =
        [("WHEELHOUSE_DATASET_STORE_ADOPT", word.as_str()), ("WHEELHOUSE_SERVER_METRICS_LOCAL", "true")];
    let house = House::start_with(folder, &settings);
    assert!(house.setup_token.is_some());
    // The sweep of the start knows none of the objects, and says so.
    let told = || {
        let figures = house.nobody().get("/metrics");
        assert_eq!(figures.status, 200);
        figures.text().contains("dataset_sweeps_refused_total 1")
    };
    while !told() {
        std::thread::yield_now();
    }
    assert!(house.terminate().success());
    assert_eq!(objects(folder), there);
    // From here on it is its own.
    assert!(site.start().terminate().success());
}

#[test]
fn an_upgrade_soon_after_the_last_panel_was_deleted_starts() {
    for site in sites() {
        let panel = use_once(&site);
        let house = site.start();
        let gone = house.sign_in("olga@acme.example").call("DELETE", &format!("/v1/panels/{panel}"), None);
        assert_eq!(gone.status, 204, "{}", gone.text());
        assert!(house.terminate().success());
        // An older build removed the last dataset's row at its next sweep, kept the objects for a day, and did not say whose the store is.
        let rows = ["dataset_segment", "dataset_version", "dataset_dataset"];
        change(&site, &rows.map(|table| format!("DELETE FROM {table};")).concat());
        let folder = site.folder.path();
        let mark = folder.join("objects/wheelhouse-store");
        // The first builds made no mark at all.
        if site.kind == EngineKind::Sqlite {
            std::fs::remove_file(&mark).expect("the mark");
        } else {
            std::fs::write(&mark, OLD_MARK).expect("the mark");
        }
        let rows_of = || {
            objects(folder).into_iter().filter(|path| !path.ends_with("wheelhouse-store")).collect::<Vec<_>>()
        };
        let there = rows_of();
        assert!(!there.is_empty(), "the rows of the deleted panel are kept for their time: {there:?}");
        // The second start finds whose the store is by now.
        for _ in 0..2 {
            let house = site.start();
            assert!(house.setup_token.is_none(), "its owner is not known");
            let owner = house.sign_in("olga@acme.example");
            assert_eq!(owner.get("/v1/panels").json()["items"].as_array().map(Vec::len), Some(0));
            assert!(house.terminate().success());
            let marked = std::fs::read_to_string(&mark).expect("the mark");
            assert!(marked.contains("installation "), "{marked}");
        }
        assert_eq!(rows_of(), there);
    }
}

#[test]
fn a_database_of_before_it_had_an_id_is_told_apart_and_taken_by_a_written_word() {
    for site in sites() {
        let panel = use_once(&site);
        // A copy of before the upgrade: its first start gave it another id.
        let id = if site.kind == EngineKind::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
        change(&site, &format!("UPDATE kernel_installation SET id = {id};"));
        let said = refused(site.folder.path());
        assert!(said.contains("dataset.store_foreign") && said.contains("older copy"), "{said}");
        let word = word(&said);
        let adopt = [("WHEELHOUSE_DATASET_STORE_ADOPT", word.as_str())];
        let house = House::start_with(site.folder.path(), &adopt);
        assert_eq!(rows(&house.sign_in("olga@acme.example"), &panel), 2);
        assert!(house.terminate().success());
        // The word was needed once.
        let house = site.start();
        assert_eq!(rows(&house.sign_in("olga@acme.example"), &panel), 2);
        assert!(house.terminate().success());
    }
}

#[test]
fn db_init_does_not_leave_a_company_behind_unsaid() {
    let Ok(server) = shared() else { return };
    let (site, panel) = used();
    let folder = site.folder.path();
    let there = objects(folder);
    let name = format!("whmove_{}", std::process::id());
    let init = |more: &[&str]| {
        let mut command: Command = wheelhouse();
        command.args(["db", "init", "--admin-url", server.admin_url(), "--database", &name]);
        command.args(["--login-prefix", &name, "--data-dir"]).arg(folder).args(more);
        let output = command.output().expect("it starts");
        (output.status.success(), words(&output))
    };
    let (made, said) = init(&[]);
    assert!(!made && said.contains("db.not_empty") && said.contains("--start-empty"), "{said}");
    assert!(!folder.join("wheelhouse.toml").exists(), "nothing is written down");
    let house = site.start();
    assert_eq!(rows(&house.sign_in("olga@acme.example"), &panel), 2);
    assert!(house.terminate().success());

    let (made, said) = init(&["--start-empty"]);
    assert!(made && said.contains("wheelhouse.db"), "{said}");
    // Again, as a package does it at each start: the configuration leads to PostgreSQL by now.
    let (made, said) = init(&[]);
    assert!(made, "{said}");
    let said = refused(folder);
    assert!(said.contains("dataset.store_foreign"), "{said}");
    assert_eq!(objects(folder), there, "the rows are those of the embedded database");
    // The way back.
    let back = [("WHEELHOUSE_DATABASE_ENGINE", "sqlite")];
    let house = House::start_with(folder, &back);
    assert_eq!(rows(&house.sign_in("olga@acme.example"), &panel), 2);
    assert!(house.terminate().success());
    // And on: with the old rows away it begins empty.
    std::fs::rename(folder.join("objects"), folder.join("objects-of-before")).expect("moved");
    assert!(site.start().setup_token.is_some());
}
