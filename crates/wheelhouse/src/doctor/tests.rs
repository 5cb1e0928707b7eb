//! What the doctor says of a machine that no test can make: a full disk, little memory, clocks that are wrong.
use std::path::Path;

use wh_base::Timestamp;

use super::clock::{Seen, Written, judge, word_of_chrony, word_of_the_kernel};
use super::machine::{Room, memory_of};
use super::{Finding, State};

const MB: u64 = 1 << 20;
/// 2026-11-22, a Sunday.
const NOW: Timestamp = Timestamp::from_micros(1_795_305_600_000_000);

/// State and words of a check; one that is not well must say what to do.
fn of(findings: &[Finding], check: &str) -> (State, String) {
    let found = findings.iter().find(|finding| finding.check == check);
    let found = found.unwrap_or_else(|| panic!("no {check} in {findings:?}"));
    assert_eq!(found.state == State::Ok, found.advice.is_none(), "{found:?}");
    (found.state, found.found.clone())
}

fn room(bytes_free: u64, bytes: u64) -> Room {
    Room { bytes_free, bytes, files_free: 1_000, files: 1_000 }
}

#[test]
fn a_disk_that_is_full_or_soon_will_be_is_named() {
    let state = |room: Room| of(&room.judge(Path::new("/data")), "disk space").0;
    assert_eq!(state(room(100_000 * MB, 200_000 * MB)), State::Ok);
    assert_eq!(state(room(3_000 * MB, 200_000 * MB)), State::Warn, "little in all");
    assert_eq!(state(room(20_000 * MB, 1_000_000 * MB)), State::Warn, "little of much");
    assert_eq!(state(room(200 * MB, 200_000 * MB)), State::Fail);
    assert_eq!(state(room(0, 200_000 * MB)), State::Fail);
    let (_, words) = of(&room(200 * MB, 200_000 * MB).judge(Path::new("/data")), "disk space");
    assert_eq!(words, "200 MB free of 200000 MB at /data");
}

#[test]
fn a_disk_without_room_for_new_files_is_named() {
    let few = Room { files_free: 9, ..room(100_000 * MB, 200_000 * MB) };
    assert_eq!(of(&few.judge(Path::new("/data")), "disk files").0, State::Warn);
    let uncounted = Room { files_free: 0, files: 0, ..room(100_000 * MB, 200_000 * MB) };
    assert_eq!(uncounted.judge(Path::new("/data")).len(), 1, "some file systems do not count them");
}

#[test]
fn rows_that_take_more_than_half_of_the_memory_are_named() {
    assert_eq!(memory_of(1_024, Some(4_096)).state, State::Ok);
    assert_eq!(memory_of(2_048, Some(4_096)).state, State::Ok);
    assert_eq!(memory_of(2_049, Some(4_096)).state, State::Warn);
    assert_eq!(memory_of(2_049, None).state, State::Ok);
}

/// A clock that nothing is wrong with.
fn right() -> Seen {
    let newest = Written { at: NOW.plus_seconds(-60), place: "an event".to_owned() };
    Seen {
        now: NOW,
        file_system_s: Some(NOW.micros() / 1_000_000),
        is_synchronised: Some(true),
        newest: Some(newest),
    }
}

#[test]
fn a_clock_that_is_right_is_said_to_be() {
    let findings = judge(&right());
    for check in ["clock", "time service", "clock history"] {
        assert_eq!(of(&findings, check).0, State::Ok, "{check}");
    }
    let silent = judge(&Seen { is_synchronised: None, newest: None, file_system_s: None, ..right() });
    assert!(silent.iter().all(|finding| finding.state == State::Ok), "{silent:?}");
}

#[test]
fn a_clock_of_before_this_program_fails() {
    let early = Seen { now: Timestamp::from_micros(0), ..right() };
    assert_eq!(of(&judge(&early), "clock").0, State::Fail);
}

#[test]
fn a_clock_that_nothing_keeps_right_is_named() {
    let alone = Seen { is_synchronised: Some(false), ..right() };
    assert_eq!(of(&judge(&alone), "time service").0, State::Warn);
}

#[test]
fn a_file_system_with_another_clock_is_named() {
    for apart_s in [-3_600, 6] {
        let apart = Seen { file_system_s: Some(NOW.micros() / 1_000_000 + apart_s), ..right() };
        assert_eq!(of(&judge(&apart), "clock").0, State::Warn, "{apart_s} s");
    }
}

#[test]
fn a_clock_that_was_ahead_is_named_by_what_it_dated() {
    let newest = |seconds| Written { at: NOW.plus_seconds(seconds), place: "the status".to_owned() };
    let ahead = judge(&Seen { newest: Some(newest(10_800)), ..right() });
    let (state, words) = of(&ahead, "clock history");
    assert_eq!(state, State::Warn);
    assert!(
        words.starts_with("the status is dated ") && words.ends_with(", 10800 s later than now"),
        "{words}"
    );
    let nearly = judge(&Seen { newest: Some(newest(5)), ..right() });
    assert_eq!(of(&nearly, "clock history").0, State::Ok, "two machines are never quite of one mind");
}

#[test]
fn the_word_of_a_time_service_is_understood() {
    assert_eq!([word_of_the_kernel("yes\n"), word_of_the_kernel("no\n")], [Some(true), Some(false)]);
    assert_eq!(word_of_the_kernel("Failed to connect to bus"), None);
    let chrony = |status: &str| word_of_chrony(&format!("Stratum         : 3\nLeap status     : {status}\n"));
    assert_eq!([chrony("Normal"), chrony("Not synchronised")], [Some(true), Some(false)]);
    assert_eq!(word_of_chrony("506 Cannot talk to daemon"), None);
}
