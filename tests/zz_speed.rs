#![allow(clippy::disallowed_methods)]
use askonce::record::Fixture;
use askonce::rerun::{
    self,
    redact::{Key, redact},
};
use askonce::server::files::{self, Disk};
#[test]
fn speed() {
    let key = Key::new(&[7; 32]);
    for name in ["clean", "retries", "contact-center", "bank-card", "clinic", "utility-outage"] {
        let text = std::fs::read_to_string(format!("fixtures/{name}/call.jsonl")).unwrap();
        let f = Fixture::read(&text).unwrap();
        let p = files::load(&Disk, std::path::Path::new(&format!("flows/{}.yaml", f.header.flow))).0.unwrap().program;
        let n = 200;
        let t = std::time::Instant::now();
        for _ in 0..n {
            rerun::run(&f, p.clone()).unwrap();
        }
        let one = t.elapsed() / n;
        let t = std::time::Instant::now();
        for _ in 0..n {
            redact(&f, &p, &key).unwrap();
        }
        let all = t.elapsed() / n;
        let t = std::time::Instant::now();
        for _ in 0..n {
            f.write().unwrap();
        }
        println!("{name}: rerun {one:?} redact {all:?} write {:?} lines {}", t.elapsed() / n, f.lines.len());
    }
}
