//! The Helm chart: linted, rendered for several sets of values, each taken by a real API server whose namespace enforces the
//! Pod Security Standard `restricted`, its settings by the binary; and wrong values refused by the schema.
use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::{Place, said, told};
use crate::counterparts::HELM;
use crate::run::{answers, command};

const NAMESPACE: &str = "trial";
/// The namespace in which the server refuses pods that are not `restricted`, and warns of what would make them.
const NAMESPACE_OBJECT: &str = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"trial","labels":{
    "pod-security.kubernetes.io/enforce":"restricted","pod-security.kubernetes.io/warn":"restricted"}}}"#;

/// Backups of PostgreSQL from an image that cannot make them.
const POSTGRES_WITHOUT_PROGRAMS: &[&str] = &[
    "database.engine=postgres",
    "database.existingSecret=urls",
    "backup.target=s3://company-backups/wheelhouse",
    "backup.existingSecret=key",
];

/// Values that contradict themselves, the chart or Kubernetes, and a word of the refusal.
const REFUSED: &[(&[&str], &str)] = &[
    (&["replicas=2"], "replicas"),
    (&["image.tag=a b"], "tag"),
    (&["image.digest=sha256:12"], "digest"),
    (&["publicUrl=wheelhouse.example.com"], "publicUrl"),
    (&["trustedProxies={proxy.example.com}"], "trustedProxies"),
    (&["database.engine=mysql"], "engine"),
    (&["database.engine=postgres"], "database"),
    (&["database.engine=postgres", "database.urls.app=postgres://a@b/c"], "database"),
    (&["database.engine=postgres", "database.urls.app=mysql://a@b/c"], "app"),
    (&["ingress.enabled=true"], "host"),
    (&["persistence.size=0Gi"], "size"),
    (&["persistence.size=many"], "size"),
    (&["service.port=70000"], "port"),
    (&["service.type=ExternalName"], "type"),
    (&["settings.server.listen=127.0.0.1:1"], "settings.server"),
    (&["settings.database.postgres_app_url=postgres://a:b@c/d"], "settings.database"),
    (&["settings.data.dir=/tmp"], "settings.data"),
    (&["settings.log=debug"], "settings.log"),
    (&["settings.backup.target=/backup"], "settings.backup"),
    (&["backup.target=/backup"], "existingSecret"),
    (POSTGRES_WITHOUT_PROGRAMS, "backup.image"),
    (&["podDisruptionBudget.minAvailable=2"], "minAvailable"),
    (&["drainDelayMs=-1"], "drainDelayMs"),
    (&["serviceaccount.create=false"], "serviceaccount"),
];

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    if !answers("go", "version") {
        return place.without("Go, which builds helm and the API server");
    }
    let chart = Chart { helm: place.testbed.go_tool(&HELM)?, place };
    chart.versions()?;
    said(&mut command(&chart.helm, &["lint", "--strict", "packages/helm/wheelhouse"], place.root))?;
    for (settings, word) in REFUSED {
        chart.refuses(settings, word)?;
    }
    chart.refuses_without_schema()?;
    let cluster = Cluster::start(place.testbed)?;
    eprintln!("packages: API server {}", cluster.version()?);
    cluster.make(NAMESPACE_OBJECT)?;
    for set in ["default", "postgres", "everything", "bare", "backup"] {
        chart.accepted(&cluster, set).with_context(|| format!("values `{set}`"))?;
    }
    Ok(())
}

struct Chart<'a> {
    helm: PathBuf,
    place: &'a Place<'a>,
}

impl Chart<'_> {
    fn template(&self, more: &[&str]) -> std::process::Command {
        let arguments = ["template", "trial", "packages/helm/wheelhouse", "--kube-version=1.34.2"];
        let mut helm = command(&self.helm, &arguments, self.place.root);
        helm.args(["--namespace", NAMESPACE]).args(more);
        helm
    }

    /// Chart and binary have one version.
    fn versions(&self) -> Result<()> {
        let shown =
            said(&mut command(&self.helm, &["show", "chart", "packages/helm/wheelhouse"], self.place.root))?;
        let version = said(command(&self.place.binary, &["--version"], self.place.root).env_clear())?;
        let version = version.words.trim().trim_start_matches("wheelhouse ").to_owned();
        for key in ["version", "appVersion"] {
            let found = shown.words.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
            let found = found.map(|found| found.trim_matches('"'));
            ensure!(found == Some(&version), "the chart's {key} is {found:?}, the binary's {version}");
        }
        Ok(())
    }

    fn refuses(&self, settings: &[&str], word: &str) -> Result<()> {
        let flags: Vec<&str> = settings.iter().flat_map(|setting| ["--set", *setting]).collect();
        let refused = told(&mut self.template(&flags))?;
        ensure!(!refused.well, "{settings:?} is taken");
        let by_schema = refused.errors.contains("don't meet the specifications of the schema");
        ensure!(
            by_schema && refused.errors.contains(word),
            "{settings:?} is refused otherwise: {}",
            refused.errors
        );
        Ok(())
    }

    /// Where somebody switches the schema off, the template says what is missing.
    fn refuses_without_schema(&self) -> Result<()> {
        let flags = POSTGRES_WITHOUT_PROGRAMS.iter().flat_map(|setting| ["--set", *setting]);
        let refused = told(self.template(&["--skip-schema-validation"]).args(flags))?;
        let is_told = refused.errors.contains("needs backup.image.repository");
        ensure!(!refused.well && is_told, "backups without pg_dump: {}", refused.errors);
        Ok(())
    }

    /// Rendered, taken by the server without a warning, and as the values say.
    fn accepted(&self, cluster: &Cluster, set: &str) -> Result<()> {
        let file = format!("packages/helm/wheelhouse/ci/{set}-values.yaml");
        let rendered = said(&mut self.template(&["--values", &file]))?;
        let taken = cluster.try_apply(NAMESPACE, &rendered.words)?;
        ensure!(taken.well && taken.errors.is_empty(), "the API server: {}", taken.errors);
        let objects = Objects::read(&taken.words)?;
        let stateful = objects.one("StatefulSet")?;
        Self::secured(cluster, stateful)?;
        self.place.settings_are_right(&settings(stateful)?)?;
        let kinds = objects.kinds();
        let wanted: &[&str] = match set {
            "bare" => &["Service", "Service", "StatefulSet"],
            "default" | "backup" => &[
                "NetworkPolicy",
                "PodDisruptionBudget",
                "Service",
                "Service",
                "ServiceAccount",
                "StatefulSet",
            ],
            "postgres" => &[
                "Ingress",
                "NetworkPolicy",
                "PodDisruptionBudget",
                "Service",
                "Service",
                "ServiceAccount",
                "StatefulSet",
            ],
            _ => &[
                "Ingress",
                "NetworkPolicy",
                "PodDisruptionBudget",
                "Secret",
                "Service",
                "Service",
                "ServiceAccount",
                "StatefulSet",
            ],
        };
        ensure!(kinds == wanted, "it makes {kinds:?}");
        match set {
            "default" => default_set(&objects),
            "postgres" => postgres_set(&objects),
            "everything" => everything_set(&objects),
            "backup" => backup_set(&objects),
            _ => bare_set(&objects),
        }
    }

    /// The server takes the pod under `restricted`, and would not take it with a root user.
    fn secured(cluster: &Cluster, stateful: &Value) -> Result<()> {
        let mut spec = stateful["spec"]["template"]["spec"].clone();
        let claim = json!({ "name": "data", "persistentVolumeClaim": { "claimName": "data" } });
        let volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
        if !volumes.iter().any(|volume| volume["name"] == "data") {
            spec["volumes"] = Value::Array(volumes.into_iter().chain([claim]).collect());
        }
        let pod = |spec: &Value| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "trial" }, "spec": spec })
                .to_string()
        };
        let taken = cluster.try_apply(NAMESPACE, &pod(&spec))?;
        ensure!(taken.well && taken.errors.is_empty(), "the pod: {}", taken.errors);
        spec["securityContext"]["runAsNonRoot"] = Value::Bool(false);
        let refused = cluster.try_apply(NAMESPACE, &pod(&spec))?;
        ensure!(
            !refused.well && refused.errors.contains("violates PodSecurity"),
            "a pod that may be root is not refused, so nothing is enforced: {}",
            refused.errors
        );
        ensure!(
            container(stateful)["securityContext"]["readOnlyRootFilesystem"] == true
                && stateful["spec"]["template"]["spec"]["automountServiceAccountToken"] == false,
            "the root can be written, or the pod holds a token"
        );
        probes(stateful)
    }
}

/// What the server made of the rendered objects.
struct Objects(Vec<Value>);

impl Objects {
    fn read(text: &str) -> Result<Self> {
        let list: Value = serde_json::from_str(text)?;
        Ok(Self(list["items"].as_array().context("several objects")?.clone()))
    }

    fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.0.iter().filter_map(|object| object["kind"].as_str()).collect();
        kinds.sort_unstable();
        kinds
    }

    fn one(&self, kind: &str) -> Result<&Value> {
        self.0.iter().find(|object| object["kind"] == kind).with_context(|| format!("no {kind}"))
    }

    fn service(&self, is_metrics: impl Fn(&str) -> bool) -> Result<&Value> {
        let named = |object: &&Value| object["metadata"]["name"].as_str().is_some_and(&is_metrics);
        self.0.iter().filter(|object| object["kind"] == "Service").find(named).context("no such service")
    }

    fn front(&self) -> Result<&Value> {
        self.service(|name| !name.ends_with("-metrics"))
    }

    fn metrics(&self) -> Result<&Value> {
        self.service(|name| name.ends_with("-metrics"))
    }
}

fn container(stateful: &Value) -> &Value {
    &stateful["spec"]["template"]["spec"]["containers"][0]
}

/// The settings as the container gets them; a value from a Secret is a URL here.
fn settings(stateful: &Value) -> Result<BTreeMap<String, String>> {
    let list = container(stateful)["env"].as_array().context("the container has settings")?;
    let mut settings = BTreeMap::new();
    for one in list {
        let name = one["name"].as_str().context("a setting has a name")?.to_owned();
        let value = match &one["valueFrom"]["secretKeyRef"]["name"] {
            Value::String(_) => "postgres://login@127.0.0.1/wheelhouse",
            _ => one["value"].as_str().unwrap_or_default(),
        };
        if settings.insert(name.clone(), value.to_owned()).is_some() {
            bail!("{name} is set twice");
        }
    }
    Ok(settings)
}

fn probes(stateful: &Value) -> Result<()> {
    for (probe, path) in
        [("startupProbe", "/health"), ("livenessProbe", "/health"), ("readinessProbe", "/health/ready")]
    {
        let asked = &container(stateful)[probe]["httpGet"];
        ensure!(asked["path"] == path && asked["port"] == "metrics", "{probe} asks {asked}");
    }
    Ok(())
}

fn default_set(objects: &Objects) -> Result<()> {
    let stateful = objects.one("StatefulSet")?;
    ensure!(stateful["spec"]["replicas"] == 1, "two processes never share a folder");
    let claim = &stateful["spec"]["volumeClaimTemplates"][0]["spec"];
    ensure!(claim["resources"]["requests"]["storage"] == "20Gi", "the claim asks for {claim}");
    let policy = &objects.one("NetworkPolicy")?["spec"];
    ensure!(policy["policyTypes"] == json!(["Ingress", "Egress"]), "ways out are not restricted");
    ensure!(policy.get("egress").is_none(), "on SQLite it needs no way out: {policy}");
    ensure!(objects.one("PodDisruptionBudget")?["spec"]["maxUnavailable"] == 1, "a node cannot be drained");
    let settings = settings(stateful)?;
    ensure!(settings["WHEELHOUSE_DATABASE_ENGINE"] == "sqlite", "{settings:?}");
    ensure!(
        settings["WHEELHOUSE_SERVER_ALLOWED_HOSTS"]
            .split(',')
            .any(|name| name == "trial-wheelhouse.trial.svc"),
        "other pods cannot ask it: {settings:?}"
    );
    ensure!(!settings.contains_key("WHEELHOUSE_SERVER_PUBLIC_URL"), "nobody named a public address");
    let image = container(stateful)["image"].as_str().unwrap_or_default();
    ensure!(image.starts_with("wheelhouse:") && !image.ends_with(":latest"), "the image is {image}");
    Ok(())
}

fn postgres_set(objects: &Objects) -> Result<()> {
    let stateful = objects.one("StatefulSet")?;
    let settings = settings(stateful)?;
    ensure!(settings["WHEELHOUSE_SERVER_PUBLIC_URL"] == "https://wheelhouse.example.com", "{settings:?}");
    ensure!(settings["WHEELHOUSE_DATASET_HOT_BUDGET_MB"] == "4096", "{settings:?}");
    let logins = container(stateful)["env"].as_array().into_iter().flatten();
    let secrets = logins.filter_map(|one| one["valueFrom"]["secretKeyRef"]["name"].as_str());
    ensure!(secrets.eq(["wheelhouse-urls"; 4]), "the four logins come from the Secret that is named");
    let ingress = &objects.one("Ingress")?["spec"];
    ensure!(ingress["tls"][0]["hosts"][0] == ingress["rules"][0]["host"], "TLS for another name: {ingress}");
    let backend = &ingress["rules"][0]["http"]["paths"][0]["backend"]["service"];
    let front = objects.front()?;
    ensure!(
        backend["name"] == front["metadata"]["name"]
            && backend["port"]["number"] == front["spec"]["ports"][0]["port"],
        "the ingress leads to {backend}"
    );
    let policy = &objects.one("NetworkPolicy")?["spec"];
    let names_and_database = policy["egress"].as_array().map_or(0, Vec::len);
    ensure!(names_and_database == 2, "ways out to names and database: {policy}");
    ensure!(policy["egress"][1]["to"][0]["ipBlock"]["cidr"] == "10.20.0.0/16", "{policy}");
    Ok(())
}

fn everything_set(objects: &Objects) -> Result<()> {
    let stateful = objects.one("StatefulSet")?;
    let settings = settings(stateful)?;
    ensure!(settings["WHEELHOUSE_SERVER_CONNECTIONS_MAX"] == "1000000", "{settings:?}");
    let hosts = &settings["WHEELHOUSE_SERVER_ALLOWED_HOSTS"];
    ensure!(hosts.contains("panels.trial.svc") && hosts.ends_with("panels.internal:8443"), "{hosts}");
    ensure!(stateful["spec"].get("volumeClaimTemplates").is_none(), "a claim beside the one that is there");
    let (front, metrics) = (objects.front()?, objects.metrics()?);
    ensure!(front["spec"]["type"] == "LoadBalancer" && metrics["spec"]["clusterIP"] == "None", "{metrics}");
    let ports = front["spec"]["ports"].as_array().map_or(0, Vec::len);
    ensure!(ports == 1 && front["spec"]["ports"][0]["name"] == "https", "metrics on the load balancer");
    ensure!(objects.one("PodDisruptionBudget")?["spec"]["minAvailable"] == 1, "the pod may be evicted");
    // The server gives a Secret back in base64; the keys are ours.
    let keys = objects.one("Secret")?["data"].as_object().context("a Secret holds something")?;
    ensure!(keys.keys().map(String::as_str).eq(["APP", "ID", "OWNER", "SYS"]), "{keys:?}");
    let image = container(stateful)["image"].as_str().unwrap_or_default();
    ensure!(image.contains("/wheelhouse-backup@sha256:"), "the image holds no pg_dump: {image}");
    ensure!(settings.contains_key("WHEELHOUSE_BACKUP_SCRATCH_URL"), "no restore can be proven: {settings:?}");
    Ok(())
}

/// The embedded database needs no programs, and the folder lies in a volume that is mounted.
fn backup_set(objects: &Objects) -> Result<()> {
    let stateful = objects.one("StatefulSet")?;
    let image = container(stateful)["image"].as_str().unwrap_or_default();
    ensure!(image.starts_with("wheelhouse:"), "the image is {image}");
    let settings = settings(stateful)?;
    ensure!(!settings.contains_key("WHEELHOUSE_BACKUP_SCRATCH_URL"), "{settings:?}");
    let mut mounts = container(stateful)["volumeMounts"].as_array().into_iter().flatten();
    let place = mounts.any(|mount| mount["mountPath"] == "/backup");
    ensure!(place && settings["WHEELHOUSE_BACKUP_TARGET"] == "/backup/wheelhouse", "{settings:?}");
    Ok(())
}

fn bare_set(objects: &Objects) -> Result<()> {
    let stateful = objects.one("StatefulSet")?;
    ensure!(stateful["spec"]["template"]["spec"]["serviceAccountName"] == "default", "another account");
    let claim = &stateful["spec"]["volumeClaimTemplates"][0]["spec"];
    ensure!(claim["storageClassName"] == "fast", "{claim}");
    Ok(())
}
