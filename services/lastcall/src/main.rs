//! `lastcall`: one binary with a command for each part of the service.

mod cli;
mod connect;
mod dev;
mod endpoints;
mod import;
mod jobs;
mod output;
mod parts;
mod projector;
mod settings;

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::Parser as _;
use mimalloc::MiMalloc;
use service_kit::auth::TokenIssuer;
use service_kit::telemetry::{self, chain};
use tokio::runtime::{self, Runtime};

use crate::cli::{Cli, Command, Common, Token};
use crate::output::{reader_is_gone, say};
use crate::settings::Settings;

/// Events are made of many small blocks, which this allocator gives and takes back at half the price of the C library's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What was asked for is done, but some rows were left out, or are not what they should be.
const SOME_LEFT_OUT: u8 = 3;

/// How a command ended.
pub(crate) enum Done {
    Wholly,
    SomeLeftOut,
    /// They were only to be compared.
    TablesDiffer,
}

fn main() -> ExitCode {
    let Cli { command, common } = Cli::parse();
    if matches!(command, Command::Edge(_) | Command::Dev(_)) {
        disable_huge_pages();
    }
    let done = runtime(&command)
        .context("starting the threads of the process")
        .and_then(|runtime| runtime.block_on(run(command, &common)));
    match done {
        Ok(Done::Wholly) => ExitCode::SUCCESS,
        Ok(Done::SomeLeftOut | Done::TablesDiffer) => ExitCode::from(SOME_LEFT_OUT),
        Err(error) if reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lastcall: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// While the kernel prepares a huge page at the first touch of it, which takes up to 3 ms on a virtual machine, everybody's
/// events wait; and an edge that has none takes a fifth less memory. (It is the allocator that asks for them.)
fn disable_huge_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        eprintln!(
            "lastcall: transparent huge pages stay in use, which makes some events a few milliseconds late: {error}"
        );
    }
}

/// A run is one pipeline, and one thread makes more events of rows than a stream takes. With more of them its tasks would
/// wake each other across threads, which costs the run and its servers a tenth of the processor. Everything else gets a
/// thread for each core.
fn runtime(command: &Command) -> io::Result<Runtime> {
    let mut builder = runtime::Builder::new_multi_thread();
    if matches!(command, Command::Scheduler | Command::Jobs(_)) {
        builder.worker_threads(1);
    }
    builder.enable_all().build()
}

async fn run(command: Command, common: &Common) -> anyhow::Result<Done> {
    if let Command::Settings = command {
        say(Settings::documented().trim_end())?;
        return Ok(Done::Wholly);
    }
    let mut settings = match command {
        // It brings its own servers; the file of an earlier run says nothing about them.
        Command::Dev(_) => Settings::load(&common.without_servers())?,
        _ => Settings::load(common)?,
    };
    telemetry::start(&settings.telemetry, command.lifetime()).context("telemetry.filter")?;
    match command {
        Command::Dev(options) => dev::run(settings, options).await?,
        Command::Scheduler => parts::scheduler(&settings).await?,
        Command::Projector(options) => return projector::command(&settings, options).await,
        Command::Inbox(listen) => {
            listen_on(&mut settings, listen.http);
            parts::inbox(&settings).await?;
        }
        Command::Edge(listen) => {
            listen_on(&mut settings, listen.http);
            parts::edge(&settings).await?;
        }
        Command::Migrate => migrate(&settings).await?,
        Command::Import(args) => return import::command(&settings, args).await,
        Command::Jobs(command) => return jobs::command(&settings, command).await,
        Command::Token(token) => make_token(&settings, &token)?,
        Command::Settings => {}
    }
    Ok(Done::Wholly)
}

fn listen_on(settings: &mut Settings, address: Option<String>) {
    if let Some(address) = address {
        settings.http.listen = address;
    }
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let store = store::Store::connect(&settings.database).await?;
    let applied = store.migrate().await?;
    say(format_args!(
        "{applied} migrations applied; the tables are up to date"
    ))?;
    Ok(())
}

fn make_token(settings: &Settings, options: &Token) -> anyhow::Result<()> {
    let lifetime = TimeDelta::from_std(options.lifetime).context("--lifetime is too long")?;
    let tokens =
        TokenIssuer::new(&settings.auth).context("for a running `lastcall dev`, say --endpoints FILE")?;
    let scope = options.scope.as_deref();
    Ok(say(tokens.issue_with_scope(&options.user, lifetime, scope)?)?)
}
