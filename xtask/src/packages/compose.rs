//! The compose file: read as `docker compose` reads it, its promises looked for, its commands and settings tried with the binary.
use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Place, Scratch, said, told};
use crate::counterparts::COMPOSE;
use crate::run::{answers, command};

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
    commands.into_iter().try_for_each(|words| place.knows(words))
}
