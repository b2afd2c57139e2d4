//! Listens, and stops cleanly.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use service::config::Config;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// How long requests may take to end after a signal.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal comes, then takes no new requests and lets those that it has end.
async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(|name| std::env::var(name).ok())?;
    let told = told_to_stop()?;
    let listener = TcpListener::bind((config.host.as_str(), config.port)).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);

    let (stop, mut stopped) = tokio::sync::watch::channel(());
    let server = axum::serve(listener, service::app()).with_graceful_shutdown(async move {
        told.await;
        tracing::info!("closing");
        drop(stop);
    });
    tokio::select! {
        ended = server => Ok(ended?),
        () = async {
            // Fails, that is ends, when the other side is dropped.
            while stopped.changed().await.is_ok() {}
            tokio::time::sleep(GRACE).await;
        } => Err(format!("requests did not end within {GRACE:?}").into()),
    }
}

/// Ends at SIGINT and SIGTERM.
#[cfg(unix)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends at Ctrl-C.
#[cfg(windows)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
