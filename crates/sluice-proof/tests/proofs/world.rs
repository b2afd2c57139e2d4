//! A project that went through five gates, with its proofs in a real git repository.

use sluice_proof::audit::AuditRow;
use sluice_proof::entry::{self, EntryInput, entry};
use sluice_proof::statement::{
    CheckRun, Decision, DecisionKind, Document, Previous, Provenance, ResourceDescriptor,
    TestCounts, Verdict, Waiver, Who, WhoKind, provenance, test_result,
};
use sluice_proof::verify::{
    ChainEntry, CommitInfo, Expected, GateChain, Report, Repository, Trust, verify,
};
use sluice_proof::{
    FileDigest, Saw, Signer, Signers, Subject, layout, sha256_hex, sshsig, statement,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The gates of these tests, in order.
pub(crate) const GATES: [&str; 5] = ["g0", "g1", "g2", "g3", "g4"];
const AT: &str = "2026-11-21T09:00:00Z";

/// Files of an entry, as the builder gives them.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// The repository and who signs in it.
pub(crate) struct World {
    pub(crate) signer: Signer,
    pub(crate) signers: Signers,
    dir: tempfile::TempDir,
    tips: BTreeMap<&'static str, String>,
    head: Option<Subject>,
    passed: Vec<(String, String)>,
    previous: Option<Previous>,
}

/// What one decision is to look like; the tests bend it.
pub(crate) struct Case {
    pub(crate) kind: DecisionKind,
    pub(crate) who: Who,
    pub(crate) authors: Vec<Who>,
    pub(crate) verdict: Verdict,
    pub(crate) with_test_result: bool,
    pub(crate) documents: Vec<Document>,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) previous: Option<Previous>,
    pub(crate) subject: Subject,
    pub(crate) passed: Vec<(String, String)>,
}

pub(crate) fn person(name: &str) -> Who {
    Who {
        name: name.into(),
        kind: WhoKind::Person,
        role: "approver".into(),
    }
}

impl World {
    /// Five gates: one refused and then approved, one that does not apply, one waived.
    pub(crate) fn passed() -> Self {
        let mut world = Self::empty();
        world.pass("g0", DecisionKind::Approved);
        let subject = world.commit("g1 first try");
        let mut case = world.case(&subject, DecisionKind::Rejected);
        case.verdict = Verdict::Fail;
        let files = world.entry("g1", case);
        world.append("g1", &files);
        world.pass("g1", DecisionKind::Approved);
        world.pass("g2", DecisionKind::NotApplicable);
        world.pass("g3", DecisionKind::Waived);
        world.pass("g4", DecisionKind::Approved);
        world
    }

    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::generate("sluice test daemon");
        let signers = Signers::one("daemon@sluice", signer.public());
        let world = Self {
            signer,
            signers,
            dir,
            tips: BTreeMap::new(),
            head: None,
            passed: Vec::new(),
            previous: None,
        };
        world.git(&["init", "-q", "-b", "main", "."]);
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn head(&self) -> Subject {
        self.head.clone().expect("something was committed")
    }

    pub(crate) fn tip(&self, gate: &str) -> String {
        self.tips[gate].clone()
    }

    /// A commit of the project's own work on top of HEAD; HEAD does not move.
    pub(crate) fn commit(&self, text: &str) -> Subject {
        let tree = self.tree(&[("README.md".to_owned(), format!("{text}\n").into_bytes())]);
        let parents: Vec<String> = self.head.iter().map(|head| head.commit.clone()).collect();
        let commit = self.write_commit(&tree, &parents, "builder", text, None);
        Subject::new(commit, tree).unwrap()
    }

    pub(crate) fn case(&self, subject: &Subject, kind: DecisionKind) -> Case {
        let daemon = Who {
            name: "sluice".into(),
            kind: WhoKind::Daemon,
            role: String::new(),
        };
        let agent = Who {
            name: "builder".into(),
            kind: WhoKind::Agent,
            role: String::new(),
        };
        let waiver = Waiver {
            what: "audit".into(),
            findings: Vec::new(),
            why: "the registry has none".into(),
            until: Some("2027-01-01".into()),
        };
        Case {
            kind,
            who: if kind == DecisionKind::NotApplicable {
                daemon
            } else {
                person("ada")
            },
            authors: vec![agent],
            verdict: Verdict::Pass,
            with_test_result: kind != DecisionKind::NotApplicable,
            documents: Vec::new(),
            waivers: if kind == DecisionKind::Waived {
                vec![waiver]
            } else {
                Vec::new()
            },
            previous: self.previous.clone(),
            subject: subject.clone(),
            passed: self.passed.clone(),
        }
    }

    /// The files of a decision at `gate`.
    pub(crate) fn entry(&self, gate: &str, case: Case) -> Files {
        self.entry_by(gate, case, &self.signer, &self.signers)
    }

    pub(crate) fn entry_by(
        &self,
        gate: &str,
        case: Case,
        signer: &Signer,
        signers: &Signers,
    ) -> Files {
        let run = format!("run-{gate}");
        let log = (
            format!("{}build.log", entry::LOGS),
            b"> build\nok\n".to_vec(),
        );
        let report = (
            format!("{}vitest.json", entry::REPORTS),
            br#"{"numPassedTests":3}"#.to_vec(),
        );
        let mut evidence = Vec::new();
        let mut saw = Vec::new();
        let mut add = |kind: &str, path: &str, bytes: Vec<u8>| {
            saw.push(Saw {
                predicate_type: kind.into(),
                sha256: sha256_hex(&bytes),
                path: path.into(),
            });
            evidence.push((path.to_owned(), bytes));
        };
        if case.with_test_result {
            let check = CheckRun {
                name: "build".into(),
                verdict: case.verdict,
                required: true,
                exit_code: Some(0),
                end: "exited".into(),
                cached: false,
                cached_from: None,
                wall_ms: 12,
                command: vec!["npm".into(), "run".into(), "build".into()],
                engine: "native".into(),
                image: None,
                unenforced: Vec::new(),
                network: false,
                tests: TestCounts {
                    passed: 3,
                    failed: 0,
                    skipped: 0,
                },
                log: Some(FileDigest::of(&log.0, &log.1)),
                reports: vec![FileDigest::of(&report.0, &report.1)],
            };
            let lockfile =
                ResourceDescriptor::new("package-lock.json", "sha256", sha256_hex(b"{}"));
            let result = test_result(
                &case.subject,
                (gate, &run, 0),
                vec![lockfile],
                vec![check],
                AT,
            );
            add(
                statement::TEST_RESULT,
                entry::TEST_RESULT,
                result.sign(signer).unwrap().to_bytes(),
            );
            let made = Provenance {
                gate: gate.into(),
                reply_sha256: Some(sha256_hex(b"reply")),
                agent: Some("builder".into()),
                model: None,
                dependencies: vec![ResourceDescriptor::new(
                    "base",
                    "gitCommit",
                    &case.subject.commit,
                )],
                builder_id: format!("urn:sluice:daemon/{}", signer.public().keyid()),
                version: "0.1.0".into(),
                invocation_id: format!("{run}/0"),
                started_on: AT.into(),
                finished_on: AT.into(),
            };
            let made = provenance(&case.subject, made).sign(signer).unwrap();
            add(statement::PROVENANCE, entry::PROVENANCE, made.to_bytes());
        }
        let mut decision = Decision {
            project: "todo".into(),
            gate: gate.into(),
            run,
            step: 4,
            attempt: 0,
            decision: case.kind,
            who: case.who,
            comment: "looked at it".into(),
            subject_digest: String::new(),
            saw,
            authors: case.authors,
            fields: BTreeMap::from([("design".to_owned(), "b".into())]),
            waivers: case.waivers,
            escalations: Vec::new(),
            attempts: Vec::new(),
            documents: case.documents,
            previous: case.previous,
            at: AT.into(),
            sluice_version: "0.1.0".into(),
            sent_back: None,
            audit: None,
            files: Vec::new(),
        };
        decision.subject_digest = decision.computed_digest(&case.subject);
        let input = EntryInput {
            subject: case.subject,
            decision,
            evidence,
            reports: vec![report],
            logs: vec![log],
            passed: case.passed,
            signers,
            expires: layout::FAR_EXPIRY,
        };
        entry(input, signer).unwrap()
    }

    /// Passes a gate on a new commit (or on HEAD, when it does not apply) and moves HEAD.
    pub(crate) fn pass(&mut self, gate: &'static str, kind: DecisionKind) {
        let subject = if kind == DecisionKind::NotApplicable {
            self.head()
        } else {
            self.commit(&format!("{gate} work"))
        };
        let files = self.entry(gate, self.case(&subject, kind));
        self.append(gate, &files);
        self.previous = entry::previous(gate, &files);
        if kind.is_step() {
            self.passed.push((gate.to_owned(), subject.tree.clone()));
            self.git(&[
                "update-ref",
                &format!("refs/tags/gates/{gate}"),
                &subject.commit,
            ]);
        }
        self.advance(&subject);
    }

    /// Moves HEAD, as an approval does.
    pub(crate) fn advance(&mut self, subject: &Subject) {
        self.git(&["update-ref", "refs/heads/main", &subject.commit]);
        self.head = Some(subject.clone());
    }

    /// Commits an entry to the gate's chain, signed.
    pub(crate) fn append(&mut self, gate: &'static str, files: &Files) -> String {
        let parents: Vec<String> = self.tips.get(gate).cloned().into_iter().collect();
        let tree = self.tree(files);
        let commit = self.write_commit(
            &tree,
            &parents,
            "sluice",
            &format!("{gate}: decision"),
            Some(&self.signer),
        );
        self.git(&["update-ref", &format!("refs/gates/{gate}"), &commit]);
        self.tips.insert(gate, commit.clone());
        commit
    }

    /// Takes a gate's chain away again.
    pub(crate) fn retract(&mut self, gate: &str) {
        self.git(&["update-ref", "-d", &format!("refs/gates/{gate}")]);
        self.tips.remove(gate);
    }

    pub(crate) fn write_commit(
        &self,
        tree: &str,
        parents: &[String],
        who: &str,
        text: &str,
        signer: Option<&Signer>,
    ) -> String {
        let parents: String = parents
            .iter()
            .map(|parent| format!("parent {parent}\n"))
            .collect();
        let who = format!("{who} <{who}@localhost> 1795251600 +0000");
        let head = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n");
        let unsigned = format!("{head}\n{text}\n");
        let raw = match signer {
            None => unsigned,
            Some(signer) => {
                let signature = sshsig("git", unsigned.as_bytes(), signer).unwrap();
                let folded = signature.trim_end().replace('\n', "\n ");
                format!("{head}gpgsig {folded}\n\n{text}\n")
            }
        };
        self.hash_object("commit", raw.as_bytes())
    }

    pub(crate) fn hash_object(&self, kind: &str, bytes: &[u8]) -> String {
        text(&self.run(
            &["hash-object", "-t", kind, "-w", "--stdin"],
            Some(bytes),
            &[],
        ))
    }

    fn tree(&self, files: &[(String, Vec<u8>)]) -> String {
        let index = self.path().join(".git/test-index");
        std::fs::remove_file(&index).ok();
        let env = [("GIT_INDEX_FILE", index.as_path())];
        let mut list = String::new();
        for (path, bytes) in files {
            list.push_str(&format!(
                "100644 {}\t{path}\n",
                self.hash_object("blob", bytes)
            ));
        }
        self.run(
            &["update-index", "--add", "--index-info"],
            Some(list.as_bytes()),
            &env,
        );
        text(&self.run(&["write-tree"], None, &env))
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        text(&self.run(args, None, &[]))
    }

    fn run(&self, args: &[&str], input: Option<&[u8]>, env: &[(&str, &Path)]) -> Output {
        let output = self.try_git(args, input, env);
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    pub(crate) fn try_git(
        &self,
        args: &[&str],
        input: Option<&[u8]>,
        env: &[(&str, &Path)],
    ) -> Output {
        let mut command = Command::new("git");
        command
            .current_dir(self.path())
            .args(args)
            .envs(env.iter().copied());
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", self.path());
        feed(command, input.unwrap_or_default())
    }

    /// Reads everything back out of git, as an adapter would.
    pub(crate) fn read(&self) -> Read {
        let mut commits = BTreeMap::new();
        for line in self
            .git(&["log", "--all", "--format=%H%x09%T%x09%P%x09%an"])
            .lines()
        {
            let fields: Vec<&str> = line.split('\t').collect();
            let info = CommitInfo {
                tree: fields[1].into(),
                parents: fields[2].split_whitespace().map(str::to_owned).collect(),
                author: Some(fields[3].into()),
            };
            commits.insert(fields[0].to_owned(), info);
        }
        let chains = GATES
            .iter()
            .filter(|gate| self.tips.contains_key(**gate))
            .map(|gate| self.chain(gate))
            .collect();
        let tags = self.git(&[
            "for-each-ref",
            "--format=%(refname:lstrip=3) %(objectname)",
            "refs/tags/gates",
        ]);
        let tags = tags
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(a, b)| (a.into(), b.into()))
            .collect();
        Read {
            head: self.head.clone(),
            chains,
            tags,
            commits,
            audit: None,
            now: None,
        }
    }

    fn chain(&self, gate: &str) -> GateChain {
        let list = self.git(&["rev-list", "--reverse", &format!("refs/gates/{gate}")]);
        let entries = list
            .lines()
            .map(|commit| {
                let raw = self.run(&["cat-file", "commit", commit], None, &[]).stdout;
                let (signed_bytes, signature) = split_signature(&String::from_utf8(raw).unwrap());
                let parents = self.git(&["log", "-1", "--format=%P", commit]);
                let files = self.git(&["ls-tree", "-r", commit]);
                let files = files.lines().map(|line| {
                    let (meta, path) = line.split_once('\t').unwrap();
                    let blob = meta.split(' ').nth(2).unwrap();
                    (
                        path.to_owned(),
                        self.run(&["cat-file", "blob", blob], None, &[]).stdout,
                    )
                });
                ChainEntry {
                    commit: commit.to_owned(),
                    parents: parents.split_whitespace().map(str::to_owned).collect(),
                    signed_bytes,
                    signature,
                    files: files.collect(),
                }
            })
            .collect();
        GateChain {
            gate: gate.to_owned(),
            entries,
        }
    }

    /// Writes the files of a gate's last entry into a folder of the disk.
    pub(crate) fn export(&self, gate: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let chain = self.chain(gate);
        for (path, bytes) in &chain.entries.last().unwrap().files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        dir
    }
}

/// What was read; the tests bend it and have it verified.
#[derive(Clone)]
pub(crate) struct Read {
    pub(crate) head: Option<Subject>,
    pub(crate) chains: Vec<GateChain>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) commits: BTreeMap<String, CommitInfo>,
    pub(crate) audit: Option<Vec<AuditRow>>,
    pub(crate) now: Option<String>,
}

impl Read {
    pub(crate) fn verify(&self, trust: Trust<'_>) -> Report {
        let lookup = |oid: &str| self.commits.get(oid).cloned();
        let repository = Repository {
            head: self.head.clone(),
            gates: self.chains.clone(),
            tags: self.tags.clone(),
            commits: &lookup,
            audit: self.audit.clone(),
            now: self.now.clone(),
        };
        verify(&repository, trust, &Expected::gates(GATES))
    }

    pub(crate) fn last(&mut self, gate: &str) -> &mut ChainEntry {
        self.chain(gate).entries.last_mut().unwrap()
    }

    pub(crate) fn chain(&mut self, gate: &str) -> &mut GateChain {
        self.chains
            .iter_mut()
            .find(|chain| chain.gate == gate)
            .unwrap()
    }
}

/// Every problem of a report as one text.
pub(crate) fn problems(report: &Report) -> String {
    let gates = report.gates.iter().flat_map(|gate| {
        gate.problems
            .iter()
            .map(move |p| format!("{}: {p}", gate.gate))
    });
    gates
        .chain(report.problems.iter().cloned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Runs a program with `input` on its standard input.
pub(crate) fn feed(mut command: Command, input: &[u8]) -> Output {
    let spawned = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that refuses early closes its input; that is its right.
    child.stdin.take().unwrap().write_all(input).ok();
    child.wait_with_output().unwrap()
}

/// The Python that has in-toto and securesystemslib.
pub(crate) fn verifiers(program: &str) -> PathBuf {
    let home = std::env::var_os("SLUICE_VERIFIERS").map_or_else(
        || {
            let cache = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty());
            cache
                .map_or_else(|| PathBuf::from("/var/cache"), PathBuf::from)
                .join("sluice/verifiers")
        },
        PathBuf::from,
    );
    let path = home.join("bin").join(program);
    assert!(
        path.exists(),
        "{} is missing: run scripts/verifiers.sh first",
        path.display()
    );
    path
}

fn split_signature(raw: &str) -> (Vec<u8>, Option<String>) {
    let (headers, body) = raw.split_once("\n\n").unwrap();
    let mut kept = String::new();
    let mut signature: Option<String> = None;
    let mut inside = false;
    for line in headers.lines() {
        if let Some(first) = line.strip_prefix("gpgsig ") {
            (signature, inside) = (Some(format!("{first}\n")), true);
        } else if let (true, Some(rest)) = (inside, line.strip_prefix(' ')) {
            signature.as_mut().unwrap().push_str(&format!("{rest}\n"));
        } else {
            inside = false;
            kept.push_str(&format!("{line}\n"));
        }
    }
    (format!("{kept}\n{body}").into_bytes(), signature)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim_end()
        .to_owned()
}
