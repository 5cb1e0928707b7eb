//! Limits of companies are remembered for a moment, seen at once when they change here, and kept while their source is away.
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use uuid::Uuid;
use wh_base::{
    Clock, CompanyLimits, LIMITS_FRESH_S, LIMITS_KNOWN_MAX, LimitSource, Limits, ManualClock, Result,
    Timestamp, codes,
};
use wh_contract::TenantId;

const ONE: TenantId = TenantId(Uuid::from_u128(1));
const OTHER: TenantId = TenantId(Uuid::from_u128(2));

/// Answers the same for every company, and counts how often it is asked.
#[derive(Default)]
struct Table {
    panels: Mutex<Option<i64>>,
    asked: AtomicU32,
    away: AtomicBool,
}

impl Table {
    fn set(&self, panels: i64) {
        *self.panels.lock().expect("no test panicked here") = Some(panels);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl LimitSource for Table {
    async fn limits(&self, _: TenantId) -> Result<CompanyLimits> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(codes::INTERNAL.error("the table is away"));
        }
        Ok(CompanyLimits {
            panels: *self.panels.lock().expect("no test panicked here"),
            ..CompanyLimits::default()
        })
    }
}

fn world() -> (Limits, Arc<Table>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000_000)));
    let (limits, table) = (Limits::new(Arc::clone(&clock) as Arc<dyn Clock>), Arc::new(Table::default()));
    limits.ask(Arc::clone(&table) as Arc<dyn LimitSource>);
    (limits, table, clock)
}

async fn panels(limits: &Limits, of: TenantId) -> Option<i64> {
    limits.of(of).await.expect("the limits").panels
}

#[tokio::test]
async fn what_is_known_is_not_asked_again_for_a_moment() {
    let (limits, table, clock) = world();
    table.set(3);
    for _ in 0..1_000 {
        assert_eq!(panels(&limits, ONE).await, Some(3));
    }
    assert_eq!(table.asked(), 1);
    // Another process changed it.
    table.set(4);
    clock.advance_seconds(LIMITS_FRESH_S - 1);
    assert_eq!(panels(&limits, ONE).await, Some(3));
    assert_eq!(panels(&limits, OTHER).await, Some(4), "each company for itself");
    clock.advance_seconds(1);
    assert_eq!(panels(&limits, ONE).await, Some(4));
    assert_eq!(table.asked(), 3);
}

#[tokio::test]
async fn a_change_is_seen_at_once() {
    let (limits, table, _) = world();
    assert_eq!(panels(&limits, ONE).await, None);
    table.set(3);
    limits.changed(ONE);
    assert_eq!(panels(&limits, ONE).await, Some(3));
}

#[tokio::test]
async fn what_is_known_holds_while_the_source_is_away() {
    let (limits, table, clock) = world();
    table.set(3);
    assert_eq!(panels(&limits, ONE).await, Some(3));
    table.away.store(true, Ordering::SeqCst);
    clock.advance_seconds(3_600);
    assert_eq!(panels(&limits, ONE).await, Some(3));
    assert!(limits.of(OTHER).await.is_err(), "nothing is known of it");
    table.away.store(false, Ordering::SeqCst);
    table.set(4);
    clock.advance_seconds(LIMITS_FRESH_S);
    assert_eq!(panels(&limits, ONE).await, Some(4));
}

#[tokio::test]
async fn however_many_come_whoever_asks_is_remembered_and_the_room_has_an_end() {
    let (limits, table, clock) = world();
    table.set(3);
    assert_eq!(panels(&limits, ONE).await, Some(3));
    let others = u128::try_from(LIMITS_KNOWN_MAX).expect("a number") * 3;
    for other in 0..others {
        panels(&limits, TenantId(Uuid::from_u128(1_000 + other))).await;
        assert!(limits.remembered() <= LIMITS_KNOWN_MAX, "{} are remembered", limits.remembered());
        if other % 1_000 == 0 {
            panels(&limits, ONE).await;
        }
    }
    assert_eq!(u128::from(table.asked()), others + 1, "nobody who asks is forgotten");
    // What changes is forgotten wherever it is remembered.
    table.set(4);
    for other in [others - 1, others - 5_000] {
        let other = TenantId(Uuid::from_u128(1_000 + other));
        assert_eq!(panels(&limits, other).await, Some(3));
        limits.changed(other);
        assert_eq!(panels(&limits, other).await, Some(4));
    }
    let unasked = TenantId(Uuid::from_u128(1_000 + others - 5_001));
    limits.changed(unasked);
    assert_eq!(panels(&limits, unasked).await, Some(4), "also among the old ones");
    assert_eq!(panels(&limits, ONE).await, Some(3), "not that of anybody else");
    // Also when nobody can say it anew.
    table.away.store(true, Ordering::SeqCst);
    clock.advance_seconds(LIMITS_FRESH_S);
    assert_eq!(panels(&limits, ONE).await, Some(3));
    assert!(limits.of(TenantId(Uuid::from_u128(1_000))).await.is_err(), "forgotten long ago");
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_fresh() {
    let (limits, table, clock) = world();
    assert_eq!(panels(&limits, ONE).await, None);
    clock.advance_seconds(-600);
    table.set(3);
    assert_eq!(panels(&limits, ONE).await, Some(3));
}

#[tokio::test]
async fn without_a_source_nobody_has_limits() {
    let limits = Limits::new(Arc::new(ManualClock::at(Timestamp::from_micros(0))));
    assert_eq!(limits.of(ONE).await.unwrap(), CompanyLimits::default());
}
