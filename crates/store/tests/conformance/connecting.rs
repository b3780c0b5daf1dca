use std::error::Error as _;

use futures::future::join_all;
use migrations::{Migrator, MigratorTrait as _};
use store::{Settings, Store};
use tempfile::TempDir;

use crate::engines::{Database, on_both_engines};

on_both_engines!(
    migrating_again_changes_nothing,
    processes_that_migrate_at_once_wait_for_one_another
);

async fn migrating_again_changes_nothing(database: Database) {
    assert!(database.store.pending_migrations().await.unwrap().is_empty());
    assert_eq!(database.store.migrate().await.unwrap(), 0);
}

async fn processes_that_migrate_at_once_wait_for_one_another(database: Database) {
    let stores = [
        database.another().await,
        database.another().await,
        database.another().await,
    ];
    for applied in join_all(stores.iter().map(Store::migrate)).await {
        assert_eq!(applied.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_new_file_can_be_opened_and_migrated_by_many_at_once() {
    let folder = TempDir::new().unwrap();
    let settings = Settings {
        url: format!("sqlite:{}/new.db", folder.path().display()),
        max_connections: 2,
    };
    let all = Migrator::migrations().len();
    let starts = (0..8).map(|_| async {
        let store = Store::connect(&settings).await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap().len() % all, 0);
        store.migrate().await.unwrap()
    });
    assert_eq!(join_all(starts).await.iter().sum::<usize>(), all);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_without_its_password() {
    let folder = TempDir::new().unwrap();
    let missing = format!("sqlite:{}/no/such/folder/x.db", folder.path().display());
    let refused = |url: &str| {
        let settings = Settings {
            url: url.to_owned(),
            ..Settings::default()
        };
        async move {
            let error = Store::connect(&settings).await.unwrap_err();
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{error}: {cause}")
        }
    };
    let said = refused(&missing).await;
    assert!(
        said.contains(&missing) && said.contains("folder exists"),
        "{said}"
    );
    let said = refused("mysql://ann:s3cret@db/x").await;
    assert!(
        said.contains("postgres://USER") && !said.contains("s3cret"),
        "{said}"
    );
    let said = refused("sqlite::memory:").await;
    assert!(said.contains("with a file"), "{said}");
    let said = refused("postgres://ann:s3cret@localhost/x?host=/nonexistent").await;
    assert!(
        said.contains("postgres://ann@localhost/x") && !said.contains("s3cret"),
        "{said}"
    );
}
