//! The live tables and the new ones, row by row.

use std::fmt;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Statement};

use super::shape::{Key, SHAPES, Shape};
use super::{REBUILT, Rebuild, is_postgres};
use crate::StoreError;
use crate::error::Attempting;
use crate::projection::{NOTIFICATIONS, Position, position};

/// How many differences of a table are named.
const NAMED: usize = 5;

/// What a comparison found, table by table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Where both stand.
    pub position: Position,
    /// Each of them.
    pub tables: Vec<TableComparison>,
}

/// What a comparison found in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableComparison {
    /// Its name.
    pub table: &'static str,
    /// Rows that are the same.
    pub equal: u64,
    /// Rows that the live table alone has.
    pub only_live: u64,
    /// Rows that the new table alone has.
    pub only_rebuilt: u64,
    /// Rows that both have, with other values.
    pub different: u64,
    /// The first few of those that are not the same.
    pub differences: Vec<Difference>,
}

/// A row that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its key.
    pub key: String,
    /// What is not the same.
    pub differs: Differs,
}

/// What is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differs {
    /// It is in the live table alone.
    OnlyLive,
    /// It is in the new table alone.
    OnlyRebuilt,
    /// These columns have other values.
    Columns(Vec<String>),
}

#[derive(FromQueryResult)]
struct Counts {
    equal: i64,
    only_live: i64,
    only_rebuilt: i64,
    different: i64,
}

impl Comparison {
    /// Whether all rows of all tables are the same.
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(|table| table.differing() == 0)
    }
}

impl TableComparison {
    /// How many rows are not the same.
    pub fn differing(&self) -> u64 {
        self.only_live + self.only_rebuilt + self.different
    }
}

impl Rebuild {
    /// Compares all tables, in one snapshot. Nothing where they stand at other positions in it.
    pub async fn compare(&self) -> Result<Option<Comparison>, StoreError> {
        let attempted = "comparing tables with their rebuild";
        let snapshot = self.store.begin_snapshot().await.attempting(attempted)?;
        let rebuilt = position(&snapshot, REBUILT).await?;
        let live = position(&snapshot, NOTIFICATIONS).await?;
        let position = match (live, rebuilt) {
            (Some(live), Some(rebuilt)) if live == rebuilt => live,
            _ => return Ok(None),
        };
        let tables = tables(&snapshot).await.attempting(attempted)?;
        snapshot.commit().await.attempting(attempted)?;
        Ok(Some(Comparison { position, tables }))
    }
}

async fn tables(snapshot: &DatabaseTransaction) -> Result<Vec<TableComparison>, DbErr> {
    if is_postgres(snapshot) {
        // Both tables are read once, side by side; what does not fit goes to disk.
        snapshot
            .execute_unprepared("SET LOCAL work_mem = '256MB'")
            .await?;
    }
    let mut tables = Vec::with_capacity(SHAPES.len());
    for shape in SHAPES {
        tables.push(table(snapshot, shape).await?);
    }
    Ok(tables)
}

async fn table(snapshot: &DatabaseTransaction, shape: Shape) -> Result<TableComparison, DbErr> {
    let columns = shape.columns(snapshot).await?;
    let columns: Vec<&str> = columns
        .iter()
        .map(String::as_str)
        .filter(|column| !shape.passed_over.contains(column))
        .collect();
    let both = Both::new(shape, &columns);
    let backend = snapshot.get_database_backend();
    let counts = Counts::find_by_statement(Statement::from_string(backend, both.counts()));
    let counts = counts.one(snapshot).await?.unwrap_or(Counts {
        equal: 0,
        only_live: 0,
        only_rebuilt: 0,
        different: 0,
    });
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    let mut compared = TableComparison {
        table: shape.live,
        equal: number(counts.equal),
        only_live: number(counts.only_live),
        only_rebuilt: number(counts.only_rebuilt),
        different: number(counts.different),
        differences: Vec::new(),
    };
    if compared.differing() > 0 {
        let named = both.first_differences(is_postgres(snapshot));
        let rows = snapshot
            .query_all_raw(Statement::from_string(backend, named))
            .await?;
        let differences = rows.iter().map(|row| difference(row, shape, &columns));
        compared.differences = differences.collect::<Result<_, _>>()?;
    }
    Ok(compared)
}

/// Questions about a live table `l` beside the new one `r`.
struct Both<'a> {
    shape: Shape,
    columns: &'a [&'a str],
    join: String,
    live_lacks: String,
    rebuilt_lacks: String,
    same: String,
}

impl<'a> Both<'a> {
    fn new(shape: Shape, columns: &'a [&'a str]) -> Self {
        let (live, rebuild) = (shape.live, shape.rebuild());
        let all = |columns: &[&str], operator: &str| {
            let pairs = columns.iter().map(|c| format!("l.{c} {operator} r.{c}"));
            pairs.collect::<Vec<_>>().join(" AND ")
        };
        let keys: Vec<&str> = shape.keys.iter().map(|key| key.column()).collect();
        Self {
            join: format!("FROM {live} l FULL JOIN {rebuild} r ON {}", all(&keys, "=")),
            live_lacks: format!("l.{} IS NULL", keys[0]),
            rebuilt_lacks: format!("r.{} IS NULL", keys[0]),
            same: all(columns, "IS NOT DISTINCT FROM"),
            shape,
            columns,
        }
    }

    fn counts(&self) -> String {
        let Self {
            join,
            live_lacks,
            rebuilt_lacks,
            same,
            ..
        } = self;
        format!(
            "SELECT count(CASE WHEN {same} THEN 1 END) AS equal, \
             count(CASE WHEN {rebuilt_lacks} THEN 1 END) AS only_live, \
             count(CASE WHEN {live_lacks} THEN 1 END) AS only_rebuilt, \
             count(CASE WHEN NOT ({live_lacks}) AND NOT ({rebuilt_lacks}) AND NOT ({same}) THEN 1 END) AS different \
             {join}"
        )
    }

    fn first_differences(&self, postgres: bool) -> String {
        let Self {
            join,
            live_lacks,
            rebuilt_lacks,
            same,
            ..
        } = self;
        let keys = self.shape.keys.iter().map(|key| {
            let value = format!("coalesce(l.{0}, r.{0})", key.column());
            let text = match key {
                Key::Uuid(_) if !postgres => format!("lower(hex({value}))"),
                _ => format!("CAST({value} AS TEXT)"),
            };
            format!("{text} AS key_{}", key.column())
        });
        let differ = self.columns.iter().map(|column| {
            format!(
                "CASE WHEN l.{column} IS NOT DISTINCT FROM r.{column} THEN 0 ELSE 1 END AS differs_{column}"
            )
        });
        let columns: Vec<String> = keys.chain(differ).collect();
        format!(
            "SELECT {}, CASE WHEN {rebuilt_lacks} THEN 1 ELSE 0 END AS only_live, \
             CASE WHEN {live_lacks} THEN 1 ELSE 0 END AS only_rebuilt {join} WHERE NOT ({same}) LIMIT {NAMED}",
            columns.join(", ")
        )
    }
}

fn difference(row: &QueryResult, shape: Shape, columns: &[&str]) -> Result<Difference, DbErr> {
    let keys = shape
        .keys
        .iter()
        .map(|key| row.try_get::<String>("key_", key.column()));
    let key = keys.collect::<Result<Vec<_>, _>>()?.join(" ");
    let is = |name: &str| Ok::<_, DbErr>(row.try_get::<i32>("", name)? == 1);
    let differs = if is("only_live")? {
        Differs::OnlyLive
    } else if is("only_rebuilt")? {
        Differs::OnlyRebuilt
    } else {
        let mut differing = Vec::new();
        for column in columns {
            if row.try_get::<i32>("differs_", column)? == 1 {
                differing.push((*column).to_owned());
            }
        }
        Differs::Columns(differing)
    };
    Ok(Difference { key, differs })
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.differs {
            Differs::OnlyLive => write!(f, "{} is only in the live table", self.key),
            Differs::OnlyRebuilt => write!(f, "{} is only in the rebuilt table", self.key),
            Differs::Columns(columns) => write!(f, "{} has other {}", self.key, columns.join(", ")),
        }
    }
}
