//! schemathesis over the running server on both engines: no 5xx, no answer outside the schema, no undocumented status.
use std::path::PathBuf;
use std::process::Command;

use wh_testkit::engines::{EngineKind, engines};

use crate::house::Site;

/// Examples per operation.
const EXAMPLES_MAX: &str = "25";
/// Of each operation that may end the session it is called with: most calls after that are refused alike.
const EXAMPLES_OF_ENDS_MAX: &str = "8";
/// What the owner must not call: the fuzzer must not end the session it works with, nor throw itself out.
const ENDS: &str = "^(session_end|session_revoke|session_revoke_others|session_switch|password_change|live_connect|member_remove|member_update)$";
/// Somebody else may. The one that always ends the session is called apart, by a session of its own.
const ENDS_PERHAPS: &str = "^(session_revoke|session_revoke_others|session_switch|password_change|live_connect|member_remove|member_update)$";
const ENDS_ALWAYS: &str = "^session_end$";
/// What somebody sends who may do all, and what somebody does whom most operations refuse before they look at it.
const PHASES: &str = "examples,coverage,fuzzing";
const PHASES_OF_NOBODY: &str = "fuzzing";
/// What a tool of this kind can prove of us. `negative_data_rejection` is left out: a query parameter that carries JSON text or a
/// comma list is a string to the schema, and a string is never refused by type.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method";

#[expect(clippy::disallowed_methods, reason = "the test command tells where the tool lies")]
fn schemathesis() -> Option<PathBuf> {
    let testbed = std::env::var_os("WHEELHOUSE_TESTBED").map(PathBuf::from);
    let tool = testbed.map(|folder| folder.join("venv/bin/schemathesis")).filter(|tool| tool.exists());
    let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(
        tool.is_some() || !strict,
        "schemathesis is missing; `make test` installs it and sets WHEELHOUSE_TESTBED"
    );
    tool
}

// One test per engine: the tool works on one core, and two of it side by side take half the time.
#[test]
fn schemathesis_finds_nothing_on_sqlite() {
    schemathesis_finds_nothing(EngineKind::Sqlite);
}

#[test]
fn schemathesis_finds_nothing_on_postgres() {
    schemathesis_finds_nothing(EngineKind::Postgres);
}

/// Who asks, with which header (signed in when its turn comes), in which phases, how many examples, of which operations.
type Run<'a> = (&'a str, &'a dyn Fn() -> String, &'a str, &'a str, &'a [&'a str]);

fn schemathesis_finds_nothing(engine: EngineKind) {
    let Some(tool) = schemathesis() else {
        eprintln!("skipped: schemathesis is not installed");
        return;
    };
    if !engines().contains(&engine) {
        return;
    }
    let site = Site::new(engine);
    let house = site.start();
    let owner = house.set_up();
    let panel = owner.panel("fuzz");
    assert_eq!(owner.import(&panel, "replace", b"carrier,delay\nUA,3\nAA,\n").status, 201);
    house.invite(&owner, "admin");
    let expendable = || house.sign_in("admin@acme.example").cookie.trim().to_owned();
    let nobody = || "X-Nobody: 1".to_owned();
    let everybody: [Run<'_>; 4] = [
        (
            "owner",
            &|| owner.cookie.trim().to_owned(),
            PHASES,
            EXAMPLES_MAX,
            &["--exclude-operation-id-regex", ENDS],
        ),
        ("nobody", &nobody, PHASES_OF_NOBODY, EXAMPLES_MAX, &[]),
        (
            "expendable",
            &expendable,
            PHASES,
            EXAMPLES_OF_ENDS_MAX,
            &["--include-operation-id-regex", ENDS_ALWAYS],
        ),
        (
            "expendable",
            &expendable,
            PHASES,
            EXAMPLES_OF_ENDS_MAX,
            &["--include-operation-id-regex", ENDS_PERHAPS],
        ),
    ];
    for (who, header, phases, examples, operations) in everybody {
        let mut run = Command::new(&tool);
        run.current_dir(site.folder.path())
            .args(["run", &format!("http://{}/v1/openapi.json", house.address)])
            .args(["--checks", CHECKS, "--max-examples", examples, "--seed", "20260301"])
            .args(["--phases", phases, "--request-timeout", "20", "--no-color"])
            .args(["--suppress-health-check", "all", "--generation-database", "none"])
            .args(["-H", &header(), "-H", "Sec-Fetch-Site: same-origin"])
            .args(operations);
        let output = run.output().expect("schemathesis starts");
        let said = String::from_utf8_lossy(&output.stdout);
        eprintln!("schemathesis as {who} on {}:\n{}", site.kind.word(), last_lines(&said, 25));
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(house.nobody().get("/health").status, 200);
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
