//! Kill -9 at random moments of imports and of row writes: what was acknowledged is there, what was not is absent as a whole, and
//! what is sent again under its key is not made twice.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wh_base::{OsRandom, Random};
use wh_testkit::engines::EngineKind;

use crate::house::{House, Person, Site, sites};
use crate::http::Answer;

/// Rounds on each engine.
const ROUNDS: u64 = 100;
/// Rows of one import; each import's rows carry its number, so that half an import would show.
const ROWS: usize = 5_000;
/// The latest moment of a kill, in microseconds after the writers began.
const KILL_WITHIN_US: u64 = 120_000;

/// What the clients were told.
#[derive(Default)]
struct Told {
    /// Titles of panels whose creation was answered, by id.
    panels: BTreeMap<String, String>,
    /// Numbers of imports that were answered.
    imports: Vec<usize>,
    /// The number of the import that was under way, if its answer never came.
    open: Option<usize>,
    next: usize,
    /// The title of the panel whose creation was under way, if its answer never came. Its key too.
    unanswered: Option<String>,
}

#[test]
fn sqlite_keeps_what_it_acknowledged() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Sqlite) {
        hundred_rounds(&site);
    }
}

#[test]
fn postgres_keeps_what_it_acknowledged() {
    for site in sites().into_iter().filter(|site| site.kind == EngineKind::Postgres) {
        hundred_rounds(&site);
    }
}

fn hundred_rounds(site: &Site) {
    let mut house = site.start();
    let mut owner = house.set_up();
    let panel = owner.panel("crash");
    let mut told = Told::default();
    let mut acknowledged = (0, 0);
    for round in 0..ROUNDS {
        let before = (told.imports.len(), told.panels.len());
        let writers = Writers::start(&owner, &panel, told);
        writers.wait_until_running();
        let moment = Instant::now() + Duration::from_micros(random_below(KILL_WITHIN_US));
        while Instant::now() < moment {
            thread::yield_now();
        }
        house.kill();
        told = writers.end();
        acknowledged.0 += told.imports.len() - before.0;
        acknowledged.1 += told.panels.len() - before.1;
        house = site.start();
        owner = house.sign_in("olga@acme.example");
        verify(&owner, &panel, &mut told, round);
        if round % 20 == 19 {
            // Keep the panel small: the next imports begin anew.
            let emptied = owner.import(&panel, "replace", b"import,row\n-1,0\n");
            assert_eq!(emptied.status, 201, "{}", emptied.text());
            told.imports.clear();
        }
    }
    assert!(acknowledged.0 > 0 && acknowledged.1 > 0, "nothing was acknowledged: {acknowledged:?}");
}

struct Writers {
    barrier: Arc<Barrier>,
    stop: Arc<AtomicBool>,
    imports: thread::JoinHandle<Told>,
    panels: thread::JoinHandle<Made>,
}

/// Panels that were answered, by id, and the one that was not.
#[derive(Default)]
struct Made {
    answered: Vec<(String, String)>,
    open: Option<String>,
}

impl Writers {
    fn start(owner: &Person, panel: &str, mut told: Told) -> Self {
        let (barrier, stop) = (Arc::new(Barrier::new(3)), Arc::new(AtomicBool::new(false)));
        let (person, panel, gate, over) = (owner.clone(), panel.to_owned(), barrier.clone(), stop.clone());
        let imports = thread::spawn(move || {
            gate.wait();
            while !over.load(Ordering::SeqCst) {
                let number = told.next;
                told.next += 1;
                told.open = Some(number);
                let path = format!("/v1/panels/{panel}/imports?mode=append");
                match person.try_send("POST", &path, "Content-Type: text/csv\r\n", &csv(number)) {
                    Ok(answer) if answer.status == 201 => told.imports.push(number),
                    Ok(answer) => panic!("import {number}: {} {}", answer.status, answer.text()),
                    Err(_) => return told,
                }
                told.open = None;
            }
            told
        });
        let (person, gate, over) = (owner.clone(), barrier.clone(), stop.clone());
        let panels = thread::spawn(move || {
            gate.wait();
            let mut made = Made::default();
            while !over.load(Ordering::SeqCst) {
                let title = format!("row-{}", random_below(u64::MAX));
                match create(&person, &title) {
                    Ok(answer) if answer.status == 201 => {
                        let id = answer.json()["id"].as_str().expect("an id").to_owned();
                        made.answered.push((id, title));
                    }
                    Ok(answer) => panic!("panel: {} {}", answer.status, answer.text()),
                    Err(_) => {
                        made.open = Some(title);
                        return made;
                    }
                }
            }
            made
        });
        Self { barrier, stop, imports, panels }
    }

    fn wait_until_running(&self) {
        self.barrier.wait();
    }

    fn end(self) -> Told {
        self.stop.store(true, Ordering::SeqCst);
        let mut told = self.imports.join().expect("the importer");
        let made = self.panels.join().expect("the maker of panels");
        told.panels.extend(made.answered);
        told.unanswered = made.open;
        told
    }
}

/// A panel whose title is the key of its creation too.
fn create(person: &Person, title: &str) -> std::io::Result<Answer> {
    let headers = format!("Content-Type: application/json\r\nIdempotency-Key: \"{title}\"\r\n");
    person.try_send("POST", "/v1/panels", &headers, json!({ "title": title }).to_string().as_bytes())
}

/// Sent again, whatever the kill hit: the answer says truly what is there, and nothing is there twice.
fn repeat(owner: &Person, title: &str, round: u64) {
    let again = create(owner, title).expect("the server is there");
    let named = owner.get(&format!("/v1/panels?q={title}")).json();
    let there = named["items"].as_array().expect("a list").len();
    let told = (again.status, again.code());
    let wanted = match (told.0, told.1.as_str()) {
        // It was not made before the kill, or its answer was kept.
        (201, _) | (409, "server.idempotency_not_kept") => 1,
        // Its key was taken and nothing was made: nobody knows yet that nobody is at it.
        (409, "server.idempotency_running") => 0,
        _ => panic!("round {round}: {told:?}"),
    };
    assert_eq!(there, wanted, "round {round}: {told:?}");
}

fn csv(number: usize) -> Vec<u8> {
    let mut csv = String::from("import,row\n");
    for row in 0..ROWS {
        csv.push_str(&format!("{number},{row}\n"));
    }
    csv.into_bytes()
}

fn verify(owner: &Person, panel: &str, told: &mut Told, round: u64) {
    let count = |import: usize| -> u64 {
        let filter = format!("%7B%22column%22:%22import%22,%22op%22:%22eq%22,%22value%22:{import}%7D");
        let window = owner.get(&format!("/v1/panels/{panel}/rows?limit=1&filter={filter}"));
        if window.json()["version"] == 0 {
            return 0;
        }
        assert_eq!(window.status, 200, "round {round}: {}", window.text());
        window.json()["count"].as_u64().expect("a count")
    };
    if let Some(open) = told.open.take() {
        // Not acknowledged: there as a whole (the commit won the race with the kill), or not at all.
        match count(open) {
            0 => {}
            n if n == ROWS as u64 => told.imports.push(open),
            n => panic!("round {round}: {n} of {ROWS} rows of an import that was cut off"),
        }
    }
    let shown = owner.get(&format!("/v1/panels/{panel}/rows?limit=1")).json();
    let replaced = u64::from(round >= 20);
    let expected = told.imports.len() as u64 * ROWS as u64;
    let total = shown["total"].as_u64().expect("a total");
    assert!(total == expected || total == expected + replaced, "round {round}: {total} rows, not {expected}");
    if let Some(last) = told.imports.last() {
        assert_eq!(count(*last), ROWS as u64, "round {round}: an acknowledged import is not whole");
    }
    if let Some(title) = told.unanswered.take() {
        repeat(owner, &title, round);
    }
    for (id, title) in std::mem::take(&mut told.panels) {
        let panel: Value = owner.get(&format!("/v1/panels/{id}")).json();
        assert_eq!(panel["title"], title.as_str(), "round {round}: an acknowledged panel is gone");
    }
    let imports = owner.get(&format!("/v1/panels/{panel}/imports?limit=200")).json();
    let running =
        imports["items"].as_array().expect("a list").iter().filter(|i| i["state"] == "running").count();
    assert_eq!(running, 0, "round {round}: an import that nobody runs still says so");
    told.panels.insert(panel.to_owned(), "crash".to_owned());
}

fn random_below(end: u64) -> u64 {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes).expect("randomness");
    u64::from_le_bytes(bytes) % end
}

#[test]
fn a_house_that_was_never_set_up_survives_too() {
    let site = Site::new(EngineKind::Sqlite);
    for _ in 0..5 {
        let house: House = site.start();
        assert!(house.setup_token.is_some());
        house.kill();
    }
}
