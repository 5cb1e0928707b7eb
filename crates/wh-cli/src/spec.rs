//! The operations as the embedded spec tells them: nouns, verbs, parameters, bodies, answers. Sends nothing, prints nothing.
mod names;
mod read;
mod schema;

use serde_json::Value;

pub use names::kebab;
pub use schema::{Field, Shape};

/// The committed spec; what a build offers is what its server answers.
const EMBEDDED: &str = include_str!("../../../spec/openapi.json");

/// Every operation, and the table of problems.
pub struct Spec {
    /// In the order of their paths.
    pub operations: Vec<Operation>,
    errors: Value,
}

/// One operation: `wheelhouse <noun> <verb>`.
pub struct Operation {
    /// `panel_list`.
    pub id: String,
    /// `panel`, as it is typed.
    pub noun: String,
    /// `list`, as it is typed.
    pub verb: String,
    /// `GET` and so on.
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// One line.
    pub summary: String,
    /// What else there is to say.
    pub description: String,
    /// How much harm a mistaken call does.
    pub risk: Risk,
    /// What the caller must hold; `None` for what nobody needs to be signed in for.
    pub permission: Option<String>,
    /// Its own problems, without those that every operation may answer with.
    pub problems: Vec<String>,
    /// Path and query.
    pub params: Vec<Param>,
    /// Whether the server does it once under a key, however often it is sent.
    pub once: bool,
    /// What it takes.
    pub body: Body,
    /// What it gives.
    pub answer: Answer,
}

/// How much harm a mistaken call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk {
    /// None.
    Read,
    /// It can be changed back.
    Change,
    /// It cannot.
    Danger,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path, and on the command line by its position: the thing itself.
    Own,
    /// In the path, and on the command line as an option: what the thing belongs to.
    Parent,
    /// In the query.
    Query,
}

/// A parameter of path or query.
pub struct Param {
    /// As the spec calls it.
    pub name: String,
    /// As it is typed, without dashes.
    pub flag: String,
    /// Where it stands.
    pub place: Place,
    /// Whether the operation refuses to go without.
    pub required: bool,
    /// What it holds.
    pub shape: Shape,
    /// What it is.
    pub doc: String,
    /// The largest whole number it takes, if it is one with a bound.
    pub max: Option<u64>,
    /// What it could hold.
    pub example: Option<String>,
}

/// What an operation takes.
pub enum Body {
    /// Nothing.
    None,
    /// A JSON object.
    Fields(Vec<Field>),
    /// A file, of these media types.
    Stream(Vec<String>),
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 204.
    Nothing,
    /// An object; its properties in the order of the schema.
    Object(Vec<String>),
    /// `items`; the properties of one, and whether there may be a next page.
    Items(Vec<String>, Paging),
    /// A window of rows with columns of its own.
    Window,
    /// JSON without a schema to lay it out by.
    Json,
    /// Not JSON: written as it comes.
    Raw,
    /// A live connection.
    Live,
}

/// Whether a list comes in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// `next_cursor` leads on.
    Cursor,
    /// All at once.
    Whole,
}

impl Spec {
    /// The operations of this build. An error is a mistake of the build, and a test reads the same text.
    pub fn embedded() -> Result<Self, String> {
        // By `parse`, and not `from_str`, the reading is compiled with the library: every command waits for it, also where this crate is
        // not optimised.
        let root: Value = EMBEDDED.parse().map_err(|e| format!("the embedded spec: {e}"))?;
        Ok(Self { operations: read::operations(&root), errors: root["x-error-table"].clone() })
    }

    /// An operation by its id.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// An operation as it is typed.
    pub fn find(&self, noun: &str, verb: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.noun == noun && operation.verb == verb)
    }

    /// What to do about a problem of this code.
    pub fn hint(&self, code: &str) -> Option<&str> {
        self.errors[code]["hint"].as_str()
    }

    /// Each noun once, in the order of the alphabet.
    pub fn nouns(&self) -> Vec<&str> {
        let mut nouns: Vec<&str> = self.operations.iter().map(|operation| operation.noun.as_str()).collect();
        nouns.sort_unstable();
        nouns.dedup();
        nouns
    }

    /// The operations of a noun, in the order of their verbs.
    pub fn of_noun<'a>(&'a self, noun: &str) -> Vec<&'a Operation> {
        let mut of_noun: Vec<&Operation> = self.operations.iter().filter(|o| o.noun == noun).collect();
        of_noun.sort_by(|a, b| a.verb.cmp(&b.verb));
        of_noun
    }
}

impl Operation {
    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// The query parameter of this name.
    pub fn query(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.place == Place::Query && param.name == name)
    }

    /// Whether it answers with pages, by cursor or by offset.
    pub fn paged(&self) -> bool {
        matches!(self.answer, Answer::Items(_, Paging::Cursor)) || self.windowed()
    }

    /// Whether it answers with windows by offset.
    pub fn windowed(&self) -> bool {
        self.answer == Answer::Window && self.query("offset").is_some() && self.query("limit").is_some()
    }

    /// A file is created under a parent, so `wheelhouse <parent> <noun> FILE` says it too: parent and verb.
    pub fn friendly(&self) -> Option<(&str, &str)> {
        let parent = self.params.iter().find(|param| param.place == Place::Parent)?;
        let Shape::Id(noun) = &parent.shape else { return None };
        (self.verb == "create" && matches!(self.body, Body::Stream(_))).then_some((noun, &self.noun))
    }
}
