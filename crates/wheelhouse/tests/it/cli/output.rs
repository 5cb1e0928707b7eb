//! What is printed is safe for terminals and spreadsheets, and nothing but results goes to standard output.
use wh_testkit::engines::EngineKind;

use super::Shell;
use crate::house::{Site, sites};

const HOSTILE: &str = "name,amount\n\"=HYPERLINK(\"\"http://x\"\")\",-5\n+1-2,7\n\u{1b}[31mred,1\n\"a \"\"quoted\"\", comma\",2\n";

#[test]
fn formulas_are_disarmed_in_csv_unless_asked_not_to() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let owner = house.set_up();
    let panel = owner.panel("Hostile");
    assert_eq!(owner.import(&panel, "replace", HOSTILE.as_bytes()).status, 201);
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let rows = ["row", "list", "--panel", "hostile", "--csv"];
    let safe = shell.run(&rows).good();
    assert!(safe.contains("\"'=HYPERLINK(\"\"http://x\"\")\",-5\r\n"), "{safe}");
    assert!(safe.contains("'+1-2,7\r\n") && safe.contains("\"a \"\"quoted\"\", comma\",2\r\n"), "{safe}");
    let raw = shell.run(&[&rows[..], &["--raw"]].concat()).good();
    assert_eq!(raw.replace("\r\n", "\n"), HOSTILE);
    let table = shell.run(&rows[..4]).good();
    assert!(!table.contains('\u{1b}') && table.contains("\\u{1b}[31mred"), "{table}");
}

#[test]
fn quiet_says_nothing_but_ids_and_a_closed_pipe_is_no_failure() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let made = shell.run(&["panel", "create", "--title", "A", "--quiet"]);
    assert_eq!((made.out.lines().count(), made.err.as_str()), (1, ""));
    let gone = shell.run(&["panel", "delete", made.out.trim(), "--yes", "--quiet"]);
    assert_eq!((gone.code, gone.out.as_str(), gone.err.as_str()), (0, "", ""));
    let binary = env!("CARGO_BIN_EXE_wheelhouse");
    let mut piped = std::process::Command::new("bash");
    piped.args(["-c", "set -o pipefail; \"$0\" openapi get | head -c 1 > first"]).arg(binary);
    piped.env("XDG_CONFIG_HOME", shell.folder().join("config")).current_dir(shell.folder());
    let said = super::read(&piped.output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(shell.folder().join("first")).unwrap(), "{");
}

#[test]
fn what_companies_use_stands_in_columns_and_limits_are_set_by_its_name() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("Flights");
        assert_eq!(owner.import(&panel, "replace", b"a,b\n1,2\n").status, 201);
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let set =
            ["company-limits", "set", "--company", "acme", "--panels", "5", "--storage-bytes", "2500000"];
        shell.run(&set).good();
        let table = shell.run(&["company-usage", "list"]).good();
        let mut lines = table.lines();
        let heads: Vec<&str> = lines.next().expect("heads").split_whitespace().collect();
        assert_eq!(
            heads,
            ["ID", "NAME", "CREATED_AT", "MEMBERS", "INVITATIONS", "PANELS", "STORAGE"],
            "{table}"
        );
        let row = lines.next().expect("a company");
        assert!(row.contains("Acme") && row.contains("1 of 5") && row.ends_with("of 2.5 MB"), "{table}");
        let own = shell.run(&["company-usage", "get"]).good();
        assert!(own.contains("members 1 of 10000") && own.contains("panels 1 of 5"), "{own}");
        let listed = shell.run(&["company-usage", "list", "--json"]).json();
        assert_eq!(listed["items"][0]["limits"]["panels"], 5, "JSON is the server's");
        shell.run(&["company-limits", "get", "--company", "nobody"]).bad(5, "cli.name_unknown");
        shell.run(&["company-limits", "delete", "--company", "Acme"]).good();
    }
}
