//! Bodies: bounded, of the content type that the route takes, whole or refused.

use std::io::Read as _;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use sluice_factory::{MAX_FILE_BYTES, MAX_REPLY_BYTES};

use crate::problem::{ApiError, Kind};

/// The largest JSON body, in bytes.
pub(crate) const MAX_JSON_BYTES: usize = 1 << 20;
/// The largest request of a git client, in bytes: some 100,000 object ids, unpacked.
const MAX_GIT_BYTES: usize = 8 << 20;
/// How much of a body that is too large is read and thrown away, so that the client hears why.
const DRAINED: usize = 64 << 20;
/// And for how long.
const DRAINING: Duration = Duration::from_secs(5);

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<JsonBody<T>, ApiError> {
        is_json(request.headers())?;
        let bytes = body_of(request, MAX_JSON_BYTES).await?;
        parse(&bytes).map(JsonBody)
    }
}

/// A JSON body that may be left out.
pub(crate) struct MaybeJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<MaybeJson<T>, ApiError> {
        let typed = is_json(request.headers());
        let bytes = body_of(request, MAX_JSON_BYTES).await?;
        if bytes.is_empty() {
            return Ok(MaybeJson(T::default()));
        }
        typed?;
        parse(&bytes).map(MaybeJson)
    }
}

/// An agent's reply.
pub(crate) struct Markdown(pub(crate) String);

impl<S: Sync> FromRequest<S> for Markdown {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Markdown, ApiError> {
        let (essence, charset) = content_type(request.headers());
        let utf8 = ["", "utf-8", "utf8", "us-ascii"].contains(&charset.as_str());
        if essence != "text/markdown" || !utf8 {
            let detail = "send the reply as `Content-Type: text/markdown`, in UTF-8";
            return Err(ApiError::new(Kind::UnsupportedMediaType, detail));
        }
        let bytes = body_of(request, MAX_REPLY_BYTES).await?;
        String::from_utf8(bytes.into())
            .map(Markdown)
            .map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                ApiError::new(
                    Kind::BadRequest,
                    format!("the reply is not UTF-8: byte {at} is not valid"),
                )
            })
    }
}

/// The bytes of a file, of any content type.
pub(crate) struct FileBytes(pub(crate) Bytes);

impl<S: Sync> FromRequest<S> for FileBytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<FileBytes, ApiError> {
        body_of(request, MAX_FILE_BYTES).await.map(FileBytes)
    }
}

/// What a git client asks, also when it is compressed.
pub(crate) struct UploadPackRequest(pub(crate) Vec<u8>);

impl<S: Sync> FromRequest<S> for UploadPackRequest {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<UploadPackRequest, ApiError> {
        let headers = request.headers();
        let (essence, _) = content_type(headers);
        if essence != "application/x-git-upload-pack-request" {
            let detail = "this route is for git: `application/x-git-upload-pack-request`";
            return Err(ApiError::new(Kind::UnsupportedMediaType, detail));
        }
        let coding = headers.get(header::CONTENT_ENCODING).map(|coding| {
            let coding = coding.to_str().unwrap_or_default();
            coding.trim().to_ascii_lowercase()
        });
        let bytes = body_of(request, MAX_GIT_BYTES).await?;
        match coding.as_deref() {
            None | Some("" | "identity") => Ok(UploadPackRequest(bytes.into())),
            Some("gzip" | "x-gzip") => gunzip(&bytes).map(UploadPackRequest),
            Some(_) => {
                let detail = "a git request is plain or `Content-Encoding: gzip`";
                Err(ApiError::new(Kind::UnsupportedMediaType, detail))
            }
        }
    }
}

/// Unpacks at most [`MAX_GIT_BYTES`].
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut plain = Vec::new();
    let mut reader = GzDecoder::new(bytes).take(MAX_GIT_BYTES as u64 + 1);
    reader.read_to_end(&mut plain).map_err(|error| {
        ApiError::new(Kind::BadRequest, "the body is not gzip").caused_by(error)
    })?;
    if plain.len() > MAX_GIT_BYTES {
        let detail = format!("the unpacked body has at most {MAX_GIT_BYTES} bytes");
        return Err(ApiError::new(Kind::TooLarge, detail));
    }
    Ok(plain)
}

fn is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let (essence, _) = content_type(headers);
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    let detail = "send the body as `Content-Type: application/json`";
    Err(ApiError::new(Kind::UnsupportedMediaType, detail))
}

/// The media type and the charset, in lower case; empty when they are not there.
fn content_type(headers: &HeaderMap) -> (String, String) {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_owned();
    let charset = parts
        .find_map(|part| part.strip_prefix("charset="))
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned();
    (essence, charset)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // An array would be taken for the fields in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        let detail = "the body is a JSON object, not an array";
        return Err(ApiError::new(Kind::Invalid, detail).with("field", "body"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            ApiError::new(Kind::Invalid, format!("the body does not fit: {error}"))
                .with("field", "body")
        } else {
            ApiError::new(Kind::BadRequest, format!("the body is not JSON: {error}"))
        }
    })
}

pub(crate) async fn body_of(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    read(&parts.headers, body, limit).await
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(
            Kind::TooLarge,
            format!("the body has at most {limit} bytes"),
        )
    };
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let asks_first = headers.contains_key(header::EXPECT);
    if declared.is_some_and(|length| length > limit) {
        if !asks_first {
            drain(body).await;
        }
        return Err(too_large());
    }
    let mut bytes = BytesMut::with_capacity(declared.unwrap_or(0).min(limit));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::new(Kind::BadRequest, "the body ended early").caused_by(error)
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            drain(body).await;
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Reads what a client is still sending: if the connection were closed under it, it would not see the answer.
async fn drain(mut body: Body) {
    let mut left = DRAINED;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            left = left.saturating_sub(size);
            if left == 0 {
                return;
            }
        }
    };
    // When the time is up the answer goes out anyway.
    let _ = tokio::time::timeout(DRAINING, reading).await;
}
