//! The objects of a data folder, held against what its database names: what killed imports left behind is swept, and nothing else.
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use wh_testkit::engines::EngineKind;

use crate::database::{administrator, connected, embedded};
use crate::house::Site;

/// Every object that some row names, those of replaced versions that are kept for a while among them.
const NAMED: &str =
    "SELECT path FROM dataset_segment UNION SELECT bad_path FROM dataset_version WHERE bad_path IS NOT NULL";
/// The sweep begins with the server; it has few objects to look at.
const SWEPT_WITHIN: Duration = Duration::from_mins(2);

/// Everything that kills left half-way lies there too young to be swept: make it old, add one more that nobody names, start, and
/// wait until the store holds what the database names and nothing else.
pub(super) fn are_swept(site: &Site) {
    let before = on_disk(site);
    let segment = before.iter().find(|path| path.ends_with(".parquet")).expect("a segment");
    let folder = segment.rsplit_once('/').expect("a folder").0;
    let planted = format!("{folder}/01890000-0000-7000-8000-000000000000.parquet");
    std::fs::write(root(site).join(&planted), b"left by a kill").expect("it can be written");
    for path in on_disk(site) {
        let file = File::options().write(true).open(root(site).join(path)).expect("an object");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_001);
        file.set_modified(long_ago).expect("its time can be set");
    }
    let wanted = named(site);
    let house = site.start();
    let end = Instant::now() + SWEPT_WITHIN;
    loop {
        let there = on_disk(site);
        if there.is_subset(&wanted) {
            break;
        }
        let unnamed: Vec<_> = there.difference(&wanted).collect();
        assert!(Instant::now() < end, "objects that nobody names: {unnamed:?}");
        thread::yield_now();
    }
    house.terminate();
    let there = on_disk(site);
    assert!(named(site).is_subset(&there), "an object that is named was swept");
    eprintln!("{}: {} of {} objects were named", site.kind.word(), there.len(), before.len());
}

fn root(site: &Site) -> PathBuf {
    site.folder.path().join("objects")
}

/// The objects of all companies, by their paths from the root of the store.
fn on_disk(site: &Site) -> BTreeSet<String> {
    let root = root(site);
    let mut found = BTreeSet::new();
    files(&root, &root.join("tenants"), &mut found);
    found
}

fn files(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of objects").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let path = path.strip_prefix(root).expect("below the root");
            found.insert(path.to_string_lossy().into_owned());
        }
    }
}

fn named(site: &Site) -> BTreeSet<String> {
    if site.kind == EngineKind::Sqlite {
        let database = embedded(site.folder.path());
        let mut statement = database.prepare(NAMED).expect("a statement");
        let paths = statement.query_map([], |row| row.get::<_, String>(0)).expect("paths");
        return paths.map(|path| path.expect("a path")).collect();
    }
    // Whoever administers the server sees the rows of every company.
    connected(administrator(site.folder.path()), async |client| {
        let rows = client.query(NAMED, &[]).await.expect("paths");
        rows.iter().map(|row| row.get::<_, String>(0)).collect()
    })
}
