//! Two nodes on one database: each hears every event of every tenant, in order and without a hole, whichever of them gave it its
//! place; and where that cannot be any more, it is told so.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use wh_base::OsRandom;
use wh_contract::{PanelId, TenantId, events::PanelCreated};
use wh_db::{Context, Db, Deliver, Delivered, Opened, Outbox, Progress, Reaction};
use wh_testkit::engines::TestDb;
use wh_testkit::{both_engines, one_engine};

use crate::leaks::LEAKS;

/// What one node heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Delivered>>>);

impl Heard {
    fn deliver(&self) -> Deliver {
        let heard = Arc::clone(&self.0);
        Arc::new(move |event: &Delivered| heard.lock().unwrap().push(event.clone()))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn positions(&self, tenant: TenantId) -> Vec<i64> {
        let heard = self.0.lock().unwrap();
        heard.iter().filter(|event| event.tenant == tenant).map(|event| event.position).collect()
    }
}

/// The test's database opened by one more node.
async fn another(t: &TestDb) -> Opened {
    wh_db::open(&t.fresh.config, LEAKS, t.clock.clone(), Arc::new(OsRandom)).await.unwrap()
}

/// So many events in one change.
async fn emit(cx: &Context, db: &Db, tenant: TenantId, count: usize) {
    let mut tx = db.begin(tenant).await.unwrap();
    for _ in 0..count {
        let panel: PanelId = cx.next_id();
        tx.emit(PanelCreated { panel }).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Rounds of one node until nothing is left and it has heard so many events in all.
async fn until(outbox: &Outbox, reactions: &[Reaction], heard: &Heard, count: usize) {
    let all = async {
        while outbox.step(reactions, &heard.deliver()).await.unwrap() == Progress::Some
            || heard.count() < count
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("all events");
}

both_engines!(a_node_hears_what_another_has_placed, LEAKS, async |t| {
    let (a, b): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
    let other = another(&t).await;
    let (here, there) = (Heard::default(), Heard::default());
    let outbox = t.outbox.as_ref().unwrap();
    for tenant in [a, b, a] {
        emit(&t.cx, &t.cx.db, tenant, 1).await;
    }
    until(outbox, &[], &here, 3).await;
    assert_eq!(other.db.events_position(a).await.unwrap(), 2);
    assert_eq!(other.db.events_handed_on(a).await.unwrap(), 0, "it is stored, and nobody was told here");
    assert_eq!(t.cx.db.events_handed_on(a).await.unwrap(), 2);
    until(&other.outbox, &[], &there, 3).await;
    assert_eq!(other.db.events_handed_on(a).await.unwrap(), 2);
    // The other way around, and each once only.
    for tenant in [b, a, b] {
        emit(&t.cx, &t.cx.db, tenant, 1).await;
    }
    until(&other.outbox, &[], &there, 6).await;
    until(outbox, &[], &here, 6).await;
    for node in [here, there] {
        assert_eq!(node.positions(a), [1, 2, 3]);
        assert_eq!(node.positions(b), [1, 2, 3]);
    }
});

both_engines!(a_node_far_behind_hears_the_old_before_the_new, LEAKS, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let other = another(&t).await;
    let (here, there) = (Heard::default(), Heard::default());
    emit(&t.cx, &t.cx.db, tenant, 1_300).await;
    until(t.outbox.as_ref().unwrap(), &[], &here, 1_300).await;
    // These have no place yet when it wakes up: it places them itself, and hands them on last.
    emit(&t.cx, &t.cx.db, tenant, 2).await;
    until(&other.outbox, &[], &there, 1_302).await;
    assert_eq!(there.positions(tenant), (1..=1_302).collect::<Vec<_>>());
});

both_engines!(a_node_that_was_away_for_too_long_is_told_so, LEAKS, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let (here, there) = (Heard::default(), Heard::default());
    let missed = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&missed);
    let other = another(&t).await.outbox.on_missed(Arc::new(move || {
        counting.fetch_add(1, Ordering::Relaxed);
    }));
    let outbox = t.outbox.as_ref().unwrap();
    // Nothing is taken away before the reactions are done with it.
    let reactions = [Reaction {
        context: "shop",
        kind: "panels.created",
        run: Arc::new(|_: Context, _: Delivered| async { Ok::<(), wh_base::Error>(()) }.boxed()),
    }];
    emit(&t.cx, &t.cx.db, tenant, 3).await;
    until(outbox, &reactions, &here, 3).await;
    t.clock.advance_seconds(2 * 60 * 60);
    while outbox.tend().await.unwrap() == Progress::Some {}
    until(&other, &[], &there, 1).await;
    assert_eq!((there.positions(tenant), missed.load(Ordering::Relaxed)), (vec![3], 1));
    emit(&t.cx, &t.cx.db, tenant, 1).await;
    until(outbox, &reactions, &here, 4).await;
    until(&other, &[], &there, 2).await;
    assert_eq!((there.positions(tenant), missed.load(Ordering::Relaxed)), (vec![3, 4], 1));
});

one_engine!(postgres, two_running_nodes_each_hear_everything_in_order, LEAKS, async |t| {
    const WRITERS: usize = 8;
    const EVENTS: usize = 25;
    let mut t = t;
    let tenants: [TenantId; 2] = [t.cx.next_id(), t.cx.next_id()];
    let other = another(&t).await;
    let (here, there, stop) = (Heard::default(), Heard::default(), CancellationToken::new());
    let running = [
        tokio::spawn(t.outbox.take().unwrap().run(Vec::new(), here.deliver(), stop.clone())),
        tokio::spawn(other.outbox.run(Vec::new(), there.deliver(), stop.clone())),
    ];
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (cx, tenant) = (t.cx.clone(), tenants[writer / 2 % 2]);
            let db = if writer % 2 == 0 { t.cx.db.clone() } else { other.db.clone() };
            tokio::spawn(async move {
                for _ in 0..EVENTS {
                    emit(&cx, &db, tenant, 1).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let all = async {
        while here.count() < WRITERS * EVENTS || there.count() < WRITERS * EVENTS {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("each hears everything");
    stop.cancel();
    for node in running {
        node.await.unwrap();
    }
    let wanted: Vec<i64> = (1..).take(WRITERS * EVENTS / 2).collect();
    for node in [here, there] {
        for tenant in tenants {
            assert_eq!(node.positions(tenant), wanted);
        }
    }
});
