//! Several processes on one PostgreSQL: each lists all of them and says which it is; one that is stopped goes, one that is killed is missed.
use std::path::Path;

use serde_json::{Value, json};
use wh_testkit::engines::EngineKind;

use crate::cli::Shell;
use crate::database::{connected, owner};
use crate::house::{House, Person, Site, sites};

/// A folder for a further process on the database of a site.
fn beside(site: &Site) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = "wheelhouse.toml";
    std::fs::copy(site.folder.path().join(settings), folder.path().join(settings)).expect("the settings");
    folder
}

/// The same person at another process: sessions are rows of the database.
fn at(house: &House, person: &Person) -> Person {
    Person { address: house.address, ..person.clone() }
}

fn nodes(person: &Person) -> Vec<Value> {
    let answer = person.get("/v1/system/nodes");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().expect("a list").clone()
}

/// Address, state and whether it answers, of each.
fn seen(person: &Person) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let one = |node: &Value| (text(&node["address"]), text(&node["state"]), node["answering"] == true);
    nodes(person).iter().map(one).collect()
}

fn address(house: &House) -> String {
    format!("http://{}", house.address)
}

fn postgres() -> impl Iterator<Item = Site> {
    sites().into_iter().filter(|site| site.kind == EngineKind::Postgres)
}

/// Run a statement as the owner of a site's database.
fn run(folder: &Path, sql: &str) -> u64 {
    connected(owner(folder), async |client| client.execute(sql, &[]).await.expect("it can be run"))
}

#[test]
fn each_process_lists_all_of_them_and_says_which_it_is() {
    for site in postgres() {
        let (first, folder) = (site.start(), beside(&site));
        let here = first.set_up();
        let second = House::start_with(folder.path(), &[]);
        let there = at(&second, &here);
        for (person, own, other) in [(&here, &first, &second), (&there, &second, &first)] {
            let (own, other) = (address(own), address(other));
            assert_eq!(seen(person), [(own, "up".to_owned(), true), (other, "up".to_owned(), false)]);
            let node = &nodes(person)[0];
            let name = json!({ "id": node["id"], "host": node["host"] });
            for path in ["/v1/system/statements", "/v1/system/log-level", "/health/detailed"] {
                assert_eq!(person.get(path).json()["node"], name, "{path}");
            }
            assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
        }
        assert_ne!(nodes(&here)[0]["id"], nodes(&there)[0]["id"]);
        // What the one says of the other is what that says of itself, but for what changes from beat to beat.
        let (mut itself, told) = (nodes(&there)[0].clone(), nodes(&here)[1].clone());
        for field in ["answering", "seen_at", "process"] {
            itself[field] = told[field].clone();
        }
        assert_eq!(told, itself);

        // Who is stopped takes itself out before it ends.
        assert!(second.terminate().success());
        assert_eq!(seen(&here), [(address(&first), "up".to_owned(), true)]);
    }
}

#[test]
fn a_killed_process_is_missed_until_another_takes_its_place() {
    for site in postgres() {
        let (first, folder) = (site.start(), beside(&site));
        let here = first.set_up();
        let second = House::start_with(folder.path(), &[]);
        let (killed, gone) = (address(&second), nodes(&at(&second, &here))[0]["id"].clone());
        second.kill();
        assert_eq!(nodes(&here).len(), 2, "it told nobody");
        // As if a minute had passed since its last word.
        let id = gone.as_str().expect("an id");
        let later = "UPDATE wheelhouse.kernel_node SET seen_at = seen_at - 60000000 WHERE id = ";
        assert_eq!(run(site.folder.path(), &format!("{later}'{id}'")), 1);
        let expected = [(address(&first), "up".to_owned(), true), (killed, "silent".to_owned(), false)];
        assert_eq!(seen(&here), expected);
        let table = Shell::signed_in(&first, "olga@acme.example").run(&["node", "list"]).good();
        assert!(table.contains("silent"), "{table}");

        let again = House::start_with(folder.path(), &[]);
        let expected = [(address(&first), "up".to_owned(), true), (address(&again), "up".to_owned(), false)];
        assert_eq!(seen(&here), expected, "the same data folder: its predecessor is gone");
        assert_ne!(nodes(&here)[1]["id"], gone);
    }
}

#[test]
fn the_command_line_lists_them() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let said = shell.run(&["node", "list", "--json"]).json();
        let [node] = &said["items"].as_array().expect("a list")[..] else { panic!("{said}") };
        assert_eq!((&node["state"], &node["answering"]), (&"up".into(), &true.into()));
        assert_eq!(node["address"], address(&house));
        let level = shell.run(&["log-level", "get", "--json"]).json();
        assert_eq!(level["node"]["id"], node["id"]);
        let table = shell.run(&["node", "list"]).good();
        assert!(table.contains("STATE") && table.contains(&address(&house)), "{table}");
    }
}
