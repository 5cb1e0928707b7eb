//! What the registry enforces, writes into the spec, and refuses at start.
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;
use wh_contract::{Permission, Role};
use wh_server::{Answer, Json, Module, Op, Registry, describe, error_table, permission_table, spec_text};
use wh_testkit::{ACTORS, Browser, EDITOR, NOBODY, OWNER, STRANGER, TestServer, VIEWER, both_servers};

use crate::desk::{self, DESK_READ, DESK_WRITE, EMPTY, Knobs, MIGRATIONS, SECRET, parts};

both_servers!(a_permission_is_held_before_the_handler_runs, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let mut statuses = Vec::new();
    for who in ACTORS {
        let read = page.get(who, "/v1/desk/notes").await.status;
        let write = page.post(who, "/v1/desk/notes", r#"{"words":"hello"}"#).await.status;
        statuses.push((who.name, read, write));
    }
    let expected = [
        ("nobody", 401, 401),
        ("stranger", 200, 201),
        ("viewer", 200, 403),
        ("editor", 200, 201),
        ("operator", 200, 201),
        ("admin", 200, 201),
        ("owner", 200, 201),
    ];
    assert_eq!(statuses, expected);
    let refused = page.post(VIEWER, "/v1/desk/notes", "not even JSON").await;
    assert_eq!((refused.status, refused.code.as_str()), (403, "server.forbidden"));
    let refused = page.call(NOBODY, "POST", "/v1/desk/notes?what=this").json("not even JSON").send().await;
    assert_eq!(refused.code, "server.unauthenticated");
});

both_servers!(a_strangers_thing_is_not_there, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let made = page.post(EDITOR, "/v1/desk/notes", r#"{"words":"ours"}"#).await.json();
    let address = format!("/v1/desk/notes/{}", made["id"].as_str().expect("an id"));
    assert_eq!(page.get(VIEWER, &address).await.json()["words"], "ours");
    assert_eq!(page.get(STRANGER, &address).await.code, "desk.missing");
    assert_eq!(page.delete(STRANGER, &address).await.status, 404);
    assert_eq!(page.get(STRANGER, "/v1/desk/notes").await.json()["items"], json!([]));
    assert_eq!(page.delete(OWNER, &address).await.status, 204);
    assert_eq!(page.get(VIEWER, &address).await.status, 404);
});

both_servers!(an_operation_has_its_own_time, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let stuck = page.get(VIEWER, "/v1/desk/stuck").await;
    assert_eq!((stuck.status, stuck.code.as_str()), (504, "server.deadline"));
    let own = format!("within {} ms", desk::STUCK_MS);
    assert!(stuck.text().contains(&own), "{}", stuck.text());
    assert_eq!(page.get(VIEWER, "/v1/desk/notes").await.status, 200);
});

both_servers!(unknown_addresses_and_methods_are_problems, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let nothing = page.get(OWNER, "/v1/desk/nothing").await;
    assert_eq!((nothing.status, nothing.code.as_str()), (404, "server.not_found"));
    let method = page.call(NOBODY, "PATCH", "/v1/desk/notes").json("{}").send().await;
    assert_eq!((method.status, method.code.as_str()), (405, "server.method_not_allowed"));
    let mut allowed: Vec<&str> = method.header("allow").expect("Allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    let head = page.call(VIEWER, "HEAD", "/v1/desk/notes").send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
});

both_servers!(what_is_not_declared_is_our_fault, MIGRATIONS, parts, async |server: TestServer| {
    let answer = Browser::new(&server).get(NOBODY, "/v1/desk/careless").await;
    assert_eq!((answer.status, answer.code.as_str()), (500, "base.internal"));
    assert!(!answer.text().contains("nobody expects"), "the cause is for the log: {}", answer.text());
});

both_servers!(the_spec_is_served_as_it_is_described, MIGRATIONS, parts, async |server: TestServer| {
    let served = Browser::new(&server).get(NOBODY, "/v1/openapi.json").await;
    let described = describe(&[desk::module(&Knobs::default())]).expect("a sound module");
    assert_eq!(served.text(), spec_text(&described).expect("a text"));
    assert_eq!(server.app.spec(), &described);
});

fn desk_spec() -> Value {
    describe(&[desk::module(&Knobs::default())]).expect("a sound module")
}

#[test]
fn the_spec_says_what_is_enforced() {
    let spec = desk_spec();
    let create = &spec["paths"]["/v1/desk/notes"]["post"];
    assert_eq!(create["operationId"], "note_create");
    assert_eq!(create["summary"], "Write a note");
    assert_eq!(create["tags"], json!(["desk"]));
    assert_eq!(create["x-permission"], "desk:write");
    assert_eq!(create["x-risk"], "change");
    assert_eq!(create["x-body-bytes-max"], 1024 * 1024);
    assert_eq!(create["x-timeout-ms"], 30_000, "the default, where it sets none of its own");
    assert_eq!(spec["paths"]["/v1/desk/stuck"]["get"]["x-timeout-ms"], desk::STUCK_MS);
    assert_eq!(spec["paths"]["/v1/desk/uploads"]["post"]["x-timeout-ms"], Value::Null, "a stream has none");
    assert_eq!(create["security"], json!([{ "session": [] }, { "key": [] }]));
    assert_eq!(create["x-auth"], "any");
    assert_eq!(spec["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    let clash = &spec["paths"]["/v1/desk/clash"]["post"];
    assert_eq!((&clash["x-auth"], &clash["security"]), (&json!("session"), &json!([{ "session": [] }])));
    assert_eq!(create["parameters"][0]["name"], "Idempotency-Key");
    assert_eq!(spec["paths"]["/v1/desk/notes/{id}"]["delete"]["x-risk"], "danger");
    let echo = &spec["paths"]["/v1/desk/echo"]["post"];
    assert_eq!((&echo["x-permission"], &echo["security"]), (&Value::Null, &json!([])));
    assert_eq!(spec["x-permissions"][0]["name"], "desk:read");
    assert_eq!(spec["x-error-table"]["desk.empty"]["status"], 422);
    assert_eq!(spec["components"]["schemas"]["NoteCreate"]["additionalProperties"], false);
}

#[test]
fn only_what_can_happen_is_documented() {
    let spec = desk_spec();
    let statuses = |path: &str, method: &str| {
        let all = spec["paths"][path][method]["responses"].as_object().expect("responses");
        all.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/v1/desk/notes", "get"), "200 304 400 401 403 414 421 429 431 500 503 504");
    assert_eq!(
        statuses("/v1/desk/notes", "post"),
        "201 400 401 403 408 409 413 414 415 421 422 429 431 500 503 504"
    );
    assert_eq!(statuses("/v1/desk/notes/{id}", "get"), "200 304 400 401 403 404 414 421 429 431 500 503 504");
    assert_eq!(statuses("/v1/desk/echo", "post"), "200 400 403 408 413 414 415 421 422 429 431 500 503 504");
    assert_eq!(statuses("/v1/desk/careless", "get"), "200 304 400 414 421 429 431 500 503 504");
    let problem = &spec["paths"]["/v1/desk/notes"]["get"]["responses"]["401"];
    let unauthenticated =
        "server.bearer, server.bearer_expired, server.bearer_malformed, server.unauthenticated";
    assert_eq!(problem["description"], unauthenticated);
    assert_eq!(
        problem["content"]["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
}

#[test]
fn the_spec_is_the_same_on_every_run() {
    assert_eq!(spec_text(&desk_spec()).expect("a text"), spec_text(&desk_spec()).expect("a text"));
}

#[test]
fn the_tables_list_every_code_and_permission() {
    let system = Module::new("system").permissions(&[&wh_contract::SYSTEM_READ]);
    let modules = [desk::module(&Knobs::default()), system];
    let errors = error_table(&modules, &[&[&SECRET]]);
    for code in ["base.internal", "db.busy", "server.query", "server.host", "desk.empty", "desk.secret"] {
        assert!(errors.contains(&format!("`{code}`")), "{code} is missing");
    }
    let permissions = permission_table(&modules);
    assert!(
        permissions.contains("| `desk:write` |  | yes | yes | yes | yes | Write notes |"),
        "{permissions}"
    );
    // The role alone does not give what concerns the installation.
    let held = "| `system:read` |  |  |  |  | in the operator's company |";
    assert!(permissions.contains(held), "{permissions}");
}

/// Something that answers.
#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
struct Thing {
    size: u32,
}

mod elsewhere {
    use utoipa::ToSchema;

    /// Another thing of the same name.
    #[derive(serde::Serialize, ToSchema)]
    #[schema(as = Thing)]
    pub struct Other {
        pub colour: String,
    }
}

/// Get one
#[utoipa::path(get, path = "/v1/desk/one", responses((status = 200, body = Thing)))]
async fn one() -> Json<Thing> {
    Json(Thing { size: 1 })
}

/// Get the other
#[utoipa::path(get, path = "/v1/desk/other", responses((status = 200, body = elsewhere::Other)))]
async fn other() -> Json<elsewhere::Other> {
    Json(elsewhere::Other { colour: String::new() })
}

/// Get one again
#[utoipa::path(get, path = "/v1/desk/again", operation_id = "one", responses((status = 200, body = Thing)))]
async fn again() -> Json<Thing> {
    Json(Thing { size: 2 })
}

#[utoipa::path(get, path = "/v1/desk/nameless", responses((status = 200, body = Thing)))]
async fn nameless() -> Json<Thing> {
    Json(Thing { size: 3 })
}

/// Of another room
#[utoipa::path(get, path = "/v1/shed/tools", responses((status = 200, body = Thing)))]
async fn astray() -> Json<Thing> {
    Json(Thing { size: 4 })
}

/// Forgets to describe its parameter
#[utoipa::path(get, path = "/v1/desk/{id}/part", responses((status = 200, body = Thing)))]
async fn undescribed() -> Json<Thing> {
    Json(Thing { size: 5 })
}

/// Takes anything
#[utoipa::path(post, path = "/v1/desk/anything", request_body = Thing, responses((status = 200, body = Thing)))]
async fn lax(Json(thing): Json<Thing>) -> Json<Thing> {
    Json(thing)
}

/// Never succeeds
#[utoipa::path(get, path = "/v1/desk/never", responses((status = "4XX", description = "always")))]
async fn never() -> Answer<()> {
    Err(EMPTY.error("never").into())
}

const FOREIGN: Permission = Permission { name: "shed:read", summary: "Look", lowest_role: Role::Viewer };

fn refusal(operations: fn(&mut Registry)) -> String {
    let module =
        Module::new("desk").operations(operations).permissions(&[&DESK_READ, &DESK_WRITE]).errors(&[&EMPTY]);
    match describe(&[module]) {
        Ok(_) => String::new(),
        Err(error) => error.message().to_owned(),
    }
}

#[test]
fn contradictions_are_refused_at_start() {
    type Case = (fn(&mut Registry), &'static str);
    let cases: [Case; 11] = [
        (
            |r| {
                r.op(routes!(one), Op::read(DESK_READ));
                r.op(routes!(other), Op::read(DESK_READ));
            },
            "schema Thing of desk differs from another schema of that name",
        ),
        (
            |r| {
                r.op(routes!(one), Op::read(DESK_READ));
                r.op(routes!(again), Op::read(DESK_READ));
            },
            "operation id one stands twice",
        ),
        (
            |r| {
                r.op(routes!(one), Op::read(DESK_READ));
                r.op(routes!(one), Op::read(DESK_READ));
            },
            "get /v1/desk/one is declared twice",
        ),
        (|r| r.op(routes!(one), Op::change(DESK_WRITE)), "a GET changes nothing"),
        (|r| r.op(routes!(nameless), Op::read(DESK_READ)), "get /v1/desk/nameless has no summary"),
        (|r| r.op(routes!(astray), Op::read(DESK_READ)), "operations of desk live under /v1/desk"),
        (|r| r.op(routes!(undescribed), Op::read(DESK_READ)), "path parameter id is not described"),
        (|r| r.op(routes!(lax), Op::change(DESK_WRITE)), "the input takes unknown fields"),
        (|r| r.op(routes!(never), Op::read(DESK_READ)), "declares no answer of success"),
        (|r| r.op(routes!(one), Op::read(FOREIGN)), "permission shed:read is not in the module's list"),
        (
            |r| r.op(routes!(one), Op::read(DESK_READ).errors(&[&SECRET])),
            "error desk.secret is not in the module's table",
        ),
    ];
    for (operations, expected) in cases {
        let message = refusal(operations);
        assert!(message.contains(expected), "{expected:?} was expected, not {message:?}");
    }
    assert_eq!(refusal(|r| r.op(routes!(one), Op::read(DESK_READ))), "");
}
