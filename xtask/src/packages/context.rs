//! The image's build context without an engine: what git holds and `.dockerignore` lets in, laid out as each stage's COPY lines lay
//! it out. There cargo must read the whole workspace, and the sources find the files that they embed.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ignore::WalkBuilder;

use super::{Place, Scratch, said};
use crate::release;
use crate::run::{command, output};

/// The stage that runs cargo.
const BUILDS: &str = "server";
/// What stands before the name of a file that a source embeds, from the source's own folder.
const EMBEDS: [&str; 2] = ["include_str!(\"", "include_bytes!(\""];
/// What stands before the name of a folder that a source embeds, from its crate's folder.
const EMBEDS_FOLDER: &str = "#[folder = \"";

pub(super) fn check(place: &Place<'_>, dockerfile: &str) -> Result<()> {
    let ignored = Ignored::parse(&fs::read_to_string(place.root.join(".dockerignore"))?)?;
    let tracked = output(&mut command("git", &["ls-files", "-z"], place.root))?;
    // A file that was removed and not yet committed is in no context.
    let there = |name: &&str| !name.is_empty() && place.root.join(name).is_file();
    let files: BTreeSet<&str> = tracked.split('\0').filter(there).filter(|name| !ignored.has(name)).collect();
    let scratch = Scratch::new("context")?;
    let stages = stages(dockerfile)?;
    for (number, stage) in stages.iter().enumerate() {
        let (before, into) = (&stages[..number], scratch.0.join(number.to_string()));
        for copy in &stage.copies {
            copy.lay_out(place.root, &files, before, &into).with_context(|| copy.line.clone())?;
        }
    }
    let found = stages.iter().enumerate().find(|(_, stage)| stage.name == BUILDS);
    let (number, stage) = found.with_context(|| format!("no stage is called {BUILDS}"))?;
    let sources = inside(&scratch.0.join(number.to_string()), &stage.folder);
    embedded(&sources.join("crates"))?;
    let target = release::target(place.root)?;
    let arguments =
        ["metadata", "--locked", "--offline", "--format-version=1", "--filter-platform", target.as_str()];
    said(&mut command("cargo", &arguments, &sources)).context("in the image's build context").map(drop)
}

/// What keeps files out of the context: the last line that fits a file or a folder above it counts.
struct Ignored(Vec<Rule>);

struct Rule {
    keeps_out: bool,
    words: Vec<String>,
}

impl Ignored {
    fn parse(text: &str) -> Result<Self> {
        let mut rules = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            ensure!(
                !line.contains(['?', '[', '\\']),
                "`{line}` in .dockerignore is a pattern not known here"
            );
            let (keeps_out, pattern) = line.strip_prefix('!').map_or((true, line), |rest| (false, rest));
            let words = pattern.trim_matches('/').split('/').map(str::to_owned).collect();
            rules.push(Rule { keeps_out, words });
        }
        Ok(Self(rules))
    }

    fn has(&self, file: &str) -> bool {
        let path: Vec<&str> = file.split('/').collect();
        self.0.iter().rev().find(|rule| fits(&rule.words, &path)).is_some_and(|rule| rule.keeps_out)
    }
}

/// Whether a pattern is that of the path or of a folder above it.
fn fits(pattern: &[String], path: &[&str]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return true };
    if first == "**" {
        return (0..=path.len()).any(|skipped| fits(rest, &path[skipped..]));
    }
    path.split_first().is_some_and(|(name, below)| fits_name(first, name) && fits(rest, below))
}

fn fits_name(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    name.strip_prefix(head).is_some_and(|rest| {
        let mut ends = rest.char_indices().map(|(at, _)| &rest[at..]).chain([""]);
        ends.any(|end| fits_name(tail, end))
    })
}

/// What one stage copies, and the folder in which it goes on.
struct Stage {
    name: String,
    folder: PathBuf,
    copies: Vec<Copied>,
}

struct Copied {
    line: String,
    /// A stage or an image; without it the context.
    from: Option<String>,
    sources: Vec<String>,
    target: String,
    /// Where the line stands.
    folder: PathBuf,
}

/// From a file whose lines are whole.
fn stages(dockerfile: &str) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for line in dockerfile.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "FROM" {
            let name = rest.rsplit_once(" AS ").map_or("", |(_, name)| name).trim().to_owned();
            stages.push(Stage { name, folder: PathBuf::from("/"), copies: Vec::new() });
            continue;
        }
        let Some(stage) = stages.last_mut() else { continue };
        match word {
            "WORKDIR" => stage.folder.push(rest.trim()),
            "COPY" => stage.copies.push(Copied::parse(line, rest, &stage.folder)?),
            "ADD" => bail!("`{line}`: ADD brings what is not looked at here; COPY is"),
            _ => {}
        }
    }
    Ok(stages)
}

impl Copied {
    fn parse(line: &str, rest: &str, folder: &Path) -> Result<Self> {
        let (flags, words): (Vec<&str>, Vec<&str>) =
            rest.split_whitespace().partition(|word| word.starts_with("--"));
        let from = flags.iter().find_map(|flag| flag.strip_prefix("--from=")).map(str::to_owned);
        let (target, sources) = words.split_last().with_context(|| format!("`{line}` names nothing"))?;
        ensure!(!sources.is_empty(), "`{line}` has no source or no target");
        Ok(Self {
            line: line.to_owned(),
            from,
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
            target: (*target).to_owned(),
            folder: folder.to_owned(),
        })
    }

    /// Each source exists; those of the context are copied.
    fn lay_out(&self, root: &Path, files: &BTreeSet<&str>, before: &[Stage], into: &Path) -> Result<()> {
        let target = inside(into, &self.folder.join(&self.target));
        if let Some(from) = &self.from {
            let is_image = from.contains(['/', ':']);
            ensure!(is_image || before.iter().any(|stage| stage.name == *from), "no stage {from} before it");
            // What another stage made is not there; the folder for it is.
            if self.target.ends_with('/') {
                fs::create_dir_all(target)?;
            }
            return Ok(());
        }
        for source in &self.sources {
            let name = source.trim_start_matches("./").trim_end_matches('/');
            let folder = format!("{name}/");
            let below = files.iter().filter_map(|file| Some((*file, file.strip_prefix(&folder)?)));
            let mut all: Vec<(&str, PathBuf)> = below.map(|(file, rest)| (file, target.join(rest))).collect();
            if let Some(file) = files.get(name) {
                let own = Path::new(name).file_name().context("a file has a name")?;
                let to = if self.target.ends_with('/') { target.join(own) } else { target.clone() };
                all.push((*file, to));
            }
            ensure!(!all.is_empty(), "git or .dockerignore keep {source} out of the build context");
            for (file, to) in all {
                fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
                fs::copy(root.join(file), to)?;
            }
        }
        Ok(())
    }
}

/// A folder of an image below one of this machine.
fn inside(root: &Path, folder: &Path) -> PathBuf {
    root.join(folder.strip_prefix("/").unwrap_or(folder))
}

/// Every file and folder that a source embeds is there.
fn embedded(crates: &Path) -> Result<()> {
    let mut found = 0_usize;
    for entry in WalkBuilder::new(crates).standard_filters(false).build() {
        let entry = entry?;
        let source = entry.path();
        if source.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let name = source.strip_prefix(crates)?;
        let own = source.parent().context("a source lies in a folder")?;
        let of_crate = crates.join(name.iter().next().context("a source lies in a crate")?);
        let text = fs::read_to_string(source)?;
        let pairs = EMBEDS.map(|word| (word, own)).into_iter().chain([(EMBEDS_FOLDER, of_crate.as_path())]);
        for (word, folder) in pairs {
            for rest in text.split(word).skip(1) {
                let embeds = rest.split('"').next().unwrap_or_default();
                let is_there = folder.join(embeds).exists();
                ensure!(is_there, "{} embeds {embeds}, which is not in the build context", name.display());
                found += 1;
            }
        }
    }
    ensure!(found > 0, "no source embeds anything: it is looked for wrongly");
    Ok(())
}
