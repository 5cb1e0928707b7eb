//! Bad weather: a full disk, a read-only one, a clock that jumps, a database that is killed and comes back, an object store that
//! is away. Each ends in an error with a name, what was acknowledged is there afterwards, and the server goes on by itself.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use wh_testkit::engines::{EngineKind, PostgresServer, must_be_there};

use crate::house::{House, Person, Site, wheelhouse};
use crate::http::Answer;

/// Until when the server must have found its way back; far more than it takes.
const PATIENCE: Duration = Duration::from_secs(30);
const ROWS: &[u8] = b"carrier,delay\nUA,3\nAA,4\n";

/// A refusal with a name that is no "something went wrong".
#[track_caller]
fn named(answer: &Answer) -> String {
    let code = answer.code();
    assert!(
        answer.status >= 500 && !code.is_empty() && code != "internal",
        "{} {}",
        answer.status,
        answer.text()
    );
    code
}

/// Ask until it goes well.
#[track_caller]
fn comes_back(what: &str, mut ask: impl FnMut() -> Option<Answer>) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let last = ask();
        match last {
            Some(answer) if answer.status < 300 => return answer,
            _ if Instant::now() < until => std::thread::yield_now(),
            last => panic!("{what} did not come back: {last:?}"),
        }
    }
}

fn create(person: &Person, title: &str) -> Answer {
    person.post("/v1/panels", &json!({ "title": title }))
}

/// All of them, page by page.
pub fn titles(person: &Person) -> Vec<String> {
    let (mut all, mut address) = (Vec::new(), "/v1/panels?limit=200".to_owned());
    loop {
        let page = person.get(&address).json();
        let items = page["items"].as_array().expect("a list").iter();
        all.extend(items.map(|panel| panel["title"].as_str().expect("a title").to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { return all };
        address = format!("/v1/panels?limit=200&cursor={cursor}");
    }
}

/// Whether this machine lets a test have a disk of its own. In CI it must.
pub fn can_mount() -> bool {
    let can =
        Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|output| output.status.success());
    assert!(can || !must_be_there(), "the tests of full disks need the right to mount");
    if !can {
        eprintln!("skipped: a disk of its own needs the right to mount");
    }
    can
}

/// A server whose data folder is a disk of its own, made by this line of shell.
fn on_a_disk_of_its_own(folder: &Path, mount: &str) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("{mount} && exec \"$0\" serve --listen 127.0.0.1:0 --data-dir \"$1\"");
    command.args(["-m", "sh", "-c", &script, env!("CARGO_BIN_EXE_wheelhouse")]).arg(folder);
    command.env("WHEELHOUSE_LOG_LEVEL", "error");
    command
}

#[test]
fn a_full_disk_refuses_changes_by_name_and_takes_them_again_when_there_is_room() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mount = format!("mount -t tmpfs -o size=48m tmpfs {}", folder.path().display());
    let house = House::started(on_a_disk_of_its_own(folder.path(), &mount));
    let owner = house.set_up();
    let panel = owner.panel("flights");
    assert_eq!(owner.import(&panel, "replace", ROWS).status, 201);
    // Its disk, as the server sees it.
    let inside = folder.path().strip_prefix("/").expect("an absolute path");
    let disk = PathBuf::from(format!("/proc/{}/root", house.pid())).join(inside);
    let filler = disk.join("filler");
    let mut made = vec!["flights".to_owned()];
    let mut filled = fs::File::create(&filler).expect("there is room");
    let much = vec![7; 65_536];
    while std::io::Write::write_all(&mut filled, &much).is_ok() {}
    while std::io::Write::write_all(&mut filled, &[7; 512]).is_ok() {}
    drop(filled);

    let many: String = (0..200_000).map(|n| format!("{n},{}\n", n * 7919)).collect();
    let refused = owner.import(&panel, "replace", format!("a,b\n{many}").as_bytes());
    named(&refused);
    // The log of the database has some room that it keeps; then it is full as well.
    let mut refusal = None;
    for n in 0..5_000 {
        let answer = create(&owner, &format!("made {n}"));
        if answer.status != 201 {
            refusal = Some(answer);
            break;
        }
        made.push(format!("made {n}"));
    }
    named(&refusal.expect("a full disk takes no change"));
    let rows = owner.get(&format!("/v1/panels/{panel}/rows"));
    assert_eq!((rows.status, rows.json()["count"].as_u64()), (200, Some(2)), "{}", rows.text());
    assert_eq!(house.nobody().get("/health").status, 200);

    fs::remove_file(&filler).expect("it is ours");
    comes_back("the database", || Some(create(&owner, "after")));
    made.push("after".to_owned());
    let imported = comes_back("the object store", || Some(owner.import(&panel, "append", ROWS)));
    assert_eq!(imported.status, 201);
    assert_eq!(owner.get(&format!("/v1/panels/{panel}/rows")).json()["count"], 4);
    let all = titles(&owner);
    for title in &made {
        assert!(all.contains(title), "{title} was acknowledged");
    }
    assert!(house.terminate().success());
}

#[test]
fn a_read_only_disk_is_told_at_the_start() {
    if !can_mount() {
        return;
    }
    let site = Site::new(EngineKind::Sqlite);
    site.start().terminate();
    let folder = site.folder.path().display();
    let mount = format!("mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}");
    let output = on_a_disk_of_its_own(site.folder.path(), &mount).output().expect("it starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && words.contains(&*folder.to_string()), "{words}");
    assert!(words.to_lowercase().contains("read-only") && !words.contains("panicked"), "{words}");
}

#[test]
fn a_clock_that_jumps_ends_no_change_and_mixes_no_order() {
    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    if !Path::new(LIBRARY).exists() {
        assert!(!must_be_there(), "install faketime");
        eprintln!("skipped: faketime is not installed");
        return;
    }
    let site = Site::new(EngineKind::Sqlite);
    let clock = tempfile::NamedTempFile::new().expect("a file");
    let jump = |offset: &str| fs::write(clock.path(), offset).expect("the clock's file");
    jump("+0s");
    let mut command = wheelhouse();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(site.folder.path());
    command.env("LD_PRELOAD", LIBRARY).env("FAKETIME_TIMESTAMP_FILE", clock.path());
    // Only the time of day jumps, as when an administrator sets it.
    command
        .env("FAKETIME_NO_CACHE", "1")
        .env("DONT_FAKE_MONOTONIC", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let house = House::started(command);
    let owner = house.set_up();
    let mut made = Vec::new();
    for (n, offset) in ["+0s", "-3600s", "+600s", "-86400s", "+0s"].into_iter().enumerate() {
        jump(offset);
        let title = format!("panel {n}");
        assert_eq!(create(&owner, &title).status, 201, "at {offset}");
        let panel = titles(&owner).len();
        assert_eq!(panel, n + 1, "at {offset}");
        made.push(title);
    }
    let panel = owner.panel("flights");
    jump("-7200s");
    assert_eq!(owner.import(&panel, "replace", ROWS).status, 201);
    jump("+0s");
    assert_eq!(owner.import(&panel, "append", ROWS).status, 201);
    assert_eq!(owner.get(&format!("/v1/panels/{panel}")).json()["version"], 2);
    // Days later the session is over, which has a name, and a new one works.
    jump("+3d");
    let over = owner.get("/v1/panels");
    assert_eq!(over.status, 401, "{}", over.text());
    let again = house.sign_in("olga@acme.example");
    let all = titles(&again);
    for title in &made {
        assert!(all.contains(title), "{title} was acknowledged");
    }
    assert!(house.terminate().success());
}

#[test]
fn a_killed_postgres_is_named_and_met_again_and_nothing_acknowledged_is_lost() {
    let Some(mut server) = PostgresServer::start_durable().expect("PostgreSQL starts") else {
        assert!(!must_be_there(), "install postgresql-15");
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let made = wheelhouse()
        .args(["db", "init", "--admin-url", server.admin_url(), "--data-dir"])
        .arg(folder.path())
        .output()
        .expect("db init starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let house = House::start_with(folder.path(), &[]);
    let owner = house.set_up();
    let mut made = Vec::new();
    for round in 0..3 {
        for n in 0..10 {
            let title = format!("panel {round}.{n}");
            assert_eq!(create(&owner, &title).status, 201);
            made.push(title);
        }
        server.kill().expect("it ran");
        // Its processes may outlive their parent for a moment: what they acknowledge counts like everything else. The one that is refused
        // may be there all the same: it is the answer to its commit that is lost.
        let refused = (0..)
            .find_map(|n| {
                let title = format!("lost {round}.{n}");
                let answer = create(&owner, &title);
                if answer.status != 201 {
                    return Some(answer);
                }
                made.push(title);
                None
            })
            .expect("it is refused in the end");
        let code = named(&refused);
        assert!(code.starts_with("db."), "{code}");
        assert_eq!(house.nobody().get("/health").status, 200, "the process itself is well");
        comes_to(503, || house.nobody().get("/health/ready"));
        server.run_again().expect("it runs again");
        let back = format!("back {round}");
        comes_back("the database", || Some(create(&owner, &back)));
        made.push(back);
        comes_back("readiness", || Some(house.nobody().get("/health/ready")));
        let all = titles(&owner);
        for title in &made {
            assert!(all.contains(title), "{title} was acknowledged");
        }
    }
    assert!(house.terminate().success());
}

#[test]
fn an_object_store_that_is_away_is_named_and_met_again() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let owner = house.set_up();
    let panel = owner.panel("flights");
    assert_eq!(owner.import(&panel, "replace", ROWS).status, 201);
    let (objects, away) = (site.folder.path().join("objects"), site.folder.path().join("away"));
    fs::rename(&objects, &away).expect("a folder");
    // A file in its place: nothing can be made below it.
    fs::write(&objects, "").expect("a file");
    let refused = owner.import(&panel, "replace", b"a,b\n1,2\n");
    assert_eq!(named(&refused), "dataset.store");
    // What is in memory is still looked at, and what needs no objects still works.
    assert_eq!(owner.get(&format!("/v1/panels/{panel}/rows")).json()["count"], 2);
    assert_eq!(create(&owner, "meanwhile").status, 201);
    let ready = comes_to(503, || house.nobody().get("/health/ready"));
    assert!(!ready.text().contains(&site.folder.path().display().to_string()), "{}", ready.text());
    fs::remove_file(&objects).expect("ours");
    fs::rename(&away, &objects).expect("a folder");
    comes_back("the object store", || Some(owner.import(&panel, "append", ROWS)));
    comes_back("readiness", || Some(house.nobody().get("/health/ready")));
    assert_eq!(owner.get(&format!("/v1/panels/{panel}/rows")).json()["count"], 4);
    assert!(titles(&owner).contains(&"meanwhile".to_owned()));
    assert!(house.terminate().success());
}

/// Ask until it answers so.
#[track_caller]
fn comes_to(status: u16, mut ask: impl FnMut() -> Answer) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if answer.status == status {
            return answer;
        }
        assert!(Instant::now() < until, "not {status}: {} {}", answer.status, answer.text());
        std::thread::yield_now();
    }
}
