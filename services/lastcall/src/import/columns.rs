//! Which part of a file is which column of ours.

use anyhow::{Context as _, bail, ensure};

use super::csv::Row;

/// A column that a kind of rows has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

pub(super) const fn required(name: &'static str) -> Column {
    Column {
        name,
        need: Need::Required,
    }
}

pub(super) const fn optional(name: &'static str) -> Column {
    Column {
        name,
        need: Need::Optional,
    }
}

/// What the file calls each column.
#[derive(Debug, Clone)]
pub(super) struct Names {
    columns: &'static [Column],
    headers: Vec<String>,
    /// Whether `--map` says so, so that the header must be there.
    mapped: Vec<bool>,
}

impl Names {
    pub(super) fn new(columns: &'static [Column], map: &[(String, String)]) -> anyhow::Result<Self> {
        let mut names = Self {
            columns,
            headers: columns.iter().map(|column| column.name.to_owned()).collect(),
            mapped: vec![false; columns.len()],
        };
        for (column, header) in map {
            let index = names.index(column).with_context(|| {
                let known: Vec<&str> = columns.iter().map(|column| column.name).collect();
                format!(
                    "--map {column}={header}: there is no column {column:?}, only {}",
                    known.join(", ")
                )
            })?;
            ensure!(!names.mapped[index], "--map names the column {column} twice");
            names.headers[index].clone_from(header);
            names.mapped[index] = true;
        }
        Ok(names)
    }

    pub(super) fn index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }

    /// What the file calls the column at `index`.
    pub(super) fn header(&self, index: usize) -> &str {
        &self.headers[index]
    }

    pub(super) fn index_of_header(&self, header: &str) -> Option<usize> {
        self.headers.iter().position(|known| known == header)
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }
}

/// Where each column is in the rows of a CSV file.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) names: Names,
    /// For each column the position of its field, if the file has it.
    pub(super) positions: Vec<Option<usize>>,
    /// How many fields a row has.
    pub(super) width: usize,
    /// Headers that are no column.
    pub(super) ignored: Vec<String>,
}

impl Layout {
    /// Reads the header line.
    pub(super) fn new(names: Names, header: &Row) -> anyhow::Result<Self> {
        let found = header
            .iter()
            .map(|name| Ok(std::str::from_utf8(name)?.trim().to_owned()))
            .collect::<Result<Vec<String>, std::str::Utf8Error>>()
            .context("the header line is not UTF-8; save the file as UTF-8 and try again")?;
        let mut positions = Vec::with_capacity(names.len());
        let mut missing = Vec::new();
        for (index, column) in names.columns.iter().enumerate() {
            let name = names.header(index);
            let mut places = found
                .iter()
                .enumerate()
                .filter(|(_, header)| *header == name)
                .map(|(at, _)| at);
            let position = places.next();
            if places.next().is_some() {
                bail!("the file has two columns with the header {name:?}; rename one of them");
            }
            if position.is_none() && (column.need == Need::Required || names.mapped[index]) {
                missing.push(index);
            }
            positions.push(position);
        }
        if !missing.is_empty() {
            bail!(names.missing(&missing, &found));
        }
        let ignored = found
            .iter()
            .filter(|header| names.index_of_header(header).is_none())
            .cloned()
            .collect();
        Ok(Self {
            width: found.len(),
            names,
            positions,
            ignored,
        })
    }
}

impl Names {
    fn missing(&self, missing: &[usize], found: &[String]) -> String {
        let headers: Vec<String> = missing
            .iter()
            .map(|&index| format!("{:?}", self.header(index)))
            .collect();
        let example = self.columns[missing[0]].name;
        format!(
            "the file has no header {}; its headers are {}. If it has that under another name, say so: --map {example}=HEADER",
            headers.join(", "),
            found
                .iter()
                .map(|header| format!("{header:?}"))
                .collect::<Vec<_>>()
                .join(", "),
        )
    }
}
