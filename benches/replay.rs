//! How quickly recorded calls run again, of each layer: `cargo bench --bench replay`. Counted is the CPU time of the one
//! thread that does it all, the reading of the files among it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "benchmarks measure the world")]

use askonce::call::Program;
use askonce::flow::proof;
use askonce::record::Fixture;
use askonce::replay::stage::{self, Place};
use askonce::rerun;
use askonce::server::files::{self, Disk};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLOWS: [&str; 9] = [
    "account-desk",
    "after-hours",
    "announce-desk",
    "bank-card",
    "clinic",
    "contact-center",
    "multi-brand",
    "pharmacy",
    "utility-outage",
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut programs = BTreeMap::new();
    let mut files = Vec::new();
    for flow in FLOWS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/{flow}.yaml"));
        let service = files::load(&Disk, &path).0.expect("the flow loads");
        let Program { flow: loaded, prompts } = &service.program;
        let (scripts, _) = proof::calls(loaded, prompts).expect("few enough states");
        let place = Place::made_up(loaded);
        for script in scripts {
            let performed = stage::perform(&service.program, &service.arena, &place, &script);
            let fixture = performed.unwrap_or_else(|unfit| panic!("{flow}: {unfit}")).fixture;
            let file = folder.path().join(format!("{}.jsonl", files.len()));
            std::fs::write(&file, fixture.write().expect("a recording")).expect("a file");
            files.push(file);
        }
        programs.insert(flow.to_owned(), service.program);
    }
    let bytes: u64 = files.iter().map(|file| std::fs::metadata(file).expect("a file").len()).sum();
    println!("{} fixtures of {} bytes in the mean", files.len(), bytes / files.len() as u64);
    let read = |file: &PathBuf| std::fs::read_to_string(file).expect("a file");
    let parsed = |file: &PathBuf| Fixture::read(&read(file)).expect("a recording");
    let run = |file: &PathBuf| {
        let fixture = parsed(file);
        let replayed = rerun::run(&fixture, programs[&fixture.header.flow].clone()).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None);
        replayed
    };
    let [read, parsed, run] = [
        micros(&files, |file| drop(std::hint::black_box(read(file)))),
        micros(&files, |file| drop(std::hint::black_box(parsed(file)))),
        micros(&files, |file| drop(std::hint::black_box(run(file)))),
    ];
    let rate = 1e6 / run;
    println!("of each: read {read:.1} us, parsed {:.1} us, run and compared {:.1} us", parsed - read, run - parsed);
    println!("{rate:.0} event fixtures a second on one core");
}

/// Microseconds of CPU for each file. The kernel counts a thread's time by ticks of some milliseconds: a second is enough.
fn micros(files: &[PathBuf], mut once: impl FnMut(&PathBuf)) -> f64 {
    let (begun, mut times) = (cpu(), 0);
    while cpu() - begun < 1.0 {
        files.iter().for_each(&mut once);
        times += files.len();
    }
    (cpu() - begun) * 1e6 / times as f64
}

/// CPU seconds of this thread.
fn cpu() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    times.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}
