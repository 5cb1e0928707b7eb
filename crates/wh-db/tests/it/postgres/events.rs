//! Events keep the order of their transactions: a number is given before the commit, so a slow transaction
//! must not be passed.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wh_contract::{PanelId, events::PanelCreated};
use wh_db::{Deliver, Delivered, args};
use wh_testkit::one_engine;

use crate::leaks::{LEAKS, two};

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
    tokio::time::timeout(Duration::from_secs(20), done).await.unwrap().unwrap();
    stop.cancel();
    running.await.unwrap();
    let heard = heard.lock().unwrap();
    for tenant in [a.tenant, b.tenant] {
        let positions: Vec<i64> = heard.iter().filter(|e| e.tenant == tenant).map(|e| e.position).collect();
        let wanted: Vec<i64> = (1..=(WRITERS * EVENTS / 2) as i64).collect();
        assert_eq!(positions, wanted);
    }
});
