//! What others are told of a trace: the object store of the backups by the server, and the server by the command line.
use std::path::Path;

use wh_testkit::engines::EngineKind;

use super::{PATIENCE, TRACE, collector, settings, spans, started};
use crate::house::{Site, wheelhouse};
use crate::refusing::{header, refusing};

fn key(folder: &Path) -> String {
    let file = folder.join("backup.key");
    let made = wheelhouse().args(["backup", "key"]).arg(&file).status().expect("it starts");
    assert!(made.success());
    file.to_str().expect("text").to_owned()
}

#[test]
fn a_backup_has_a_trace_of_its_own_which_its_object_store_is_told() {
    let (site, beside) = (Site::new(EngineKind::Sqlite), tempfile::tempdir().expect("a folder"));
    let ((address, came), (bucket, asked)) = (collector(Vec::new()), refusing());
    let mut settings = settings(address);
    settings.extend([
        ("WHEELHOUSE_BACKUP_TARGET", "s3://wheelhouse/here".to_owned()),
        ("WHEELHOUSE_BACKUP_KEY_FILE", key(beside.path())),
        ("WHEELHOUSE_BACKUP_S3_ENDPOINT", format!("http://{bucket}")),
        ("WHEELHOUSE_BACKUP_S3_ALLOW_HTTP", "true".to_owned()),
        ("WHEELHOUSE_BACKUP_S3_ACCESS_KEY_ID", "AKIAWHEELHOUSETEST02".to_owned()),
        ("WHEELHOUSE_BACKUP_S3_SECRET_ACCESS_KEY", "a secret of the store".to_owned()),
    ]);
    let house = started(site.folder.path(), &settings);
    let head = asked.recv_timeout(PATIENCE).expect("the store is asked");
    let parent = header(&head, "traceparent").unwrap_or_else(|| panic!("no trace in {head:?}")).to_owned();
    assert!(header(&head, "authorization").is_some(), "it is signed all the same: {head:?}");
    assert_eq!(header(&head, "tracestate"), None);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let all = spans(&came, |all| all.iter().any(|span| span.name == "backup"));
    let backup = all.iter().find(|span| span.name == "backup").expect("it came");
    assert_eq!(parent, format!("00-{}-{}-01", hex(&backup.trace_id), hex(&backup.span_id)));
    assert!(backup.parent_span_id.is_empty(), "nobody asked for it");
    assert!(backup.status.is_some(), "it was refused");
    house.terminate();
}

#[test]
fn the_sweep_for_objects_has_a_trace_of_its_own() {
    for site in crate::house::sites() {
        let (address, came) = collector(Vec::new());
        let house = started(site.folder.path(), &settings(address));
        let all = spans(&came, |all| all.iter().any(|span| span.name == "object sweep"));
        let sweep = all.iter().find(|span| span.name == "object sweep").expect("it came");
        assert!(sweep.parent_span_id.is_empty() && sweep.status.is_none(), "{sweep:?}");
        assert!(
            all.iter().any(|span| span.parent_span_id == sweep.span_id),
            "with what it asks the database"
        );
        house.terminate();
    }
}

#[test]
fn the_command_line_passes_on_the_trace_of_its_environment() {
    let (address, asked) = refusing();
    let home = tempfile::tempdir().expect("a folder");
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let ask = |variables: &[(&str, &str)]| {
        let mut command = wheelhouse();
        command.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME");
        for name in ["TRACEPARENT", "TRACESTATE"] {
            command.env_remove(name);
        }
        command.env("WHEELHOUSE_CLI_URL", format!("http://{address}"));
        command.env("WHEELHOUSE_CLI_TOKEN", "whk_nobodys").envs(variables.iter().copied());
        let output = command.args(["panel", "list"]).output().expect("it starts");
        assert!(!output.status.success(), "it is refused");
        let head = asked.recv_timeout(PATIENCE).expect("the server is asked");
        assert!(asked.try_recv().is_err(), "once");
        head
    };
    let head = ask(&[("TRACEPARENT", &parent), ("TRACESTATE", "congo=t61rcWkgMzE")]);
    assert_eq!(header(&head, "traceparent"), Some(parent.as_str()));
    assert_eq!(header(&head, "tracestate"), Some("congo=t61rcWkgMzE"));
    let without: [&[(&str, &str)]; 3] =
        [&[], &[("TRACESTATE", "congo=t61rcWkgMzE")], &[("TRACEPARENT", "two\r\nlines")]];
    for variables in without {
        let head = ask(variables);
        assert_eq!(
            (header(&head, "traceparent"), header(&head, "tracestate")),
            (None, None),
            "{variables:?}"
        );
    }
}
