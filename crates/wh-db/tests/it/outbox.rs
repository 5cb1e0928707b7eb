//! The outbox on both engines: in order and without gaps per tenant, at least once, reactions again and parked in the end, resume
//! and tidying. Rounds are run by hand, so nothing waits.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wh_base::OsRandom;
use wh_contract::{PanelId, TenantId, events::PanelCreated};
use wh_db::{
    AuditEntry, Context, DbConfig, DbLimits, Deliver, Delivered, MigrationFile, MigrationText, Migrations,
    Outbox, Progress, Reaction, Resumable, Who, args, codes,
};
use wh_testkit::{both_engines, one_engine};

const TABLES: &str =
    "CREATE TABLE out_item (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));";
const OUT: &[Migrations] = &[Migrations {
    context: "out",
    files: &[MigrationFile { name: "0001_out", text: MigrationText::Portable(TABLES) }],
}];

/// Remembers what it is given.
#[derive(Clone, Default)]
struct Probe(Arc<Mutex<Vec<Delivered>>>);

impl Probe {
    fn deliver(&self) -> Deliver {
        let seen = Arc::clone(&self.0);
        Arc::new(move |event| seen.lock().unwrap().push(event.clone()))
    }

    fn of(&self, tenant: TenantId) -> Vec<(i64, String)> {
        let seen = self.0.lock().unwrap();
        seen.iter()
            .filter(|event| event.tenant == tenant)
            .map(|event| (event.position, event.subject.clone()))
            .collect()
    }
}

async fn emit(cx: &Context, tenant: TenantId) -> String {
    let panel: PanelId = cx.next_id();
    let mut tx = cx.db.begin(tenant).await.unwrap();
    tx.emit(PanelCreated { panel }).await.unwrap();
    tx.commit().await.unwrap();
    panel.to_string()
}

/// Rounds until nothing is left and the probe has heard so many events in all. On PostgreSQL an event is settled only when every
/// older transaction of the server has ended, those of other tests too.
async fn drain(outbox: &Outbox, reactions: &[Reaction], probe: &Probe, heard: usize) {
    let all = async {
        while outbox.step(reactions, &probe.deliver()).await.unwrap() == Progress::Some
            || probe.0.lock().unwrap().len() < heard
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("all events");
}

fn reaction(
    context: &'static str,
    run: impl Fn(Context, Delivered) -> wh_base::Result<()> + Send + Sync + 'static,
) -> Reaction {
    let run = Arc::new(run);
    let call = move |cx: Context, event: Delivered| {
        let run = Arc::clone(&run);
        async move { run(cx, event) }.boxed()
    };
    Reaction { context, kind: "panels.created", run: Arc::new(call) }
}

both_engines!(events_come_in_order_with_gapless_positions, OUT, async |t| {
    let outbox = t.outbox.as_ref().unwrap();
    let probe = Probe::default();
    let (a, b): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
    let mut wanted = (Vec::new(), Vec::new());
    for n in 0..7 {
        wanted.0.push(emit(&t.cx, a).await);
        if n % 2 == 0 {
            wanted.1.push(emit(&t.cx, b).await);
        }
        // One that is undone leaves no gap.
        let mut tx = t.cx.db.begin(a).await.unwrap();
        tx.emit(PanelCreated { panel: t.cx.next_id() }).await.unwrap();
        tx.rollback().await.unwrap();
        if n == 3 {
            drain(outbox, &[], &probe, 6).await;
        }
    }
    drain(outbox, &[], &probe, 11).await;
    assert_eq!(probe.of(a), (1..).zip(wanted.0).collect::<Vec<_>>());
    assert_eq!(probe.of(b), (1..).zip(wanted.1).collect::<Vec<_>>());
    let first = probe.0.lock().unwrap()[0].clone();
    assert_eq!(first.kind, "panels.created");
    assert_eq!(first.time, t.cx.clock.now());
    assert_eq!(first.data["panel"], first.subject.as_str());
});

both_engines!(several_events_of_one_change_keep_their_order, OUT, async |t| {
    let probe = Probe::default();
    let tenant: TenantId = t.cx.next_id();
    let mut wanted = Vec::new();
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    for _ in 0..700 {
        let panel: PanelId = t.cx.next_id();
        tx.emit(PanelCreated { panel }).await.unwrap();
        wanted.push(panel.to_string());
    }
    tx.commit().await.unwrap();
    drain(t.outbox.as_ref().unwrap(), &[], &probe, 700).await;
    assert_eq!(probe.of(tenant), (1..).zip(wanted).collect::<Vec<_>>());
});

both_engines!(much_at_once_is_told_in_order_and_to_whom_it_happened, OUT, async |t| {
    let tenants: [TenantId; 2] = [t.cx.next_id(), t.cx.next_id()];
    let (probe, mut wanted) = (Probe::default(), [Vec::new(), Vec::new()]);
    let who = Who::system(t.cx.next_id());
    let line = |subject: String| AuditEntry { action: "out", subject, before: None, after: None };
    let mut tx = t.identity.begin().await.unwrap();
    // One tenant and the other in turns: a row must not go to whoever was told last.
    for _ in 0..3 {
        for (tenant, wanted) in tenants.into_iter().zip(&mut wanted) {
            let events: Vec<PanelCreated> =
                (0..150).map(|_| PanelCreated { panel: t.cx.next_id() }).collect();
            let subjects: Vec<String> = events.iter().map(|event| event.panel.to_string()).collect();
            tx.emit_many(tenant, &events).await.unwrap();
            tx.audit_many(tenant, &who, subjects.iter().cloned().map(line).collect()).await.unwrap();
            wanted.extend(subjects);
            let panel: PanelId = t.cx.next_id();
            tx.audit(tenant, &who, line(panel.to_string())).await.unwrap();
            tx.emit(tenant, PanelCreated { panel }).await.unwrap();
            wanted.push(panel.to_string());
        }
        tx.emit_many::<PanelCreated>(tenants[0], &[]).await.unwrap();
        tx.audit_many(tenants[1], &who, Vec::new()).await.unwrap();
    }
    tx.commit().await.unwrap();
    drain(t.outbox.as_ref().unwrap(), &[], &probe, 906).await;
    for (tenant, wanted) in tenants.into_iter().zip(wanted) {
        let mut lines = t.cx.db.audit_before(tenant, i64::MAX, 1_000).await.unwrap();
        lines.reverse();
        assert_eq!(lines.into_iter().map(|line| line.subject).collect::<Vec<_>>(), wanted);
        assert_eq!(probe.of(tenant), (1..).zip(wanted).collect::<Vec<_>>());
    }
});

both_engines!(a_restart_neither_loses_nor_renumbers, OUT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let probe = Probe::default();
    let first = emit(&t.cx, tenant).await;
    drain(t.outbox.as_ref().unwrap(), &[], &probe, 1).await;
    let second = emit(&t.cx, tenant).await;
    let again = wh_db::open(&t.fresh.config, OUT, t.clock.clone(), Arc::new(OsRandom)).await.unwrap();
    drain(&again.outbox, &[], &probe, 2).await;
    assert_eq!(probe.of(tenant), [(1, first), (2, second)]);
    assert_eq!(again.db.events_position(tenant).await.unwrap(), 2);
});

both_engines!(who_was_away_catches_up, OUT, async |t| {
    let (tenant, other): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
    let mut subjects = Vec::new();
    for _ in 0..5 {
        subjects.push(emit(&t.cx, tenant).await);
        emit(&t.cx, other).await;
    }
    drain(t.outbox.as_ref().unwrap(), &[], &Probe::default(), 10).await;
    let after = t.cx.db.events_after(tenant, 2, 2).await.unwrap();
    let seen: Vec<(i64, &str)> =
        after.events.iter().map(|event| (event.position, event.subject.as_str())).collect();
    assert_eq!(seen, [(3, subjects[2].as_str()), (4, subjects[3].as_str())]);
    assert_eq!(after.resumable, Resumable::Yes);
    assert_eq!(t.cx.db.events_after(tenant, 0, 100).await.unwrap().events.len(), 5);
    let end = t.cx.db.events_after(tenant, 5, 10).await.unwrap();
    assert_eq!((end.events.len(), end.resumable), (0, Resumable::Yes));
    let future = t.cx.db.events_after(tenant, 6, 10).await.unwrap();
    assert_eq!((future.events.len(), future.resumable), (0, Resumable::No));
    let nobody: TenantId = t.cx.next_id();
    assert_eq!(t.cx.db.events_position(nobody).await.unwrap(), 0);
    assert_eq!(t.cx.db.events_after(nobody, 0, 10).await.unwrap().resumable, Resumable::Yes);
});

both_engines!(reactions_run_for_their_kind_once_when_they_succeed, OUT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    let other = Reaction { kind: "panels.renamed", ..reaction("other", |_, _| panic!("not its kind")) };
    let reactions = [
        reaction("shop", move |_, _| {
            counting.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }),
        other,
    ];
    for _ in 0..3 {
        emit(&t.cx, tenant).await;
    }
    let (outbox, probe) = (t.outbox.as_ref().unwrap(), Probe::default());
    drain(outbox, &reactions, &probe, 3).await;
    drain(outbox, &reactions, &probe, 3).await;
    assert_eq!(count.load(Ordering::Relaxed), 3);
});

both_engines!(a_failing_reaction_is_tried_again_in_order_and_then_parked, OUT, async |t| {
    let (tenant, other): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
    let (probe, tried) = (Probe::default(), Probe::default());
    let poison = emit(&t.cx, tenant).await;
    let (bad, seen) = (poison.clone(), tried.clone());
    let reactions = [reaction("shop", move |_, event| {
        seen.deliver()(&event);
        if event.subject == bad { Err(codes::AWAY.error("the shop is closed")) } else { Ok(()) }
    })];
    let behind = emit(&t.cx, tenant).await;
    let elsewhere = emit(&t.cx, other).await;
    let outbox = t.outbox.as_ref().unwrap();
    drain(outbox, &reactions, &probe, 3).await;
    // Delivery goes on; the other tenant goes on; what stands behind the failure waits.
    assert_eq!(probe.of(tenant), [(1, poison.clone()), (2, behind.clone())]);
    assert_eq!(tried.of(other), [(1, elsewhere)]);
    assert_eq!(tried.of(tenant), [(1, poison.clone())]);
    for _ in 0..7 {
        t.clock.advance_seconds(600);
        drain(outbox, &reactions, &probe, 3).await;
    }
    // Eight attempts, then it is put aside and the next one has its turn.
    let mut wanted = vec![(1, poison.clone()); 8];
    wanted.push((2, behind));
    assert_eq!(tried.of(tenant), wanted);
    let parked = t.system.parked(None, 10).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].event.subject.as_str(), parked[0].attempts), (poison.as_str(), 8));
    assert_eq!(parked[0].reaction, "shop:panels.created");
    assert!(parked[0].reason.contains("the shop is closed"), "{}", parked[0].reason);
    // Released, it is tried again, and is gone when that succeeds.
    t.system.parked_release(parked[0].event.id).await.unwrap();
    drain(outbox, &[reaction("shop", |_, _| Ok(()))], &probe, 3).await;
    assert!(t.system.parked(None, 10).await.unwrap().is_empty());
    assert!(t.system.parked_release(parked[0].event.id).await.is_err());
});

both_engines!(a_backlog_behind_a_failure_is_worked_off_in_runs, OUT, async |t| {
    const EVENTS: usize = 200;
    let tenant: TenantId = t.cx.next_id();
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    for _ in 0..EVENTS {
        let panel: PanelId = t.cx.next_id();
        tx.emit(PanelCreated { panel }).await.unwrap();
    }
    tx.commit().await.unwrap();
    let tried = Probe::default();
    let (seen, calls) = (tried.clone(), AtomicUsize::new(0));
    let reactions = [reaction("shop", move |_, event| {
        seen.deliver()(&event);
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        if first { Err(codes::AWAY.error("the shop is closed")) } else { Ok(()) }
    })];
    let (outbox, probe) = (t.outbox.as_ref().unwrap(), Probe::default());
    drain(outbox, &reactions, &probe, EVENTS).await;
    assert_eq!(tried.of(tenant).len(), 1, "all others wait behind the first");
    t.clock.advance_seconds(10);
    for _ in 0..10 {
        outbox.step(&reactions, &probe.deliver()).await.unwrap();
    }
    let order: Vec<i64> = tried.of(tenant).into_iter().map(|(position, _)| position).collect();
    assert_eq!(order, [1].into_iter().chain(1..=200).collect::<Vec<_>>());
    assert!(t.system.queues().await.unwrap().iter().all(|queue| queue.waiting == 0));
});

both_engines!(a_reaction_that_panics_is_a_failure_like_any_other, OUT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    emit(&t.cx, tenant).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&calls);
    let reactions = [reaction("shop", move |_, _| {
        assert!(counting.fetch_add(1, Ordering::Relaxed) > 0, "the first time");
        Ok(())
    })];
    let (outbox, probe) = (t.outbox.as_ref().unwrap(), Probe::default());
    drain(outbox, &reactions, &probe, 1).await;
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    t.clock.advance_seconds(10);
    drain(outbox, &reactions, &probe, 1).await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
});

both_engines!(a_reaction_may_change_and_emit, OUT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    emit(&t.cx, tenant).await;
    let reactions = [Reaction {
        context: "shop",
        kind: "panels.created",
        run: Arc::new(|cx: Context, event: Delivered| {
            async move {
                let mut tx = cx.db.begin(event.tenant).await?;
                // The event's id as the key: a second call changes nothing.
                let sql = "INSERT INTO out_item (tenant_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
                tx.run(sql, args![event.tenant, event.id]).await?;
                tx.commit().await
            }
            .boxed()
        }),
    }];
    drain(t.outbox.as_ref().unwrap(), &reactions, &Probe::default(), 1).await;
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    assert_eq!(
        tx.rows("SELECT id FROM out_item WHERE tenant_id = $1", args![tenant]).await.unwrap().len(),
        1
    );
});

one_engine!(sqlite, a_backlog_that_holds_the_writer_for_too_long_goes_out_in_pieces, OUT, async |t| {
    const TENANTS: usize = 512;
    let mut tx = t.system.begin("a backlog of many companies").await.unwrap();
    for _ in 0..TENANTS {
        let (tenant, panel): (TenantId, PanelId) = (t.cx.next_id(), t.cx.next_id());
        tx.emit(tenant, PanelCreated { panel }).await.unwrap();
    }
    tx.commit().await.unwrap();
    // A thousand statements do not fit into this, some do.
    let limits = DbLimits { held_ms_max: 3, ..t.fresh.config.limits };
    let config = DbConfig { limits, ..t.fresh.config.clone() };
    let slow = wh_db::open(&config, OUT, t.clock.clone(), Arc::new(OsRandom)).await.unwrap();
    let probe = Probe::default();
    let all = async {
        while probe.0.lock().unwrap().len() < TENANTS {
            if let Err(error) = slow.outbox.step(&[], &probe.deliver()).await {
                assert!(codes::asks_for_replay(&error), "{error:?}");
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("all events");
});

both_engines!(old_events_go_and_positions_stay, OUT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let (outbox, probe) = (t.outbox.as_ref().unwrap(), Probe::default());
    // With a reaction the place of the reactions is written down, and nothing is taken away before it.
    let reactions = [reaction("shop", |_, _| Ok(()))];
    for _ in 0..3 {
        emit(&t.cx, tenant).await;
    }
    drain(outbox, &reactions, &probe, 3).await;
    while outbox.tend().await.unwrap() == Progress::Some {}
    assert_eq!(t.cx.db.events_after(tenant, 0, 10).await.unwrap().events.len(), 3, "young ones stay");
    t.clock.advance_seconds(2 * 60 * 60);
    while outbox.tend().await.unwrap() == Progress::Some {}
    let after = t.cx.db.events_after(tenant, 0, 10).await.unwrap();
    assert_eq!((after.events.len(), after.resumable), (0, Resumable::No));
    assert_eq!(t.cx.db.events_position(tenant).await.unwrap(), 3);
    let next = emit(&t.cx, tenant).await;
    drain(outbox, &reactions, &probe, 4).await;
    assert_eq!(probe.of(tenant).last(), Some(&(4, next)));
});

both_engines!(the_running_dispatcher_is_woken_by_a_commit, OUT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let mut t = t;
    let (seen, heard, stop) = (Probe::default(), Arc::new(Notify::new()), CancellationToken::new());
    let (deliver, bell) = (seen.deliver(), Arc::clone(&heard));
    let deliver: Deliver = Arc::new(move |event| {
        deliver(event);
        bell.notify_one();
    });
    let running = tokio::spawn(t.outbox.take().unwrap().run(Vec::new(), deliver, stop.clone()));
    for n in 1..=20 {
        emit(&t.cx, tenant).await;
        heard.notified().await;
        assert_eq!(seen.of(tenant).len(), n);
    }
    stop.cancel();
    running.await.unwrap();
});

both_engines!(writers_at_the_same_time_give_one_gapless_stream_each, OUT, async |t| {
    let mut t = t;
    let tenants: Vec<TenantId> = (0..4).map(|_| t.cx.next_id()).collect();
    let (seen, heard, stop) = (Probe::default(), Arc::new(Notify::new()), CancellationToken::new());
    let (deliver, bell, all) = (seen.deliver(), Arc::clone(&heard), Arc::new(AtomicUsize::new(0)));
    let deliver: Deliver = Arc::new(move |event| {
        deliver(event);
        if all.fetch_add(1, Ordering::Relaxed) + 1 == 200 {
            bell.notify_one();
        }
    });
    let running = tokio::spawn(t.outbox.take().unwrap().run(Vec::new(), deliver, stop.clone()));
    let mut tasks = Vec::new();
    for n in 0..200 {
        let (cx, tenant) = (t.cx.clone(), tenants[n % 4]);
        tasks.push(tokio::spawn(async move { emit(&cx, tenant).await }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    heard.notified().await;
    stop.cancel();
    running.await.unwrap();
    for tenant in tenants {
        let positions: Vec<i64> = seen.of(tenant).into_iter().map(|(position, _)| position).collect();
        assert_eq!(positions, (1..=50).collect::<Vec<_>>());
    }
});
