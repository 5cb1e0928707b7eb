//! Lists page by page: every row once, cursors that cannot be mistaken.
use std::collections::BTreeSet;

use wh_testkit::{Browser, EDITOR, HOME, STRANGER, TestServer, VIEWER, both_servers};

use crate::desk::{self, MIGRATIONS, parts};

async fn notes(server: &TestServer, count: usize) {
    let mut tx = server.cx.db.begin(HOME).await.expect("a transaction");
    for number in 0..count {
        desk::write(&mut tx, server.cx.next_id(), &format!("note {number}")).await.expect("written");
    }
    tx.commit().await.expect("committed");
}

both_servers!(every_row_comes_once, MIGRATIONS, parts, async |server: TestServer| {
    notes(&server, 23).await;
    let page = Browser::new(&server);
    let (mut seen, mut sizes, mut address) =
        (BTreeSet::new(), Vec::new(), "/v1/desk/notes?limit=10".to_owned());
    loop {
        let body = page.get(VIEWER, &address).await.json();
        let items = body["items"].as_array().expect("items");
        sizes.push(items.len());
        seen.extend(items.iter().map(|note| note["id"].to_string()));
        let Some(cursor) = body["next_cursor"].as_str() else { break };
        address = format!("/v1/desk/notes?limit=10&cursor={cursor}");
    }
    assert_eq!((sizes, seen.len()), (vec![10, 10, 3], 23));
    assert_eq!(page.get(VIEWER, "/v1/desk/notes").await.json()["items"].as_array().map(Vec::len), Some(23));
});

both_servers!(a_cursor_is_no_key, MIGRATIONS, parts, async |server: TestServer| {
    notes(&server, 3).await;
    let page = Browser::new(&server);
    let body = page.get(EDITOR, "/v1/desk/notes?limit=2").await.json();
    let cursor = body["next_cursor"].as_str().expect("a next page").to_owned();
    let strangers = page.get(STRANGER, &format!("/v1/desk/notes?cursor={cursor}")).await;
    assert_eq!(strangers.json()["items"].as_array().map(Vec::len), Some(0), "a cursor opens nothing");
    for wrong in [&cursor[1..], &cursor[..cursor.len() - 2], "AAAA", "%21", &"A".repeat(1_100)] {
        let refused = page.get(EDITOR, &format!("/v1/desk/notes?cursor={wrong}")).await;
        assert_eq!((refused.status, refused.code.as_str()), (400, "server.cursor"), "{wrong}");
    }
    let (foreign, ()) =
        (wh_server::PageOf::new("other_list", vec![1, 2], 1, |row| *row).expect("a page"), ());
    let foreign = foreign.next_cursor.expect("a cursor");
    assert_eq!(page.get(EDITOR, &format!("/v1/desk/notes?cursor={foreign}")).await.code, "server.cursor");
});
