//! A company keeps so many bytes and no more: told before, while and after a file comes, also when two come at once.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use wh_base::{CompanyLimits, LimitSource, Result};
use wh_contract::TenantId;
use wh_testkit::engines::TestDb;
use wh_testkit::{EDITOR, HOME, STRANGER, both_engines};

use crate::house::{House, MIGRATIONS, newest, said, text, until, upload};

/// Pieces of a file that is never sent to its end: much more than is held back between the sender and the store.
const PIECES_MAX: usize = 64;
/// How often a test asks for what comes by itself before it fails.
const ASKED_MAX: usize = 20_000;

/// What the home tenant may keep; no limit is 0.
struct Bytes(AtomicU64);

#[async_trait]
impl LimitSource for Bytes {
    async fn limits(&self, tenant: TenantId) -> Result<CompanyLimits> {
        let storage_bytes = Some(self.0.load(Ordering::SeqCst)).filter(|most| *most > 0 && tenant == HOME);
        Ok(CompanyLimits { storage_bytes, ..CompanyLimits::default() })
    }
}

/// A house whose home tenant may keep so many bytes.
fn house(t: TestDb, most: u64) -> (House, Arc<Bytes>) {
    let bytes = Arc::new(Bytes(AtomicU64::new(most)));
    t.cx.limits.ask(Arc::clone(&bytes) as Arc<dyn LimitSource>);
    (House::new(t), bytes)
}

fn set(house: &House, bytes: &Bytes, most: u64) {
    bytes.0.store(most, Ordering::SeqCst);
    house.server.cx.limits.changed(HOME);
}

/// Lines that hardly compress, from this number on.
fn lines(from: u64, count: u64) -> String {
    let mut lines = String::new();
    for n in from..from + count {
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        lines.push_str(&format!("x{mixed:016x},{n}\n"));
    }
    lines
}

both_engines!(a_file_that_becomes_too_much_is_refused_while_it_comes, MIGRATIONS, async |t| {
    let (house, _bytes) = house(t, 1_000);
    let panel = house.panel("flights").await;
    // A gigabyte is announced, and its end never sent: only what comes in between can be the reason.
    let mut stream = upload(&house, &panel, 1 << 30).await;
    stream.write_all(b"a,b\n").await.expect("written");
    until(&house, &panel, "running").await;
    for piece in 0..PIECES_MAX as u64 {
        let sent = stream.write_all(lines(piece * 40_000, 40_000).as_bytes()).await;
        if sent.is_err() || newest(&house, &panel).await["state"] == "failed" {
            break;
        }
    }
    let failed = until(&house, &panel, "failed").await;
    assert_eq!(failed["problem"]["code"], "panels.storage_limit", "{failed}");
    let detail = text(&failed["problem"]["detail"]);
    assert!(detail.contains("keeps 0 of at most 1000 bytes"), "{detail}");
    assert!(detail.contains("the operator of the installation can raise the limit"), "{detail}");
    for _ in 0..ASKED_MAX {
        if house.objects().await.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(house.objects().await, [] as [String; 0], "nothing of it is kept");
    assert_eq!(house.get(&format!("/v1/panels/{panel}")).await["version"], 0);
});

both_engines!(of_two_files_for_one_place_one_is_kept, MIGRATIONS, async |t| {
    let (house, bytes) = house(t, 1);
    let (one, other) = (house.panel("one").await, house.panel("other").await);
    let file = format!("a,b\n{}", lines(0, 2_000));
    let refused = house.send(EDITOR, &one, "mode=replace", &file).await;
    assert_eq!(said(&refused), (409, "panels.storage_limit"), "{}", refused.text());
    let detail = text(&refused.json()["detail"]);
    let size = detail.split("would add ").nth(1).and_then(|rest| rest.split(' ').next());
    let size: u64 = size.and_then(|size| size.parse().ok()).unwrap_or_else(|| panic!("{detail}"));
    assert_eq!(house.objects().await, [] as [String; 0], "nothing of it is kept");

    set(&house, &bytes, size + size / 2);
    let both = tokio::join!(
        house.send(EDITOR, &one, "mode=replace", &file),
        house.send(EDITOR, &other, "mode=replace", &file)
    );
    let (kept, refused) = if both.0.status == 201 { both } else { (both.1, both.0) };
    assert_eq!((kept.status, said(&refused)), (201, (409, "panels.storage_limit")), "{}", refused.text());
    assert_eq!(house.objects().await.len(), 1);

    // What is replaced counts until it is removed: there is no room for both.
    let panel = text(&kept.json()["panel_id"]);
    let again = house.send(EDITOR, &panel, "mode=replace", &file).await;
    assert_eq!(said(&again), (409, "panels.storage_limit"), "{}", again.text());
    assert_eq!(house.get(&format!("/v1/panels/{panel}")).await["rows"], json!(2_000));

    // Another company has its own room, and without a limit there is enough.
    let made = house.page.post(STRANGER, "/v1/panels", r#"{"title":"theirs"}"#).await;
    let theirs = text(&made.json()["id"]);
    assert_eq!(house.send(STRANGER, &theirs, "mode=replace", &file).await.status, 201);
    set(&house, &bytes, 0);
    assert_eq!(house.send(EDITOR, &panel, "mode=replace", &file).await.status, 201);
});

both_engines!(a_company_that_is_full_is_told_before_its_file_is_read, MIGRATIONS, async |t| {
    let (house, bytes) = house(t, 0);
    let panel = house.panel("flights").await;
    house.import(&panel, "mode=replace", "a,b\nx,1\n").await;
    set(&house, &bytes, 1);
    // The file never comes.
    let _stream = upload(&house, &panel, 1_000).await;
    let failed = until(&house, &panel, "failed").await;
    assert_eq!(failed["problem"]["code"], "panels.storage_limit", "{failed}");
    assert_eq!(house.cells(&panel).await, json!([["x", 1]]));
});

both_engines!(kept_bad_lines_take_room_like_rows, MIGRATIONS, async |t| {
    let (house, bytes) = house(t, 0);
    let panel = house.panel("flights").await;
    let stored = async || {
        let mut read = house.server.cx.db.read(HOME).await.expect("a read");
        house.datasets.stored_by(&mut read).await.expect("a sum")
    };
    let good = format!("a,b\n{}", lines(0, 500));
    house.import(&panel, "mode=replace", &good).await;
    let rows = stored().await;
    // One field where two are wanted; kept with their text.
    let bad: String = (0..50).map(|n| format!("{n:0>400}\n")).collect();
    let file = format!("{good}{bad}");

    // The same rows again would fit, and the bad lines do not.
    set(&house, &bytes, rows * 2 + 10_000);
    let refused = house.send(EDITOR, &panel, "mode=append", &file).await;
    assert_eq!(said(&refused), (409, "panels.storage_limit"), "{}", refused.text());
    assert_eq!((stored().await, house.objects().await.len()), (rows, 1), "nothing of it is kept");

    set(&house, &bytes, 0);
    let done = house.import(&panel, "mode=append", &file).await;
    assert_eq!(done["bad_lines"], json!(50), "{done}");
    let with_bad = stored().await;
    assert!(with_bad > rows + 20_000, "{with_bad} after {rows}");
    house.import(&panel, "mode=append", &good).await;
    assert!(stored().await < with_bad + rows * 2, "good lines bring no more than rows");
});
