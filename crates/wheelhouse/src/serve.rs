//! `wheelhouse serve` and `wheelhouse setup-link`: put the house together, open the door, close it in order.
mod backup;
mod certificate;
pub mod components;
pub mod deadline;
pub mod files;
mod nodes;
mod tasks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wh_base::process::VERSION;
use wh_base::{Result, Tracer, codes};
use wh_db::{Context, Opened};
use wh_identity::Identity;
use wh_panels::service::{Look, Running, imports_interrupted};
use wh_server::config::ServerConfig;
use wh_server::edge::{Edge, EdgeParts};
use wh_server::log::{Form, LogControl};
use wh_server::serve::{FiguresPort, Listener, Sockets};
use wh_server::{App, AppParts, CookieScheme, Health, Hub};
use wh_telemetry::{Collector, Source, Telemetry};

use crate::compose::{self, Inputs, OperatorParts};
use crate::data_dir::DataDir;
use crate::settings::{Settings, Sources};
use crate::{csp_reports, log, manual, ports, print, security_txt, ui};
use deadline::Deadline;

/// Run until a signal ends it. The door is bound first and says that the server starts, until everything behind it is there.
pub async fn serve(sources: &Sources) -> Result<()> {
    let settings = Settings::load(sources)?;
    // Before the log, whose level may be one of the mistakes: all of them are told together.
    settings.check()?;
    let log = log::start(&settings.log)?;
    files::raise();
    compose::install_crypto();
    // Before anything is opened: a metric that is made without its recorder stays silent for ever.
    wh_server::edge::metrics::recorder();
    let mut data = DataDir::open(&settings.data_dir)?;
    let inputs = Inputs::of_this_machine();
    let health = Health::starting_as(compose::node_name(&inputs));
    let (sockets, stop) = (Sockets::new(), CancellationToken::new());
    let listener = Listener::bind(&settings.server)?;
    let edge = Edge::new(EdgeParts {
        router: None,
        config: &settings.server,
        listen: listener.address(),
        ids: inputs.ids.clone(),
        sockets: sockets.clone(),
        health: health.clone(),
    })?;
    let (telemetry, tracer) = telemetry(&settings, &inputs, &edge)?;
    let figures = settings.server.metrics_listen.map(FiguresPort::bind).transpose()?;
    tokio::spawn(tasks::stop_on_signal(stop.clone())?);
    tokio::spawn(tasks::log_level_on_hangup(sources.clone(), log.clone())?);
    reread_certificate(&settings, &listener)?;
    let ended = CancellationToken::new();
    let figures = figures.map(|port| {
        tracing::info!(address = %port.address(), "metrics have a port of their own");
        tokio::spawn(port.run(health.clone(), ended.clone()))
    });
    let origin = origin(&settings.server, Some(listener.address()));
    data.reached_at(&origin)?;
    let deadline = Deadline::after(stop.clone(), &settings.server);
    let (door, config, stopping) = (edge.clone(), deadline::of_the_door(&settings.server), stop.clone());
    let serving =
        tokio::spawn(async move { wh_server::serve::serve(door, listener, &config, stopping).await });

    let collector = telemetry.as_ref().map(Telemetry::collector);
    let house = House {
        settings: &settings,
        data: &data,
        inputs: &inputs,
        log,
        sockets,
        health,
        edge,
        collector,
        tracer,
    };
    // A signal during a long start ends it where it waits; what was begun is undone as after a crash.
    let opened = stop.run_until_cancelled(Box::pin(house.open(&origin))).await;
    let mut backups = None;
    let outcome = match opened {
        Some(Ok(work)) => {
            ended_well(serving.await)?;
            backups = Some(work.end(&deadline).await);
            Ok(())
        }
        Some(Err(error)) => {
            stop.cancel();
            ended_well(serving.await).and(Err(error))
        }
        None => ended_well(serving.await),
    };
    ended.cancel();
    Behind { figures, telemetry, backups }.end(&deadline).await.and(outcome)
}

/// What ends when the door is closed and the work beside it is over.
struct Behind {
    figures: Option<JoinHandle<()>>,
    telemetry: Option<Telemetry>,
    backups: Option<TaskTracker>,
}

impl Behind {
    async fn end(self, deadline: &Deadline) -> Result<()> {
        if let Some(figures) = self.figures {
            ended_well(figures.await)?;
        }
        if let Some(telemetry) = self.telemetry {
            // After the last request, so that its span is told too.
            let told = tokio::task::spawn_blocking(move || telemetry.end());
            deadline.within(told).await.map_or(Ok(()), ended_well)?;
        }
        if let Some(backups) = self.backups {
            // The one thing that may go on behind the deadline, for a bounded time of its own: the last changes are kept.
            backups.wait().await;
        }
        Ok(())
    }
}

fn reread_certificate(settings: &Settings, listener: &Listener) -> Result<()> {
    let Some(certificate) = listener.certificate() else { return Ok(()) };
    let every = Duration::from_secs(settings.server.tls_reread_every_s);
    tokio::spawn(certificate::again(certificate, every)?);
    Ok(())
}

/// The way to the collector, when one is configured: for requests, and for work that no request asked for.
fn telemetry(settings: &Settings, inputs: &Inputs, edge: &Edge) -> Result<(Option<Telemetry>, Tracer)> {
    let source = Source {
        version: VERSION,
        instance: inputs.node.to_string(),
        host: compose::host(),
        exposition: wh_server::edge::exposition,
        clock: Arc::clone(&inputs.clock),
    };
    let Some(telemetry) = Telemetry::start(&settings.telemetry, source)? else {
        return Ok((None, Tracer::default()));
    };
    edge.trace_to(telemetry.sink(), Arc::clone(&inputs.clock), settings.telemetry.ratio());
    let tracer = Tracer::new(telemetry.sink(), Arc::clone(&inputs.clock), inputs.ids.clone());
    Ok((Some(telemetry), tracer))
}

fn ended_well(joined: Result<(), JoinError>) -> Result<()> {
    joined.map_err(|e| codes::INTERNAL.caused("the accept loop panicked", e))
}

/// What the door leads to beside the operations.
fn web(settings: &Settings, inputs: &Inputs) -> Result<axum::Router> {
    Ok(manual::routes(Arc::clone(&inputs.random))
        .merge(csp_reports::routes(Arc::clone(&inputs.clock)))
        .merge(security_txt::routes(&settings.server, Arc::clone(&inputs.clock))?)
        .merge(ui::routes(Arc::clone(&inputs.random))))
}

/// What the house is put together from, behind its door.
struct House<'a> {
    settings: &'a Settings,
    data: &'a DataDir,
    inputs: &'a Inputs,
    log: LogControl,
    sockets: Sockets,
    health: Health,
    edge: Edge,
    collector: Option<Collector>,
    tracer: Tracer,
}

impl House<'_> {
    /// Open the database and everything on it, then the door.
    async fn open(self, origin: &str) -> Result<tasks::Running> {
        let Self { settings, data, inputs, log, sockets, health, edge, collector, tracer } = self;
        let opened = compose::database(settings, &data.database(), inputs).await?;
        let context = Context::new(opened.db.clone(), Arc::clone(&inputs.clock), Arc::clone(&inputs.random));
        let (objects, datasets) = compose::datasets(settings, data, inputs, &opened.system).await?;
        let identity = compose::identity(&opened, &context, settings.identity.clone())?;
        operator_is_there(settings, &identity).await?;
        let place = data.node(inputs.ids.next())?;
        let imports = Running::on(place);
        imports_interrupted(&context, &opened.system, &imports, Look::AtStart).await?;

        let hub = Hub::new(sockets);
        let operator = compose::system(OperatorParts {
            opened: &opened,
            context: &context,
            identity: &identity,
            datasets: &datasets,
            inputs,
            place,
            log,
            address: origin.to_owned(),
            backups: ports::OwnBackups {
                target: settings.backup.target.clone(),
                data: settings.data_dir.clone(),
            },
            config: &settings.system,
        });
        let modules = compose::modules(&identity, datasets.clone(), imports.clone(), &operator);
        let reactions = modules.iter().flat_map(|module| module.reaction_list().to_vec()).collect();
        let cookies = if settings.server.is_secure() { CookieScheme::Secure } else { CookieScheme::Plain };
        let app = App::build(AppParts {
            modules,
            context: context.clone(),
            authenticator: identity.authenticator(),
            hub: hub.clone(),
            health: health.clone(),
            cookies,
            web: Some(web(settings, inputs)?),
        })?;
        let Opened { outbox, system, .. } = opened;
        let backups = backup::Backups::of(settings, inputs, tracer.clone());
        let looked = components::Looked {
            context: context.clone(),
            system: system.clone(),
            objects,
            data: settings.data_dir.clone(),
            backups: backups.as_ref().map_or(components::Backups::None, backup::Backups::made),
            collector,
        };
        let identity_of_tasks = identity.clone();
        let work = tasks::Work {
            context: context.clone(),
            imports,
            outbox,
            reactions,
            hub,
            system,
            datasets,
            identity: identity_of_tasks,
            operator: operator.clone(),
            backups,
            tracer,
        };
        // Before the door is open: whoever answers is in the list of nodes.
        nodes::enter(&context, &operator).await;
        let work = tasks::start(work);
        edge.open(app.router());
        health.running(components::all(looked));
        announce(settings, origin, &identity).await?;
        Ok(work)
    }
}

/// A configured company that is not there is no reason not to start: the others work. But nobody can operate the installation.
async fn operator_is_there(settings: &Settings, identity: &Identity) -> Result<()> {
    let Some(company) = settings.identity.operator_company else { return Ok(()) };
    if wh_identity::company_get(identity, company).await?.is_none() {
        tracing::warn!(%company, "operator_company in [identity] names a company that is not there: nobody operates the installation");
    }
    Ok(())
}

/// The one line that a person waits for.
async fn announce(settings: &Settings, origin: &str, identity: &Identity) -> Result<()> {
    if identity.needs_setup().await? {
        let token = wh_db::replayed(|| identity.setup_token_issue()).await?;
        print::line(&format!("Wheelhouse is ready: {origin}/setup#{}", token.expose()));
        if settings.log.form() != Form::Json {
            print::notice("The link works once, for an hour. A new one: wheelhouse setup-link");
        }
    } else {
        print::line(&format!("Wheelhouse is ready: {origin}/"));
    }
    Ok(())
}

fn origin(config: &ServerConfig, bound: Option<SocketAddr>) -> String {
    if let Some(url) = &config.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
    let address = bound.unwrap_or(config.listen);
    if address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}

/// How long a new setup link waits for a busy database; on SQLite one process writes at a time, and the server that runs is another.
const BUSY_WAIT_MAX: Duration = Duration::from_secs(5);
/// Between two tries.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Print a new setup link. The running server need not be stopped: the link is a row in the database.
pub async fn setup_link(sources: &Sources) -> Result<()> {
    let settings = Settings::load(sources)?;
    compose::install_crypto();
    let inputs = Inputs::of_this_machine();
    let path = settings.data_dir.join("wheelhouse.db");
    if settings.database.engine == crate::settings::Engine::Sqlite && !path.exists() {
        let folder = settings.data_dir.display();
        return Err(
            codes::CONFIG.error(format!("{folder} holds no database; start `wheelhouse serve` there first"))
        );
    }
    let opened = compose::database(&settings, &path, &inputs).await?;
    let context = Context::new(opened.db.clone(), Arc::clone(&inputs.clock), Arc::clone(&inputs.random));
    let identity = compose::identity(&opened, &context, settings.identity.clone())?;
    let by = Instant::now() + BUSY_WAIT_MAX;
    let token = loop {
        match wh_db::replayed(|| identity.setup_token_issue()).await {
            Err(error) if error.is(&wh_db::codes::BUSY) && Instant::now() < by => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            issued => break issued?,
        }
    };
    let running = DataDir::origin_of_running(&settings.data_dir);
    let origin = running.unwrap_or_else(|| origin(&settings.server, None));
    print::line(&format!("{origin}/setup#{}", token.expose()));
    Ok(())
}
