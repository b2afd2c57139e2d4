//! The first system's routes whose room is not built: they answer 501.

use crate::problem::{ApiError, Kind};
use crate::schema;

macro_rules! later {
    ($($name:ident: $method:ident $path:literal, $what:literal;)+) => {
        $(
            #[doc = concat!("Reserved, for dashboards of the first system: ", $what, ".")]
            #[utoipa::path($method, path = $path, tag = "layercake",
                responses((status = 501, body = schema::Problem,
                    content_type = "application/problem+json", description = "Not in this version")))]
            pub(crate) async fn $name() -> ApiError {
                ApiError::new(Kind::NotImplemented, concat!($what, ": this version cannot do it yet"))
            }
        )+
    };
}

later! {
    export_github: post "/api/projects/{project}/export-github", "the export to GitHub";
    github_status: get "/api/projects/{project}/github-status", "the export to GitHub";
    deploy_railway: post "/api/projects/{project}/deploy-railway", "deployments";
    deployment_status: get "/api/projects/{project}/deployment-status", "deployments";
    agents_execute: post "/api/agents/execute", "asking an agent outside a gate";
}
