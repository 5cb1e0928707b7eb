//! `wheelhouse serve` and `wheelhouse setup-link`: put the house together, open the door, close it in order.
mod tasks;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wh_base::{Result, codes};
use wh_db::{Context, Opened};
use wh_identity::Identity;
use wh_server::config::ServerConfig;
use wh_server::edge::{Edge, EdgeParts};
use wh_server::serve::{Listener, Sockets};
use wh_server::{App, AppParts, CookieScheme, Hub};

use crate::compose::{self, Inputs};
use crate::data_dir::DataDir;
use crate::settings::{Settings, Sources};
use crate::{log, print, ui};

/// Run until a signal ends it.
pub async fn serve(sources: &Sources) -> Result<()> {
    let settings = Settings::load(sources)?;
    log::start(&settings.log)?;
    compose::install_crypto();
    // Before anything is opened: a metric that is made without its recorder stays silent for ever.
    wh_server::edge::metrics::recorder();
    let data = DataDir::open(&settings.data_dir)?;
    let inputs = Inputs::of_this_machine();
    let opened = compose::database(&settings, &data.database(), &inputs).await?;
    let context = Context::new(opened.db.clone(), Arc::clone(&inputs.clock), Arc::clone(&inputs.random));
    let datasets = compose::datasets(&settings, &data, &inputs).await?;
    let identity = compose::identity(&opened, &context, settings.identity.clone())?;
    wh_panels::service::imports_interrupted(&context, &opened.system).await?;

    let sockets = Sockets::new();
    let hub = Hub::new(sockets.clone());
    let modules = compose::modules(&identity, datasets.clone());
    let reactions = modules.iter().flat_map(|module| module.reaction_list().to_vec()).collect();
    let cookies = if settings.server.is_secure() { CookieScheme::Secure } else { CookieScheme::Plain };
    let app = App::build(AppParts {
        modules,
        context: context.clone(),
        authenticator: identity.authenticator(),
        hub: hub.clone(),
        cookies,
        web: Some(ui::routes(Arc::clone(&inputs.random))),
    })?;

    let stop = CancellationToken::new();
    let listener = Listener::bind(&settings.server)?;
    let edge = Edge::new(EdgeParts {
        router: app.router(),
        config: &settings.server,
        listen: listener.address(),
        ids: inputs.ids.clone(),
        sockets,
        health: Some(tasks::health(&context)),
    })?;
    let Opened { outbox, system, .. } = opened;
    let work =
        tasks::start(tasks::Work { outbox, reactions, hub, system, datasets, identity: identity.clone() });
    announce(&settings.server, &listener, &identity).await?;
    tokio::spawn(tasks::stop_on_signal(stop.clone())?);
    wh_server::serve::serve(edge, listener, &settings.server, stop).await;
    work.end().await;
    Ok(())
}

/// The one line that a person waits for.
async fn announce(config: &ServerConfig, listener: &Listener, identity: &Identity) -> Result<()> {
    let origin = origin(config, Some(listener));
    if identity.needs_setup().await? {
        let token = identity.setup_token_issue().await?;
        print::line(&format!("Wheelhouse is ready: {origin}/setup#{}", token.expose()));
        print::notice("The link works once, for an hour. A new one: wheelhouse setup-link");
    } else {
        print::line(&format!("Wheelhouse is ready: {origin}/"));
    }
    Ok(())
}

fn origin(config: &ServerConfig, listener: Option<&Listener>) -> String {
    if let Some(url) = &config.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
    let address = listener.map_or(config.listen, Listener::address);
    if address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}

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
    let token = identity.setup_token_issue().await?;
    print::line(&format!("{}/setup#{}", origin(&settings.server, None), token.expose()));
    Ok(())
}
