//! Traces to a collector: OTLP over HTTP with protobuf, by the HTTP client that everything else here uses.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::{Certificate, Client};
use sluice_server::{Follow, TraceParent};
use tokio::runtime::Handle;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{Config, TelemetryConfig};
use crate::exit::Exit;

/// How long one batch may be on its way.
const WHOLE: Duration = Duration::from_secs(10);

/// Keeps traces coming; what was not sent yet is sent at the end.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends what was not sent yet. A collector that is gone holds nobody up for long.
    pub(super) async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(WHOLE));
        if let Ok(Err(error)) = ended.await {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// What sends spans of ours; `None` when nothing is configured.
pub(super) fn layer<S>(
    config: &Config,
) -> Result<Option<(Box<dyn Layer<S> + Send + Sync>, Traces)>, Exit>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let Some(telemetry) = &config.telemetry else {
        return Ok(None);
    };
    let wrong = |error: String| Exit::usage(format!("telemetry.otlp_endpoint: {error}"));
    let client = Http::new(config).map_err(wrong)?;
    let provider = provider(telemetry, client).map_err(wrong)?;
    let tracer = provider.tracer("sluice");
    // Ours, whatever the log shows; not those of the client that sends them.
    let ours = Targets::new().with_target("sluice", tracing::Level::INFO);
    let rooms = [
        "sluice_server",
        "sluice_factory",
        "sluice_checks",
        "sluice_agents",
        "sluice_sandbox",
    ];
    let ours = rooms.into_iter().fold(ours, |ours, room| {
        ours.with_target(room, tracing::Level::INFO)
    });
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_filter(ours);
    Ok(Some((layer.boxed(), Traces(provider))))
}

fn provider(telemetry: &TelemetryConfig, client: Http) -> Result<SdkTracerProvider, String> {
    let TelemetryConfig {
        endpoint,
        headers,
        service,
    } = telemetry;
    let headers: HashMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.expose().to_owned()))
        .collect();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_headers(headers)
        .with_timeout(WHOLE)
        .build()
        .map_err(|error| error.to_string())?;
    let resource = Resource::builder()
        .with_service_name(service.clone())
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// Makes the span of a request a part of its caller's trace.
pub(super) fn follow() -> Follow {
    Follow::new(|span, parent: &TraceParent| {
        let flags = match parent.is_sampled {
            true => TraceFlags::SAMPLED,
            false => TraceFlags::default(),
        };
        let caller = SpanContext::new(
            TraceId::from(parent.trace),
            SpanId::from(parent.span),
            flags,
            true,
            TraceState::default(),
        );
        let context = opentelemetry::Context::new().with_remote_span_context(caller);
        let _ = span.set_parent(context);
    })
}

/// The exporter works in a thread of its own, so requests are made by the runtime.
#[derive(Debug, Clone)]
struct Http {
    client: Client,
    runtime: Handle,
}

impl Http {
    fn new(config: &Config) -> Result<Http, String> {
        // Fails only when there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .timeout(WHOLE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let is_plain = config
            .telemetry
            .as_ref()
            .is_some_and(|telemetry| telemetry.endpoint.starts_with("http://"));
        if is_plain {
            builder = builder.tls_certs_only([]);
        } else if let Some(file) = &config.extra_ca {
            let pem = std::fs::read(file).map_err(|error| error.to_string())?;
            let certificates =
                Certificate::from_pem_bundle(&pem).map_err(|error| error.to_string())?;
            builder = builder.tls_certs_merge(certificates);
        }
        Ok(Http {
            client: builder.build().map_err(|error| error.to_string())?,
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let request = reqwest::Request::try_from(request)?;
            let response = client.execute(request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.bytes().await?;
            Ok::<_, reqwest::Error>((status, headers, body))
        });
        let (status, headers, body) = sent.await??;
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests;
