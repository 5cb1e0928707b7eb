//! What a value of the spec holds, as far as a command line must know. Validates nothing: the server does.
use serde_json::Value;

use super::names::noun_of_id;

/// What a value holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// Text that must not stand on a command line.
    Secret,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(Vec<String>),
    /// A list of texts; of these words, if there are any.
    Texts(Vec<String>),
    /// The id of a thing of this noun.
    Id(String),
    /// Anything else, as JSON.
    Json,
}

/// A property of a JSON body.
pub struct Field {
    /// As the spec calls it.
    pub name: String,
    /// As it is typed, without dashes.
    pub flag: String,
    /// Whether the body is refused without it.
    pub required: bool,
    /// What it holds.
    pub shape: Shape,
    /// What it is.
    pub doc: String,
    /// What it could hold.
    pub example: Option<String>,
}

/// Follow references, and look through `nullable` and single `allOf`. With it the name of the last reference.
pub fn resolve<'a>(root: &'a Value, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
    let (mut name, mut at) = (None, schema);
    // The spec has no longer chain; a circle of references must not hang a command line.
    for _ in 0..16 {
        if let Some(reference) = at["$ref"].as_str() {
            let last = reference.rsplit('/').next().unwrap_or_default();
            name = Some(last);
            at = &root["components"]["schemas"][last];
            continue;
        }
        let wrapped = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| at[*word].as_array());
        match wrapped.and_then(|list| single(list)) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    (name, at)
}

/// The only schema of a list that is not `null`.
fn single(list: &[Value]) -> Option<&Value> {
    let mut real = list.iter().filter(|schema| schema["type"] != "null");
    let first = real.next()?;
    real.next().is_none().then_some(first)
}

/// What a schema holds.
pub fn shape(root: &Value, schema: &Value) -> Shape {
    let (name, schema) = resolve(root, schema);
    let words = words(schema);
    if !words.is_empty() {
        return Shape::Choice(words);
    }
    match type_of(schema) {
        "string" => match schema["format"].as_str() {
            Some("password") => Shape::Secret,
            Some("uuid") => name.and_then(noun_of_id).map_or(Shape::Text, Shape::Id),
            _ => Shape::Text,
        },
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Boolean,
        "array" => match shape(root, &schema["items"]) {
            Shape::Text | Shape::Id(_) => Shape::Texts(Vec::new()),
            Shape::Choice(words) => Shape::Texts(words),
            _ => Shape::Json,
        },
        _ => Shape::Json,
    }
}

fn words(schema: &Value) -> Vec<String> {
    let list = schema["enum"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// The type's name; of a nullable one the other.
fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(name) => name,
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|n| *n != "null").unwrap_or(""),
        _ => "",
    }
}

/// The names of an object's properties: the required ones in their order, which is that of the source, then the others.
pub fn properties(root: &Value, schema: &Value) -> Vec<String> {
    let (_, schema) = resolve(root, schema);
    let Some(all) = schema["properties"].as_object() else { return Vec::new() };
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> =
        required.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    for name in all.keys() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The fields of a JSON body.
pub fn fields(root: &Value, schema: &Value) -> Vec<Field> {
    let names = properties(root, schema);
    let (_, schema) = resolve(root, schema);
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let field = |name: String| {
        let property = &schema["properties"][&name];
        let shape = shape(root, property);
        let flag = super::kebab(&name);
        Field {
            flag: if shape == Shape::Secret { format!("{flag}-file") } else { flag },
            required: required.iter().any(|other| *other == name.as_str()),
            doc: doc(root, property),
            example: example(root, property),
            shape,
            name,
        }
    };
    names.into_iter().map(field).collect()
}

/// What is said about a value, here or where it is defined.
pub fn doc(root: &Value, schema: &Value) -> String {
    let own = schema["description"].as_str();
    own.or_else(|| resolve(root, schema).1["description"].as_str()).unwrap_or_default().replace('\n', " ")
}

/// A whole number where nothing else is said of it.
const NUMBER: i64 = 10;

/// A value that stands for the others: the one that is written beside it in the code, else a whole number within its bounds.
pub fn example(root: &Value, schema: &Value) -> Option<String> {
    let (_, defined) = resolve(root, schema);
    let written = |at: &Value| at["examples"].as_array().and_then(|all| all.first()).cloned();
    if let Some(example) = written(schema).or_else(|| written(defined)) {
        return Some(plain(&example));
    }
    match type_of(defined) {
        "array" => example(root, &defined["items"]),
        "integer" => {
            let least = defined["minimum"].as_i64().unwrap_or(i64::MIN);
            let most = defined["maximum"].as_i64().unwrap_or(i64::MAX);
            Some(NUMBER.min(most).max(least).to_string())
        }
        _ => None,
    }
}

/// A text without its quotes, everything else as JSON.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
