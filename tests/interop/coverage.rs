//! What `askonce coverage --lcov` writes is read by genhtml, of Debian's lcov.

use std::path::Path;
use std::process::{Command, Output};

fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output().expect("it runs");
    let text = String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {text}");
    output
}

#[test]
fn genhtml_shows_the_lines_of_flows() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let askonce = env!("CARGO_BIN_EXE_askonce");
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let flow = |name: &str| flows.join(name).display().to_string();
    let (center, brands) = (flow("contact-center.yaml"), flow("multi-brand.yaml"));
    for flow in [&center, &brands] {
        run(askonce, &["explore", flow, "--write", &at("suite"), "--budget", "8"]);
    }
    let (suite, lcov, page) = (at("suite"), at("lcov.info"), at("page"));
    run(askonce, &["coverage", &center, &brands, "--fixtures", &suite, "--lcov", &lcov]);
    let told = run("genhtml", &["--branch-coverage", &lcov, "-o", &page]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(["lines......: ", "functions..: ", "branches...: "].iter().all(|kind| told.contains(kind)), "{told}");
    assert!(!told.contains("no data found"), "{told}");
}
