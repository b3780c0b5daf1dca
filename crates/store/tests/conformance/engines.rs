use chrono::{DateTime, Utc};
use proto_schemas::UserId;
use sea_orm::{ConnectOptions, DatabaseConnection};
use store::{Settings, Store};
use tempfile::TempDir;
use test_support::postgres::Postgres;

/// An empty, migrated database of a test's own.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    _folder: Option<TempDir>,
}

impl Database {
    pub(crate) async fn sqlite() -> Option<Self> {
        let folder = TempDir::with_prefix("a folder ").unwrap();
        let url = format!("sqlite:{}", folder.path().join("50% of it.db").display());
        Some(Self::open(url, Some(folder)).await)
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let server = Postgres::start().await?;
        Some(Self::open(server.url().to_owned(), None).await)
    }

    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let settings = Settings {
            url,
            ..Settings::default()
        };
        let store = Store::connect(&settings).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            settings,
            _folder: folder,
        }
    }

    /// The same database, as programs see it that are not ours.
    pub(crate) async fn foreign(&self) -> DatabaseConnection {
        let options = match self.settings.url.strip_prefix("sqlite:") {
            Some(path) => {
                let path = path.to_owned();
                let mut options = ConnectOptions::new("sqlite:file");
                options.map_sqlx_sqlite_opts(move |sqlite| sqlite.filename(&path));
                options
            }
            None => ConnectOptions::new(&self.settings.url),
        };
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// The same database, as another process sees it.
    pub(crate) async fn another(&self) -> Store {
        Store::connect(&self.settings).await.unwrap()
    }
}

/// Runs each case on both engines, as `sqlite::CASE` and `postgres::CASE`.
macro_rules! on_both_engines {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                if let Some(database) = crate::engines::Database::sqlite().await {
                    super::$case(database).await;
                }
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                if let Some(database) = crate::engines::Database::postgres().await {
                    super::$case(database).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_engines;

pub(crate) fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}
