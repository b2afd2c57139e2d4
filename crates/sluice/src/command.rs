//! The commands, each in a file of its own.

mod apply;
mod backup;
mod check;
mod demo;
mod doctor;
mod image;
mod interrupt;
mod parse;
mod remote;
mod reply_text;
mod sandbox_exec;
mod serve;
mod verify;

use std::future::Future;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;
use crate::telemetry::{self, start_log};

/// Does what the command line says.
pub(crate) fn run(cli: Cli, output: Output) -> Result<(), Exit> {
    let file = cli.config.as_deref();
    // A file that was named must be right, also where the command would not look at it.
    let named = file.map(|file| Config::load(Some(file))).transpose()?;
    let is_found_by_check = matches!(cli.command, Command::Check(_));
    let config = || match named {
        Some(config) => Ok(config),
        None if is_found_by_check => Config::load_in_project(),
        None => Config::load(None),
    };
    match cli.command {
        Command::Parse(args) => parse::run(&args, output),
        Command::Apply(args) => apply::run(&args, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Check(args) => {
            let config = config()?;
            if !config.left_out.is_empty() {
                output.note(&format!(
                    "./sluice.toml is not asked for {}: if it is yours, name it with --config sluice.toml",
                    config.left_out.join(", ")
                ));
            }
            start_log(&config)?;
            block_on(check::run(args, &config, output))
        }
        Command::Backup(args) => block_on(backup::backup(&args, &config()?, output)),
        Command::Restore(args) => block_on(backup::restore(&args, &config()?, output)),
        Command::Image(args) => {
            let config = config()?;
            start_log(&config)?;
            block_on(image::run(args, &config, output))
        }
        Command::Doctor => block_on(doctor::run(config(), output)),
        Command::SandboxExec { job } => {
            let config = config()?;
            start_log(&config)?;
            block_on(sandbox_exec::run(&job, &config, output))
        }
        Command::Gate(args) => block_on(remote::gate(args, output)),
        Command::Project(args) => block_on(remote::project(args, output)),
        Command::Edit(args) => block_on(remote::edit(args, output)),
        Command::Escalation(args) => block_on(remote::escalation(args, output)),
        Command::Audit(args) => block_on(remote::audit(args, output)),
        Command::Token(args) => block_on(remote::token(args, output)),
        Command::Demo(args) => {
            let config = config()?;
            start_log(&config)?;
            block_on(demo::run(&args, &config, output))
        }
        Command::Serve(args) => {
            let config = config()?;
            block_on(async {
                let telling = telemetry::start(&config)?;
                let served = serve::run(&args, &config, telling.follow(), output).await;
                telling.end().await;
                served
            })
        }
        Command::Openapi => output.text(&sluice_server::openapi_json()),
    }
}

/// Runs a command that waits for things.
fn block_on(work: impl Future<Output = Result<(), Exit>>) -> Result<(), Exit> {
    tokio::runtime::Runtime::new()
        .map_err(|error| Exit::missing(format!("the runtime could not be started: {error}")))?
        .block_on(work)
}
