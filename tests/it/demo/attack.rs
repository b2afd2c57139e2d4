//! What a stranger could do to a repository with proofs: `sluice verify` names each, and so do other tools where
//! they can see it.

use std::process::Command;

use serde_json::Value;

use super::foreign::Tools;
use super::passage::{GATES, Passage};
use super::program::Ran;
use super::repository::{Repository, fed};

/// Where a problem must be told.
#[derive(Clone, Copy)]
enum At {
    Gate(&'static str),
    Repository,
}

struct Attack<'a> {
    passage: &'a Passage,
    tools: Tools,
}

/// Every attack, each on a copy of its own.
pub(crate) fn all(passage: &Passage) {
    let attack = Attack {
        passage,
        tools: Tools::of(passage),
    };
    attack.a_byte_of_an_envelope();
    attack.a_byte_of_a_report();
    attack.another_subject();
    attack.another_gate_s_files();
    attack.a_skipped_gate();
    attack.two_gates_swapped();
    attack.a_stranger_s_signature();
    attack.no_signature();
    attack.a_file_more();
    attack.a_gate_that_nobody_knows();
    attack.a_moved_tag();
    attack.main_on_something_unproven();
    attack.main_on_something_older();
    attack.an_object_replaced_on_disk();
}

impl Attack<'_> {
    /// A copy for one attack.
    fn copy(&self, name: &str) -> Repository {
        self.passage
            .clone
            .copy_into(&self.passage.path(&format!("attacked-{name}")))
    }

    /// `sluice verify` refuses with a problem that says `what`, whomever it is told to trust.
    fn refused(&self, attacked: &Repository, at: At, what: &str) {
        let signers = self.passage.signers().display().to_string();
        for options in [&["--json"][..], &["--json", "--signers", &signers]] {
            let said = self.passage.verify(attacked, options);
            assert_eq!(said.code, 1, "{}: {said}", attacked.path().display());
            let report: Value = serde_json::from_str(&said.out).expect("one JSON document");
            assert_eq!(report["verified"], false, "{said}");
            let problems = match at {
                At::Repository => &report["problems"],
                At::Gate(gate) => {
                    let index = GATES.iter().position(|one| *one == gate).expect("a gate");
                    &report["gates"][index]["problems"]
                }
            };
            let problems = problems.as_array().expect("problems");
            let is_told = problems
                .iter()
                .filter_map(Value::as_str)
                .any(|problem| problem.contains(what));
            assert!(
                is_told,
                "{}: no {what:?} in {problems:#?}",
                attacked.path().display()
            );
        }
        let said = self.passage.verify(attacked, &["--signers", &signers]);
        assert_eq!(said.code, 1, "{said}");
        if let At::Gate(gate) = at {
            let line = format!("{:<7} BAD", gate.to_uppercase());
            assert!(
                said.out.contains(&line) && said.out.contains("NOT verified"),
                "{gate} is not named: {said}"
            );
        }
    }

    /// `git verify-commit` refuses it too.
    fn refused_by_git(&self, attacked: &Repository, commit: &str) {
        let said = self.tools.verify_commit(attacked, commit);
        assert_ne!(
            said.code,
            0,
            "git took {}: {said}",
            attacked.path().display()
        );
    }

    fn a_byte_of_an_envelope(&self) {
        for path in [
            "decision.dsse.json",
            "test-result.dsse.json",
            "provenance.dsse.json",
        ] {
            let attacked = self.copy(&format!("byte-{path}"));
            let mut bytes = attacked.file("g5", path);
            let at = String::from_utf8_lossy(&bytes)
                .find("\"payload\":\"")
                .expect("a payload")
                + 200;
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let tree = attacked.tree_with(&attacked.tip("g5"), &[(path, &bytes)]);
            let commit = attacked.put_tree("g5", &tree);
            self.refused(&attacked, At::Gate("g5"), path);
            self.refused_by_git(&attacked, &commit);
            let entry = self.tools.entry(&attacked, "g5");
            let said = self.tools.verify_envelopes(&[entry.folder.join(path)]);
            assert!(
                said.code != 0 && said.err.contains("VerificationError"),
                "securesystemslib took {path}: {said}"
            );
        }
    }

    fn a_byte_of_a_report(&self) {
        for path in ["reports/checks.json", "logs/build.log", "root.layout"] {
            let attacked = self.copy(&format!("report-{}", path.replace('/', "-")));
            let mut bytes = attacked.file("g6", path);
            bytes[30] = if bytes[30] == b'A' { b'B' } else { b'A' };
            let tree = attacked.tree_with(&attacked.tip("g6"), &[(path, &bytes)]);
            let commit = attacked.put_tree("g6", &tree);
            self.refused(&attacked, At::Gate("g6"), path);
            self.refused_by_git(&attacked, &commit);
            if path == "root.layout" {
                let said = self.tools.verify_order(&self.tools.entry(&attacked, "g6"));
                assert_ne!(said.code, 0, "in-toto-verify took a changed layout: {said}");
            }
        }
    }

    /// The decision of G6, moved to what G5 passed.
    fn another_subject(&self) {
        let attacked = self.copy("subject");
        let plain = String::from_utf8(attacked.file("g6", "decision.json")).expect("text");
        let tag = |gate: &str, what: &str| attacked.oid(&format!("refs/tags/gates/{gate}{what}"));
        let mut swapped = plain.clone();
        for what in ["", "^{tree}"] {
            swapped = swapped.replacen(&tag("g6", what), &tag("g5", what), 1);
        }
        assert_ne!(swapped, plain, "the edit must edit");
        let payload = fed(Command::new("base64").arg("--wrap=0"), swapped.as_bytes()).out;
        let mut envelope: Value =
            serde_json::from_slice(&attacked.file("g6", "decision.dsse.json")).expect("JSON");
        envelope["payload"] = payload.trim_end().into();
        let envelope = format!("{envelope}\n");
        let files = [
            ("decision.json", swapped.as_bytes()),
            ("decision.dsse.json", envelope.as_bytes()),
        ];
        let tree = attacked.tree_with(&attacked.tip("g6"), &files);
        let commit = attacked.put_tree("g6", &tree);
        self.refused(&attacked, At::Gate("g6"), "decision.dsse.json");
        self.refused_by_git(&attacked, &commit);
        let said = self
            .tools
            .verify_decision(&attacked, "g6", swapped.as_bytes());
        assert_ne!(said.code, 0, "ssh-keygen took it: {said}");
        let entry = self.tools.entry(&attacked, "g6");
        let said = self
            .tools
            .verify_envelopes(&[entry.folder.join("decision.dsse.json")]);
        assert!(
            said.code != 0 && said.err.contains("VerificationError"),
            "securesystemslib took it: {said}"
        );
    }

    /// The files of G5's decision, each well signed, under the commit of G6's.
    fn another_gate_s_files(&self) {
        let attacked = self.copy("tree");
        let commit = attacked.put_tree("g6", &attacked.oid("refs/gates/g5^{tree}"));
        self.refused(&attacked, At::Gate("g6"), "the decision is for gate \"g5\"");
        self.refused(&attacked, At::Gate("g6"), "commit signature");
        self.refused_by_git(&attacked, &commit);
    }

    fn a_skipped_gate(&self) {
        let attacked = self.copy("skipped");
        attacked.git(&["update-ref", "-d", "refs/gates/g4"]);
        self.refused(&attacked, At::Gate("g5"), "g4");
        self.refused(&attacked, At::Gate("g4"), "tag gates/g4");
        attacked.git(&["update-ref", "-d", "refs/tags/gates/g4"]);
        self.refused(
            &attacked,
            At::Gate("g5"),
            "it was passed, but g4 before it was not",
        );
        // in-toto sees the links that lie in the last decision.
        let entry = self.tools.entry(&self.passage.clone, "g9");
        let links = entry.folder.join("links");
        let names = super::program::names(&links);
        let link = names
            .iter()
            .find(|name| name.starts_with("g4."))
            .expect("a link");
        std::fs::remove_file(links.join(link)).expect("removed");
        let said = self.tools.verify_order(&entry);
        assert!(
            said.code != 0 && said.err.contains("g4"),
            "in-toto-verify took a skipped gate: {said}"
        );
    }

    fn two_gates_swapped(&self) {
        let attacked = self.copy("swapped");
        let (five, six) = (attacked.tip("g5"), attacked.tip("g6"));
        attacked.point("refs/gates/g5", &six);
        attacked.point("refs/gates/g6", &five);
        self.refused(&attacked, At::Gate("g5"), "the decision is for gate \"g6\"");
        self.refused(&attacked, At::Gate("g6"), "the decision is for gate \"g5\"");
    }

    /// The honest files of a decision in a commit that somebody else signed, well.
    fn a_stranger_s_signature(&self) {
        let attacked = self.copy("stranger");
        let key = self.passage.path("stranger");
        let made = Ran::of(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&key),
        );
        assert_eq!(made.code, 0, "{made}");
        let signing = format!("user.signingKey={}", key.display());
        let tree = attacked.oid("refs/gates/g3^{tree}");
        let commit = attacked.git(&[
            "-c",
            "gpg.format=ssh",
            "-c",
            &signing,
            "commit-tree",
            "-S",
            "-m",
            "g3: decision",
            &tree,
        ]);
        attacked.point("refs/gates/g3", &commit);
        self.refused(&attacked, At::Gate("g3"), "commit signature");
        self.refused_by_git(&attacked, &commit);
    }

    fn no_signature(&self) {
        let attacked = self.copy("unsigned");
        let commit = attacked.rewrite("g8", |raw| {
            let (headers, message) = raw.split_once("\n\n").expect("a message");
            let kept: Vec<&str> = headers
                .lines()
                .filter(|line| !line.starts_with("gpgsig ") && !line.starts_with(' '))
                .collect();
            format!("{}\n\n{message}", kept.join("\n"))
        });
        self.refused(&attacked, At::Gate("g8"), "the commit is not signed");
        self.refused_by_git(&attacked, &commit);
    }

    fn a_file_more(&self) {
        let attacked = self.copy("more");
        let tree = attacked.tree_with(&attacked.tip("g1"), &[("logs/more.log", b"all is well\n")]);
        let commit = attacked.put_tree("g1", &tree);
        self.refused(
            &attacked,
            At::Gate("g1"),
            "logs/more.log is not part of the decision",
        );
        self.refused_by_git(&attacked, &commit);
    }

    fn a_gate_that_nobody_knows(&self) {
        let attacked = self.copy("unknown");
        attacked.point("refs/gates/g10", &attacked.tip("g9"));
        self.refused(
            &attacked,
            At::Repository,
            "refs/gates/g10 belongs to no gate",
        );
    }

    fn a_moved_tag(&self) {
        let attacked = self.copy("tag");
        attacked.point("refs/tags/gates/g7", &attacked.oid("refs/tags/gates/g6"));
        self.refused(&attacked, At::Gate("g7"), "tag gates/g7 is on");
    }

    fn main_on_something_unproven(&self) {
        let attacked = self.copy("main");
        let tree = attacked.tree_with(
            "HEAD",
            &[("src/backdoor.ts", b"export const open = true;\n")],
        );
        let commit = attacked.git(&["commit-tree", "-p", "HEAD", "-m", "g9: attempt 1", &tree]);
        attacked.point("refs/heads/main", &commit);
        self.refused(&attacked, At::Repository, "HEAD is not what g9 passed");
        let said = self.tools.documented(&attacked, "g9");
        assert_ne!(
            said.code, 0,
            "the documented commands took another HEAD: {said}"
        );
    }

    fn main_on_something_older(&self) {
        let attacked = self.copy("older");
        attacked.point("refs/heads/main", &attacked.oid("refs/tags/gates/g5"));
        self.refused(&attacked, At::Repository, "HEAD is not what g9 passed");
    }

    /// The bytes of an object changed below git, its name kept.
    fn an_object_replaced_on_disk(&self) {
        let attacked = self.copy("object");
        // Loose, so that there is one file to replace.
        let blob = attacked.oid("refs/gates/g5:decision.json");
        let other = attacked.oid("refs/gates/g6:decision.json");
        let file = |oid: &str| {
            attacked
                .path()
                .join(".git/objects")
                .join(&oid[..2])
                .join(&oid[2..])
        };
        let bytes = std::fs::read(file(&other)).expect("a clone by path has loose objects");
        std::fs::remove_file(file(&blob)).expect("a loose object");
        std::fs::write(file(&blob), bytes).expect("written");
        self.refused(&attacked, At::Gate("g5"), "cannot be read");
        let said = attacked.try_git(&["fsck", "--no-progress"]);
        assert_ne!(said.code, 0, "git took a replaced object: {said}");
    }
}
