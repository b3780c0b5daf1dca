//! The peer of a rebuild: PostgreSQL's own client, which loads the same rows into equal tables by COPY and then makes the
//! same indexes.

use std::path::Path;
use std::time::{Duration, Instant};

use test_support::postgres::Postgres;

const TABLES: [&str; 5] = [
    "notifications",
    "announcements",
    "announcement_states",
    "preferences",
    "set_aside",
];

/// What is told once and stays, so that it can be compared beside traffic.
const LASTING: &str = "event_id, user_id, sequence, event_type, subject, title, body, locale, occurred_at, expires_at, silenced";

const QUIET: &str = "SET client_min_messages = warning;\n";

/// As a rebuild sets its own session.
const SESSION: &str = "SET synchronous_commit = off; SET maintenance_work_mem = '256MB';\n";

const INDEXES: &str = "
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename IN (TABLES) LOOP
        EXECUTE replace(replace(one.indexdef, 'INDEX ' || one.indexname, 'INDEX bare_' || one.indexname),
            ' ON public.' || one.tablename || ' ', ' ON public.bare_' || one.tablename || ' ');
    END LOOP;
END $$;
";

/// Takes the rows out, to be loaded again.
pub async fn take_out(postgres: &Postgres, folder: &Path) {
    let mut script = String::new();
    for table in TABLES {
        let file = folder.join(table);
        script += &format!("\\copy {table} to '{}' (format binary)\n", file.display());
    }
    postgres.execute(&script).await;
}

/// Loads them, and says how long that took.
pub async fn load(postgres: &Postgres, folder: &Path) -> Duration {
    let mut make = QUIET.to_owned();
    let mut load = SESSION.to_owned();
    for table in TABLES {
        make += &format!("DROP TABLE IF EXISTS bare_{table};\n");
        make += &format!("CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES);\n");
        let file = folder.join(table);
        load += &format!("\\copy bare_{table} from '{}' (format binary)\n", file.display());
    }
    let names = TABLES.map(|table| format!("'{table}'")).join(", ");
    load += &INDEXES.replace("TABLES", &names);
    for table in TABLES {
        load += &format!("ANALYZE bare_{table};\n");
    }
    postgres.execute(&make).await;
    let began = Instant::now();
    postgres.execute(&load).await;
    began.elapsed()
}

/// Keeps what the table says of messages up to a sequence.
pub async fn remember(postgres: &Postgres, sequence: u64) {
    let keep = format!(
        "{QUIET}DROP TABLE IF EXISTS remembered;
        CREATE TABLE remembered AS SELECT {LASTING} FROM notifications WHERE sequence <= {sequence};"
    );
    postgres.execute(&keep).await;
}

/// Fails unless the table says the same as then.
///
/// # Panics
///
/// When it does not.
pub async fn assert_remembered(postgres: &Postgres, sequence: u64) {
    let compare = format!(
        "DO $$ BEGIN
            IF EXISTS (
                (TABLE remembered EXCEPT ALL SELECT {LASTING} FROM notifications WHERE sequence <= {sequence})
                UNION ALL
                (SELECT {LASTING} FROM notifications WHERE sequence <= {sequence} EXCEPT ALL TABLE remembered)
            ) THEN RAISE EXCEPTION 'the rebuilt table has other rows'; END IF;
        END $$;"
    );
    postgres.execute(&compare).await;
}
