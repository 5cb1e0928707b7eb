//! An operation carried out: confirmed, sent, shown. What it means is the server's.
mod lost;
mod pages;

use clap::ArgMatches;
use serde_json::Value;

use crate::app::{App, Connection, Flags};
use crate::client::{Ask, Payload, Reply};
use crate::fail::{Fail, Result};
use crate::live;
use crate::output::{Format, Output};
use crate::request::{self, Target};
use crate::spec::{Answer, Body, Operation, Param, Place, Risk};
use crate::terminal;
use crate::tree::name;
use crate::upload::{Show, Upload};

/// One operation with what was typed.
pub struct Call<'a> {
    app: &'a App,
    operation: &'a Operation,
    matches: &'a ArgMatches,
    flags: Flags,
    connection: Connection,
}

/// Do it.
pub fn run(app: &App, operation: &Operation, matches: &ArgMatches) -> Result<()> {
    let flags = Flags::of(matches, &app.world)?;
    let connection = app.connect(&flags)?;
    if operation.answer == Answer::Live {
        return live::run(app, &flags, &connection, operation, matches);
    }
    let call = Call { app, operation, matches, flags, connection };
    let mut out = Output::new(call.flags.format, &app.world);
    let done = call.run(&mut out);
    let flushed = out.flush();
    done.and(flushed)
}

impl Call<'_> {
    fn run(&self, out: &mut Output) -> Result<()> {
        let target = request::target(self.app, &self.connection, self.operation, self.matches)?;
        if self.operation.risk == Risk::Danger && !self.flags.yes {
            terminal::confirm(&self.question(&target)?)?;
        }
        if self.operation.paged() {
            return pages::run(self, &target, out);
        }
        let reply = self.send(target)?;
        self.show(reply, out)
    }

    /// What is about to be done, to what, how much is lost by it, where.
    fn question(&self, target: &Target) -> Result<String> {
        let lost = lost::of(self.app, &self.connection, self.operation, target)?;
        let own = lost::own(self.operation);
        let typed = |param: &Param| request::typed(self.matches, &name::param(&param.name), &param.shape);
        let name = lost.name.or_else(|| own.and_then(typed));
        let of_path = self.operation.params.iter().filter(|param| param.place != Place::Query);
        let parents = of_path.filter(|param| own.is_some_and(|own| own.name != param.name)).filter_map(typed);
        let things: Vec<String> = name.into_iter().chain(parents).collect();
        let about = if things.is_empty() { String::new() } else { format!(": {}", things.join(" of ")) };
        let facts =
            if lost.facts.is_empty() { String::new() } else { format!(" ({})", lost.facts.join(", ")) };
        Ok(format!("{}{about}{facts} on {}?", self.operation.summary, self.connection.client.base))
    }

    fn send(&self, mut target: Target) -> Result<Reply> {
        let method = self.operation.method.as_str();
        let key = if self.operation.once { Some(self.key()?) } else { None };
        if let Body::Stream(medias) = &self.operation.body {
            let file = self.matches.get_one::<String>(name::FILE).map_or("-", String::as_str);
            let shows = !self.flags.quiet() && terminal::shows_progress(&self.app.world);
            let show = if shows { Show::Progress } else { Show::Nothing };
            let mut upload = Upload::open(file, medias, show)?;
            let named = self.matches.get_one::<String>(&name::param("file_name")).is_some();
            if let Some(own) = upload.name.clone().filter(|_| self.takes("file_name") && !named) {
                target.query("file_name", &own);
            }
            let (media, length) = (upload.media.clone(), upload.length);
            let payload = Payload::Stream(&media, length, &mut upload);
            let sent = self.app.send(&self.connection, Ask { method, target: target.text(), key, payload });
            return upload.failure.take().map_or(sent, Err);
        }
        let payload = request::body(self.operation, self.matches)?.map_or(Payload::None, Payload::Json);
        self.app.send(&self.connection, Ask { method, target: target.text(), key, payload })
    }

    fn takes(&self, query: &str) -> bool {
        self.operation.query(query).is_some()
    }

    fn key(&self) -> Result<String> {
        match self.matches.get_one::<String>(name::KEY) {
            Some(key) => Ok(key.clone()),
            None => self.app.world.random_word(),
        }
    }

    /// The name under which a thing of this operation has its id.
    fn own_id(&self) -> &str {
        let own = self.operation.params.iter().find(|param| param.place == Place::Own);
        own.map_or("id", |param| param.name.as_str())
    }

    fn show(&self, reply: Reply, out: &mut Output) -> Result<()> {
        match &self.operation.answer {
            Answer::Raw => copy(reply, out),
            Answer::Nothing | Answer::Live => {
                if !self.flags.quiet() && self.flags.format == Format::Table {
                    terminal::notice(&format!("done: {}", self.operation.summary));
                }
                Ok(())
            }
            Answer::Json => out.json(&reply.bytes()?),
            _ if self.flags.format == Format::Json => out.json(&reply.bytes()?),
            Answer::Object(order) => out.record(order, &parsed(&reply.bytes()?)?, self.own_id()),
            Answer::Items(order, _) => {
                let page = parsed(&reply.bytes()?)?;
                let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                pages::items(order, items, self.own_id(), out)
            }
            Answer::Window => pages::window_whole(&parsed(&reply.bytes()?)?, out),
        }
    }
}

fn copy(reply: Reply, out: &mut Output) -> Result<()> {
    use std::io::Read;
    let mut reader = reply.reader();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = reader.read(&mut buffer).map_err(|e| Fail::file("the answer", &e))?;
        if read == 0 {
            return Ok(());
        }
        out.bytes(&buffer[..read])?;
    }
}

fn parsed(bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|e| {
        Fail::new(
            crate::fail::Exit::Refused,
            "cli.answer",
            format!("the answer is no JSON: {e}"),
            "is it a Wheelhouse at this URL?",
        )
    })
}
