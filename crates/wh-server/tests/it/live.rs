//! The live connection: who hears what, how one resumes, why it ends.
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;
use wh_base::OsRandom;
use wh_contract::events::{
    MemberRemoved, MemberRoleChanged, PasswordChanged, SessionRevoked, SessionSwitched,
};
use wh_contract::{EventId, IDENTITY_READ, PanelId, Role, TenantId};
use wh_db::{Deliver, Delivered};
use wh_server::Module;
use wh_testkit::engines::{EngineKind, TestDb};
use wh_testkit::{
    ADMIN, AWAY, Browser, EDITOR, HOME, Live, NOBODY, OWNER, Parts, STRANGER, TestActors, TestServer, VIEWER,
    both_servers, run_server,
};

use crate::desk::{self, Knobs, MIGRATIONS, parts};

/// Write notes and let their events out.
async fn write(server: &TestServer, tenant: TenantId, words: &[&str]) -> Vec<PanelId> {
    let mut ids = Vec::new();
    for words in words {
        let (id, mut tx) = (server.cx.next_id(), server.cx.db.begin(tenant).await.expect("a transaction"));
        desk::write(&mut tx, id, words).await.expect("written");
        tx.commit().await.expect("committed");
        ids.push(id);
    }
    server.settle().await;
    ids
}

fn words(messages: &[Value]) -> Vec<(i64, &str)> {
    let events = messages.iter().filter(|message| message["type"] == "event");
    events
        .map(|event| (event["position"].as_i64().unwrap_or(0), event["data"]["words"].as_str().unwrap_or("")))
        .collect()
}

both_servers!(an_event_reaches_its_listeners, MIGRATIONS, parts, async |server: TestServer| {
    let (mut live, position) = Live::open(&server, VIEWER).await;
    assert_eq!(position, 0);
    let heard = live.subscribe("desk", None).await;
    assert_eq!(heard, [json!({ "type": "subscribed", "topics": ["desk"], "position": 0 })]);

    let made = Browser::new(&server).post(EDITOR, "/v1/desk/notes", r#"{"words":"hello"}"#).await.json();
    server.settle().await;
    let mut event = live.next().await;
    assert!(event["time"].take().is_string());
    let id = made["id"].as_str().expect("an id");
    let expected = json!({
        "type": "event", "topic": format!("desk.{id}"), "position": 1, "kind": "desk.written", "subject": id,
        "time": null, "data": { "note": id, "words": "hello" },
    });
    assert_eq!(event, expected);
    assert_eq!(live.so_far().await, [] as [Value; 0]);
});

both_servers!(a_topic_is_an_area_or_one_thing_in_it, MIGRATIONS, parts, async |server: TestServer| {
    let ids = write(&server, HOME, &["a", "b"]).await;
    let topic = format!("desk.{}", ids[0]);
    let (mut both, _) = Live::open(&server, VIEWER).await;
    both.subscribe("desk", None).await;
    both.subscribe(&topic, None).await;
    let (mut one, _) = Live::open(&server, VIEWER).await;
    one.subscribe(&topic, None).await;
    let (mut none, _) = Live::open(&server, VIEWER).await;
    none.subscribe("desk.nothing", None).await;

    server.hub.tell(HOME, &topic, "import_progress", json!({ "rows": 5 }));
    server.hub.tell(HOME, &format!("desk.{}", ids[1]), "import_progress", json!({ "rows": 6 }));
    server.hub.tell(AWAY, &topic, "import_progress", json!({ "rows": 7 }));
    let rows = |heard: Vec<Value>| heard.iter().map(|tell| tell["data"]["rows"].clone()).collect::<Vec<_>>();
    assert_eq!(rows(both.so_far().await), [5, 6], "once, although two topics fit");
    assert_eq!(rows(one.so_far().await), [5]);
    assert_eq!(none.so_far().await, [] as [Value; 0]);

    both.say(&json!({ "type": "unsubscribe", "topics": ["desk"] })).await;
    both.so_far().await;
    write(&server, HOME, &["c"]).await;
    assert_eq!(both.so_far().await, [] as [Value; 0]);
});

both_servers!(a_strangers_topic_is_silent, MIGRATIONS, parts, async |server: TestServer| {
    let ids = write(&server, HOME, &["ours"]).await;
    let (mut stranger, position) = Live::open(&server, STRANGER).await;
    assert_eq!(position, 0, "another tenant's stream has its own positions");
    let heard = stranger.subscribe(&format!("desk.{}", ids[0]), Some(0)).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    stranger.subscribe("desk", Some(0)).await;
    write(&server, HOME, &["ours too"]).await;
    assert_eq!(stranger.so_far().await, [] as [Value; 0]);
    write(&server, AWAY, &["theirs"]).await;
    assert_eq!(words(&stranger.so_far().await), [(1, "theirs")]);
});

both_servers!(what_was_missed_is_told_first, MIGRATIONS, parts, async |server: TestServer| {
    write(&server, HOME, &["one", "two"]).await;
    // From the outbox: nobody listened, so nothing is in memory.
    let (mut live, position) = Live::open(&server, VIEWER).await;
    assert_eq!(position, 2);
    let heard = live.subscribe("desk", Some(0)).await;
    assert_eq!(words(&heard), [(1, "one"), (2, "two")]);
    assert_eq!(heard.last(), Some(&json!({ "type": "subscribed", "topics": ["desk"], "position": 2 })));

    // From memory: somebody listens.
    write(&server, HOME, &["three", "four"]).await;
    let (mut second, _) = Live::open(&server, EDITOR).await;
    assert_eq!(words(&second.subscribe("desk", Some(3)).await), [(4, "four")]);
    // From both.
    let (mut third, _) = Live::open(&server, OWNER).await;
    assert_eq!(words(&third.subscribe("desk", Some(1)).await), [(2, "two"), (3, "three"), (4, "four")]);
    assert_eq!(words(&third.subscribe("desk.nothing", Some(0)).await), []);

    write(&server, HOME, &["five"]).await;
    for live in [&mut live, &mut second, &mut third] {
        assert_eq!(words(&live.so_far().await).last(), Some(&(5, "five")));
    }
});

/// Notes whose events are given their places by another node: here they are stored, and not handed on yet.
async fn write_elsewhere(server: &TestServer, tenant: TenantId, words: &[&str]) -> Vec<PanelId> {
    let (clock, random) = (server.clock.clone(), Arc::new(OsRandom));
    let other = wh_db::open(&server.fresh.config, MIGRATIONS, clock, random).await.expect("one more node");
    let count = i64::try_from(words.len()).expect("a few");
    let end = other.db.events_position(tenant).await.expect("a position") + count;
    let mut ids = Vec::new();
    for words in words {
        let (id, mut tx) = (server.cx.next_id(), other.db.begin(tenant).await.expect("a transaction"));
        desk::write(&mut tx, id, words).await.expect("written");
        tx.commit().await.expect("committed");
        ids.push(id);
    }
    let nobody: Deliver = Arc::new(|_: &Delivered| {});
    let placed = async {
        while other.db.events_position(tenant).await.expect("a position") < end {
            other.outbox.step(&[], &nobody).await.expect("a round");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), placed).await.expect("all have their places");
    ids
}

both_servers!(a_node_that_is_behind_tells_each_event_once, MIGRATIONS, parts, async |server: TestServer| {
    write(&server, HOME, &["one"]).await;
    let ids = write_elsewhere(&server, HOME, &["two", "three"]).await;
    let missed = [(2, "two"), (3, "three")];
    let (mut live, position) = Live::open(&server, VIEWER).await;
    assert_eq!(position, 1, "nothing else was handed on here");
    assert_eq!(words(&live.subscribe("desk", Some(position)).await), missed);
    // What it was told of the area, it was told of each thing in it.
    live.subscribe(&format!("desk.{}", ids[0]), None).await;
    // From now on: all of it comes as it is handed on.
    let (mut plain, _) = Live::open(&server, EDITOR).await;
    plain.subscribe("desk", None).await;
    // What it was told of one topic says nothing of another.
    let (mut both, _) = Live::open(&server, OWNER).await;
    both.subscribe("desk.nothing", Some(position)).await;
    both.subscribe("desk", None).await;

    server.settle().await;
    assert_eq!(words(&live.so_far().await), []);
    assert_eq!(words(&plain.so_far().await), missed);
    assert_eq!(words(&both.so_far().await), missed);
    write(&server, HOME, &["four"]).await;
    for live in [&mut live, &mut plain, &mut both] {
        assert_eq!(words(&live.so_far().await), [(4, "four")]);
    }
});

both_servers!(what_is_resumed_hides_nothing_that_is_heard, MIGRATIONS, parts, async |server: TestServer| {
    write(&server, HOME, &["one"]).await;
    let (mut live, position) = Live::open(&server, VIEWER).await;
    live.subscribe("desk", Some(position)).await;
    let ids = write_elsewhere(&server, HOME, &["two", "three"]).await;
    // Told of the third note now, the page would stand behind the second before that is handed on, and drop it.
    let heard = live.subscribe(&format!("desk.{}", ids[1]), Some(position)).await;
    assert_eq!(words(&heard), []);
    server.settle().await;
    assert_eq!(words(&live.so_far().await), [(2, "two"), (3, "three")]);
});

both_servers!(after_a_hole_everybody_fetches_again, MIGRATIONS, parts, async |server: TestServer| {
    let (mut live, _) = Live::open(&server, VIEWER).await;
    live.subscribe("desk", None).await;
    write(&server, HOME, &["one"]).await;
    assert_eq!(words(&live.so_far().await), [(1, "one")]);
    server.hub.missed();
    assert_eq!(live.so_far().await, [json!({ "type": "reset", "position": 0 })]);
    write(&server, HOME, &["two"]).await;
    assert_eq!(words(&live.so_far().await), [(2, "two")]);
    // What is remembered begins behind the hole; what lies before comes from the outbox.
    let (mut second, position) = Live::open(&server, EDITOR).await;
    assert_eq!(position, 2);
    assert_eq!(words(&second.subscribe("desk", Some(0)).await), [(1, "one"), (2, "two")]);
});

both_servers!(too_much_or_impossible_is_a_reset, MIGRATIONS, parts, async |server: TestServer| {
    let many: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    let mut tx = server.cx.db.begin(HOME).await.expect("a transaction");
    for words in &many {
        desk::write(&mut tx, server.cx.next_id(), words).await.expect("written");
    }
    tx.commit().await.expect("committed");
    server.settle().await;
    for after in [0, 601, -1] {
        let (mut live, position) = Live::open(&server, VIEWER).await;
        assert_eq!(position, 600);
        let heard = live.subscribe("desk", Some(after)).await;
        let last = &heard[heard.len() - 2..];
        assert_eq!(last[0], json!({ "type": "reset", "position": 600 }), "{after}");
        assert_eq!(last[1]["position"], 600);
    }
    let (mut live, _) = Live::open(&server, VIEWER).await;
    assert_eq!(words(&live.subscribe("desk", Some(200)).await).len(), 400);
});

both_servers!(what_cannot_be_heard_is_refused, MIGRATIONS, parts, async |server: TestServer| {
    let (mut live, _) = Live::open(&server, VIEWER).await;
    for topic in ["garden", "", "desk.", "server", &"desk.x".repeat(40)] {
        let heard = live.subscribe(topic, None).await;
        assert_eq!(
            (&heard[0]["type"], &heard[0]["code"]),
            (&json!("refused"), &json!("server.live_topic")),
            "{topic}"
        );
    }
    for text in
        ["", "{", "[]", r#"{"type":"shout"}"#, r#"{"type":"subscribe"}"#, r#"{"type":"ping","loud":true}"#]
    {
        live.say_text(text).await;
        assert_eq!(live.next().await["code"], "server.live_message", "{text}");
    }
    let topics: Vec<String> = (0..257).map(|number| format!("desk.{number}")).collect();
    live.say(&json!({ "type": "subscribe", "topics": topics })).await;
    let refused = live.next().await;
    assert_eq!((&refused["topic"], &refused["code"]), (&json!("desk.256"), &json!("server.live_topics")));
    assert_eq!(live.next().await["topics"].as_array().map(Vec::len), Some(256));
});

both_servers!(only_our_own_signed_in_pages_connect, MIGRATIONS, parts, async |server: TestServer| {
    assert_eq!(Live::try_open(&server, NOBODY).await.err(), Some(401));
    assert_eq!(Live::try_open_from(&server, OWNER, "https://elsewhere.example").await.err(), Some(403));
    let plain = Browser::new(&server).get(OWNER, "/v1/live").await;
    assert_eq!((plain.status, plain.code.as_str()), (400, "server.live_handshake"));
});

both_servers!(a_session_has_so_many_tabs, MIGRATIONS, parts, async |server: TestServer| {
    let mut tabs = Vec::new();
    for _ in 0..32 {
        tabs.push(Live::open(&server, EDITOR).await.0);
    }
    assert_eq!(Live::try_open(&server, EDITOR).await.err(), Some(429));
    let other = Live::try_open(&server, OWNER).await;
    assert!(other.is_ok(), "another session has its own");
    assert_eq!(server.hub.open(), 33);
    drop((tabs, other)); // all of them were open until here
});

/// An event as the outbox would deliver it, large, so that queues fill.
fn delivered(position: i64, kind: &str, subject: &str, data: Value) -> Delivered {
    let (id, time) = (EventId(Uuid::nil()), wh_base::Timestamp::from_micros(0));
    Delivered { tenant: HOME, position, id, kind: kind.to_owned(), subject: subject.to_owned(), time, data }
}

both_servers!(a_slow_client_is_let_go, MIGRATIONS, parts, async |server: TestServer| {
    let (mut slow, _) = Live::open(&server, VIEWER).await;
    slow.subscribe("desk", None).await;
    let (mut quick, _) = Live::open(&server, EDITOR).await;
    quick.subscribe("desk.end", None).await;
    // More than the kernel's buffers and the queue hold: the slow one reads nothing meanwhile.
    let data = json!({ "words": "x".repeat(200_000) });
    for position in 1..=200 {
        server.hub.deliver(&delivered(position, "desk.written", "note", data.clone()));
        tokio::task::yield_now().await;
    }
    server.hub.deliver(&delivered(201, "desk.written", "end", json!({})));
    assert_eq!(quick.next().await["position"], 201, "nobody else waits");
    assert_eq!(slow.ended().await, (4008, "slow".to_owned()));
});

async fn event_ends(kind: EngineKind) {
    run_server(kind, "event_ends", MIGRATIONS, parts, async |server: TestServer| {
        let (mut revoked, _) = Live::open(&server, VIEWER).await;
        let (mut changed, _) = Live::open(&server, EDITOR).await;
        let (mut removed, _) = Live::open(&server, ADMIN).await;
        let (mut stays, _) = Live::open(&server, OWNER).await;
        let mut tx = server.cx.db.begin(HOME).await.expect("a transaction");
        tx.emit(SessionRevoked { user: VIEWER.user(), session: VIEWER.session() }).await.expect("emitted");
        tx.emit(MemberRoleChanged { user: EDITOR.user(), role: Role::Viewer }).await.expect("emitted");
        tx.emit(MemberRemoved { user: ADMIN.user() }).await.expect("emitted");
        tx.commit().await.expect("committed");
        server.settle().await;
        assert_eq!(revoked.ended().await, (4001, "session ended".to_owned()));
        assert_eq!(changed.ended().await, (4002, "membership changed".to_owned()));
        assert_eq!(removed.ended().await, (4002, "membership changed".to_owned()));
        assert_eq!(stays.so_far().await, [] as [Value; 0]);
        let mut tx = server.cx.db.begin(HOME).await.expect("a transaction");
        tx.emit(SessionSwitched { user: OWNER.user(), session: OWNER.session() }).await.expect("emitted");
        tx.commit().await.expect("committed");
        server.settle().await;
        assert_eq!(stays.ended().await, (4003, "company changed".to_owned()));
    })
    .await;
}

/// The desk, and an area whose events are not for everybody.
fn with_identity(_: &TestDb) -> Parts {
    let identity = Module::new("identity").permissions(&[&IDENTITY_READ]);
    Parts::of(vec![desk::module(&Knobs::default()), identity])
}

// Both ways: as it happens, and when somebody asks for what happened before.
both_servers!(
    what_is_about_others_is_heard_by_who_may_change_them,
    MIGRATIONS,
    with_identity,
    async |server: TestServer| {
        let (mut viewer, _) = Live::open(&server, VIEWER).await;
        let (mut admin, _) = Live::open(&server, ADMIN).await;
        viewer.subscribe("identity", None).await;
        let taken = admin.subscribe("identity", None).await;
        assert_eq!(taken[0]["type"], "subscribed", "{taken:?}");
        let mut tx = server.cx.db.begin(HOME).await.expect("a transaction");
        tx.emit(PasswordChanged { user: EDITOR.user() }).await.expect("emitted");
        tx.emit(PasswordChanged { user: VIEWER.user() }).await.expect("emitted");
        tx.commit().await.expect("committed");
        server.settle().await;
        let about = |messages: &[Value]| -> Vec<String> {
            let events = messages.iter().filter(|message| message["type"] == "event");
            events.map(|event| event["subject"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let (editor, own) = (EDITOR.user().to_string(), VIEWER.user().to_string());
        assert_eq!(about(&admin.so_far().await), [editor, own.clone()]);
        assert_eq!(about(&viewer.so_far().await), std::slice::from_ref(&own));
        let (mut again, _) = Live::open(&server, VIEWER).await;
        assert_eq!(about(&again.subscribe("identity", Some(0)).await), [own]);
    }
);

mod a_session_takes_its_connections_along {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        event_ends(EngineKind::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        event_ends(EngineKind::Postgres).await;
    }
}

both_servers!(shutdown_says_goodbye, MIGRATIONS, parts, async |mut server: TestServer| {
    let (mut live, _) = Live::open(&server, VIEWER).await;
    server.stop.cancel();
    assert_eq!(live.ended().await, (1001, "server is going down".to_owned()));
    drop(live);
    server.shut_down().await;
    assert_eq!(server.hub.open(), 0);
});

both_servers!(a_flood_is_ended, MIGRATIONS, parts, async |server: TestServer| {
    let (mut live, _) = Live::open(&server, VIEWER).await;
    for _ in 0..700 {
        live.say(&json!({ "type": "unsubscribe", "topics": [] })).await;
    }
    assert_eq!(live.ended().await.0, 1008);
});

#[tokio::test]
async fn an_ended_session_is_noticed_without_an_event() {
    let actors = Arc::new(TestActors::default());
    let door = actors.clone();
    let parts = move |_: &TestDb| Parts::with(vec![desk::module(&Knobs::default())], door);
    run_server(EngineKind::Sqlite, "noticed", MIGRATIONS, parts, async |server: TestServer| {
        let (mut live, _) = Live::open(&server, VIEWER).await;
        let (mut other, _) = Live::open(&server, EDITOR).await;
        actors.end(VIEWER);
        server.hub.recheck();
        assert_eq!(live.ended().await, (4001, "session ended".to_owned()));
        assert_eq!(other.so_far().await, [] as [Value; 0]);
        assert_eq!(Live::try_open(&server, VIEWER).await.err(), Some(401));
    })
    .await;
}
