//! What is removed, and what stays while others add.
use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use wh_backup::{Followed, Follower, Retention, Steps, codes, prune, prune_other, restore};
use wh_base::Clock;

use crate::world::{FILL, World, age, files};

/// Far more than a look takes.
const PATIENCE: Duration = Duration::from_mins(3);

#[test]
fn pruning_removes_what_no_point_needs_and_nothing_else() {
    let world = World::new();
    world.write(FILL);
    let mut follower = world.follower();
    follower.look().expect("a look");
    world.write("UPDATE t SET text = hex(randomblob(200))");
    drop(follower);
    world.follower().look().expect("a look");
    let parts = |world: &World| files(&world.folder.path().join("place/parts")).len();
    let before = parts(&world);
    let retention = Retention { keep_days: 1, keep_full_min: 1, keep_steps_h: 1, full_every_h: 24 };
    let later = world.clock.now().plus_seconds(10 * 86_400);
    let repository = world.repository();
    let young = prune(&repository, retention, None, later).expect("nobody adds");
    assert_eq!((young.points, young.parts), (1, 0), "a part that was just written may belong to a new point");
    age(&world.folder.path().join("place/parts"));
    let old = prune(&repository, retention, None, later).expect("nobody adds");
    assert!(old.parts > 0 && parts(&world) < before, "{old:?}");
    assert_eq!(world.restored(later), World::dump(&world.file));
    let _adding = repository.lock_add().expect("a lock");
    let refused = prune(&world.repository(), retention, None, later).expect_err("somebody adds");
    assert!(refused.is(&codes::RUNNING), "{refused:?}");
}

#[test]
fn what_nobody_wrote_to_for_long_is_pruned_and_followed_on() {
    let world = World::new();
    world.write(FILL);
    let mut follower =
        Follower::begin(world.repository(), world.data(), world.clock.clone(), 720, Steps::Each)
            .expect("a follower");
    follower.look().expect("a look");
    world.write("UPDATE t SET text = hex(randomblob(200))");
    assert!(matches!(follower.look().expect("a look"), Followed::Step(_)));
    world.clock.advance_seconds(8 * 86_400);
    age(&world.folder.path().join("place/parts"));
    let retention = Retention { keep_days: 30, keep_full_min: 7, keep_steps_h: 168, full_every_h: 24 };
    let pruned = prune(&world.repository(), retention, None, world.clock.now()).expect("nobody adds");
    assert_eq!(pruned.points, 0, "{pruned:?}");
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
    world.write("UPDATE t SET text = 'next' WHERE id = 1");
    assert!(matches!(follower.look().expect("a look"), Followed::Step(_)));
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
}

#[test]
fn two_processes_of_one_id_write_into_one_place_and_what_one_left_is_removed() {
    let world = World::new();
    world.write(FILL);
    let staging = world.folder.path().join("place/staging");
    std::fs::create_dir_all(&staging).expect("a folder");
    // Of another container, in which this id is another process; some of it just being written, some left long ago.
    for number in 0..5 {
        std::fs::write(staging.join(format!("{}-{number}", std::process::id())), "theirs").expect("a file");
    }
    world.follower().look().expect("a look");
    assert_eq!(files(&staging).len(), 5, "what another process writes was taken for ours");
    for file in files(&staging) {
        assert_eq!(std::fs::read_to_string(file).expect("a file"), "theirs");
    }
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
    let retention = Retention { keep_days: 30, keep_full_min: 7, keep_steps_h: 168, full_every_h: 24 };
    prune(&world.repository(), retention, None, world.clock.now()).expect("nobody adds");
    assert_eq!(files(&staging).len(), 5, "it may still be written");
    age(&staging);
    prune(&world.repository(), retention, None, world.clock.now()).expect("nobody adds");
    assert_eq!(files(&staging).len(), 0);
}

#[test]
fn a_prune_that_still_reads_keeps_nobody_from_adding() {
    let world = World::new();
    world.write("INSERT INTO t (text) VALUES ('first')");
    let mut follower = world.follower();
    follower.look().expect("a look");
    world.write("INSERT INTO t (text) VALUES ('second')");
    let Followed::Step(step) = follower.look().expect("a look") else { panic!("a step") };
    // A point that is read as slowly as we like: whoever opens it waits for what we write.
    let (slow, parts) =
        (world.folder.path().join("place").join(step.path()), world.folder.path().join("place/parts"));
    let content = std::fs::read(&slow).expect("a point");
    std::fs::remove_file(&slow).expect("it is there");
    assert!(Command::new("mkfifo").arg(&slow).status().expect("it starts").success());
    let (repository, own, now) = (world.repository(), follower.installation(), world.clock.now());
    let retention = Retention { keep_days: 30, keep_full_min: 7, keep_steps_h: 168, full_every_h: 24 };
    let pruning = std::thread::spawn(move || prune(&repository, retention, Some(own), now));
    // Opened as soon as the prune reads it.
    let mut pipe = File::options().write(true).open(&slow).expect("a pipe");

    world.write(FILL);
    let before = files(&parts).len();
    let (tell, told) = channel();
    std::thread::spawn(move || tell.send(follower.look()));
    let looked = told.recv_timeout(PATIENCE).expect("it waits for the prune").expect("a look");
    assert!(matches!(looked, Followed::Step(_)) && files(&parts).len() > before, "{looked:?}");
    // Old enough to be removed, were it not needed by what came meanwhile.
    age(&parts);
    pipe.write_all(&content).expect("it is read");
    drop(pipe);
    let pruned = pruning.join().expect("it ends").expect("nobody adds any more");
    assert_eq!((pruned.points, pruned.parts), (0, 0));
    std::fs::remove_file(&slow).expect("it is there");
    std::fs::write(&slow, content).expect("it can be written");
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
}

#[test]
fn what_a_given_up_installation_left_is_pruned_by_another() {
    let (world, mut other) = (World::new(), World::new());
    let place = world.repository();
    other.clock = world.clock.clone();
    world.write(FILL);
    other.write(FILL);
    world.follower().look().expect("a look");
    let mut theirs = Vec::new();
    for _ in 0..4 {
        world.clock.advance_seconds(10);
        let follower =
            Follower::begin(world.repository(), other.data(), world.clock.clone(), 24, Steps::Each);
        let mut follower = follower.expect("a follower");
        let Followed::Full(point) = follower.look().expect("a look") else { panic!("the first is full") };
        theirs.push((follower.installation(), point));
    }
    let [(installation, first), .., (_, newest)] = theirs[..] else { panic!("four points") };
    let retention = Retention { keep_days: 1, keep_full_min: 1, keep_steps_h: 1, full_every_h: 24 };
    let later = world.clock.now().plus_seconds(10 * 86_400);
    let left = || place.points().expect("a place").into_iter().map(|point| point.id).collect::<Vec<_>>();

    // The one that was proven and the newest one stay, and what is ours.
    let pruned =
        |proven| prune_other(&place, installation, retention, proven, later).expect("a place").points;
    assert_eq!(pruned(Some(first.id)), 2);
    assert!(left().len() == 3 && left().contains(&first.id) && left().contains(&newest.id));
    assert_eq!(pruned(None), 1);
    assert!(left().len() == 2 && left().contains(&newest.id));
    let [ours, _] = place.points().expect("a place")[..] else { panic!("two points are left") };
    let into = world.folder.path().join("ours");
    restore(&place, &ours, &into).expect("it is whole");
    assert_eq!(World::open(&into), World::dump(&world.file));
}

#[test]
fn a_clock_that_jumps_ahead_takes_no_history_with_it() {
    let world = World::new();
    let mut follower = world.follower();
    for _ in 0..3 {
        world.write("INSERT INTO t (text) VALUES ('of a day')");
        follower.look().expect("a look");
        world.write("INSERT INTO t (text) VALUES ('a step of it')");
        assert!(matches!(follower.look().expect("a look"), Followed::Step(_)));
        world.clock.advance_seconds(86_400);
    }
    let retention = Retention { keep_days: 30, keep_full_min: 1, keep_steps_h: 168, full_every_h: 24 };
    world.clock.advance_seconds(60 * 86_400);
    assert!(matches!(follower.look().expect("a look"), Followed::Full(_)), "two months, says the clock");
    let own = Some(follower.installation());
    let pruned = prune(&world.repository(), retention, own, world.clock.now()).expect("nobody adds");
    assert_eq!(pruned.points, 0, "of one point's own word");
    // It was right: the next full point says the same.
    world.clock.advance_seconds(86_400);
    assert!(matches!(follower.look().expect("a look"), Followed::Full(_)));
    let pruned = prune(&world.repository(), retention, own, world.clock.now()).expect("nobody adds");
    assert_eq!(pruned.points, 6);
}

#[test]
fn a_damaged_point_keeps_parts_and_no_old_points() {
    let world = World::new();
    world.write(FILL);
    let mut follower = world.follower();
    for _ in 0..3 {
        follower.look().expect("a look");
        world.clock.advance_seconds(86_400);
        world.write("UPDATE t SET text = hex(randomblob(200))");
    }
    let Followed::Full(_) = follower.look().expect("a look") else { panic!("a day went by") };
    world.write("UPDATE t SET text = 'last' WHERE id = 1");
    let Followed::Step(newest) = follower.look().expect("a look") else { panic!("a step") };
    std::fs::write(world.folder.path().join("place").join(newest.path()), "damaged").expect("a file");
    let parts = world.folder.path().join("place/parts");
    age(&parts);
    let before = files(&parts).len();
    let retention = Retention { keep_days: 1, keep_full_min: 1, keep_steps_h: 1, full_every_h: 24 };
    let repository = world.repository();
    let own = Some(follower.installation());
    let refused =
        prune(&repository, retention, own, world.clock.now()).expect_err("what it needs is not known");
    assert!(refused.is(&codes::PART_DAMAGED), "{refused:?}");
    assert_eq!(files(&parts).len(), before, "a part may be needed by the damaged point");
    let left = repository.points().expect("a place");
    assert!(left.len() < 5 && left.contains(&newest), "{left:?}");
}
