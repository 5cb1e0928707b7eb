//! The command tree: one noun per context's thing, one verb per operation, and the command line's own commands. Runs nothing.
mod arguments;
mod help;
mod own;

use clap::{Arg, ArgAction, ArgGroup, Command};

use crate::spec::{Operation, Spec};

pub use own::OWN;

const HEADING: &str = "Output and connection";
/// A noun that a command of the binary has taken already is typed with this before it.
const TAKEN_PREFIX: &str = "server-";

/// Names of arguments in the matches; those of parameters and fields have a prefix, so that none meets another.
pub mod name {
    /// `--json`.
    pub const JSON: &str = "json";
    /// `--csv`.
    pub const CSV: &str = "csv";
    /// `--raw`.
    pub const RAW: &str = "raw";
    /// `--quiet`.
    pub const QUIET: &str = "quiet";
    /// `--yes`.
    pub const YES: &str = "yes";
    /// `--context`.
    pub const CONTEXT: &str = "context";
    /// `--timeout`.
    pub const TIMEOUT: &str = "timeout";
    /// `--limit`.
    pub const LIMIT: &str = "page-limit";
    /// `--all`.
    pub const ALL: &str = "page-all";
    /// `--body`.
    pub const BODY: &str = "body";
    /// `--idempotency-key`.
    pub const KEY: &str = "idempotency-key";
    /// A file to send.
    pub const FILE: &str = "file";
    /// Topics of the live connection.
    pub const TOPICS: &str = "topics";
    /// `--after`.
    pub const AFTER: &str = "after";
    /// `--count`.
    pub const COUNT: &str = "count";
    /// `--kind`.
    pub const KIND: &str = "kind";

    /// A parameter of path or query.
    pub fn param(name: &str) -> String {
        format!("param {name}")
    }

    /// A field of the body.
    pub fn field(name: &str) -> String {
        format!("field {name}")
    }
}

/// The given command with everything of ours below it.
pub fn extend(base: Command, spec: &Spec) -> Command {
    let taken: Vec<String> =
        base.get_subcommands().map(|c| c.get_name().to_owned()).chain(OWN.map(str::to_owned)).collect();
    let mut command =
        base.subcommands(own::commands()).subcommand_required(true).arg_required_else_help(true);
    for noun in spec.nouns() {
        let typed = if taken.iter().any(|name| name == noun) {
            format!("{TAKEN_PREFIX}{noun}")
        } else {
            noun.to_owned()
        };
        command = command.subcommand(noun_command(spec, noun, &typed));
    }
    command
}

/// Commands that call the operation, as its help shows them.
pub fn commands(spec: &Spec, operation: &Operation) -> String {
    let examples = help::examples(spec, operation, &operation.noun, &operation.verb);
    let lines = examples.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The noun that was typed.
pub fn noun_of_typed<'a>(spec: &Spec, typed: &'a str) -> &'a str {
    match typed.strip_prefix(TAKEN_PREFIX) {
        Some(noun) if !spec.nouns().contains(&typed) => noun,
        _ => typed,
    }
}

fn noun_command(spec: &Spec, noun: &str, typed: &str) -> Command {
    let operations = spec.of_noun(noun);
    let mut verbs: Vec<&str> = operations.iter().map(|operation| operation.verb.as_str()).collect();
    let mut command = Command::new(typed.to_owned())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(global_arguments())
        .group(ArgGroup::new("format").args([name::JSON, name::CSV, name::QUIET]));
    for operation in &operations {
        command = command.subcommand(arguments::verb_command(spec, operation, typed, &operation.verb));
    }
    for operation in &spec.operations {
        let Some((parent, verb)) = operation.friendly() else { continue };
        if parent == noun && !verbs.contains(&verb) {
            verbs.push(verb);
            command = command.subcommand(arguments::verb_command(spec, operation, typed, verb));
        }
    }
    command.about(format!("On the server: {}", verbs.join(", ")))
}

/// What every operation takes.
pub fn global_arguments() -> Vec<Arg> {
    let flag = |id: &'static str, help: &'static str| {
        Arg::new(id).long(id).action(ArgAction::SetTrue).global(true).help_heading(HEADING).help(help)
    };
    vec![
        flag(name::JSON, "Print the server's JSON"),
        flag(
            name::CSV,
            "Print CSV with a head; texts that a spreadsheet would run as a formula get a ' before them",
        ),
        flag(name::RAW, "With --csv: leave texts as they are").requires(name::CSV),
        flag(name::QUIET, "Print ids only, and no notices").short('q'),
        flag(name::YES, "Do not ask before what cannot be taken back").short('y'),
        Arg::new(name::CONTEXT)
            .long(name::CONTEXT)
            .value_name("NAME")
            .global(true)
            .help_heading(HEADING)
            .help("The server to work with, see `wheelhouse context list`"),
        Arg::new(name::TIMEOUT)
            .long(name::TIMEOUT)
            .value_name("SECONDS")
            .global(true)
            .value_parser(clap::value_parser!(u64))
            .help_heading(HEADING)
            .help("How long the server may be silent; 0 for ever [default: 60]"),
    ]
}
