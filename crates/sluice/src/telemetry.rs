//! The log, and the traces that are sent somewhere.

#[cfg(feature = "otlp")]
mod otlp;

use sluice_server::Follow;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Config;
use crate::exit::Exit;

/// What is told of while the daemon serves.
pub(crate) struct Telling {
    #[cfg(feature = "otlp")]
    traces: Option<otlp::Traces>,
}

impl Telling {
    /// Makes requests a part of their callers' traces, where traces are sent.
    #[cfg(feature = "otlp")]
    pub(crate) fn follow(&self) -> Option<Follow> {
        self.traces.is_some().then(otlp::follow)
    }

    /// Makes requests a part of their callers' traces, where traces are sent.
    #[cfg(not(feature = "otlp"))]
    pub(crate) fn follow(&self) -> Option<Follow> {
        None
    }

    /// Sends what was not sent yet.
    pub(crate) async fn end(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.end().await;
        }
    }
}

/// Sends the log to standard error.
pub(crate) fn start_log(config: &Config) -> Result<(), Exit> {
    let log = log(config)?;
    tracing_subscriber::registry().with(log).init();
    Ok(())
}

/// Sends the log to standard error, and traces where the configuration says. Needs the runtime.
pub(crate) fn start(config: &Config) -> Result<Telling, Exit> {
    let log = log(config)?;
    let registry = tracing_subscriber::registry().with(log);
    #[cfg(feature = "otlp")]
    {
        let (layer, traces) = otlp::layer(config)?.unzip();
        registry.with(layer).init();
        Ok(Telling { traces })
    }
    #[cfg(not(feature = "otlp"))]
    {
        if config.telemetry.is_some() {
            // Who waits for traces that never come looks for the fault elsewhere.
            let what = "telemetry.otlp_endpoint is set, and this program was built without the feature `otlp`";
            let mend = "build it with `cargo build --release -p sluice --features otlp`, or take the key out";
            return Err(Exit::usage(what).mend(mend));
        }
        registry.init();
        Ok(Telling {})
    }
}

fn log<S>(config: &Config) -> Result<Box<dyn Layer<S> + Send + Sync>, Exit>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = EnvFilter::try_new(&config.log_filter).map_err(|error| {
        Exit::usage(format!(
            "log.filter: {:?} is no filter: {error}",
            config.log_filter
        ))
    })?;
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(std::io::stderr);
    Ok(if config.log_json {
        log.json().with_filter(filter).boxed()
    } else {
        log.with_filter(filter).boxed()
    })
}
