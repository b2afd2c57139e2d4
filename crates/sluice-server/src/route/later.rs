//! Routes that are reserved: they answer 501 until a later version.

use crate::problem::{ApiError, Kind};
use crate::schema;

fn later(what: &str) -> ApiError {
    ApiError::new(
        Kind::NotImplemented,
        format!("{what}: this version cannot do it yet"),
    )
}

macro_rules! later {
    ($($name:ident: $method:ident $path:literal, $what:literal;)+) => {
        $(
            #[doc = concat!("Reserved: ", $what, ".")]
            #[utoipa::path($method, path = $path, tag = "later",
                responses((status = 501, body = schema::Problem,
                    content_type = "application/problem+json", description = "Not in this version")))]
            pub(crate) async fn $name() -> ApiError {
                later($what)
            }
        )+
    };
}

later! {
    agent_execute: post "/projects/{project}/agents/{agent}/execute", "asking an agent outside a gate";
    export_list: get "/projects/{project}/exports/github", "the export to GitHub";
    export_create: post "/projects/{project}/exports/github", "the export to GitHub";
    deployment_list: get "/projects/{project}/deployments", "deployments";
    deployment_create: post "/projects/{project}/deployments", "deployments";
}
