//! Time, randomness, ids, secrets and errors.
use std::sync::Arc;

use wh_base::{Clock, IdSource, ManualClock, Secret, SeededRandom, Timestamp, codes};
use wh_contract::PanelId;

#[test]
fn a_moment_reads_as_it_was_written() {
    let moment = Timestamp::from_micros(1_700_000_000_123_456);
    let json = serde_json::to_string(&moment).unwrap();
    assert_eq!(json, "\"2023-11-14T22:13:20.123456Z\"");
    assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), moment);
}

#[test]
fn ids_rise_with_the_clock_and_repeat_from_a_seed() {
    let ids = || {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_700_000_000_000_000)));
        let source = IdSource::new(clock.clone(), Arc::new(SeededRandom::new(7)));
        let first: PanelId = source.next();
        clock.advance_seconds(1);
        (first, source.next::<PanelId>(), clock.now())
    };
    let (first, second, _) = ids();
    assert!(first < second);
    assert_eq!((first, second), (ids().0, ids().1));
}

#[test]
fn a_secret_does_not_show_itself() {
    assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "[secret]");
}

#[test]
fn an_error_shows_code_and_message_and_keeps_its_cause() {
    let error = codes::INTERNAL.caused("the disk said no", std::io::Error::other("EIO"));
    assert_eq!(error.to_string(), "base.internal: the disk said no");
    assert_eq!(format!("{error:?}"), "base.internal: the disk said no (caused by: EIO)");
    assert_eq!(error.kind().status(), 500);
}
