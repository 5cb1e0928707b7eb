//! The command line of the operations: `wheelhouse <noun> <verb>`, made from the spec at run time. Starts no server and holds no product rule.
mod app;
mod call;
mod client;
mod context;
mod fail;
mod live;
mod login;
mod output;
mod pages;
mod request;
mod resolve;
mod spec;
mod terminal;
mod tree;
mod upload;
mod world;

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use app::App;
use fail::{Fail, Result};

pub use world::{ENVIRONMENT_PREFIX, World};

/// Parse the arguments with the base command and every operation below it, and do what they say. The
/// base's own commands were handled before.
pub fn run(base: Command, world: World) -> ExitCode {
    let spec = match spec::Spec::embedded() {
        Ok(spec) => spec,
        Err(e) => {
            terminal::notice(&format!("wheelhouse: {e}"));
            return ExitCode::FAILURE;
        }
    };
    let command = tree::extend(base, &spec);
    let matches = match command.clone().try_get_matches_from(&world.arguments) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() && says_json(&world) => {
            let fail = Fail::unparsed(&error);
            terminal::notice(&fail.json().to_string());
            return fail.exit.into();
        }
        // Help and version too: shown where they belong, with the parser's exit code.
        Err(error) => error.exit(),
    };
    let app = App { spec, world };
    match dispatch(&app, command, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fail) if fail.reader_gone => ExitCode::SUCCESS,
        Err(fail) => {
            if wants_json(&matches) {
                terminal::notice(&fail.json().to_string());
            } else {
                show(&app, &fail);
            }
            fail.exit.into()
        }
    }
}

/// How an operation is typed. For the manual.
pub struct Typed {
    /// `panel_list`.
    pub id: String,
    /// Commands to copy, one or several lines.
    pub commands: String,
}

/// How every operation is typed; none when the embedded spec cannot be read.
pub fn typed() -> Vec<Typed> {
    let Ok(spec) = spec::Spec::embedded() else { return Vec::new() };
    let one = |operation: &spec::Operation| Typed {
        id: operation.id.clone(),
        commands: tree::commands(&spec, operation),
    };
    spec.operations.iter().map(one).collect()
}

fn dispatch(app: &App, command: Command, matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("login", sub)) => login::login(app, sub),
        Some(("logout", sub)) => login::logout(app, sub),
        Some(("context", sub)) => login::context(app, sub),
        Some(("completion", sub)) => pages::completion(command, sub),
        Some(("man", sub)) => pages::manual(command, sub),
        Some((noun, sub)) => operation(app, noun, sub),
        None => Ok(()),
    }
}

fn operation(app: &App, typed: &str, matches: &ArgMatches) -> Result<()> {
    let noun = tree::noun_of_typed(&app.spec, typed);
    let Some((verb, sub)) = matches.subcommand() else { return Ok(()) };
    let friendly = || app.spec.operations.iter().find(|operation| operation.friendly() == Some((noun, verb)));
    match app.spec.find(noun, verb).or_else(friendly) {
        Some(operation) => call::run(app, operation, sub),
        None => Err(Fail::usage(format!("there is no {noun} {verb}"), "`wheelhouse --help`")),
    }
}

/// Whether `--json` was typed, where nothing could be made of the whole.
fn says_json(world: &World) -> bool {
    world.arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

fn wants_json(matches: &ArgMatches) -> bool {
    let verb = matches.subcommand().and_then(|(_, noun)| noun.subcommand());
    verb.is_some_and(|(_, verb)| verb.try_get_one::<bool>(tree::name::JSON).ok().flatten() == Some(&true))
}

/// Code, detail, fields, hint and request id, to standard error.
fn show(app: &App, fail: &Fail) {
    let (red, plain) = terminal::red(&app.world);
    terminal::notice(&format!("{red}{}{plain}: {}", fail.code, terminal::harmless(&fail.detail)));
    for (pointer, detail) in &fail.fields {
        terminal::notice(&format!("  {}: {}", terminal::harmless(pointer), terminal::harmless(detail)));
    }
    if !fail.hint.is_empty() {
        terminal::notice(&format!("  what to do: {}", terminal::harmless(&fail.hint)));
    }
    if !fail.request_id.is_empty() {
        terminal::notice(&format!("  request: {}", terminal::harmless(&fail.request_id)));
    }
}
