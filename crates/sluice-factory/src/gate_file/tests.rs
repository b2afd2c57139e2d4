//! Tests of gate files: what the built-in ones demand, and what is refused with which words.

use super::*;

const SHORT: &str = r#"
name = "Development"
purpose = "It is built."
worker = "backend"
"#;

fn refused(text: &str) -> String {
    GateFile::parse(Gate::G5, text).unwrap_err().to_string()
}

fn paths(file: &GateFile) -> Vec<&str> {
    file.documents
        .iter()
        .map(|rule| rule.path.as_str())
        .collect()
}

#[test]
fn the_built_in_files_demand_what_the_first_system_demanded() {
    let set = GateSet::built_in().unwrap();
    let documents: Vec<Vec<String>> = Gate::ALL
        .into_iter()
        .map(|gate| {
            let file = set.file(gate);
            paths(&file).into_iter().map(str::to_owned).collect()
        })
        .collect();
    let expected: [&[&str]; 10] = [
        &["docs/INTAKE.md"],
        &["docs/SCOPE.md", "docs/TASKS.md"],
        &["docs/PRD.md", "docs/USER_STORIES.md"],
        &[
            "specs/openapi.yaml",
            "specs/schemas/*.json",
            "docs/ARCHITECTURE.md",
            "docs/TECH_STACK.md",
        ],
        &[
            "design/option-*.html",
            "design/COMPARISON.md",
            "design/DESIGN_SYSTEM.md",
        ],
        &["README.md"],
        &["docs/TEST_PLAN.md"],
        &["docs/SECURITY_AUDIT.md"],
        &[
            "docs/DEPLOYMENT_GUIDE.md",
            "docs/ROLLBACK.md",
            "deploy/staging/*.yaml",
            ".github/workflows/*.yml",
        ],
        &["docs/RUNBOOK.md", "deploy/production/*.yaml"],
    ];
    assert_eq!(documents, expected.map(|paths| paths.to_vec()));
    let checks = Gate::ALL.map(|gate| set.file(gate).checks.join(" "));
    let code = "install build test lint";
    assert_eq!(
        checks,
        [
            "",
            "",
            "",
            "",
            "",
            code,
            code,
            "install build test lint audit",
            "install build test lint smoke",
            "install build test lint smoke",
        ]
    );
    for gate in Gate::ALL {
        let file = set.file(gate);
        assert_eq!(
            file.rule(),
            Rule {
                heal_attempts: 3,
                approvals: 1
            }
        );
        assert!(file.approval.role >= Role::Approver, "{gate}");
        // Only the audit may be left unanswered, and only where a person reviews security.
        let accepted: &[&str] = if gate == Gate::G7 { &["audit"] } else { &[] };
        assert_eq!(file.accept_unknown, accepted, "{gate}");
    }
}

#[test]
fn only_projects_with_an_interface_pass_through_design_where_one_of_three_is_chosen() {
    let set = GateSet::built_in().unwrap();
    for gate in Gate::ALL {
        let kinds = set.file(gate).applies_to.clone();
        let expected = if gate == Gate::G4 {
            vec![ProjectKind::Web]
        } else {
            ProjectKind::ALL.to_vec()
        };
        assert_eq!(kinds, expected, "{gate}");
    }
    let design = set.file(Gate::G4);
    assert_eq!(design.documents[0].count, Some(3));
    let field = &design.fields[0];
    assert!(field.required);
    assert_eq!(
        field.choices_glob.as_deref(),
        Some(design.documents[0].path.as_str())
    );
}

#[test]
fn every_worker_of_the_built_in_files_has_a_prompt() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/agents");
    let roles = crate::roles::Roles::from_folder(&folder).unwrap();
    let set = GateSet::built_in().unwrap();
    for gate in Gate::ALL {
        let worker = set.file(gate).worker.clone();
        let role = roles
            .role(&worker)
            .unwrap_or_else(|| panic!("{gate}: no role {worker:?}"));
        assert!(
            role.head.gates.contains(&gate),
            "{worker} does not say that it works at {gate}"
        );
    }
}

#[test]
fn a_short_file_has_the_documented_defaults() {
    let file = GateFile::parse(Gate::G5, SHORT).unwrap();
    assert_eq!(file.applies_to, ProjectKind::ALL);
    assert_eq!((file.heal_attempts, file.approval.approvals), (3, 1));
    assert_eq!(file.approval.role, Role::Approver);
    assert!(file.checks.is_empty() && file.documents.is_empty() && file.fields.is_empty());
    assert_eq!(file.health.path, "/health");
    assert!(!file.accepts_unknown("audit"));
}

#[test]
fn a_wrong_value_is_refused_by_the_name_of_its_key() {
    let cases = [
        ("[approval]\napprovals = 0", "approval.approvals"),
        ("[approval]\nrole = \"operator\"", "approval.role"),
        ("[approval]\nrole = \"viewer\"", "approval.role"),
        ("[approval]\nrole = \"boss\"", "boss"),
        ("[approval]\nquorum = 2", "quorum"),
        ("heal_attempts = 10", "heal_attempts"),
        ("checks = [\"test\"]\ncoverage = 80", "coverage"),
        ("checks = [\"test\"]\ncoverage = 0.0", "coverage"),
        ("checks = [\"test\"]\ncoverage = nan", "coverage"),
        ("checks = [\"build\"]\ncoverage = 0.8", "coverage"),
        ("heal_attempts = -1", "heal_attempts"),
        ("checks = [\"biuld\"]", "checks names \"biuld\""),
        (
            "accept_unknown = [\"adit\"]",
            "accept_unknown names \"adit\"",
        ),
        ("applies_to = []", "applies_to"),
        ("applies_to = [\"game\"]", "game"),
        ("aproval = 1", "aproval"),
        ("[health]\npath = \"health\"", "health.path"),
        ("[health]\nport = 80", "port"),
        (
            "[[documents]]\npath = \"a.md\"\nkind = \"markdown\"\nkinds = [\"game\"]",
            "documents.kinds names \"game\"",
        ),
        ("[[documents]]\npath = \"a.md\"\nkind = \"pdf\"", "pdf"),
        (
            "[[documents]]\npath = \"../a\"\nkind = \"text\"",
            "stay in it",
        ),
        (
            "[[documents]]\npath = \"a\"\nkind = \"text\"\ncuont = 1",
            "cuont",
        ),
        ("[[fields]]\nname = \"a\"", "prompt"),
        (
            "[[fields]]\nname = \"a\"\nprompt = \"?\"\nchoice = \"*\"",
            "choice",
        ),
    ];
    for (line, expected) in cases {
        let said = refused(&format!("{SHORT}{line}\n"));
        assert!(said.contains(expected), "{line}: {said}");
        assert!(said.contains("gates/g5.toml"), "{line}: {said}");
    }
}

#[test]
fn broken_toml_is_refused_with_the_file_and_the_line() {
    let said = refused("name = \"A\"\npurpose = \"B\nworker = \"c\"\n");
    assert!(
        said.contains("gates/g5.toml") && said.contains("line 2"),
        "{said}"
    );
    let said = refused(&format!("{SHORT}heal_attempts = 3\nheal_attempts = 4\n"));
    assert!(said.contains("line 6"), "{said}");
    for hostile in ["", "\0", "[[[[", "name = 1", "a.b.c.d = {}"] {
        assert!(refused(hostile).contains("gates/g5.toml"), "{hostile:?}");
    }
}

#[test]
fn a_kind_leaves_out_what_is_not_for_it() {
    let text = format!(
        "{SHORT}checks = [\"build\", \"smoke\"]\n\
         [[documents]]\npath = \"all.md\"\nkind = \"text\"\n\
         [[documents]]\npath = \"page.html\"\nkind = \"html\"\nkinds = [\"web\"]\n\
         [[documents]]\npath = \"api.yaml\"\nkind = \"openapi\"\nkinds = [\"service\", \"ai\"]\n"
    );
    let file = GateFile::parse(Gate::G8, &text).unwrap();
    let of = |kind| {
        let file = file.clone().for_kind(kind);
        (file.checks.join(" "), paths(&file).join(" "))
    };
    let expected = |checks: &str, documents: &str| (checks.to_owned(), documents.to_owned());
    assert_eq!(of(ProjectKind::Library), expected("build", "all.md"));
    assert_eq!(
        of(ProjectKind::Web),
        expected("build smoke", "all.md page.html")
    );
    assert_eq!(
        of(ProjectKind::Service),
        expected("build smoke", "all.md api.yaml")
    );
    assert_eq!(
        of(ProjectKind::Ai),
        expected("build smoke", "all.md api.yaml")
    );
}

#[test]
fn a_folder_must_hold_all_ten_files_and_the_one_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for gate in Gate::ALL {
        std::fs::write(folder.path().join(format!("{gate}.toml")), SHORT).unwrap();
    }
    let set = GateSet::from_folder(folder.path()).unwrap();
    assert_eq!(&*set.text(Gate::G7), SHORT);
    std::fs::remove_file(folder.path().join("g7.toml")).unwrap();
    let error = GateSet::from_folder(folder.path()).unwrap_err();
    assert!(error.to_string().contains("g7.toml"), "{error}");
    std::fs::write(folder.path().join("g7.toml"), b"name = \"\xff\"").unwrap();
    let error = GateSet::from_folder(folder.path()).unwrap_err();
    assert!(error.to_string().contains("g7.toml"), "{error}");
}
