//! The promise that a lost machine costs less than a minute: the server is killed, its data folder thrown away, and all that is left is
//! the place of the backups.
use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use wh_base::{Clock, OsRandom, Random, SystemClock, Timestamp};
use wh_testkit::engines::EngineKind;

use super::Vault;
use super::bucket::comes_to;
use super::drills::moment;
use crate::house::{House, Person, Site};
use crate::weather::titles;

/// What was acknowledged so long ago is kept, whatever happens now.
const PROMISED_S: i64 = 60;
/// Starts that are killed while the full point that each begins with is under way.
const STARTS: usize = 5;
/// The latest moment of such a kill.
const KILL_WITHIN_US: u64 = 150_000;

/// When each change was acknowledged, in order; nothing for one that never was. The first made the panel, each further one counts its title.
type Told = Vec<Option<Timestamp>>;

/// Change the title until the server is away; the panel is there before this answers.
fn writer(person: Person) -> thread::JoinHandle<Told> {
    let path = format!("/v1/panels/{}", person.panel("title 0"));
    let mut told = vec![Some(SystemClock.now())];
    thread::spawn(move || {
        for n in 1.. {
            let body = json!({ "title": format!("title {n}") }).to_string();
            let headers = "Content-Type: application/json\r\n";
            let answer = person.try_send("PATCH", &path, headers, body.as_bytes());
            let answered = answer.ok().map(|answer| {
                assert_eq!(answer.status, 200, "{}", answer.text());
                SystemClock.now()
            });
            told.push(answered);
            if answered.is_none() {
                break;
            }
        }
        told
    })
}

/// Wait until everything up to now is said to be kept; up to when it is.
fn kept_up_to_now(owner: &Person) -> Timestamp {
    let now = SystemClock.now();
    let is_kept = |state: &serde_json::Value| state["kept_at"].is_string() && moment(&state["kept_at"]) > now;
    moment(&comes_to(owner, "what was written is not kept", is_kept)["kept_at"])
}

/// All that is left is the place: what was acknowledged before the moment that was said to be kept is there, and so is what is older than
/// the promise.
fn all_is_there(vault: &Vault, data: &Path, told: &[Option<Timestamp>], kept: Timestamp, killed: Timestamp) {
    std::fs::remove_dir_all(data).expect("it is there");
    let into = vault.path("restored");
    vault.done(data, "restore", &["--into", into.to_str().expect("text")]);
    let house = House::start_with(&into, &[]);
    let titles = titles(&house.sign_in("olga@acme.example"));
    let [title] = titles.as_slice() else { panic!("one panel was made: {titles:?}") };
    let found: usize = title.trim_start_matches("title ").parse().expect("a number");
    let until = kept.max(killed.plus_seconds(-PROMISED_S));
    let must = told.iter().rposition(|answered| answered.is_some_and(|answered| answered < until));
    let must = must.expect("the panel was made before");
    assert!(found >= must, "change {must} was acknowledged before {until}; what is left is {found}");
    assert!(found < told.len(), "change {found} was never asked for");
}

#[test]
fn a_lost_machine_costs_less_than_a_minute() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    let writer = writer(owner.clone());
    // The first of them may be a full point; those behind it are steps.
    let mut kept = kept_up_to_now(&owner);
    while !vault.points(data).iter().any(|point| point["kind"] == "step") {
        kept = kept_up_to_now(&owner);
    }
    house.kill();
    let killed = SystemClock.now();
    let told = writer.join().expect("the writer");
    all_is_there(&vault, data, &told, kept, killed);
}

#[test]
fn a_machine_that_is_lost_while_others_make_a_full_point_costs_no_more() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    comes_to(&owner, "the first point", |state| state["kept_at"].is_string());
    // What `wheelhouse backup create` holds for as long as it takes.
    let locks = ["create.lock", "parts.lock"].map(|name| {
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        options.open(vault.place().join(name)).expect("a lock file")
    });
    locks[0].lock().expect("nobody makes a full point");
    locks[1].lock_shared().expect("nobody removes parts");
    let writer = writer(owner.clone());
    let kept = kept_up_to_now(&owner);
    house.kill();
    let killed = SystemClock.now();
    let told = writer.join().expect("the writer");
    all_is_there(&vault, data, &told, kept, killed);
}

#[test]
fn a_machine_that_is_lost_while_it_makes_a_full_point_costs_no_more() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    let writer = writer(owner.clone());
    let kept = kept_up_to_now(&owner);
    house.kill();
    let killed = SystemClock.now();
    let told = writer.join().expect("the writer");
    for _ in 0..STARTS {
        // It begins with a full point.
        let house = vault.serve(data);
        let until = Instant::now() + Duration::from_micros(random_below(KILL_WITHIN_US));
        while Instant::now() < until {
            thread::yield_now();
        }
        house.kill();
    }
    all_is_there(&vault, data, &told, kept, killed);
}

fn random_below(end: u64) -> u64 {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes).expect("randomness");
    u64::from_le_bytes(bytes) % end
}
