//! Counterparts that are Go programs: built once from their modules, each version in a folder of its own in the cache.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Testbed;
use crate::run::{answers, command, output, shown};

/// A program that `go install` makes.
pub struct GoTool {
    package: &'static str,
    version: &'static str,
    binary: &'static str,
}

/// Renders and lints the chart.
pub const HELM: GoTool = GoTool { package: "helm.sh/helm/v3/cmd/helm", version: "v3.16.4", binary: "helm" };
/// Reads a compose file as `docker compose` does, with its own schema.
pub const COMPOSE: GoTool =
    GoTool { package: "github.com/compose-spec/compose-go/v2/cmd", version: "v2.9.1", binary: "cmd" };

/// An object store with the protocol of S3 over a folder: the tests keep their backups in it.
pub const VERSITYGW: GoTool =
    GoTool { package: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0", binary: "versitygw" };

const KUBERNETES: &str = "v1.34.2";

impl Testbed {
    /// The program, installed if need be.
    pub fn go_tool(&self, tool: &GoTool) -> Result<PathBuf> {
        let name = tool.package.replace('/', "-");
        let folder = self.folder.join("go").join(format!("{name}-{}", tool.version));
        let binary = folder.join(tool.binary);
        if !binary.exists() {
            let package = format!("{}@{}", tool.package, tool.version);
            shown(command("go", &["install", &package], &self.folder).env("GOBIN", &folder))?;
        }
        Ok(binary)
    }

    /// kubectl of this machine, or one that is built.
    pub fn kubectl(&self) -> Result<PathBuf> {
        if answers("kubectl", "--help") {
            return Ok(PathBuf::from("kubectl"));
        }
        self.kubernetes("kubectl")
    }

    /// A program of Kubernetes. Its module cannot be installed by name, because it replaces its parts by folders of its
    /// repository: a module of our own names those parts by version.
    pub fn kubernetes(&self, program: &str) -> Result<PathBuf> {
        let folder = self.folder.join("go").join(format!("kubernetes-{KUBERNETES}"));
        let binary = folder.join(program);
        if binary.exists() {
            return Ok(binary);
        }
        let module = folder.join("module");
        fs::create_dir_all(&module)?;
        fs::write(module.join("go.mod"), kubernetes_module(&module)?)?;
        let version = format!("-ldflags=-X k8s.io/component-base/version.gitVersion={KUBERNETES}");
        let package = format!("k8s.io/kubernetes/cmd/{program}");
        let into = binary.to_string_lossy().into_owned();
        shown(&mut command("go", &["build", "-mod=mod", &version, "-o", &into, &package], &module))?;
        Ok(binary)
    }
}

fn kubernetes_module(folder: &Path) -> Result<String> {
    fs::write(folder.join("go.mod"), "module testbed\n")?;
    let wanted = format!("k8s.io/kubernetes@{KUBERNETES}");
    let told = output(&mut command("go", &["mod", "download", "-json", &wanted], folder))?;
    let told: serde_json::Value = serde_json::from_str(&told)?;
    let original = told["GoMod"].as_str().context("go says where the module's go.mod lies")?;
    let original = fs::read_to_string(original)?;
    let mut module = format!("module testbed\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes {KUBERNETES}\n\n");
    let parts = KUBERNETES.replacen("v1.", "v0.", 1);
    for line in original.lines().filter(|line| line.contains("=> ./staging/")) {
        let name = line.split_whitespace().find(|word| word.starts_with("k8s.io/"));
        let name = name.context("a replaced module has a name")?;
        module.push_str(&format!("replace {name} => {name} {parts}\n"));
    }
    Ok(module)
}
