//! git, ssh-keygen, securesystemslib and in-toto, none of them ours, on the proofs that the demo left.

use std::path::PathBuf;
use std::process::Command;

use super::passage::{GATES, Passage};
use super::program::{self, Ran};
use super::repository::{Repository, fed};
use crate::built::verifier;

/// Verifies the envelopes named after the PEM key.
const DSSE: &str = r#"
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
key = SSlibKey.from_crypto(load_pem_public_key(open(sys.argv[1], "rb").read()))
for path in sys.argv[2:]:
    Envelope.from_dict(json.load(open(path))).verify([key], 1)
print(len(sys.argv) - 2)
"#;

/// All of them take what the demo left, and `sluice verify` says the same.
pub(crate) fn believe(passage: &Passage) {
    ours(passage);
    let tools = Tools::of(passage);
    let clone = &passage.clone;
    let mut envelopes = 0;
    for gate in GATES {
        let chain = clone.git(&["rev-list", &format!("refs/gates/{gate}")]);
        assert!(!chain.is_empty(), "{gate} has no decision");
        for commit in chain.lines() {
            let said = tools.verify_commit(clone, commit);
            assert!(
                said.code == 0 && said.err.contains("Good \"git\" signature for daemon"),
                "{gate}: {said}"
            );
        }
        let said = tools.verify_decision(clone, gate, &clone.file(gate, "decision.json"));
        assert!(
            said.code == 0 && said.out.contains("Good \"sluice\" signature for daemon"),
            "{gate}: {said}"
        );
        let entry = tools.entry(clone, gate);
        let paths = entry.envelopes();
        envelopes += paths.len();
        let said = tools.verify_envelopes(&paths);
        assert_eq!(said.out.trim(), paths.len().to_string(), "{gate}: {said}");
    }
    assert_eq!(
        envelopes,
        3 * GATES.len(),
        "a decision, a test result and a provenance a gate"
    );
    let said = tools.verify_order(&tools.entry(clone, "g9"));
    assert_eq!(said.code, 0, "in-toto-verify: {said}");
    let said = tools.documented(&passage.git, "g9");
    assert!(
        said.code == 0 && said.out.contains("Good \"sluice\" signature"),
        "docs/proofs.md: {said}"
    );
}

fn ours(passage: &Passage) {
    let signers = passage.signers().display().to_string();
    for options in [&[][..], &["--signers", &signers]] {
        let said = passage.verify(&passage.clone, options);
        assert_eq!(said.code, 0, "{options:?}: {said}");
        assert!(said.out.ends_with("\nverified\n"), "{said}");
    }
    let said = passage.verify(&passage.clone, &["--json", "--signers", &signers]);
    let report: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON document");
    assert_eq!(report["verified"], true, "{said}");
    assert_eq!(report["trust"], "told", "{said}");
    assert_eq!(
        report["head"]["covered_by"],
        serde_json::json!(["g9"]),
        "{said}"
    );

    let key = passage.path("somebody");
    let mut command = Command::new("ssh-keygen");
    let made = Ran::of(
        command
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key),
    );
    assert_eq!(made.code, 0, "{made}");
    let public = std::fs::read_to_string(key.with_extension("pub")).expect("a key");
    let wrong = passage.path("somebody.signers");
    std::fs::write(&wrong, format!("somebody {public}")).expect("the signers");
    let said = passage.verify(&passage.clone, &["--signers", &wrong.display().to_string()]);
    assert_eq!(said.code, 1, "{said}");
    for gate in GATES {
        let line = format!("{:<7} BAD", gate.to_uppercase());
        assert!(
            said.out.contains(&line),
            "{gate} is believed on a stranger's word: {said}"
        );
    }

    let plain = passage.path("plain");
    passage.git.git(&[
        "clone",
        "--quiet",
        &passage.git.path().display().to_string(),
        &plain.display().to_string(),
    ]);
    let said = passage.verify(&Repository::at(plain), &[]);
    assert_eq!(
        said.code, 1,
        "a clone without the chains has no proof: {said}"
    );
    assert!(
        said.out
            .contains("git fetch origin 'refs/gates/*:refs/gates/*'"),
        "{said}"
    );
}

/// The tools, and what they are told to trust.
pub(crate) struct Tools {
    signers: PathBuf,
    pem: PathBuf,
    folder: PathBuf,
}

/// The files of a decision, as git wrote them into a folder.
pub(crate) struct Entry {
    /// The folder.
    pub(crate) folder: PathBuf,
}

impl Entry {
    /// The envelopes in it.
    pub(crate) fn envelopes(&self) -> Vec<PathBuf> {
        let names = program::names(&self.folder);
        let envelopes = names.iter().filter(|name| name.ends_with(".dsse.json"));
        envelopes.map(|name| self.folder.join(name)).collect()
    }
}

impl Tools {
    /// They trust the key in the data directory of the demo.
    pub(crate) fn of(passage: &Passage) -> Tools {
        let folder = passage.path("foreign");
        std::fs::create_dir_all(&folder).expect("a folder");
        let tools = Tools {
            signers: passage.signers(),
            pem: folder.join("signer.pem"),
            folder,
        };
        let script = r#"
import re, sys
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key
line = re.search(r"ssh-ed25519 \S+", open(sys.argv[1]).read()).group()
sys.stdout.write(load_ssh_public_key(line.encode()).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
"#;
        let made = Ran::of(
            Command::new(verifier("python"))
                .args(["-c", script])
                .arg(&tools.signers),
        );
        assert_eq!(made.code, 0, "{made}");
        std::fs::write(&tools.pem, made.out).expect("the key");
        tools
    }

    /// `git verify-commit`.
    pub(crate) fn verify_commit(&self, repository: &Repository, commit: &str) -> Ran {
        let trust = format!("gpg.ssh.allowedSignersFile={}", self.signers.display());
        repository.try_git(&[
            "-c",
            "gpg.format=ssh",
            "-c",
            &trust,
            "verify-commit",
            commit,
        ])
    }

    /// `ssh-keygen -Y verify` on `decision`, with the signature that lies in the gate's chain.
    pub(crate) fn verify_decision(
        &self,
        repository: &Repository,
        gate: &str,
        decision: &[u8],
    ) -> Ran {
        let signature = self.folder.join("decision.json.sig");
        std::fs::write(&signature, repository.file(gate, "decision.json.sig")).expect("a file");
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-Y", "verify", "-n", "sluice", "-I", "daemon", "-f"])
            .arg(&self.signers);
        fed(command.arg("-s").arg(signature), decision)
    }

    /// The files of the last decision of a gate in a folder of their own.
    pub(crate) fn entry(&self, repository: &Repository, gate: &str) -> Entry {
        let folder = tempfile::tempdir_in(&self.folder).expect("a folder").keep();
        let tar = folder.with_extension("tar");
        let tip = format!("refs/gates/{gate}");
        repository.git(&["archive", "--output", &tar.display().to_string(), &tip]);
        let unpacked = Ran::of(
            Command::new("tar")
                .arg("-xf")
                .arg(tar)
                .arg("-C")
                .arg(&folder),
        );
        assert_eq!(unpacked.code, 0, "{unpacked}");
        Entry { folder }
    }

    /// securesystemslib on envelopes.
    pub(crate) fn verify_envelopes(&self, envelopes: &[PathBuf]) -> Ran {
        let mut command = Command::new(verifier("python"));
        Ran::of(command.args(["-c", DSSE]).arg(&self.pem).args(envelopes))
    }

    /// `in-toto-verify` on a decision's layout and links.
    pub(crate) fn verify_order(&self, entry: &Entry) -> Ran {
        let mut command = Command::new(verifier("in-toto-verify"));
        command
            .args([
                "--layout",
                "root.layout",
                "--link-dir",
                "links",
                "--verification-keys",
            ])
            .arg(&self.pem);
        Ran::of(command.current_dir(&entry.folder))
    }

    /// The commands of docs/proofs.md as they stand there.
    pub(crate) fn documented(&self, repository: &Repository, gate: &str) -> Ran {
        let page =
            std::fs::read_to_string(program::root().join("docs/proofs.md")).expect("the page");
        let blocks = page.split("```sh\n").skip(1);
        let script: String = blocks
            .map(|rest| rest.split("```").next().unwrap_or_default())
            .collect();
        assert!(
            script.contains("in-toto-verify"),
            "docs/proofs.md has no commands"
        );
        let folder = tempfile::tempdir_in(&self.folder).expect("a folder");
        std::fs::copy(&self.signers, folder.path().join("signers")).expect("the signers");
        let own = verifier("python");
        let own = own.parent().expect("a folder").display().to_string();
        let mut command = Command::new("bash");
        program::clean(&mut command);
        command
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(folder.path())
            .env(
                "PATH",
                format!("{own}:{}", std::env::var("PATH").expect("a path")),
            )
            .env("HOME", folder.path())
            .env("REPO", repository.path())
            .env("GATE", gate);
        Ran::of(&mut command)
    }
}
