//! The audit trail of the matrix: what an owner changed, and was told so, left a line that says who, from where and by which request.
use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use wh_testkit::engines::EngineKind;

use crate::database::{administrator, connected, embedded};
use crate::house::Site;

/// No change for all that they are called so, each with the reason. They leave no line.
const NO_CHANGE: [(&str, &str); 1] = [(
    "invitation_lookup",
    "only reads: a POST, so that the token of a link stands in no address and no log",
)];

/// Changes that no call of the matrix brings about, each with where their line is looked at.
const LOOKED_AT_ELSEWHERE: [(&str, &str); 5] = [
    ("import_stop", "every import here has ended: wh-panels, activity"),
    ("parked_retry", "nothing is parked here: wh-system, operator"),
    ("parked_retry_all", "nothing is parked here: wh-system, operator/parked"),
    ("password_change", "nobody says their password here: wh-identity, trail and falls"),
    ("setup_complete", "somebody owns a company: wh-identity, trail"),
];

/// One line of the trail.
struct Line {
    action: String,
    user: Option<Uuid>,
    address: Option<String>,
}

/// What owners changed on one engine.
pub(super) struct Changes {
    /// Operations that change something, by the spec.
    wanted: BTreeSet<String>,
    /// Those that were done, with the request that did them.
    done: Vec<(String, Uuid)>,
}

impl Changes {
    pub(super) fn new(spec: &serde_json::Value) -> Self {
        let paths = spec["paths"].as_object().expect("paths");
        let all = paths.values().flat_map(|item| item.as_object().expect("an item").values());
        let changing = all.filter(|operation| {
            operation["operationId"].is_string() && operation["x-risk"].as_str() != Some("read")
        });
        let id = |operation: &serde_json::Value| operation["operationId"].as_str().map(str::to_owned);
        Self { wanted: changing.filter_map(id).collect(), done: Vec::new() }
    }

    /// An owner called it, and this is the answer.
    pub(super) fn answered(&mut self, operation: &str, answer: &crate::http::Answer) {
        if answer.status < 300 && self.wanted.contains(operation) {
            let request = answer.headers["x-request-id"].parse().expect("a request's id");
            self.done.push((operation.to_owned(), request));
        }
    }

    /// Call when the server has ended.
    pub(super) fn stand_in_the_trail_of(&self, site: &Site) {
        let lines = lines(site);
        let engine = site.kind.word();
        for (operation, request) in &self.done {
            let left = lines.get(request).map_or(&[][..], Vec::as_slice);
            if NO_CHANGE.iter().any(|(known, _)| known == operation) {
                assert!(left.is_empty(), "{operation} on {engine} changes something after all");
                continue;
            }
            assert!(!left.is_empty(), "{operation} on {engine} left no line in the trail");
            for line in left {
                assert!(line.user.is_some(), "{operation} on {engine}: nobody did {}", line.action);
                let from = line.address.as_deref();
                assert_eq!(from, Some("127.0.0.1"), "{operation} on {engine}: {}", line.action);
            }
        }
        let done: BTreeSet<&str> = self.done.iter().map(|(operation, _)| operation.as_str()).collect();
        let open: Vec<&str> =
            self.wanted.iter().map(String::as_str).filter(|wanted| !done.contains(wanted)).collect();
        let known = LOOKED_AT_ELSEWHERE.map(|(operation, _)| operation);
        assert_eq!(open, known, "changes that no owner brings about in the matrix, on {engine}");
    }
}

/// The trails of all companies, by request.
fn lines(site: &Site) -> BTreeMap<Uuid, Vec<Line>> {
    let all = match site.kind {
        EngineKind::Sqlite => lines_of_file(site),
        EngineKind::Postgres => lines_of_server(site),
    };
    let mut lines: BTreeMap<Uuid, Vec<Line>> = BTreeMap::new();
    for (request, line) in all {
        lines.entry(request).or_default().push(line);
    }
    lines
}

fn lines_of_file(site: &Site) -> Vec<(Uuid, Line)> {
    let file = embedded(site.folder.path());
    let sql = "SELECT request_id, action, user_id, address FROM kernel_audit";
    let mut statement = file.prepare(sql).expect("the trail");
    let id = |bytes: Vec<u8>| Uuid::from_slice(&bytes).expect("an id");
    let rows = statement.query_map([], |row| {
        let user: Option<Vec<u8>> = row.get(2)?;
        let line = Line { action: row.get(1)?, user: user.map(id), address: row.get(3)? };
        Ok((id(row.get(0)?), line))
    });
    rows.expect("the trail").map(|row| row.expect("a line")).collect()
}

/// As its administrator: each login of the server sees one company at a time, or no trail at all.
fn lines_of_server(site: &Site) -> Vec<(Uuid, Line)> {
    connected(administrator(site.folder.path()), async |client| {
        let sql = "SELECT request_id, action, user_id, address FROM kernel_audit";
        let rows = client.query(sql, &[]).await.expect("the trail");
        let line =
            |row: &tokio_postgres::Row| Line { action: row.get(1), user: row.get(2), address: row.get(3) };
        rows.iter().map(|row| (row.get(0), line(row))).collect()
    })
}
