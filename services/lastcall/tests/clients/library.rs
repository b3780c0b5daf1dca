//! The libraries, each in a program of its own below `node`, `python` or `rust` that prints what it gets.

use std::path::{Path, PathBuf};

use test_support::programs::{find, skipped};
use tokio::process::Command;

/// A client of the event stream that others wrote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Library {
    /// As its registry has it, and the program.
    pub(crate) name: &'static str,
    pub(crate) home: Home,
    pub(crate) before_first: BeforeFirst,
}

/// Where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Npm,
    Pypi,
    Crates,
}

/// What it knows of its position before it got an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BeforeFirst {
    /// It keeps the id of a block without data, as the standard has it.
    Id,
    /// It does not, so that its URL has to name a position.
    Nothing,
}

pub(crate) const LIBRARIES: [Library; 10] = [
    npm("eventsource", BeforeFirst::Nothing),
    npm("eventsource-client", BeforeFirst::Nothing),
    npm("fetch-event-source", BeforeFirst::Id),
    npm("undici", BeforeFirst::Id),
    pypi("httpx-sse", BeforeFirst::Id),
    pypi("sseclient-py", BeforeFirst::Nothing),
    pypi("requests-sse", BeforeFirst::Id),
    pypi("aiohttp-sse-client", BeforeFirst::Nothing),
    crates("eventsource-client", BeforeFirst::Nothing),
    crates("reqwest-eventsource", BeforeFirst::Nothing),
];

const fn npm(name: &'static str, before_first: BeforeFirst) -> Library {
    Library {
        name,
        home: Home::Npm,
        before_first,
    }
}

const fn pypi(name: &'static str, before_first: BeforeFirst) -> Library {
    Library {
        name,
        home: Home::Pypi,
        before_first,
    }
}

const fn crates(name: &'static str, before_first: BeforeFirst) -> Library {
    Library {
        name,
        home: Home::Crates,
        before_first,
    }
}

/// Those that are installed here.
pub(crate) fn available() -> Vec<Library> {
    let mut libraries = LIBRARIES.to_vec();
    for home in [Home::Npm, Home::Pypi, Home::Crates] {
        if !home.is_installed() {
            skipped(&format!(
                "the clients from {home:?} are not installed, see `make clients`"
            ));
            libraries.retain(|library| library.home != home);
        }
    }
    libraries
}

impl Home {
    fn is_installed(self) -> bool {
        let (needed, runs) = match self {
            Self::Npm => ("node.installed", find("node").is_some()),
            Self::Pypi => ("python.installed", true),
            Self::Crates => ("rust/debug", true),
        };
        runs && tools().join(needed).exists()
    }
}

impl Library {
    /// A name of one token, for a user.
    pub(crate) fn user(&self) -> String {
        format!("{:?}-{}", self.home, self.name).to_lowercase()
    }

    /// The program, without its arguments.
    pub(crate) fn command(&self) -> Command {
        match self.home {
            Home::Npm => {
                let mut node = Command::new(find("node").unwrap());
                // Else it would look for packages beside the program itself and not beside the link to it.
                node.args(["--preserve-symlinks", "--preserve-symlinks-main"]);
                node.arg(tools().join(format!("node/programs/{}.mjs", self.name)));
                node
            }
            Home::Pypi => {
                let mut python = Command::new(tools().join("../venv/bin/python"));
                // No compiled copies among the sources.
                python.arg("-B");
                python.arg(root().join(format!("services/lastcall/tests/clients/python/{}.py", self.name)));
                python
            }
            Home::Crates => Command::new(tools().join(format!("rust/debug/{}", self.name))),
        }
    }
}

/// Where `make clients` puts them.
fn tools() -> PathBuf {
    root().join(".tools/clients")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
