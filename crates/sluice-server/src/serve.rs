//! The router with its edge, and the loop that serves it.

use std::future::IntoFuture as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt as _;
use sluice_factory::Factory;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::edge::edge;
use crate::openapi;
use crate::options::Options;
use crate::state::{App, State};

/// How long requests may go on after the shutdown began.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// The whole REST surface of a factory. Its event streams end with their clients; [`serve`] also ends them at
/// the shutdown.
pub fn router(factory: Arc<Factory>, options: Options) -> Router {
    router_until(factory, &options, CancellationToken::new())
}

/// Serves until `shutdown`: then no connection is taken any more, event streams end, and requests under way
/// have ten seconds to be answered.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    factory: Arc<Factory>,
    listener: TcpListener,
    mut options: Options,
    shutdown: CancellationToken,
) -> io::Result<()> {
    options.listen = Some(listener.local_addr()?);
    let router = router_until(factory, &options, shutdown.clone());
    let listener = listener.tap_io(|connection| {
        // Without this, an event waits for the acknowledgement of the one before it.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        served = serving => served,
        () = too_late => {
            tracing::warn!("requests were still open at the end of the shutdown");
            Ok(())
        }
    }
}

fn router_until(factory: Arc<Factory>, options: &Options, shutdown: CancellationToken) -> Router {
    let app: App = State::new(factory, options, shutdown, openapi::openapi_json());
    let (router, _) = openapi::routes(Some(&app)).split_for_parts();
    router
        .layer(from_fn_with_state(Arc::clone(&app), edge))
        .with_state(app)
}
