//! Imports on several nodes over one database: each is read by one, and ended by others only when that one is gone.
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;
use wh_panels::service::{Look, Running, import_stop, imports_interrupted};
use wh_testkit::{HOME, OWNER, both_engines};

use crate::house::{House, MIGRATIONS, NODE, newest, text, until, upload};

/// A node beside the server.
const OTHER: Uuid = Uuid::from_u128(2);
/// Longer than a lease.
const LATER_S: i64 = 61;
/// How often a test asks for what the server does beside it: reading a file, renewing a lease.
const TRIES_MAX: usize = 1_000;
const FILE: &[u8] = b"n\n1\n2\n";

/// An import of which the server has read the first line and waits for the rest.
async fn begun(house: &House, panel: &str) -> TcpStream {
    let mut stream = upload(house, panel, FILE.len()).await;
    stream.write_all(&FILE[..4]).await.expect("written");
    // Its record comes first; how much is expected is known of what is read here.
    for _ in 0..TRIES_MAX {
        if !until(house, panel, "running").await["bytes_expected"].is_null() {
            return stream;
        }
    }
    panic!("nobody reads it");
}

async fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn looked(house: &House, running: &Running, look: Look) -> u64 {
    imports_interrupted(&house.server.cx, &house.server.system, running, look)
        .await
        .expect("the database answers")
}

/// Let leases end until one who looks finds an import: the server does live, and may renew its lease between the two lines.
async fn unheard(house: &House, running: &Running) -> u64 {
    for _ in 0..TRIES_MAX {
        house.server.clock.advance_seconds(LATER_S);
        let ended = looked(house, running, Look::Beside).await;
        if ended > 0 {
            return ended;
        }
    }
    0
}

both_engines!(a_node_that_starts_leaves_the_imports_of_others_alone, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let mut stream = begun(&house, &panel).await;
    for look in [Look::AtStart, Look::Beside] {
        assert_eq!(looked(&house, &Running::on(OTHER), look).await, 0, "{look:?}");
    }
    assert_eq!(looked(&house, &Running::on(NODE), Look::Beside).await, 0);
    stream.write_all(&FILE[4..]).await.expect("written");
    let answer = answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(house.cells(&panel).await, json!([[1], [2]]));
});

both_engines!(what_a_node_read_in_its_life_before_has_failed_at_once, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let mut stream = begun(&house, &panel).await;
    let path = format!("/v1/panels/{panel}");
    let shown = house.get(&path).await;
    assert_eq!(looked(&house, &Running::on(NODE), Look::AtStart).await, 1);
    // Whoever reads it all the same hears why, and changes nothing.
    stream.write_all(&FILE[4..]).await.expect("written");
    let answer = answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("panels.import_interrupted"), "{answer}");
    assert_eq!(house.get(&path).await, shown);

    assert_eq!(looked(&house, &Running::on(NODE), Look::AtStart).await, 0, "it ends once");
    let run = newest(&house, &panel).await;
    assert_eq!(
        (&run["state"], &run["problem"]["code"]),
        (&json!("failed"), &json!("panels.import_interrupted"))
    );
    let told = house.server.delivered(HOME).await;
    let last = told.last().expect("events");
    assert_eq!((last.kind.as_str(), &last.data["code"]), ("panels.import_failed", &run["problem"]["code"]));
    let lines = house.server.cx.db.audit_before(HOME, i64::MAX, 1).await.expect("the trail");
    let (line, after) = (&lines[0], json!({ "import": run["id"], "problem": "panels.import_interrupted" }));
    assert_eq!((line.action.as_str(), line.user, &line.after), ("import_fail", None, &Some(after)));
    assert_eq!(line.subject, format!("panels.panel/{panel}"));
});

both_engines!(an_import_whose_node_is_not_heard_of_has_failed, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let stream = begun(&house, &panel).await;
    assert_eq!(unheard(&house, &Running::on(OTHER)).await, 1);
    assert_eq!(newest(&house, &panel).await["problem"]["code"], "panels.import_interrupted");
    drop(stream);
});

both_engines!(an_import_whose_end_was_not_written_down_has_failed, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let stream = begun(&house, &panel).await;
    // Its lease may have ended because the database was away: as long as it is read here, it goes on.
    house.server.clock.advance_seconds(LATER_S);
    assert_eq!(looked(&house, &house.running, Look::Beside).await, 0);
    assert_eq!(newest(&house, &panel).await["state"], "running");
    // The same node, which has given it up and could not say so.
    assert_eq!(unheard(&house, &Running::on(NODE)).await, 1);
    let run = newest(&house, &panel).await;
    assert_eq!(
        (&run["state"], &run["problem"]["code"]),
        (&json!("failed"), &json!("panels.import_interrupted"))
    );
    drop(stream);
});

both_engines!(an_import_that_another_node_reads_can_be_stopped, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let stream = begun(&house, &panel).await;
    let run = newest(&house, &panel).await;
    let ids = (panel.parse().expect("an id"), text(&run["id"]).parse().expect("an id"));
    let stopped = import_stop(&house.server.cx, &Running::on(OTHER), &OWNER.actor(), ids.0, ids.1).await;
    assert!(stopped.is_ok(), "{stopped:?}");
    // Not a byte more is sent: the node that reads hears of it when it renews its lease.
    let answer = answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("panels.import_stopped"), "{answer}");
    assert_eq!(newest(&house, &panel).await["problem"]["code"], "panels.import_stopped");
});
