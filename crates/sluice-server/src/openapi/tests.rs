//! The committed document is the one that is served.

use std::path::Path;

use super::openapi_json;

#[test]
fn the_committed_document_is_what_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let served = openapi_json();
    if std::env::var_os("SLUICE_UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is not what is served; SLUICE_UPDATE_OPENAPI=1 cargo nextest run -p sluice-server writes it"
    );
}
