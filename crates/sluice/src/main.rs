//! The binary: command line, configuration, wiring.

mod built_in;
mod cli;
mod command;
mod config;
mod engine;
mod exit;
mod output;
mod telemetry;
mod wiring;

use std::env;
use std::ffi::OsStr;
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use exit::Exit;
use output::Output;

fn main() -> ExitCode {
    // The native engine's helper is this program again. It must have one thread and touch nothing before.
    if env::args_os().nth(1).as_deref() == Some(OsStr::new("sandbox-init")) {
        sluice_sandbox::init_main();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = Output::new(cli.json);
    match command::run(cli, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            output.end(&exit);
            ExitCode::from(exit.code)
        }
    }
}

/// What clap has to say: help and version, or what is wrong with the command line.
fn usage(error: &clap::Error) -> ExitCode {
    // Nobody can be told that nobody reads it.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let exit = Exit::usage(first.trim_start_matches("error: "));
        Output::new(true).document_of(&exit);
    }
    ExitCode::from(exit::USAGE)
}
