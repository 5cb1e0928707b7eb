//! How the programs of PostgreSQL are called: with programs that only write down what they were given, so no PostgreSQL is needed.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use wh_testkit::engines::EngineKind;

use super::{Vault, words};
use crate::house::{House, sites, wheelhouse};

/// A folder with programs, and a data folder whose settings name a database.
struct Workshop {
    vault: Vault,
    programs: PathBuf,
    data: PathBuf,
}

impl Workshop {
    fn new(url: &str) -> Self {
        let vault = Vault::new();
        let (programs, data) = (vault.path("programs"), vault.path("data"));
        fs::create_dir(&programs).expect("a folder");
        fs::create_dir(&data).expect("a folder");
        let mut settings = "[database]\nengine = \"postgres\"\n".to_owned();
        for login in ["owner", "app", "id", "sys"] {
            settings.push_str(&format!("postgres_{login}_url = \"{url}\"\n"));
        }
        fs::write(data.join("wheelhouse.toml"), settings).expect("a file");
        Self { vault, programs, data }
    }

    /// A program of the shell; `$SAID` is a file to write down what is to be remembered.
    fn program(&self, name: &str, script: &str) {
        let file = self.programs.join(name);
        let said = self.said_in();
        let text = format!("#!/bin/sh\nSAID='{}'\n{script}\n", said.display());
        fs::write(&file, text).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be run");
    }

    fn said_in(&self) -> PathBuf {
        self.vault.path("said")
    }

    fn said(&self) -> String {
        fs::read_to_string(self.said_in()).expect("a program was run")
    }

    /// Where programs are looked for.
    fn path(&self) -> String {
        let path = std::env::vars().find(|(name, _)| name == "PATH").map(|(_, path)| path);
        format!("{}:{}", self.programs.display(), path.unwrap_or_default())
    }

    /// `wheelhouse backup VERB` with these programs before all others.
    fn run(&self, verb: &str, rest: &[&str]) -> Output {
        let mut command = wheelhouse();
        command.env("PATH", self.path());
        for name in ["PGSSLMODE", "PGSSLROOTCERT", "PGPASSWORD"] {
            command.env_remove(name);
        }
        command.env("WHEELHOUSE_BACKUP_SCRATCH_DIR", self.vault.path("scratch"));
        command.args(["backup", verb, "--data-dir"]).arg(&self.data).args(rest);
        if verb != "load" {
            command.arg("--target").arg(self.vault.target()).arg("--key-file").arg(self.vault.key());
        }
        command.output().expect("it starts")
    }

    fn left_in_scratch(&self) -> usize {
        fs::read_dir(self.vault.path("scratch")).map_or(0, Iterator::count)
    }
}

/// Writes down how it may be read what it was to write, and fails.
const LOOK_AT_FOLDER: &str = r#"
while [ $# -gt 1 ]; do [ "$1" = --file ] && file="$2"; shift; done
[ -n "$file" ] || exit 0
echo half > "$file"
stat -c %a "$(dirname "$file")" > "$SAID"
exit 1"#;

/// Writes down how it was called, and fails.
const SAY_TLS: &str = r#"
[ "$1" = --version ] && exit 0
echo "mode=${PGSSLMODE-unset} roots=${PGSSLROOTCERT-unset}" > "$SAID"
exit 1"#;

#[test]
fn programs_trust_a_server_no_sooner_than_we_do() {
    for (query, said) in [
        ("", "mode=verify-full roots=system"),
        ("?sslrootcert=/etc/ca.pem", "mode=verify-full roots=unset"),
        ("?sslmode=verify-full", "mode=unset roots=system"),
        ("?sslmode=require", "mode=unset roots=unset"),
    ] {
        let shop = Workshop::new(&format!("postgres://wheelhouse@db.example.com/wheelhouse{query}"));
        shop.program("pg_dump", SAY_TLS);
        let refused = shop.run("create", &[]);
        assert!(words(&refused).contains("backup.tool_failed"), "{query}: {}", words(&refused));
        assert_eq!(shop.said().trim(), said, "{query}");
    }
    let shop = Workshop::new("postgres://wheelhouse@127.0.0.1/wheelhouse");
    shop.program("pg_dump", SAY_TLS);
    shop.run("create", &[]);
    assert_eq!(shop.said().trim(), "mode=unset roots=unset", "a server on this machine");
}

/// Writes down how it was called, and fails.
const SAY_ALL: &str = r#"
[ "$1" = --version ] && exit 0
echo "arguments=$* password=${PGPASSWORD-unset}" >> "$SAID"
exit 1"#;

#[test]
fn no_password_stands_in_the_arguments_of_a_program() {
    for (url, target, password) in [
        ("postgres://w:se%40cret@127.0.0.1/d", "postgres://w@127.0.0.1/d", "se@cret"),
        ("postgres://w@127.0.0.1/d?password=se%40cret", "postgres://w@127.0.0.1/d", "se@cret"),
        (
            "postgres://w:other@127.0.0.1/d?sslmode=disable&password=se%40cret&connect_timeout=3",
            "postgres://w@127.0.0.1/d?sslmode=disable&connect_timeout=3",
            "se@cret",
        ),
        ("postgres://w@127.0.0.1/d", "postgres://w@127.0.0.1/d", "unset"),
        ("postgres://127.0.0.1/d?user=w", "postgres://127.0.0.1/d?user=w", "unset"),
    ] {
        let shop = Workshop::new(url);
        shop.program("pg_dump", SAY_ALL);
        let refused = shop.run("create", &[]);
        assert!(words(&refused).contains("backup.tool_failed"), "{url}: {}", words(&refused));
        let said = shop.said();
        let (arguments, given) = said.trim().split_once(" password=").expect("both");
        assert!(arguments.split(' ').any(|word| word == target), "{url}: {arguments}");
        assert!(!arguments.contains("secret") && !arguments.contains("cret"), "{arguments}");
        assert_eq!(given, password, "{url}");
    }
}

#[test]
fn a_load_shows_nobody_what_the_database_holds() {
    let shop = Workshop::new("postgres://wheelhouse@127.0.0.1:1/wheelhouse");
    shop.program("pg_dump", LOOK_AT_FOLDER);
    shop.program("pg_restore", "exit 0");
    fs::write(shop.data.join("wheelhouse.pgdump"), "an archive").expect("a file");
    let refused = shop.run("load", &[]);
    assert!(words(&refused).contains("backup.tool_failed"), "{}", words(&refused));
    assert_eq!(shop.said().trim(), "700", "others can look into the folder");
    assert_eq!(shop.left_in_scratch(), 0, "half a dump was left");
}

/// Writes an archive of a kind that nobody knows.
const DUMPS: &str = r#"
while [ $# -gt 1 ]; do [ "$1" = --file ] && file="$2"; shift; done
[ -z "$file" ] || echo archive > "$file""#;

/// Says what is wrong, and fails.
const REFUSES: &str = r#"
[ "$1" = --version ] && exit 0
echo 'pg_restore: error: unsupported version (9.99) in file header' >&2
exit 1"#;

#[test]
fn what_a_program_that_reads_an_archive_says_is_told() {
    let shop = Workshop::new("postgres://wheelhouse@127.0.0.1:1/wheelhouse");
    shop.program("pg_dump", DUMPS);
    shop.program("pg_restore", REFUSES);
    let refused = words(&shop.run("create", &[]));
    assert!(refused.contains("backup.tool_failed") && refused.contains("unsupported version"), "{refused}");
    assert_eq!(shop.left_in_scratch(), 0, "a dump was left");
}

/// Writes down that it was called, and does not end.
const NEVER_ENDS: &str = r#"
[ "$1" = --version ] && exit 0
echo called > "$SAID"
exec sleep 3600"#;

#[test]
fn a_program_that_may_not_be_run_is_looked_for_elsewhere() {
    let shop = Workshop::new("postgres://nobody@127.0.0.1:1/none");
    shop.program("pg_dump", "exit 0");
    let file = shop.programs.join("pg_dump");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let mut command = wheelhouse();
    command.env("PATH", &shop.programs).envs(shop.vault.all_settings());
    let refused =
        command.args(["backup", "create", "--data-dir"]).arg(&shop.data).output().expect("it starts");
    let said = words(&refused);
    // Where Debian's are there, they say that nobody listens on that port.
    assert!(said.contains("backup.tool_missing") || said.contains("pg_dump: "), "{said}");
    assert!(!said.contains("does not start"), "{said}");
}

#[test]
fn a_server_ends_while_a_dump_goes_on() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        let shop = Workshop::new("postgres://nobody@127.0.0.1/none");
        shop.program("pg_dump", NEVER_ENDS);
        let mut settings = shop.vault.all_settings();
        settings.push(("PATH", shop.path()));
        let scratch = shop.vault.path("scratch");
        settings.push(("WHEELHOUSE_BACKUP_SCRATCH_DIR", scratch.to_str().expect("text").to_owned()));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let house = House::start_with(site.folder.path(), &settings);
        let until = Instant::now() + Duration::from_mins(3);
        while !shop.said_in().exists() {
            assert!(Instant::now() < until, "nothing was dumped");
            std::thread::yield_now();
        }
        assert!(house.terminate().success());
        assert_eq!(shop.left_in_scratch(), 0, "half a dump was left");
        let status = fs::read_to_string(site.folder.path().join("backup-status.json")).unwrap_or_default();
        assert!(!status.contains("backup.stopped"), "the end of a server is no failure: {status}");
    }
}
