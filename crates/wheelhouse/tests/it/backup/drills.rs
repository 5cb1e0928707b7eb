//! Fifty restores at random moments of a server that was being written to, each compared with what was acknowledged.
mod rows;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use wh_base::{Clock, OsRandom, Random, SystemClock, Timestamp};
use wh_testkit::engines::EngineKind;

use super::bucket::comes_to;
use super::{Vault, csv, rows_of};
use crate::house::{House, Person, Site};

const DRILLS: usize = 50;
/// Points that must be there before the writers are stopped.
const POINTS_MIN: usize = 8;
/// Of the drills, every so many-th is also looked at through a server on the restored folder.
const SERVED_EVERY: usize = 20;
const IMPORT_ROWS: usize = 400;
/// Of one panel's imports so many are remembered; here none may be forgotten.
const IMPORTS_MAX: usize = 450;
/// A point that another process makes may lie this close to one of the server's.
const APART_US: i64 = 500_000;

/// A change: when it was asked for, and when it was acknowledged.
#[derive(Clone, Copy, Debug)]
struct Told {
    asked: Timestamp,
    answered: Timestamp,
}

/// What the writers did.
#[derive(Default)]
struct Diary {
    /// Panels by id, with their title.
    panels: BTreeMap<String, (String, Told)>,
    /// The numbers that one panel's title counted through, in order.
    titles: Vec<Told>,
    /// Imports into one panel, in order.
    imports: Vec<Told>,
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Told) {
    let asked = SystemClock.now();
    let done = act();
    (done, Told { asked, answered: SystemClock.now() })
}

#[test]
fn fifty_restores_at_random_moments_hold_what_was_acknowledged() {
    let (site, vault) = (Site::new(EngineKind::Sqlite), Vault::new());
    let data = site.folder.path();
    let house = vault.serve(data);
    let owner = house.set_up();
    let set_up = SystemClock.now();
    let (counted, counted_told) = timed(|| owner.panel("title 0"));
    let (filled, filled_told) = timed(|| owner.panel("imports"));
    let stop = Arc::new(AtomicBool::new(false));
    let writers = writers(&owner, &stop, &counted, &filled);
    comes_to(&owner, "the first point", |state| state["kept_at"].is_string());
    let wait_for = |count: usize| while vault.points(data).len() < count {};
    wait_for(POINTS_MIN / 2);
    // By hand in between: both kinds of points must fit together.
    vault.done(data, "create", &[]);
    wait_for(POINTS_MIN);
    stop.store(true, Ordering::SeqCst);
    let mut diary = Diary::default();
    for writer in writers {
        let part = writer.join().expect("a writer");
        diary.panels.extend(part.panels);
        diary.titles.extend(part.titles);
        diary.imports.extend(part.imports);
    }
    assert!(!diary.panels.is_empty() && !diary.titles.is_empty() && !diary.imports.is_empty());
    house.terminate();
    let last = rows::tables(data);
    let expected = rows::Expected {
        set_up,
        counted: (&counted, counted_told),
        filled: (&filled, filled_told),
        diary: &diary,
        last: &last,
    };
    let points = vault.points(data);
    let first = moment(&points[0]["at"]);
    let span = SystemClock.now().micros() - first.micros();
    for drill in 0..DRILLS {
        let at = Timestamp::from_micros(first.micros() + (random() % span.unsigned_abs()) as i64);
        let into = vault.path("drill");
        let text = at.to_string();
        vault.done(data, "restore", &["--at", &text, "--into", into.to_str().expect("text")]);
        let newest = points.iter().rposition(|point| moment(&point["at"]) <= at).expect("one is before");
        let kept = moment(&points[newest]["at"]);
        // What was asked for after the next point's moment cannot be in this one.
        let later =
            points.iter().map(|point| moment(&point["at"])).find(|at| at.micros() > kept.micros() + APART_US);
        let next = later.unwrap_or_else(|| SystemClock.now());
        rows::compare(&into, &expected, (kept, next));
        if drill % SERVED_EVERY == 0 {
            served(&into, &diary, &filled, kept);
        }
        std::fs::remove_dir_all(&into).expect("it is there");
    }
    vault.done(data, "verify", &[]);
}

/// One makes panels, one gives one panel a new title again and again, one imports into another.
fn writers(
    owner: &Person,
    stop: &Arc<AtomicBool>,
    counted: &str,
    filled: &str,
) -> [thread::JoinHandle<Diary>; 3] {
    [
        writer(owner, stop, usize::MAX, move |person, n, diary| {
            let (made, told) = timed(|| person.panel(&format!("panel {n}")));
            diary.panels.insert(made, (format!("panel {n}"), told));
        }),
        {
            let counted = counted.to_owned();
            writer(owner, stop, usize::MAX, move |person, n, diary| {
                let body = json!({ "title": format!("title {}", n + 1) });
                let path = format!("/v1/panels/{counted}");
                let (answer, told) = timed(|| person.call("PATCH", &path, Some(&body)));
                assert_eq!(answer.status, 200, "{}", answer.text());
                diary.titles.push(told);
            })
        },
        {
            let filled = filled.to_owned();
            writer(owner, stop, IMPORTS_MAX, move |person, n, diary| {
                let (answer, told) = timed(|| person.import(&filled, "append", &csv(n, IMPORT_ROWS)));
                assert_eq!(answer.status, 201, "{}", answer.text());
                diary.imports.push(told);
            })
        },
    ]
}

fn writer(
    owner: &Person,
    stop: &Arc<AtomicBool>,
    most: usize,
    write: impl Fn(&Person, usize, &mut Diary) + Send + 'static,
) -> thread::JoinHandle<Diary> {
    let (person, stop) = (owner.clone(), stop.clone());
    thread::spawn(move || {
        let mut diary = Diary::default();
        for n in 0..most {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            write(&person, n, &mut diary);
        }
        diary
    })
}

/// How many of a row of changes must be there, and how many may.
fn bounds(changes: &[Told], kept: Timestamp, next: Timestamp) -> (usize, usize) {
    let must = changes.iter().take_while(|told| told.answered < kept).count();
    let may = changes.iter().take_while(|told| told.asked < next).count();
    (must, may)
}

/// The same through a server on the restored folder: every row of every import that must be there.
fn served(folder: &Path, diary: &Diary, filled: &str, kept: Timestamp) {
    let house = House::start_with(folder, &[]);
    if house.setup_token.is_some() {
        return; // The moment lies before the house was set up.
    }
    let owner = house.sign_in("olga@acme.example");
    let (must, _) = bounds(&diary.imports, kept, kept);
    for import in 0..must {
        assert_eq!(rows_of(&owner, filled, import), IMPORT_ROWS as u64);
    }
}

/// A moment as the command line and the server write it.
pub fn moment(value: &Value) -> Timestamp {
    serde_json::from_value(value.clone()).expect("a moment")
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes).expect("randomness");
    u64::from_le_bytes(bytes)
}
