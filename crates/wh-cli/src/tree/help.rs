//! What `--help` says about an operation: where it goes, what it needs, how it is typed. Made from the spec.
use crate::resolve;
use crate::spec::{Answer, Body, Field, Operation, Param, Place, Risk, Shape, Spec};

/// A line of an example is not longer than this, where its options let it be broken.
const EXAMPLE_WIDTH_MAX: usize = 84;

/// Summary, description, address, permission, harm, problems.
pub fn long_about(operation: &Operation) -> String {
    let mut text = operation.summary.clone();
    if !operation.description.is_empty() {
        text.push_str("\n\n");
        text.push_str(&operation.description);
    }
    text.push_str(&format!("\n\nOperation: {} ({} {})", operation.id, operation.method, operation.path));
    match &operation.permission {
        Some(permission) => text.push_str(&format!("\nPermission: {permission}")),
        None => text.push_str("\nPermission: none"),
    }
    text.push_str(match operation.risk {
        Risk::Read => "\nChanges nothing",
        Risk::Change => "\nChanges something",
        Risk::Danger => "\nCannot be taken back: asks first, or wants --yes",
    });
    if !operation.problems.is_empty() {
        text.push_str(&format!("\nProblems of its own: {}", operation.problems.join(", ")));
    }
    text
}

/// Commands that can be typed.
pub fn examples(spec: &Spec, operation: &Operation, noun: &str, verb: &str) -> String {
    let base = format!("wheelhouse {noun} {verb}");
    let needed = needed(spec, operation);
    let yes = if operation.risk == Risk::Danger { " --yes" } else { "" };
    let mut lines = vec![format!("{base}{needed}{yes}")];
    lines.extend(by_answer(operation, &base, &needed));
    if let Some(param) = operation.params.iter().find(|param| shows_well(operation, param)) {
        lines.push(format!(
            "{base}{needed} --{} {}{yes}",
            param.flag,
            sample(spec, operation, &of_param(param))
        ));
    }
    if let Body::Fields(fields) = &operation.body
        && !fields.is_empty()
    {
        lines.push(format!("{base}{} --body request.json --json", paths(spec, operation)));
    }
    if matches!(operation.body, Body::Stream(_)) {
        lines.push(format!("zcat flights.csv.gz | {base}{}", needed.replacen("flights.csv", "-", 1)));
    }
    lines.dedup();
    let lines: Vec<String> = lines.into_iter().map(|line| format!("  {}", folded(&line))).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

/// A long command over several lines, so that it can be copied from where it is shown.
fn folded(line: &str) -> String {
    let mut out = String::new();
    let mut used = 0;
    for (at, part) in line.split(" --").enumerate() {
        let part = if at == 0 { part.to_owned() } else { format!(" --{part}") };
        if at > 0 && used + part.len() > EXAMPLE_WIDTH_MAX {
            out.push_str(" \\\n     ");
            used = 5;
        }
        used += part.len();
        out.push_str(&part);
    }
    out
}

fn by_answer(operation: &Operation, base: &str, needed: &str) -> Vec<String> {
    match &operation.answer {
        _ if operation.windowed() => vec![
            format!("{base}{needed} --limit 200 --sort -dep_delay,carrier"),
            format!("{base}{needed} --all --csv > rows.csv"),
        ],
        Answer::Items(..) if operation.paged() => {
            vec![format!("{base}{needed} --all --json"), format!("{base}{needed} --all --quiet")]
        }
        Answer::Items(..) => vec![format!("{base}{needed} --json")],
        Answer::Object(_) if !operation.writes() => vec![format!("{base}{needed} --json")],
        Answer::Raw => vec![format!("{base}{needed} > answer.txt")],
        Answer::Live => vec![format!("{base} panels.flights --kind panels.imported --count 1 --json")],
        _ => Vec::new(),
    }
}

/// An optional query parameter that is worth an example.
fn shows_well(operation: &Operation, param: &Param) -> bool {
    let paging = operation.paged() && matches!(param.name.as_str(), "limit" | "cursor" | "offset");
    param.place == Place::Query
        && !param.required
        && !paging
        && !matches!(param.name.as_str(), "file_name" | "options" | "hints")
}

/// Everything without which it is refused.
fn needed(spec: &Spec, operation: &Operation) -> String {
    let mut text = String::new();
    match &operation.body {
        Body::Stream(_) => text.push_str(" flights.csv"),
        _ if operation.answer == Answer::Live => text.push_str(" panels"),
        _ => {}
    }
    text.push_str(&paths(spec, operation));
    for param in operation.params.iter().filter(|param| param.required && param.place == Place::Query) {
        text.push_str(&format!(" --{} {}", param.flag, sample(spec, operation, &of_param(param))));
    }
    if let Body::Fields(fields) = &operation.body {
        let first = |all: &'_ [Field]| all.iter().any(|field| field.required);
        let wanted = |field: &&Field| field.required || !first(fields);
        for field in fields.iter().filter(wanted).take(6) {
            text.push_str(&format!(" --{} {}", field.flag, sample(spec, operation, &of_field(field))));
        }
    }
    text
}

fn paths(spec: &Spec, operation: &Operation) -> String {
    let mut text = String::new();
    for param in &operation.params {
        let value = match (&param.shape, resolve::directory(spec, operation, param)) {
            (Shape::Id(_), Some(directory)) => directory.sample().to_owned(),
            (Shape::Id(_), None) => "0198c0de-5eed-7000-8000-000000000001".to_owned(),
            _ => sample(spec, operation, &of_param(param)),
        };
        match param.place {
            Place::Own => text.push_str(&format!(" {value}")),
            Place::Parent => text.push_str(&format!(" --{} {value}", param.flag)),
            Place::Query => {}
        }
    }
    text
}

/// What an example is made for.
struct Sampled<'a> {
    name: &'a str,
    shape: &'a Shape,
    example: Option<&'a str>,
}

fn of_param(param: &Param) -> Sampled<'_> {
    Sampled { name: &param.name, shape: &param.shape, example: param.example.as_deref() }
}

fn of_field(field: &Field) -> Sampled<'_> {
    Sampled { name: &field.name, shape: &field.shape, example: field.example.as_deref() }
}

/// A value that could stand there, as it is typed in a shell: the spec's example, where it has one.
fn sample(spec: &Spec, operation: &Operation, of: &Sampled<'_>) -> String {
    match of.shape {
        Shape::Choice(words) | Shape::Texts(words) if !words.is_empty() => words[0].clone(),
        Shape::Secret => format!("{}.txt", of.name),
        Shape::Id(noun) => {
            let own = spec.find(noun, "list").is_some() && noun == &operation.noun;
            if own { "flights".to_owned() } else { "0198c0de-5eed-7000-8000-000000000001".to_owned() }
        }
        shape => of.example.map_or_else(|| by_shape(shape).to_owned(), quoted),
    }
}

/// Where the spec has no example.
fn by_shape(shape: &Shape) -> &'static str {
    match shape {
        Shape::Integer => "10",
        Shape::Number => "0.5",
        Shape::Boolean => "true",
        Shape::Json => "'{}'",
        _ => "text",
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.,:/@%+=".contains(sign);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
