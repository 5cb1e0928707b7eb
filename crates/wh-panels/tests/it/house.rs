//! Panels behind the real server on a fresh database, with the objects in a folder of their own; no test itself.
use std::sync::Arc;

use futures_util::TryStreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use uuid::Uuid;
use wh_dataset::segment::Objects;
use wh_dataset::{Datasets, DatasetsConfig};
use wh_db::Migrations;
use wh_panels::service::Running;
use wh_testkit::engines::TestDb;
use wh_testkit::{Answer, Browser, EDITOR, Parts, Signs, TestActor, TestServer};

pub const MIGRATIONS: &[Migrations] = &[wh_dataset::MIGRATIONS, wh_panels::MIGRATIONS];

/// The node that the server is.
pub const NODE: Uuid = Uuid::from_u128(1);

/// A server with panels alone.
pub struct House {
    pub server: TestServer,
    pub page: Browser,
    /// The imports that it reads.
    pub running: Running,
    pub datasets: Datasets,
    _folder: tempfile::TempDir,
}

impl House {
    pub fn new(t: TestDb) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = Objects::local(folder.path()).expect("a folder that can be used");
        let datasets =
            Datasets::open(objects, t.cx.ids.clone(), Arc::clone(&t.cx.clock), DatasetsConfig::default());
        let running = Running::on(NODE);
        let module = wh_panels::module(datasets.clone(), running.clone());
        let server = TestServer::start(t, Parts::of(vec![module]));
        let page = Browser::new(&server);
        Self { server, page, running, datasets, _folder: folder }
    }

    /// Make a panel, a second after what was made before: ids of one moment have no order. Its id.
    pub async fn panel(&self, title: &str) -> String {
        self.server.clock.advance_seconds(1);
        let made = self.page.post(EDITOR, "/v1/panels", json!({ "title": title })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        text(&made.json()["id"])
    }

    /// Send a file to a panel; `query` is `mode=replace` and so on.
    pub async fn send(&self, who: TestActor, panel: &str, query: &str, file: &str) -> Answer {
        self.server.clock.advance_seconds(1);
        let path = format!("/v1/panels/{panel}/imports?{query}");
        self.page.call(who, "POST", &path).body("text/csv", file.to_owned()).send().await
    }

    /// Import a file that can be read; its record.
    pub async fn import(&self, panel: &str, query: &str, file: &str) -> Value {
        let done = self.send(EDITOR, panel, query, file).await;
        assert_eq!(done.status, 201, "{}", done.text());
        done.json()
    }

    /// GET as an editor, which is answered.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.page.get(EDITOR, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// The cells of a panel.
    pub async fn cells(&self, panel: &str) -> Value {
        self.get(&format!("/v1/panels/{panel}/rows")).await["rows"].take()
    }

    /// Every object of the store.
    pub async fn objects(&self) -> Vec<String> {
        let list = self.datasets.objects().list("tenants").map_ok(|object| object.path);
        let mut paths: Vec<String> = list.try_collect().await.expect("the folder can be read");
        paths.sort();
        paths
    }
}

/// A JSON string's text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Status and code at once: what most tests look at.
pub fn said(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.code.as_str())
}

/// Percent-encoded for a query.
pub fn encoded(value: &Value) -> String {
    value.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// One field of every item of a page.
pub fn each(page: &Value, field: &str) -> Vec<Value> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|item| item[field].clone()).collect()
}

/// How often a test asks for what comes by itself before it fails.
const ASKED_MAX: usize = 20_000;

/// The newest import of a panel.
pub async fn newest(house: &House, panel: &str) -> Value {
    house.get(&format!("/v1/panels/{panel}/imports?limit=1")).await["items"][0].clone()
}

/// An upload in place of the rows, whose bytes come as the test sends them.
pub async fn upload(house: &House, panel: &str, bytes: usize) -> TcpStream {
    upload_by(house, panel, "mode=replace", bytes).await
}

/// The same for any `query`.
pub async fn upload_by(house: &House, panel: &str, query: &str, bytes: usize) -> TcpStream {
    house.server.clock.advance_seconds(1);
    let mut stream = TcpStream::connect(house.server.address).await.expect("the server listens");
    let head = format!(
        "POST /v1/panels/{panel}/imports?{query} HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Site: same-origin\r\n\
         Cookie: {}\r\nContent-Type: text/csv\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n",
        house.server.address,
        EDITOR.cookie().expect("signed in"),
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    stream
}

/// Ask until the newest import of the panel is in this state; each answer gives the server its turn.
pub async fn until(house: &House, panel: &str, state: &str) -> Value {
    for _ in 0..ASKED_MAX {
        let import = newest(house, panel).await;
        if import["state"] == state {
            return import;
        }
    }
    panic!("no import of the panel is {state}: {}", newest(house, panel).await);
}
