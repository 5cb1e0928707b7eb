//! What the changes of a panel leave in the audit trail: who, from where, what was and what is.
use serde_json::json;
use wh_testkit::{EDITOR, HOME, both_engines};

use crate::house::{House, MIGRATIONS, text};

both_engines!(each_change_of_a_panel_is_in_the_trail_with_before_and_after, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let path = format!("/v1/panels/{panel}");
    let import = house.import(&panel, "mode=replace&file_name=s.csv", "n\n1\n2\n").await;
    let renamed = house.page.patch(EDITOR, &path, r#"{"title":"screws"}"#).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    assert_eq!(house.page.delete(EDITOR, &path).await.status, 204);

    let mut trail = house.server.cx.db.audit_before(HOME, i64::MAX, 10).await.expect("the trail");
    trail.reverse();
    let actions: Vec<&str> = trail.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["panel_create", "import_start", "import_create", "panel_update", "panel_delete"]);
    for line in &trail {
        assert_eq!((line.user, line.session), (Some(EDITOR.user()), Some(EDITOR.session())));
        assert_eq!(line.address.as_deref(), Some("127.0.0.1"));
        assert_eq!(line.subject, format!("panels.panel/{panel}"));
    }
    let [created, started, imported, updated, deleted] = &trail[..] else { panic!("{trail:?}") };
    assert_eq!((&created.before, &created.after), (&None, &Some(json!({ "title": "stock" }))));
    let begun = started.after.as_ref().expect("what began");
    assert_eq!(
        (text(&begun["import"]), text(&begun["file_name"])),
        (text(&import["id"]), "s.csv".to_owned())
    );
    let (was, is) = (imported.before.as_ref().expect("before"), imported.after.as_ref().expect("after"));
    assert_eq!((&was["rows"], &is["rows"], &is["import"]), (&json!(0), &json!(2), &import["id"]));
    let titles = [Some(json!({ "title": "stock" })), Some(json!({ "title": "screws" }))];
    assert_eq!([&updated.before, &updated.after], [&titles[0], &titles[1]]);
    assert_eq!((&deleted.before, &deleted.after), (&Some(json!({ "title": "screws", "rows": 2 })), &None));
});
