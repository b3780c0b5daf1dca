//! Settings in layers: the documented defaults, then a file, then the environment, then flags. What is later wins.
//!
//! The defaults are a TOML text that is part of the program, so that what is documented is what is used. A variable
//! `LASTCALL_<SECTION>_<KEY>` sets `<section>.<key>`; two underscores go one level deeper. A key or a variable that nobody
//! knows is an error: a misspelt setting that is silently ignored is found in production.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, File, FileFormat};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

const PREFIX: &str = "LASTCALL_";

/// Where settings come from, besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// The environment, as far as it begins with `LASTCALL_`.
    pub environment: BTreeMap<String, String>,
    /// Dotted keys with values, the later over the earlier.
    pub flags: Vec<(String, String)>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The defaults, the file and the flags do not go together.
    #[error("the settings are wrong")]
    Invalid(#[source] ConfigError),
    /// The file is not there.
    #[error("there is no settings file {}", .0.display())]
    NoFile(PathBuf),
    /// A variable with our prefix that sets nothing.
    #[error("{variable} sets nothing: settings are {PREFIX}<SECTION>_<KEY>, with a section of {}", sections.join(", "))]
    Variable {
        /// The variable.
        variable: String,
        /// The sections there are.
        sections: Vec<String>,
    },
}

impl Sources {
    /// The environment of this process, without the variables that are `reserved` for other uses.
    pub fn environment_except(reserved: &[&str]) -> BTreeMap<String, String> {
        std::env::vars()
            .filter(|(name, _)| name.starts_with(PREFIX) && !reserved.contains(&name.as_str()))
            .collect()
    }

    /// Reads the layers over `defaults` into one value.
    pub fn load<T: DeserializeOwned>(&self, defaults: &str) -> Result<T, SettingsError> {
        let base = Config::builder()
            .add_source(File::from_str(defaults, FileFormat::Toml))
            .build()
            .map_err(SettingsError::Invalid)?;
        let sections: BTreeMap<String, config::Value> = base
            .cache
            .clone()
            .into_table()
            .map_err(SettingsError::Invalid)?
            .into_iter()
            .collect();

        let mut builder = Config::builder().add_source(base);
        if let Some(file) = &self.file {
            builder = builder.add_source(toml_file(file)?);
        }
        for (variable, value) in &self.environment {
            let key = key_of(variable, sections.keys())?;
            builder = builder
                .set_override(key, value.as_str())
                .map_err(SettingsError::Invalid)?;
        }
        for (key, value) in &self.flags {
            builder = builder
                .set_override(key, value.as_str())
                .map_err(SettingsError::Invalid)?;
        }
        let merged = builder.build().map_err(SettingsError::Invalid)?;
        merged.try_deserialize().map_err(SettingsError::Invalid)
    }
}

/// Reads a list of texts: files have a list, and flags and the environment one text with commas. Empty ones do not count.
///
/// # Errors
///
/// When it is neither.
pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        List(Vec<String>),
        Text(String),
    }
    let texts = match Written::deserialize(deserializer)? {
        Written::List(list) => list,
        Written::Text(text) => text.split(',').map(|text| text.trim().to_owned()).collect(),
    };
    Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
}

fn toml_file(path: &Path) -> Result<File<config::FileSourceFile, FileFormat>, SettingsError> {
    if !path.is_file() {
        return Err(SettingsError::NoFile(path.to_owned()));
    }
    Ok(File::new(&path.to_string_lossy(), FileFormat::Toml))
}

/// `LASTCALL_EDGE_WINDOW_BYTES` is `edge.window_bytes`.
fn key_of<'a>(variable: &str, sections: impl Iterator<Item = &'a String>) -> Result<String, SettingsError> {
    let sections: Vec<String> = sections.cloned().collect();
    let name = variable.trim_start_matches(PREFIX).to_lowercase();
    match name.split_once('_') {
        Some((section, key)) if sections.iter().any(|known| known == section) => {
            Ok(format!("{section}.{}", key.replace("__", ".")))
        }
        _ => Err(SettingsError::Variable {
            variable: variable.to_owned(),
            sections,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    const DEFAULTS: &str = "[edge]\nheartbeat = \"15s\"\nwindow_bytes = 100\n[edge.limits]\nper_user = 5\n";

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct All {
        edge: Edge,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Edge {
        heartbeat: String,
        window_bytes: u64,
        limits: Limits,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        per_user: u32,
    }

    fn sources(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        Sources {
            file: None,
            environment: owned(environment).into_iter().collect(),
            flags: owned(flags),
        }
    }

    fn message(error: &SettingsError) -> String {
        let source = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        format!("{error}: {source}")
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file_and_that_over_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("lastcall.toml");
        std::fs::write(&file, "[edge]\nheartbeat = \"1s\"\nwindow_bytes = 1\n").unwrap();
        let mut sources = sources(
            &[
                ("LASTCALL_EDGE_WINDOW_BYTES", "2"),
                ("LASTCALL_EDGE_LIMITS__PER_USER", "2"),
            ],
            &[("edge.limits.per_user", "3")],
        );
        sources.file = Some(file);
        let all: All = sources.load(DEFAULTS).unwrap();
        let limits = Limits { per_user: 3 };
        assert_eq!(
            all,
            All {
                edge: Edge {
                    heartbeat: "1s".into(),
                    window_bytes: 2,
                    limits
                }
            }
        );
    }

    #[test]
    fn a_misspelt_key_or_variable_is_an_error_that_names_it() {
        let variable = sources(&[("LASTCALL_EGDE_HEARTBEAT", "1s")], &[])
            .load::<All>(DEFAULTS)
            .unwrap_err();
        assert!(
            message(&variable).contains("LASTCALL_EGDE_HEARTBEAT"),
            "{}",
            message(&variable)
        );
        let key = sources(&[], &[("edge.hartbeat", "1s")])
            .load::<All>(DEFAULTS)
            .unwrap_err();
        assert!(message(&key).contains("hartbeat"), "{}", message(&key));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_an_error_that_names_its_key() {
        let error = sources(&[("LASTCALL_EDGE_WINDOW_BYTES", "much")], &[])
            .load::<All>(DEFAULTS)
            .unwrap_err();
        assert!(
            message(&error).contains("edge.window_bytes"),
            "{}",
            message(&error)
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let sources = Sources {
            file: Some("nowhere.toml".into()),
            ..Sources::default()
        };
        assert!(matches!(
            sources.load::<All>(DEFAULTS),
            Err(SettingsError::NoFile(_))
        ));
    }
}
