//! `lastcall dev`: every part in one process, on SQLite and a nats-server of its own, under one data folder.

mod data_folder;
mod demo;
mod nats_server;
mod routes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use edge::Edge;
use projector::Projector;
use service_kit::admin;
use service_kit::auth::{Authenticator, TokenIssuer};
use service_kit::health::Readiness;
use service_kit::http::{Listener, Tls};
use service_kit::metrics;
use service_kit::openapi;
use service_kit::secret::Secret;
use service_kit::supervisor::Supervisor;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::cli::{Dev, Seed};
use crate::endpoints::Endpoints;
use crate::output::say;
use crate::parts::{self, GRACE};
use crate::settings::Settings;
use crate::{connect, listen_on};
use data_folder::DataFolder;
use nats_server::NatsServer;

/// Says where the servers are, while they are there.
const ENDPOINTS: &str = "endpoints.json";

/// Where operators ask unless `admin.listen` says so: endpoints.json tells which port it is.
const ANY_PORT: &str = "127.0.0.1:0";

/// What the inbox and the edge, on one listener, are described as.
const API_TITLE: &str = "Lastcall";
const API_DESCRIPTION: &str = "What people are told as it happens, and what they have been told.";

/// Between two looks whether every part is ready.
const READY_POLL: Duration = Duration::from_millis(20);

/// Runs until it is told to end.
pub(crate) async fn run(mut settings: Settings, options: Dev) -> anyhow::Result<()> {
    let folder = DataFolder::open(&options.data)?;
    // A process that was killed leaves its file behind, and scripts wait for the file of this one.
    folder.forget(ENDPOINTS);
    settings.auth.hs256_key = Some(folder.secret("token.key")?);
    settings.admin.token = Some(folder.secret("admin.token")?);
    // Whoever stops it waits for it.
    settings.edge.drain = Duration::ZERO;
    listen_on(&mut settings, options.http.clone());
    // Bound before anything is started: a port that is taken must not leave a nats-server behind.
    let listeners = Listeners::bind(&settings).await?;

    let mut supervisor = Supervisor::new();
    // From here on there is a nats-server that would be left behind.
    supervisor.hold_signals()?;
    let nats = NatsServer::start(&folder).await?;
    settings.nats.url = nats.url().to_owned();
    settings.database.url = format!("sqlite:{}", folder.path("lastcall.db").display());
    let served = serve(supervisor, &settings, &folder, listeners, &options, &nats).await;
    let stopped = nats.stop().await;
    served?;
    stopped
}

/// Where people ask, and where operators do.
struct Listeners {
    http: Listener,
    admin: Listener,
}

impl Listeners {
    async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let admin = settings.admin.listen.as_deref().unwrap_or(ANY_PORT);
        let http = Listener::bind(&settings.http.listen).await?;
        Ok(Self {
            http: http.for_pages_of(settings.http.cors_origins.clone()),
            admin: Listener::bind(admin).await?,
        })
    }

    fn endpoints(&self, settings: &Settings) -> anyhow::Result<Endpoints> {
        let secret = |secret: &Option<Secret>| secret.clone().context("a secret was not made");
        Ok(Endpoints {
            http: self.http.url(),
            nats: settings.nats.url.clone(),
            database: settings.database.url.clone(),
            token_key: secret(&settings.auth.hs256_key)?,
            admin: format!("http://{}", self.admin.address()),
            admin_token: secret(&settings.admin.token)?,
        })
    }
}

async fn serve(
    mut supervisor: Supervisor,
    settings: &Settings,
    folder: &DataFolder,
    mut listeners: Listeners,
    options: &Dev,
    nats: &NatsServer,
) -> anyhow::Result<()> {
    let store = Store::connect(&settings.database).await?;
    store.migrate().await?;
    if options.seed == Seed::Demo && store.list_users(1).await?.is_empty() {
        demo::fill(&store)
            .await
            .context("cannot fill the tables with the demo")?;
    }
    let log = connect::log(settings).await?;
    let mut registry = metrics::registry(env!("CARGO_PKG_VERSION"));
    let metrics = parts::scheduler_metrics(&mut registry);
    let engine = parts::engine(settings, store.clone(), log.clone(), metrics)?;
    let authenticator = Authenticator::start(&settings.auth, &mut supervisor, &mut registry).await?;
    let authenticator = Arc::new(authenticator);
    let tls = Tls::start(&settings.http, &mut supervisor, &mut registry).await?;
    listeners.http = listeners.http.encrypted_by(tls);

    let edge = Edge::new(log.clone(), settings.edge.clone())?;
    edge.register(&mut registry);
    let readiness = Readiness::until(supervisor.shutdown_token());
    supervisor.spawn("nats-server", nats.watch(supervisor.shutdown_token()));
    let projector = Projector::new(store.clone(), log.clone(), settings.projector.clone());
    supervisor.spawn(
        "projector",
        projector.run(readiness.gate("projector"), supervisor.shutdown_token()),
    );
    let drained = parts::spawn_edge(&mut supervisor, &edge, readiness.gate("edge"));
    let fired = parts::fire(
        engine.clone(),
        readiness.gate("scheduler"),
        supervisor.shutdown_token(),
    );
    supervisor.spawn("scheduler", fired);

    let administration = parts::administration(&mut supervisor, engine.clone(), &settings.admin.operators()?);
    let operated = admin::router(readiness.clone(), registry).merge(administration);
    let session = TimeDelta::from_std(options.session).context("--session is too long")?;
    let page = routes::router(store.clone(), engine, TokenIssuer::new(&settings.auth)?, session);
    let inbox = inbox::routes(store, log, settings.inbox.clone(), Arc::clone(&authenticator));
    let parts = openapi::together(
        API_TITLE,
        API_DESCRIPTION,
        [inbox, edge::routes(edge, authenticator)],
    );
    let router = page.merge(openapi::described(parts));
    let endpoints = listeners.endpoints(settings)?;
    let Listeners { http, admin } = listeners;
    supervisor.spawn("http", http.serve(router, drained));
    supervisor.spawn_last("admin", admin.serve(operated, supervisor.end_token()));
    supervisor.spawn(
        "announcement",
        announce(
            endpoints,
            folder.path(ENDPOINTS),
            readiness,
            supervisor.shutdown_token(),
        ),
    );
    let ended = supervisor.run(GRACE).await;
    folder.forget(ENDPOINTS);
    Ok(ended?)
}

/// Says where everything is, once everything works.
async fn announce(
    endpoints: Endpoints,
    file: PathBuf,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    while !readiness.is_ready() {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(READY_POLL) => {}
        }
    }
    endpoints.write(&file)?;
    say(format_args!(
        "Lastcall is running: open {} in a browser. Ctrl-C stops it.",
        endpoints.http
    ))?;
    say(format_args!(
        "Other commands reach it with --endpoints '{}'",
        file.display()
    ))?;
    shutdown.cancelled().await;
    Ok(())
}
