//! ssh-keygen, git and securesystemslib, none of them ours, on the same proofs.

use crate::world::{World, feed, verifiers};
use sluice_proof::statement::DecisionKind;
use sluice_proof::{Signer, entry, sshsig_verify};
use std::path::Path;
use std::process::Command;

/// What a stranger would change in a decision: any byte, the tree, the gate before.
fn edits(plain: &[u8], world: &World) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8(plain.to_vec()).unwrap();
    let skipped = text.replace(r#""previous":{"gate":"g3""#, r#""previous":{"gate":"g2""#);
    let swapped = text.replace(&world.head().tree, &"2".repeat(40));
    assert!(skipped != text && swapped != text, "the edits must edit");
    let mut changed = plain.to_vec();
    changed[10] ^= 1;
    vec![
        ("a changed byte", changed),
        ("a swapped tree", swapped.into_bytes()),
        ("a skipped gate", skipped.into_bytes()),
    ]
}

#[test]
fn ssh_keygen_checks_the_plain_decision() {
    let world = World::passed();
    let dir = world.export("g4");
    let verify = |bytes: &[u8]| {
        let mut command = Command::new("ssh-keygen");
        command.current_dir(dir.path()).args([
            "-Y",
            "verify",
            "-f",
            entry::SIGNERS,
            "-I",
            "daemon@sluice",
        ]);
        command.args(["-n", "sluice", "-s", entry::DECISION_SIG]);
        feed(command, bytes).status.success()
    };
    let plain = std::fs::read(dir.path().join(entry::DECISION)).unwrap();
    assert!(verify(&plain));
    for (edit, bytes) in edits(&plain, &world) {
        assert!(!verify(&bytes), "ssh-keygen took {edit}");
    }
}

#[test]
fn git_checks_the_chain_s_commits() {
    let world = World::passed();
    let signers = world.path().join("allowed_signers");
    std::fs::write(&signers, world.signers.to_text()).unwrap();
    let file = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    let verify = |commit: &str| {
        let args = ["-c", "gpg.format=ssh", "-c", &file, "verify-commit", commit];
        let output = world.try_git(&args, None, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.success() && said.contains("Good \"git\" signature for daemon@sluice"),
            said,
        )
    };
    for gate in ["g0", "g1", "g2", "g3", "g4"] {
        let (good, said) = verify(&world.tip(gate));
        assert!(good, "{gate}: {said}");
    }
    let raw = world.git(&["cat-file", "commit", &world.tip("g1")]) + "\n";
    let tree = world.git(&["rev-parse", "refs/gates/g0^{tree}"]);
    let edits = [
        (
            "a changed byte",
            raw.replace("g1: decision", "g1: decisiom"),
        ),
        (
            "a swapped tree",
            raw.replace(raw[5..45].to_owned().as_str(), &tree),
        ),
        (
            "a skipped decision",
            raw.lines()
                .filter(|l| !l.starts_with("parent "))
                .map(|l| format!("{l}\n"))
                .collect(),
        ),
    ];
    for (edit, bytes) in edits {
        assert_ne!(bytes, raw, "the edit must edit");
        let commit = world.hash_object("commit", bytes.as_bytes());
        let (good, said) = verify(&commit);
        assert!(!good, "git took {edit}: {said}");
    }
    let stranger = Signer::generate("stranger");
    let commit = world.write_commit(&tree, &[], "sluice", "g0: decision", Some(&stranger));
    assert!(!verify(&commit).0, "git took a stranger's signature");
}

/// Verifies the envelope on standard input with the PEM key given as the argument.
const DSSE: &str = r#"
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
key = SSlibKey.from_crypto(load_pem_public_key(open(sys.argv[1], "rb").read()))
envelope = Envelope.from_dict(json.load(sys.stdin))
envelope.verify([key], 1)
print(key.keyid)
"#;

#[test]
fn securesystemslib_checks_the_envelopes() {
    let world = World::passed();
    let dir = world.export("g4");
    let verify = |bytes: &[u8]| {
        let mut command = Command::new(verifiers("python3"));
        command
            .current_dir(dir.path())
            .args(["-c", DSSE, entry::SIGNER_PEM]);
        feed(command, bytes)
    };
    let read = |path: &str| std::fs::read(dir.path().join(path)).unwrap();
    for path in [
        entry::DECISION_DSSE,
        entry::TEST_RESULT,
        entry::PROVENANCE,
        entry::LAYOUT,
    ] {
        let output = verify(&read(path));
        assert!(
            output.status.success(),
            "{path}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        // The key id is theirs, computed by their code from the PEM.
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            world.signer.public().keyid()
        );
    }
    let envelope: serde_json::Value = serde_json::from_slice(&read(entry::DECISION_DSSE)).unwrap();
    for (edit, payload) in edits(&read(entry::DECISION), &world) {
        let mut bent = envelope.clone();
        bent["payload"] = base64(&payload).into();
        let output = verify(bent.to_string().as_bytes());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains("VerificationError"),
            "it took {edit}: {said}"
        );
    }
    let mut bent = envelope;
    bent["payloadType"] = "text/plain".into();
    assert!(
        !verify(bent.to_string().as_bytes()).status.success(),
        "it took another payload type"
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn keys_go_both_ways_between_us_and_ssh_keygen() {
    let dir = tempfile::tempdir().unwrap();
    let keygen = |args: &[&str]| {
        let mut command = Command::new("ssh-keygen");
        command.current_dir(dir.path()).args(args);
        let output = feed(command, b"");
        assert!(
            output.status.success(),
            "ssh-keygen {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let read = |path: &str| std::fs::read_to_string(dir.path().join(path)).unwrap();

    keygen(&[
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        "made by ssh",
        "-f",
        "theirs",
    ]);
    let theirs = Signer::from_openssh(&read("theirs")).unwrap();
    assert_eq!(
        theirs.public().openssh_line(),
        read("theirs.pub").trim_end()
    );
    assert!(keygen(&["-l", "-f", "theirs.pub"]).contains(&theirs.public().fingerprint()));

    let ours = Signer::generate("made by sluice");
    write_private(&dir.path().join("ours"), &ours.to_openssh());
    assert_eq!(
        keygen(&["-y", "-f", "ours"]).trim_end(),
        ours.public().openssh_line()
    );

    keygen(&["-q", "-t", "ed25519", "-N", "secret", "-f", "locked"]);
    assert!(
        Signer::from_openssh(&read("locked"))
            .unwrap_err()
            .to_string()
            .contains("passphrase")
    );
    keygen(&["-q", "-t", "ecdsa", "-N", "", "-f", "other"]);
    assert!(
        Signer::from_openssh(&read("other"))
            .unwrap_err()
            .to_string()
            .contains("ed25519")
    );
}

#[test]
fn we_take_what_ssh_keygen_signed() {
    let world = World::empty();
    let dir = tempfile::tempdir().unwrap();
    write_private(&dir.path().join("key"), &world.signer.to_openssh());
    let mut command = Command::new("ssh-keygen");
    command
        .current_dir(dir.path())
        .args(["-Y", "sign", "-q", "-f", "key", "-n", "sluice"]);
    let output = feed(command, b"a message");
    let armored = String::from_utf8(output.stdout).unwrap();
    let signer = sshsig_verify("sluice", b"a message", &armored, &world.signers).unwrap();
    assert_eq!(signer.name, "daemon@sluice");
    assert_eq!(
        armored,
        sluice_proof::sshsig("sluice", b"a message", &world.signer).unwrap(),
        "ed25519 is deterministic"
    );
}

#[test]
fn the_subject_digest_can_be_made_with_other_tools() {
    let world = World::passed();
    let dir = world.export("g4");
    // The same line as in docs/proofs.md.
    const PYTHON: &str = r#"
import hashlib, json
s = json.load(open("decision.json")); p = s["predicate"]
commit, tree = (next(x["digest"][k] for x in s["subject"] if k in x["digest"]) for k in ("gitCommit", "gitTree"))
saw = sorted(map(list, {(e["predicateType"], e["sha256"]) for e in p["saw"]}))
text = json.dumps(["sluice-subject/v1", p["project"], p["gate"], p["run"], commit, tree, saw], separators=(",", ":"), ensure_ascii=False)
assert hashlib.sha256(text.encode()).hexdigest() == p["subjectDigest"], text
"#;
    let mut command = Command::new("python3");
    command.current_dir(dir.path()).args(["-c", PYTHON]);
    let output = feed(command, b"");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        world
            .read()
            .verify(sluice_proof::verify::Trust::FirstSigner)
            .gates[4]
            .decision,
        Some(DecisionKind::Approved)
    );
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
