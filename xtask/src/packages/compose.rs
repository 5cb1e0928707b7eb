//! The compose file: read as `docker compose` reads it, its promises looked for, its commands and settings tried with the binary.
use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Place, Scratch, said, told};
use crate::counterparts::COMPOSE;
use crate::run::{answers, command};

/// Stands before the script of the backups: programs that say what they were asked and fail as they are told, and a clock that is
/// ahead by each wait, so that four rounds take no time.
const REHEARSAL: &str = r#"
round=0
wheelhouse() {
  echo "$2"
  [ "$2" != "$FAILING" ] || [ "$round" -ge "$WELL_FROM" ]
}
sleep() { :; }
wait() {
  if [ "$wait_s" = 3600 ]; then echo soon; else echo later; fi
  if [ -e "$MARK" ]; then echo unwell; fi
  SECONDS=$((SECONDS + wait_s)) round=$((round + 1))
  if [ "$round" = 4 ]; then exit 0; fi
}
"#;
/// What fails, from which round on no more, and what the container then does in four rounds, where a full point is due each three hours.
const REHEARSALS: [(&str, u32, &str); 6] = [
    (
        "nothing",
        0,
        "create verify prune later create verify prune later create verify prune later create verify prune later",
    ),
    // What takes up the room is removed all the same.
    (
        "create",
        4,
        "create verify prune soon unwell create prune soon unwell create prune soon unwell create prune soon unwell",
    ),
    (
        "create",
        1,
        "create verify prune soon unwell create verify prune later create verify prune later create verify prune later",
    ),
    // No dump of the whole database each hour.
    (
        "verify",
        4,
        "create verify prune soon unwell verify prune soon unwell verify prune soon unwell create verify prune soon unwell",
    ),
    (
        "verify",
        1,
        "create verify prune soon unwell verify prune later create verify prune later create verify prune later",
    ),
    (
        "prune",
        4,
        "create verify prune soon unwell prune soon unwell prune soon unwell create verify prune soon unwell",
    ),
];

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    if !answers("go", "version") {
        return place.without("Go, which builds the reader of compose files");
    }
    let reader = place.testbed.go_tool(&COMPOSE)?;
    // From there, as it takes paths in the file from where it is started.
    let folder = place.root.join("packages/compose");
    let read = said(&mut command(&reader, &["-format", "json", "compose.yaml"], &folder))?;
    let model: Value = serde_json::from_str(&read.words)?;
    let services = &model["services"];
    ensure!(services["database"].get("ports").is_none(), "the database is published");
    ensure!(services["database"]["environment"]["POSTGRES_PASSWORD"].is_null(), "a password in the file");
    ensure!(model["networks"]["inside"]["internal"] == true, "the database has a way out");
    for name in ["prepare", "wheelhouse", "backup"] {
        let service = &services[name];
        ensure!(service["read_only"] == true, "{name} may write its root");
        ensure!(service["cap_drop"] == serde_json::json!(["ALL"]), "{name} has capabilities");
        ensure!(
            service["security_opt"] == serde_json::json!(["no-new-privileges:true"]),
            "{name} may gain rights"
        );
        let context = service["build"]["context"].as_str().unwrap_or_default();
        ensure!(fs::canonicalize(context)? == fs::canonicalize(place.root)?, "{name} is built in {context}");
    }
    ensure!(services["wheelhouse"].get("secrets").is_none(), "the server sees the administrator's password");
    ensure!(
        services["wheelhouse"]["depends_on"]["prepare"]["condition"] == "service_completed_successfully",
        "the server does not wait for its database"
    );
    ensure!(
        services["wheelhouse"]["ports"][0]["host_ip"] == "127.0.0.1",
        "the front door is open to the network without anybody having said so"
    );
    place.settings_are_right(&settings(&services["wheelhouse"])?)?;
    preparing(place, &services["prepare"])?;
    backing_up(place, &services["backup"])
}

fn settings(service: &Value) -> Result<BTreeMap<String, String>> {
    let environment = service["environment"].as_object().context("the server has settings")?;
    // What has no value is taken from outside, and left out where there is none.
    let set = environment.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    Ok(set.map(|(name, value)| (name.clone(), value.to_owned())).collect())
}

/// The command is understood, takes the password from the file, and gets as far as looking for the database.
fn preparing(place: &Place<'_>, service: &Value) -> Result<()> {
    let scratch = Scratch::new("compose")?;
    let secret = scratch.0.join("postgres_password");
    fs::write(&secret, "0123456789abcdef\n")?;
    let words = service["command"].as_array().context("it has a command")?;
    let words: Vec<String> = words
        .iter()
        .filter_map(Value::as_str)
        .map(|word| word.replace("/run/secrets/postgres_password", &secret.to_string_lossy()))
        // A port of this machine that nobody listens on, instead of the name of the other container.
        .map(|word| word.replace("@database:5432", "@127.0.0.1:1"))
        .collect();
    let folder = scratch.0.join("data").to_string_lossy().into_owned();
    let environment = BTreeMap::from([("WHEELHOUSE_DATA_DIR".to_owned(), folder)]);
    let refused = told(place.wheelhouse(&environment).args(&words))?;
    ensure!(
        !refused.well && refused.errors.contains("[db.away]"),
        "`{}` did not look for the database: {}",
        words.join(" "),
        refused.errors
    );
    Ok(())
}

/// It comes with its profile only, in the image with the programs of PostgreSQL, and its script says what the binary understands.
fn backing_up(place: &Place<'_>, service: &Value) -> Result<()> {
    ensure!(
        service["profiles"] == serde_json::json!(["backup"]),
        "backups are made without a place for them"
    );
    ensure!(service["build"]["target"] == "backup", "the image has no pg_dump");
    place.settings_are_right(&settings(service)?)?;
    let script = service["command"][0].as_str().context("it has a script")?;
    // The interpreter of the image; it reads the whole text and runs nothing.
    said(&mut command("bash", &["-n", "-c", script], place.root))?;
    let text = script.replace("\\\n", " ").replace('\'', "");
    let commands: Vec<&str> = text
        .split("wheelhouse ")
        .skip(1)
        .filter_map(|rest| rest.split(['&', ';', '\n']).next())
        .map(str::trim)
        .collect();
    let verbs: Vec<_> = commands.iter().filter_map(|words| words.split(' ').nth(1)).collect();
    ensure!(verbs == ["create", "verify", "prune"], "it runs {commands:?}");
    commands.into_iter().try_for_each(|words| place.knows(words))?;
    rehearse(place, script)
}

/// The script is run, with each of its commands failing in turn.
fn rehearse(place: &Place<'_>, script: &str) -> Result<()> {
    let scratch = Scratch::new("rehearsal")?;
    let mark = scratch.0.join("failed");
    ensure!(script.contains("/tmp/failed"), "nothing tells that backups fail");
    let script = format!("{REHEARSAL}{}", script.replace("/tmp/failed", &mark.to_string_lossy()));
    for (failing, well_from, expected) in REHEARSALS {
        let mut shell = command("bash", &["-c", &script], place.root);
        shell.env("FAILING", failing).env("WELL_FROM", well_from.to_string()).env("MARK", &mark);
        let done = said(shell.env("WHEELHOUSE_BACKUP_FULL_EVERY_H", "3"))?.words;
        let done = done.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(done == expected, "with `{failing}` failing until round {well_from} it does: {done}");
        if mark.exists() {
            fs::remove_file(&mark)?;
        }
    }
    Ok(())
}
