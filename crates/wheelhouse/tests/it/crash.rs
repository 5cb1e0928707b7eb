//! Kill -9 at random moments of imports and of row writes: what was acknowledged is there, what was not is absent as a whole, and
//! what is sent again under its key is not made twice. What the killed imports left on the disk is swept.
mod objects;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use wh_base::{OsRandom, Random};
use wh_testkit::engines::EngineKind;

use crate::house::{House, Person, Site, sites};
use crate::http::Answer;

/// Rounds on each engine.
const ROUNDS: u64 = 100;
/// Every so many rounds, what is killed is a replacement of all rows; then the next imports begin anew.
const REPLACED_EVERY: u64 = 3;
/// Rows of one import that appends; each import's rows carry its number, so that half an import would show.
const ROWS: u64 = 5_000;
/// Rows of one that replaces all: several segments.
const ROWS_REPLACING: u64 = 140_000;
/// Rows of one that only empties the panel.
const ROWS_LEFT: u64 = 3;
/// The latest moment of a kill, in microseconds after the writers began.
const KILL_WITHIN_US: u64 = 120_000;

/// An import as it was sent.
#[derive(Clone, Copy)]
struct Sent {
    number: usize,
    rows: u64,
    mode: &'static str,
}

/// What the clients were told.
#[derive(Default)]
struct Told {
    /// Titles of all panels whose creation was answered, by id.
    panels: BTreeMap<String, String>,
    /// The imports that the panel is made of, by number, with their rows.
    whole: Vec<Sent>,
    /// The import that was under way, if its answer never came.
    open: Option<Sent>,
    next: usize,
    /// The title of the panel whose creation was under way, if its answer never came. Its key too.
    unanswered: Option<String>,
    /// Answers to imports.
    acknowledged: usize,
}

impl Told {
    fn begin(&mut self, mode: &'static str, rows: u64) -> Sent {
        self.next += 1;
        Sent { number: self.next, rows, mode }
    }

    /// It was committed.
    fn settle(&mut self, sent: Sent) {
        if sent.mode == "replace" {
            self.whole.clear();
        }
        self.whole.push(sent);
    }
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
    let mut told = Told { panels: BTreeMap::from([(panel.clone(), "crash".to_owned())]), ..Told::default() };
    // How long a replacement takes here: kills are to hit it anywhere, and now and then just after its end.
    let began = Instant::now();
    replace(&owner, &panel, &mut told, ROWS_REPLACING);
    let replacing_us = u64::try_from(began.elapsed().as_micros()).expect("less than an age");
    replace(&owner, &panel, &mut told, ROWS_LEFT);
    for round in 0..ROUNDS {
        let replaces = round % REPLACED_EVERY == REPLACED_EVERY - 1;
        let first = if replaces { told.begin("replace", ROWS_REPLACING) } else { told.begin("append", ROWS) };
        let within_us = if replaces { replacing_us + replacing_us / 4 } else { KILL_WITHIN_US };
        let writers = Writers::start(&owner, &panel, told, first);
        writers.wait_until_running();
        // The moment itself is the point: nothing is waited for.
        thread::park_timeout(Duration::from_micros(random_below(within_us.max(1))));
        house.kill();
        told = writers.end();
        house = site.start();
        // The session was acknowledged too.
        owner.address = house.address;
        assert_eq!(owner.get("/v1/identity/me").status, 200, "round {round}: the session was lost");
        verify(&owner, &panel, &mut told, round);
        if replaces {
            // The next kill comes soon after this one's session began.
            owner = house.sign_in("olga@acme.example");
            // Keep the panel small.
            replace(&owner, &panel, &mut told, ROWS_LEFT);
        }
    }
    assert!(told.acknowledged > 0 && told.panels.len() > 1, "nothing was acknowledged");
    house.kill();
    objects::are_swept(site);
    house = site.start();
    verify(&house.sign_in("olga@acme.example"), &panel, &mut told, ROUNDS);
}

/// Replace all rows, with nobody about to kill.
fn replace(owner: &Person, panel: &str, told: &mut Told, rows: u64) {
    let sent = told.begin("replace", rows);
    let done = owner.import(panel, sent.mode, &csv(sent));
    assert_eq!(done.status, 201, "{}", done.text());
    told.settle(sent);
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
    fn start(owner: &Person, panel: &str, mut told: Told, first: Sent) -> Self {
        let (barrier, stop) = (Arc::new(Barrier::new(3)), Arc::new(AtomicBool::new(false)));
        let (person, panel, gate, over) = (owner.clone(), panel.to_owned(), barrier.clone(), stop.clone());
        let imports = thread::spawn(move || {
            let (mut sent, mut file) = (first, csv(first));
            gate.wait();
            while !over.load(Ordering::SeqCst) {
                told.open = Some(sent);
                let path = format!("/v1/panels/{panel}/imports?mode={}", sent.mode);
                match person.try_send("POST", &path, "Content-Type: text/csv\r\n", &file) {
                    Ok(answer) if answer.status == 201 => told.settle(sent),
                    Ok(answer) => panic!("import {}: {} {}", sent.number, answer.status, answer.text()),
                    Err(_) => return told,
                }
                told.open = None;
                told.acknowledged += 1;
                sent = told.begin("append", ROWS);
                file = csv(sent);
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

/// Sent again, whatever the kill hit: the answer says truly what is there, and nothing is there twice. The panel's id, if there is one.
fn repeat(owner: &Person, title: &str, round: u64) -> Option<String> {
    let again = create(owner, title).expect("the server is there");
    let named = owner.get(&format!("/v1/panels?q={title}")).json();
    let items = named["items"].as_array().expect("a list");
    let told = (again.status, again.code());
    let wanted = match (told.0, told.1.as_str()) {
        // It was not made before the kill, or its answer was kept.
        (201, _) | (409, "server.idempotency_not_kept") => 1,
        // Its key was taken and nothing was made: nobody knows yet that nobody is at it.
        (409, "server.idempotency_running") => 0,
        _ => panic!("round {round}: {told:?}"),
    };
    assert_eq!(items.len(), wanted, "round {round}: {told:?}");
    items.first().map(|panel| panel["id"].as_str().expect("an id").to_owned())
}

/// Its rows, and one line that cannot be read, so that there is an object of bad lines too.
fn csv(sent: Sent) -> Vec<u8> {
    let Sent { number, rows, .. } = sent;
    let mut csv = String::from("import,row\n");
    for row in 0..rows {
        writeln!(csv, "{number},{row}").expect("a text takes it");
    }
    writeln!(csv, "{number}").expect("a text takes it");
    csv.into_bytes()
}

/// How many rows of the panel an import brought, and how many rows there are.
fn count(owner: &Person, panel: &str, import: usize, round: u64) -> (u64, u64) {
    let filter = format!("%7B%22column%22:%22import%22,%22op%22:%22eq%22,%22value%22:{import}%7D");
    let window = owner.get(&format!("/v1/panels/{panel}/rows?limit=1&filter={filter}"));
    assert_eq!(window.status, 200, "round {round}: {}", window.text());
    let number = |name: &str| window.json()[name].as_u64().expect("a count");
    (number("count"), number("total"))
}

/// Every panel of the company: titles by id.
fn panels(owner: &Person) -> BTreeMap<String, String> {
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let (mut all, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = owner.get(&format!("/v1/panels?limit=200{cursor}")).json();
        let items = page["items"].as_array().expect("a list").iter();
        all.extend(items.map(|panel| (text(&panel["id"]), text(&panel["title"]))));
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

fn verify(owner: &Person, panel: &str, told: &mut Told, round: u64) {
    if let Some(open) = told.open.take() {
        // Not acknowledged: there as a whole (the commit won the race with the kill), or not at all.
        match count(owner, panel, open.number, round).0 {
            0 => {}
            n if n == open.rows => told.settle(open),
            n => panic!("round {round}: {n} of {} rows of a killed {}", open.rows, open.mode),
        }
    }
    let rows: u64 = told.whole.iter().map(|sent| sent.rows).sum();
    for sent in &told.whole {
        let found = count(owner, panel, sent.number, round);
        assert_eq!(found, (sent.rows, rows), "round {round}: import {} and all rows", sent.number);
    }
    if let Some(title) = told.unanswered.take()
        && let Some(id) = repeat(owner, &title, round)
    {
        told.panels.insert(id, title);
    }
    let there = panels(owner);
    assert!(there == told.panels, "round {round}: not the panels that were acknowledged: {:?}", {
        let told_of: Vec<_> =
            told.panels.iter().filter(|(id, title)| there.get(*id) != Some(*title)).collect();
        let more: Vec<_> = there.iter().filter(|(id, _)| !told.panels.contains_key(*id)).collect();
        (told_of, more)
    });
    let imports = owner.get(&format!("/v1/panels/{panel}/imports?limit=200")).json();
    let imports = imports["items"].as_array().expect("a list");
    let running = imports.iter().filter(|import| import["state"] == "running").count();
    assert_eq!(running, 0, "round {round}: an import that nobody runs still says so");
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
