use std::num::NonZeroUsize;

use event_log::{EventLog, Record};
use projector::rebuild::{self, LogOfTables, Plan, RebuildError, Rebuilt, Then};
use projector::{Projector, ProjectorError, Settings};
use service_kit::health::Readiness;
use store::Store;
use store::inbox::{AsOf, Filter, InboxPage};
use store::projection::NOTIFICATIONS;
use tempfile::TempDir;
use test_support::lastcall::eventually;
use test_support::nats::NatsServer;
use test_support::postgres::Postgres;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::messages::user;

pub(crate) const COMPARE: Plan = Plan {
    log: LogOfTables::This,
    then: Then::CompareOnly,
};
pub(crate) const SWAP: Plan = Plan {
    log: LogOfTables::This,
    then: Then::Swap,
};

/// A log and tables of a test's own.
pub(crate) struct Setting {
    pub(crate) nats: NatsServer,
    pub(crate) log: EventLog,
    pub(crate) store: Store,
    _folder: TempDir,
}

impl Setting {
    pub(crate) async fn sqlite() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("tables.db").display());
        Some(Self::open(url, folder).await)
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let server = Postgres::start().await?;
        Some(Self::open(server.url().to_owned(), TempDir::new().unwrap()).await)
    }

    pub(crate) async fn open(url: String, folder: TempDir) -> Self {
        let nats = NatsServer::start().await;
        let log = open_log(&nats).await;
        let settings = store::Settings {
            url,
            ..store::Settings::default()
        };
        let store = Store::connect(&settings).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            nats,
            log,
            store,
            _folder: folder,
        }
    }

    pub(crate) async fn append(&self, records: &[Record]) {
        self.log.append(records).await.unwrap();
    }

    pub(crate) fn project(&self) -> (CancellationToken, JoinHandle<Result<(), ProjectorError>>) {
        let batch = Settings {
            batch_messages: NonZeroUsize::new(100).unwrap(),
        };
        let projector = Projector::new(self.store.clone(), self.log.clone(), batch);
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(projector.run(Readiness::default().gate("projector"), shutdown.clone()));
        (shutdown, running)
    }

    /// Waits until the tables have all that the log has.
    pub(crate) async fn projected(&self) {
        let last = self.log.bounds().await.unwrap().last_sequence;
        eventually("the tables catch up", || async {
            let position = self.store.projection_position(NOTIFICATIONS).await.unwrap();
            position.filter(|position| position.sequence >= last)
        })
        .await;
    }

    /// Projects all that the log has, and no more.
    pub(crate) async fn project_all(&self) {
        let (shutdown, running) = self.project();
        self.projected().await;
        shutdown.cancel();
        running.await.unwrap().unwrap();
    }

    pub(crate) async fn rebuild(&self, plan: Plan) -> Result<Rebuilt, RebuildError> {
        rebuild::rebuild(&self.store, &self.log, plan, &|_| {}).await
    }

    /// What a person sees.
    pub(crate) async fn inbox_of(&self, person: u64) -> AsOf<InboxPage> {
        let list = self
            .store
            .list_notifications(&user(person), &Filter::default(), None, 100)
            .await;
        list.unwrap()
    }

    /// Compares the tables with what the log says, and fails with the differences.
    pub(crate) async fn assert_tables_are_the_log(&self) {
        let comparison = self.rebuild(COMPARE).await.unwrap().comparison.unwrap();
        assert!(comparison.is_equal(), "{comparison:#?}");
    }
}

pub(crate) async fn open_log(nats: &NatsServer) -> EventLog {
    let settings = event_log::Settings {
        url: nats.url(),
        ..event_log::Settings::default()
    };
    EventLog::open(&settings).await.unwrap()
}

/// Runs each case on both engines, as `sqlite::CASE` and `postgres::CASE`.
macro_rules! on_both_engines {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                if let Some(setting) = crate::setting::Setting::sqlite().await {
                    super::$case(setting).await;
                }
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                if let Some(setting) = crate::setting::Setting::postgres().await {
                    super::$case(setting).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_engines;
