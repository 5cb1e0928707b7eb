//! Events keep the order of their transactions: a number is given before the commit, so a slow transaction
//! must not be passed, and a number of another server says nothing.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use wh_contract::{PanelId, TenantId, events::PanelCreated};
use wh_db::{Context, Db, DbLimits, Deliver, Delivered, Outbox, args};
use wh_testkit::one_engine;

use super::{admin, reopened};
use crate::leaks::{LEAKS, two};

/// As a dump brings it from a server that has counted so many transactions more.
const EVENTS_AHEAD: &str =
    "UPDATE wheelhouse.kernel_outbox SET xid = (xid::text::bigint + 9000000000000000)::text::xid8";
const CURSOR_AHEAD: &str =
    "UPDATE wheelhouse.kernel_cursor SET xid = xid + 9000000000000000 WHERE name = 'stream'";

async fn emit(cx: &Context, db: &Db, tenant: TenantId) -> String {
    let panel: PanelId = cx.next_id();
    let mut tx = db.begin(tenant).await.unwrap();
    tx.emit(PanelCreated { panel }).await.unwrap();
    tx.commit().await.unwrap();
    panel.to_string()
}

fn listener() -> (Deliver, UnboundedReceiver<Delivered>) {
    let (sender, heard) = tokio::sync::mpsc::unbounded_channel::<Delivered>();
    (Arc::new(move |event: &Delivered| drop(sender.send(event.clone()))), heard)
}

/// Rounds until so many events were heard.
async fn hear(
    outbox: &Outbox,
    (deliver, heard): &mut (Deliver, UnboundedReceiver<Delivered>),
    count: usize,
) -> Vec<(i64, String)> {
    let mut order = Vec::new();
    let all = async {
        while order.len() < count {
            outbox.step(&[], deliver).await.unwrap();
            while let Ok(event) = heard.try_recv() {
                order.push((event.position, event.subject));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("the events");
    order
}

one_engine!(postgres, events_of_another_server_come_first_and_new_ones_behind_them, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let mut listener = listener();
    let mut wanted = vec![emit(&t.cx, &t.cx.db, a.tenant).await, emit(&t.cx, &t.cx.db, a.tenant).await];
    let mut order = hear(t.outbox.as_ref().unwrap(), &mut listener, 2).await;
    // Two that were delivered there, two that were not, and one of this server.
    wanted.push(emit(&t.cx, &t.cx.db, a.tenant).await);
    wanted.push(emit(&t.cx, &t.cx.db, a.tenant).await);
    admin(&t).await.batch_execute(&format!("{EVENTS_AHEAD}; {CURSOR_AHEAD}")).await.unwrap();
    let moved = reopened(&t, DbLimits::default()).await;
    wanted.push(emit(&t.cx, &moved.db, a.tenant).await);
    order.extend(hear(&moved.outbox, &mut listener, 3).await);
    assert_eq!(order, (1..).zip(wanted).collect::<Vec<_>>());
    assert!(moved.system.queues().await.unwrap().iter().all(|queue| queue.waiting == 0));
    // A start holds the walls against the schema: they stand as before.
    drop(reopened(&t, DbLimits::default()).await);
});

one_engine!(postgres, events_of_another_server_that_delivered_none_come_at_once, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let wanted = [emit(&t.cx, &t.cx.db, a.tenant).await, emit(&t.cx, &t.cx.db, a.tenant).await];
    admin(&t).await.batch_execute(EVENTS_AHEAD).await.unwrap();
    let moved = reopened(&t, DbLimits::default()).await;
    let order = hear(&moved.outbox, &mut listener(), 2).await;
    assert_eq!(order, (1..).zip(wanted).collect::<Vec<_>>());
});

one_engine!(postgres, what_a_slow_transaction_holds_back_is_counted, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let mut slow = t.cx.db.begin(a.tenant).await.unwrap();
    slow.run("UPDATE leaks_item SET n = 2 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
    emit(&t.cx, &t.cx.db, a.tenant).await;
    let (deliver, _heard) = listener();
    t.outbox.as_ref().unwrap().step(&[], &deliver).await.unwrap();
    let queues = t.system.queues().await.unwrap();
    let delivery = queues.iter().find(|queue| queue.name == "delivery").unwrap();
    assert_eq!((delivery.waiting, delivery.oldest_at), (1, Some(t.cx.clock.now())));
    slow.rollback().await.unwrap();
});

one_engine!(postgres, a_slow_transaction_is_neither_passed_nor_lost, LEAKS, async |t| {
    let mut t = t;
    let (a, _) = two(&t).await;
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel::<Delivered>();
    let deliver: Deliver = Arc::new(move |event: &Delivered| drop(sender.send(event.clone())));
    let outbox = t.outbox.take().unwrap();
    let (slow_panel, quick_panel): (PanelId, PanelId) = (t.cx.next_id(), t.cx.next_id());

    let mut slow = t.cx.db.begin(a.tenant).await.unwrap();
    slow.run("UPDATE leaks_item SET n = 2 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();

    let mut quick = t.cx.db.begin(a.tenant).await.unwrap();
    quick.emit(PanelCreated { panel: quick_panel }).await.unwrap();
    quick.commit().await.unwrap();
    // The quick one is committed; the dispatcher sees it and must leave it until the slow one is settled.
    for _ in 0..20 {
        outbox.step(&[], &deliver).await.unwrap();
    }
    assert!(heard.try_recv().is_err(), "passed the slow transaction");

    slow.emit(PanelCreated { panel: slow_panel }).await.unwrap();
    slow.commit().await.unwrap();
    let mut order = Vec::new();
    let both = async {
        while order.len() < 2 {
            outbox.step(&[], &deliver).await.unwrap();
            while let Ok(event) = heard.try_recv() {
                order.push((event.position, event.subject));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), both).await.expect("both events");
    assert_eq!(order, [(1, slow_panel.to_string()), (2, quick_panel.to_string())]);
});

one_engine!(postgres, positions_have_no_gaps_under_many_writers_and_rollbacks, LEAKS, async |t| {
    const WRITERS: usize = 8;
    const EVENTS: usize = 25;
    let mut t = t;
    let (a, b) = two(&t).await;
    let heard: Arc<Mutex<Vec<Delivered>>> = Arc::default();
    let (all, done) = tokio::sync::oneshot::channel();
    let done_once = Mutex::new(Some(all));
    let hears = Arc::clone(&heard);
    let deliver: Deliver = Arc::new(move |event: &Delivered| {
        let mut heard = hears.lock().unwrap();
        heard.push(event.clone());
        if heard.len() == WRITERS * EVENTS
            && let Some(all) = done_once.lock().unwrap().take()
        {
            let _ = all.send(());
        }
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(t.outbox.take().unwrap().run(Vec::new(), deliver, stop.clone()));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (cx, tenant) = (t.cx.clone(), if writer % 2 == 0 { a.tenant } else { b.tenant });
            tokio::spawn(async move {
                for round in 0..EVENTS * 2 {
                    let mut tx = cx.db.begin(tenant).await.unwrap();
                    tx.emit(PanelCreated { panel: cx.next_id() }).await.unwrap();
                    // Every second one takes its number and gives up.
                    if round % 2 == 0 { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    tokio::time::timeout(Duration::from_mins(1), done).await.unwrap().unwrap();
    stop.cancel();
    running.await.unwrap();
    let heard = heard.lock().unwrap();
    for tenant in [a.tenant, b.tenant] {
        let positions: Vec<i64> = heard.iter().filter(|e| e.tenant == tenant).map(|e| e.position).collect();
        let wanted: Vec<i64> = (1..=(WRITERS * EVENTS / 2) as i64).collect();
        assert_eq!(positions, wanted);
    }
});
