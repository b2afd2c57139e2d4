//! in-toto-verify, which knows nothing of gates, on the order of the gates.

use crate::world::{World, feed, verifiers};
use sluice_proof::layout::{self, link, link_name};
use sluice_proof::{Signer, entry};
use std::path::Path;
use std::process::Command;

/// Whether in-toto-verify takes the layout and links in `dir`, and what it says.
fn in_toto_verify(dir: &Path) -> (bool, String) {
    let mut command = Command::new(verifiers("in-toto-verify"));
    command.current_dir(dir).args([
        "--layout",
        entry::LAYOUT,
        "--verification-keys",
        entry::SIGNER_PEM,
    ]);
    command.args(["--link-dir", "links"]);
    let output = feed(command, b"");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn in_toto_verify_checks_the_order_of_the_gates() {
    let world = World::passed();
    let key = world.signer.public();
    let link_of = |gate: &str| format!("links/{}", link_name(gate, &key));
    let good = world.export("g4");
    let (taken, said) = in_toto_verify(good.path());
    assert!(taken, "{said}");

    // A gate is skipped: its link is gone.
    let dir = world.export("g4");
    std::fs::remove_file(dir.path().join(link_of("g3"))).unwrap();
    let (taken, said) = in_toto_verify(dir.path());
    assert!(
        !taken && said.contains("g3"),
        "it took a skipped gate: {said}"
    );

    // A gate is skipped, and the daemon's own key signed the jump over it.
    let dir = world.export("g4");
    let g1 = world.git(&["rev-parse", "tags/gates/g1^{tree}"]);
    let g4 = world.head().tree;
    let jump = link("g4", Some(&g1), &g4, &world.signer);
    std::fs::write(dir.path().join(link_of("g4")), jump.to_bytes()).unwrap();
    let (taken, said) = in_toto_verify(dir.path());
    assert!(
        !taken && said.contains("DISALLOW"),
        "it took a jump: {said}"
    );

    // A tree is swapped in between, with a true signature.
    let dir = world.export("g4");
    let swapped = link("g3", Some(&g1), &"2".repeat(40), &world.signer);
    std::fs::write(dir.path().join(link_of("g3")), swapped.to_bytes()).unwrap();
    let (taken, said) = in_toto_verify(dir.path());
    assert!(
        !taken && said.contains("DISALLOW"),
        "it took a swapped tree: {said}"
    );

    // A byte is changed in a link, and in the layout.
    for file in [link_of("g3"), entry::LAYOUT.to_owned()] {
        let dir = world.export("g4");
        let path = dir.path().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] = if bytes[40] == b'A' { b'B' } else { b'A' };
        std::fs::write(&path, bytes).unwrap();
        let (taken, said) = in_toto_verify(dir.path());
        assert!(
            !taken,
            "it took a changed byte in {}: {said}",
            path.display()
        );
    }

    // A stranger signs everything anew; whoever has the daemon's key does not take it.
    let dir = world.export("g4");
    let stranger = Signer::generate("stranger");
    let forged =
        layout::layout(&["g4"], &[stranger.public()], layout::FAR_EXPIRY, &stranger).unwrap();
    std::fs::write(dir.path().join(entry::LAYOUT), forged.to_bytes()).unwrap();
    let (taken, said) = in_toto_verify(dir.path());
    assert!(
        !taken && said.contains("ignature"),
        "it took a stranger's layout: {said}"
    );
}

#[test]
fn an_expired_layout_is_refused() {
    let world = World::passed();
    let dir = world.export("g0");
    let past = layout::layout(
        &["g0"],
        &[world.signer.public()],
        "2020-01-01T00:00:00Z",
        &world.signer,
    )
    .unwrap();
    assert!(in_toto_verify(dir.path()).0);
    std::fs::write(dir.path().join(entry::LAYOUT), past.to_bytes()).unwrap();
    let (taken, said) = in_toto_verify(dir.path());
    assert!(!taken && said.contains("expired"), "{said}");
}
