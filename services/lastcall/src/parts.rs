//! Each part of the service as a process of its own.

use std::sync::Arc;
use std::time::Duration;

use ::edge::Edge;
use ::projector::Projector;
use ::scheduler::admin::Requests;
use ::scheduler::{Engine, Metrics, Scheduler};
use axum::Router;
use event_log::EventLog;
use service_kit::admin::{self, Operators};
use service_kit::auth::{Authenticator, KeyError};
use service_kit::health::{Gate, Readiness};
use service_kit::http::{Listener, Tls};
use service_kit::metrics::{self, Registry};
use service_kit::supervisor::Supervisor;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::connect;
use crate::output::say;
use crate::settings::Settings;

/// How long a process may take to end once it is told to.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Between two looks whether the edge has filled its window.
const READY_POLL: Duration = Duration::from_millis(20);

pub(crate) async fn scheduler(settings: &Settings) -> anyhow::Result<()> {
    let operators = settings.admin.operators()?;
    let (store, log) = (connect::store(settings).await?, connect::log(settings).await?);
    let mut process = Process::start(settings).await?;
    let metrics = scheduler_metrics(&mut process.registry);
    let engine = engine(settings, store, log, metrics)?;
    process.operated = administration(&mut process.supervisor, engine.clone(), &operators);
    let gate = process.readiness.gate("scheduler");
    let fired = fire(engine, gate, process.supervisor.shutdown_token());
    process.supervisor.spawn("scheduler", fired);
    process.run().await
}

pub(crate) async fn projector(settings: &Settings) -> anyhow::Result<()> {
    let (store, log) = (connect::store(settings).await?, connect::log(settings).await?);
    let mut process = Process::start(settings).await?;
    let gate = process.readiness.gate("projector");
    let projector = Projector::new(store, log, settings.projector.clone());
    process.supervisor.spawn(
        "projector",
        projector.run(gate, process.supervisor.shutdown_token()),
    );
    process.run().await
}

pub(crate) async fn inbox(settings: &Settings) -> anyhow::Result<()> {
    let (store, log) = (connect::store(settings).await?, connect::log(settings).await?);
    let mut process = Process::start(settings).await?;
    let authenticator = process.authenticator(settings).await?;
    let same_log = ::inbox::while_the_log_is_the_same(log.clone(), process.supervisor.shutdown_token());
    process.supervisor.spawn("log", same_log);
    let router = ::inbox::router(store, log, settings.inbox.clone(), authenticator);
    process.serve(settings, router).await?;
    process.run().await
}

pub(crate) async fn edge(settings: &Settings) -> anyhow::Result<()> {
    let log = connect::log(settings).await?;
    let mut process = Process::start(settings).await?;
    let authenticator = process.authenticator(settings).await?;
    let edge = Edge::new(log, settings.edge.clone())?;
    edge.register(&mut process.registry);
    let drained = spawn_edge(&mut process.supervisor, &edge, process.readiness.gate("edge"));
    process.grace += settings.edge.drain;
    process
        .serve_until(drained, settings, ::edge::router(edge, authenticator))
        .await?;
    process.run().await
}

/// The engine that jobs are run with.
pub(crate) fn engine(
    settings: &Settings,
    store: Store,
    log: EventLog,
    metrics: Metrics,
) -> anyhow::Result<Engine> {
    Ok(Engine::new(store, log, settings.scheduler.clone(), metrics)?)
}

/// What an engine of this process counts, shown in its registry.
pub(crate) fn scheduler_metrics(registry: &mut Registry) -> Metrics {
    let metrics = Metrics::default();
    metrics.register(registry);
    metrics
}

/// The routes on which operators see and run the jobs of this engine.
pub(crate) fn administration(supervisor: &mut Supervisor, engine: Engine, operators: &Operators) -> Router {
    let requests = Requests::new(supervisor.shutdown_token());
    supervisor.spawn("requested runs", requests.clone().finish());
    ::scheduler::admin::router(engine, operators, requests)
}

/// Starts what keeps an edge going; its gate opens when the window is filled. What is returned is cancelled when its last
/// stream has ended: clients that come until then have to be told to come back, so somebody has to answer them.
pub(crate) fn spawn_edge(supervisor: &mut Supervisor, edge: &Edge, gate: Gate) -> CancellationToken {
    let drained = CancellationToken::new();
    let (tail, shutdown, ended) = (
        edge.clone(),
        supervisor.shutdown_token(),
        drained.clone().drop_guard(),
    );
    supervisor.spawn("edge", async move {
        let _ended = ended;
        tail.run(shutdown).await
    });
    let (edge, shutdown) = (edge.clone(), supervisor.shutdown_token());
    supervisor.spawn("edge readiness", async move {
        while !shutdown.is_cancelled() {
            if edge.ready() {
                gate.open();
            } else {
                gate.close();
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(READY_POLL) => {}
            }
        }
        Ok::<_, std::convert::Infallible>(())
    });
    drained
}

/// Fires jobs with this engine until told to end.
pub(crate) async fn fire(
    engine: Engine,
    gate: Gate,
    shutdown: CancellationToken,
) -> Result<(), ::scheduler::SchedulerError> {
    gate.open();
    Scheduler::new(engine).run(shutdown).await
}

/// What every process has.
struct Process {
    supervisor: Supervisor,
    readiness: Readiness,
    registry: Registry,
    /// Where operators ask, if anywhere. Bound at the start, so that an address that is taken is said at once.
    admin: Option<Listener>,
    /// What this process answers there besides what every process does.
    operated: Router,
    /// How long its parts may take to end.
    grace: Duration,
}

impl Process {
    async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let admin = match &settings.admin.listen {
            Some(address) => Some(Listener::bind(address).await?),
            None => None,
        };
        let supervisor = Supervisor::new();
        Ok(Self {
            readiness: Readiness::until(supervisor.shutdown_token()),
            supervisor,
            registry: metrics::registry(env!("CARGO_PKG_VERSION")),
            admin,
            operated: Router::new(),
            grace: GRACE,
        })
    }

    /// Checks tokens as long as this process lives.
    async fn authenticator(&mut self, settings: &Settings) -> Result<Arc<Authenticator>, KeyError> {
        let started = Authenticator::start(&settings.auth, &mut self.supervisor, &mut self.registry);
        Ok(Arc::new(started.await?))
    }

    async fn serve(&mut self, settings: &Settings, router: Router) -> anyhow::Result<()> {
        self.serve_until(self.supervisor.shutdown_token(), settings, router)
            .await
    }

    async fn serve_until(
        &mut self,
        end: CancellationToken,
        settings: &Settings,
        router: Router,
    ) -> anyhow::Result<()> {
        let tls = Tls::start(&settings.http, &mut self.supervisor, &mut self.registry).await?;
        let listener = Listener::bind(&settings.http.listen)
            .await?
            .for_pages_of(settings.http.cors_origins.clone())
            .encrypted_by(tls);
        say(format_args!("listening on {}", listener.url()))?;
        self.supervisor.spawn("http", listener.serve(router, end));
        Ok(())
    }

    async fn run(mut self) -> anyhow::Result<()> {
        if let Some(listener) = self.admin {
            say(format_args!("admin on http://{}", listener.address()))?;
            let router = admin::router(self.readiness, self.registry).merge(self.operated);
            // While an edge drains, whoever sends it clients has to hear that it is not to get any more.
            let served = listener.serve(router, self.supervisor.end_token());
            self.supervisor.spawn_last("admin", served);
        }
        Ok(self.supervisor.run(self.grace).await?)
    }
}
