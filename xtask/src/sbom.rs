//! What is inside a release, as `CycloneDX`: the crates that are linked, the packages of the web app, who needs whom.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde_json::{Value, json};

use crate::release::{Release, sum};
use crate::run::{command, output};

/// Name and version.
type Named = (String, String);

/// The document. Neither time nor serial number: the same release is described by the same bytes.
pub fn make(root: &Path, release: &Release) -> Result<String> {
    let mut components = BTreeMap::new();
    let mut needs = BTreeMap::new();
    crates(root, &release.target, &mut components, &mut needs)?;
    let web = web(root, &mut components, &mut needs)?;
    let own = components.remove("wheelhouse").context("wheelhouse is among its crates")?;
    needs.entry("wheelhouse".to_owned()).or_default().insert(web);
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "lifecycles": [{ "phase": "build" }],
            "component": {
                "type": "application",
                "bom-ref": "wheelhouse",
                "name": "wheelhouse",
                "version": release.version,
                "licenses": own["licenses"],
                "hashes": [{ "alg": "SHA-256", "content": sum(&release.binary)? }],
                "properties": [{ "name": "wheelhouse:target", "value": release.target }],
            },
        },
        "components": components.values().collect::<Vec<_>>(),
        "dependencies": needs
            .iter()
            .map(|(name, on)| json!({ "ref": name, "dependsOn": on }))
            .collect::<Vec<_>>(),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// Names and versions that cargo would build for the binary on this platform.
fn built(root: &Path, target: &str, edges: &str) -> Result<BTreeSet<Named>> {
    let arguments = ["tree", "--locked", "--package", "wheelhouse", "--prefix", "none", "--format", "{p}"];
    let told = output(command("cargo", &arguments, root).args(["--edges", edges, "--target", target]))?;
    let named = told.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
    });
    Ok(named.collect())
}

/// A crate's name in the document: its purl, or for one of ours its name.
fn reference(package: &Package) -> String {
    match package.source {
        Some(_) => format!("pkg:cargo/{}@{}", package.name, package.version),
        None => package.name.to_string(),
    }
}

fn crates(
    root: &Path,
    target: &str,
    components: &mut BTreeMap<String, Value>,
    needs: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<()> {
    let options = ["--locked", "--filter-platform", target].map(str::to_owned);
    let mut asked = MetadataCommand::new();
    let metadata = asked.manifest_path(root.join("Cargo.toml")).other_options(options.to_vec()).exec()?;
    let (linked, all) = (built(root, target, "normal")?, built(root, target, "normal,build")?);
    let sums = sums(root)?;
    let named = |package: &Package| (package.name.to_string(), package.version.to_string());
    let inside = reached(&metadata, |package| all.contains(&named(package)))?;
    for package in inside.values() {
        // What only builds is named too, and not part of what runs.
        let scope = if linked.contains(&named(package)) { "required" } else { "excluded" };
        let mut component = json!({
            "type": "library",
            "bom-ref": reference(package),
            "name": package.name.as_str(),
            "version": package.version.to_string(),
            "scope": scope,
        });
        if let Some(license) = &package.license {
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
        }
        if package.source.is_some() {
            component["purl"] = reference(package).into();
        }
        if let Some(sum) = sums.get(&named(package)) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        components.insert(reference(package), component);
    }
    edges(&metadata, &inside, needs)
}

/// Whom a package needs to run or to be built.
fn needed<'a>(metadata: &'a Metadata, id: &PackageId) -> Result<Vec<&'a PackageId>> {
    let resolve = metadata.resolve.as_ref().context("cargo resolves the workspace")?;
    let node = resolve.nodes.iter().find(|node| node.id == *id).context("a package is resolved")?;
    let is_for_tests = |kinds: &[cargo_metadata::DepKindInfo]| {
        kinds.iter().all(|kind| kind.kind == DependencyKind::Development)
    };
    Ok(node.deps.iter().filter(|dep| !is_for_tests(&dep.dep_kinds)).map(|dep| &dep.pkg).collect())
}

/// The packages that wheelhouse reaches, as far as cargo builds them.
fn reached(
    metadata: &Metadata,
    is_built: impl Fn(&Package) -> bool,
) -> Result<BTreeMap<&PackageId, &Package>> {
    let own = metadata.packages.iter().find(|package| package.name.as_str() == "wheelhouse");
    let mut open = vec![&own.context("the workspace holds wheelhouse")?.id];
    let mut inside = BTreeMap::new();
    while let Some(id) = open.pop() {
        let package = &metadata[id];
        if is_built(package) && inside.insert(id, package).is_none() {
            open.extend(needed(metadata, id)?);
        }
    }
    Ok(inside)
}

fn edges(
    metadata: &Metadata,
    inside: &BTreeMap<&PackageId, &Package>,
    needs: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<()> {
    for (id, package) in inside {
        let on = needed(metadata, id)?.into_iter().filter_map(|other| inside.get(other));
        needs.entry(reference(package)).or_default().extend(on.map(|package| reference(package)));
    }
    Ok(())
}

/// The registry's sums, as the lock file holds them.
fn sums(root: &Path) -> Result<BTreeMap<Named, String>> {
    let lock: toml::Table = fs::read_to_string(root.join("Cargo.lock"))?.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("the lock names packages")?;
    let text = |package: &toml::Value, key: &str| package.get(key)?.as_str().map(str::to_owned);
    let sums = packages
        .iter()
        .filter_map(|one| Some(((text(one, "name")?, text(one, "version")?), text(one, "checksum")?)));
    Ok(sums.collect())
}

/// What npm says of the web app without its tools. The reference of the app itself.
fn web(
    root: &Path,
    components: &mut BTreeMap<String, Value>,
    needs: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<String> {
    let arguments = ["sbom", "--sbom-format=cyclonedx", "--omit=dev", "--package-lock-only"];
    let told = output(&mut command("npm", &arguments, &root.join("web")))?;
    let told: Value = serde_json::from_str(&told)?;
    let app = &told["metadata"]["component"];
    let name = app["bom-ref"].as_str().context("the web app has a reference")?.to_owned();
    let mut own = json!({ "type": "library", "bom-ref": name, "name": "wheelhouse-web" });
    for key in ["version", "scope", "licenses"] {
        own[key] = app[key].clone();
    }
    components.insert(name.clone(), own);
    for component in told["components"].as_array().into_iter().flatten() {
        let reference = component["bom-ref"].as_str().context("a package has a reference")?;
        components.insert(reference.to_owned(), component.clone());
    }
    for edge in told["dependencies"].as_array().into_iter().flatten() {
        let from = edge["ref"].as_str().context("a package has a reference")?;
        let on = edge["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str);
        needs.entry(from.to_owned()).or_default().extend(on.map(str::to_owned));
    }
    Ok(name)
}
