//! Who may do what with a panel, and what another company sees of it: nothing.
use serde_json::{Value, json};
use wh_testkit::{Answer, EDITOR, HOME, NOBODY, STRANGER, TestActor, VIEWER, both_engines};

use crate::house::{House, MIGRATIONS, each, said, text};

const FILE: &str = "a,b\n1,2\nx\n3,4\n";
/// What each operation on a panel and its import is, and whether it changes something.
const CALLS: [(&str, &str, Does); 10] = [
    ("GET", "", Does::Look),
    ("GET", "/rows", Does::Look),
    ("GET", "/rows?filter=nonsense", Does::Look),
    ("GET", "/imports", Does::Look),
    ("GET", "/imports/{import}", Does::Look),
    ("GET", "/imports/{import}/bad-lines", Does::Look),
    ("PATCH", "", Does::Change),
    ("POST", "/imports?mode=append", Does::Change),
    ("POST", "/imports/{import}/stop", Does::Change),
    ("DELETE", "", Does::Change),
];

#[derive(Clone, Copy, PartialEq)]
enum Does {
    Look,
    Change,
}

async fn call(house: &House, who: TestActor, method: &str, path: &str) -> Answer {
    let call = house.page.call(who, method, path);
    match method {
        "PATCH" => call.json(json!({ "title": "mine" })).send().await,
        "POST" => call.body("text/csv", FILE).send().await,
        _ => call.send().await,
    }
}

/// A panel with an import that has a bad line: the paths of both.
async fn filled(house: &House) -> (String, String) {
    let panel = house.panel("ours").await;
    let import = house.import(&panel, "mode=replace", FILE).await;
    (format!("/v1/panels/{panel}"), text(&import["id"]))
}

both_engines!(a_stranger_finds_nothing_and_changes_nothing, MIGRATIONS, async |t| {
    let house = House::new(t);
    let (panel, import) = filled(&house).await;
    let (before, objects) = (house.get(&panel).await, house.objects().await);
    for (method, path, _) in CALLS {
        let answer =
            call(&house, STRANGER, method, &format!("{panel}{}", path.replace("{import}", &import))).await;
        let wanted = match path {
            _ if path.contains("nonsense") => (400, "dataset.filter"),
            _ if path.contains("{import}") => (404, "panels.import_not_found"),
            _ => (404, "panels.not_found"),
        };
        assert_eq!(said(&answer), wanted, "{method} {path}");
    }
    let theirs = house.page.get(STRANGER, "/v1/panels").await.json();
    assert_eq!(each(&theirs, "id"), [] as [Value; 0]);
    // A cursor of ours opens nothing there.
    house.panel("second").await;
    let cursor = text(&house.get("/v1/panels?limit=1").await["next_cursor"]);
    let theirs = house.page.get(STRANGER, &format!("/v1/panels?cursor={cursor}")).await.json();
    assert_eq!(each(&theirs, "id"), [] as [Value; 0]);
    assert_eq!((house.get(&panel).await, house.objects().await), (before, objects));
    let told = ["panels.created", "panels.import_started", "panels.imported", "panels.created"];
    assert_eq!(house.server.events(HOME).await, told);
});

both_engines!(an_import_belongs_to_its_panel, MIGRATIONS, async |t| {
    let house = House::new(t);
    let ((_, import), other) = (filled(&house).await, house.panel("other").await);
    for path in ["", "/bad-lines"] {
        let answer = house.page.get(EDITOR, &format!("/v1/panels/{other}/imports/{import}{path}")).await;
        assert_eq!(said(&answer), (404, "panels.import_not_found"));
    }
    assert_eq!(each(&house.get(&format!("/v1/panels/{other}/imports")).await, "id"), [] as [Value; 0]);
});

both_engines!(a_viewer_looks_and_nobody_sees, MIGRATIONS, async |t| {
    let house = House::new(t);
    let (panel, import) = filled(&house).await;
    let before = house.get(&panel).await;
    for (method, path, does) in CALLS {
        let path = format!("{panel}{}", path.replace("{import}", &import));
        assert_eq!(
            said(&call(&house, NOBODY, method, &path).await),
            (401, "server.unauthenticated"),
            "{path}"
        );
        let viewer = call(&house, VIEWER, method, &path).await;
        match does {
            Does::Change => assert_eq!(said(&viewer), (403, "server.forbidden"), "{method} {path}"),
            Does::Look if path.contains("nonsense") => assert_eq!(viewer.status, 400),
            Does::Look => assert_eq!(viewer.status, 200, "{method} {path}"),
        }
    }
    for path in ["/v1/panels", "/v1/panels/preview"] {
        let viewer = match path {
            "/v1/panels" => house.page.post(VIEWER, path, r#"{"title":"mine"}"#).await,
            _ => call(&house, VIEWER, "POST", path).await,
        };
        assert_eq!(said(&viewer), (403, "server.forbidden"), "{path}");
    }
    assert_eq!(house.get(&panel).await, before);
});
