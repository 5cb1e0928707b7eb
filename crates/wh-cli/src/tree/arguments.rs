//! The arguments of one operation, from its parameters and its body. Reads no value.
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use super::{help, name};
use crate::spec::{Answer, Body, Field, Operation, Paging, Param, Place, Shape, Spec};

/// Long names that an operation's own must not take.
const RESERVED: [&str; 13] = [
    "json",
    "csv",
    "raw",
    "quiet",
    "yes",
    "context",
    "timeout",
    "help",
    "version",
    "all",
    "limit",
    "body",
    "idempotency-key",
];

/// The command of an operation under this verb.
pub fn verb_command(spec: &Spec, operation: &Operation, noun: &str, verb: &str) -> Command {
    let mut command = Command::new(verb.to_owned())
        .about(operation.summary.clone())
        .long_about(help::long_about(operation))
        .after_long_help(help::examples(spec, operation, noun, verb))
        .after_help("--help shows examples and everything else there is to say.");
    let mut used: Vec<String> = RESERVED.map(str::to_owned).to_vec();
    let mut own: Vec<&Param> = operation.params.iter().filter(|param| param.place == Place::Own).collect();
    own.sort_by_key(|param| operation.path.find(&format!("{{{}}}", param.name)));
    for param in own {
        used.push(param.flag.clone());
        command = command.arg(positional(param));
    }
    for param in operation.params.iter().filter(|param| param.place != Place::Own) {
        if is_paging(operation, param) {
            continue;
        }
        let long = free(&mut used, &param.flag, "query");
        command = command
            .arg(option(name::param(&param.name), long, &param.shape, &param.doc).required(param.required));
    }
    command = body_arguments(command, operation, &mut used);
    command = paging_arguments(command, operation);
    if operation.answer == Answer::Live {
        command = live_arguments(command);
    }
    if operation.once {
        command = command.arg(
            Arg::new(name::KEY)
                .long(name::KEY)
                .value_name("KEY")
                .help(
                    "Under this key the server does it once, however often it is sent [default: a fresh one]",
                )
                .hide_short_help(true),
        );
    }
    command
}

fn is_paging(operation: &Operation, param: &Param) -> bool {
    operation.paged() && param.name == "limit"
}

fn free(used: &mut Vec<String>, wanted: &str, prefix: &str) -> String {
    let name =
        if used.iter().any(|name| name == wanted) { format!("{prefix}-{wanted}") } else { wanted.to_owned() };
    used.push(name.clone());
    name
}

fn positional(param: &Param) -> Arg {
    Arg::new(name::param(&param.name))
        .value_name(param.flag.to_uppercase().replace('-', "_"))
        .required(true)
        .help(with_name(&param.shape, &param.doc))
}

fn option(id: String, long: String, shape: &Shape, doc: &str) -> Arg {
    let arg = Arg::new(id).long(long).help(with_name(shape, doc)).action(ArgAction::Set);
    match shape {
        Shape::Integer => arg.value_name("N").value_parser(value_parser!(i64)).allow_negative_numbers(true),
        Shape::Number => {
            arg.value_name("NUMBER").value_parser(value_parser!(f64)).allow_negative_numbers(true)
        }
        Shape::Boolean => arg.value_name("YES").value_parser(value_parser!(bool)),
        Shape::Choice(words) => arg.value_name("WORD").value_parser(one_of(words)),
        Shape::Texts(words) => {
            let arg = arg.value_name("TEXT").action(ArgAction::Append).value_delimiter(',');
            if words.is_empty() { arg } else { arg.value_parser(one_of(words)) }
        }
        Shape::Id(noun) => arg.value_name(noun.to_uppercase().replace('-', "_")),
        Shape::Json => arg.value_name("JSON"),
        Shape::Secret => arg.value_name("FILE").value_hint(ValueHint::FilePath),
        // `--sort -dep_delay` is meant as it stands.
        Shape::Text => arg.value_name("TEXT").allow_hyphen_values(true),
    }
}

fn one_of(words: &[String]) -> ValueParser {
    PossibleValuesParser::new(words.iter().cloned()).into()
}

fn with_name(shape: &Shape, doc: &str) -> String {
    match shape {
        Shape::Id(noun) if doc.is_empty() => format!("The {noun}, by id or by name"),
        Shape::Id(_) => format!("{}, by id or by name", doc.trim_end_matches('.')),
        Shape::Secret => {
            let what = if doc.is_empty() { "A secret" } else { doc };
            format!("{what}: the file that holds it, `-` for standard input [default: ask on the terminal]")
        }
        _ => doc.to_owned(),
    }
}

fn body_arguments(mut command: Command, operation: &Operation, used: &mut Vec<String>) -> Command {
    match &operation.body {
        Body::None => command,
        Body::Stream(_) => command.arg(
            Arg::new(name::FILE)
                .value_name("FILE")
                .required(true)
                .value_hint(ValueHint::FilePath)
                .help("The file to send; `-` for standard input"),
        ),
        Body::Fields(fields) => {
            for field in fields {
                command = command.arg(field_argument(field, used));
            }
            command.arg(
                Arg::new(name::BODY)
                    .long(name::BODY)
                    .value_name("FILE")
                    .value_hint(ValueHint::FilePath)
                    .help(
                        "The whole body as JSON, `-` for standard input; other options win over its fields",
                    ),
            )
        }
    }
}

fn field_argument(field: &Field, used: &mut Vec<String>) -> Arg {
    let long = free(used, &field.flag, "body");
    let arg = option(name::field(&field.name), long, &field.shape, &field.doc);
    // A secret is asked for where it is missing.
    if field.required && field.shape != Shape::Secret { arg.required_unless_present(name::BODY) } else { arg }
}

fn paging_arguments(command: Command, operation: &Operation) -> Command {
    if !operation.paged() {
        return command;
    }
    let cursor = matches!(operation.answer, Answer::Items(_, Paging::Cursor));
    let what = if cursor { "things" } else { "rows" };
    command
        .arg(
            Arg::new(name::LIMIT)
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .help(format!("At most this many {what} [default: 50]")),
        )
        .arg(
            Arg::new(name::ALL)
                .long("all")
                .action(ArgAction::SetTrue)
                .conflicts_with(name::LIMIT)
                .help(format!("All {what}, page by page")),
        )
}

fn live_arguments(command: Command) -> Command {
    command
        .visible_alias("follow")
        .arg(
            Arg::new(name::TOPICS)
                .value_name("TOPIC")
                .required(true)
                .num_args(1..)
                .help("`panels` for everything there, `panels.flights` for one of them, by name or id"),
        )
        .arg(
            Arg::new(name::AFTER)
                .long(name::AFTER)
                .value_name("POSITION")
                .value_parser(value_parser!(i64))
                .help("Begin with what came after this position [default: from now on]"),
        )
        .arg(
            Arg::new(name::COUNT)
                .long(name::COUNT)
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .help("End after this many events"),
        )
        .arg(
            Arg::new(name::KIND)
                .long(name::KIND)
                .value_name("KIND")
                .action(ArgAction::Append)
                .help("Only events of this kind, for example panels.imported; may be repeated"),
        )
}
