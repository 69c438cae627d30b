//! How quickly recorded calls run again, of each layer: `cargo bench --bench replay`. Counted is the CPU time of the one
//! thread that does it all, the reading of the files among it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "benchmarks measure the world")]

use askonce::call::Program;
use askonce::engine::Service;
use askonce::flow::proof;
use askonce::record::Fixture;
use askonce::replay::layers;
use askonce::replay::stage::{self, Place};
use askonce::rerun::Sounds;
use askonce::rerun::outcome::{self, How};
use askonce::server::files::{self, Disk};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};

#[path = "../tests/layers/phone.rs"]
mod phone;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Services = BTreeMap<String, (Service, Sounds)>;

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
    let mut services = BTreeMap::new();
    let (mut files, mut calls) = (Vec::new(), Vec::new());
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
            calls.push(fixture);
        }
        let sounds = Sounds::of(service.arena.clone());
        services.insert(flow.to_owned(), (service, sounds));
    }
    let bytes: u64 = files.iter().map(|file| std::fs::metadata(file).expect("a file").len()).sum();
    println!("{} fixtures of {} bytes in the mean", files.len(), bytes / files.len() as u64);
    events(&files, &services);
    packets(&calls, &services);
}

/// As `askonce replay` does it.
fn events(files: &[PathBuf], services: &Services) {
    let read = |file: &PathBuf| std::fs::read_to_string(file).expect("a file");
    let parsed = |file: &PathBuf| Fixture::read(&read(file)).expect("a recording");
    let run = |file: &PathBuf| {
        let fixture = parsed(file);
        let (service, sounds) = &services[&fixture.header.flow];
        let replayed = outcome::replay(&fixture, &service.program, sounds, &How::default());
        assert!(replayed.outcome.passes());
        replayed
    };
    let [read, parsed, run] = [
        micros(files, |file| drop(black_box(read(file)))),
        micros(files, |file| drop(black_box(parsed(file)))),
        micros(files, |file| drop(black_box(run(file)))),
    ];
    println!("of each: read {read:.1} us, parsed {:.1} us, run and compared {:.1} us", parsed - read, run - parsed);
    println!("{:.0} event fixtures a second on one core", 1e6 / run);
}

/// With the packets in memory, and every sound of both sides in them.
fn packets(calls: &[Fixture], services: &Services) {
    let some: Vec<_> = calls.iter().step_by(10).map(|call| (call, phone::wire(call))).collect();
    let length: f64 = some.iter().map(|(call, _)| call.lines.last().map_or(0, |line| line.t) as f64 / 1e6).sum();
    let sound: usize = some.iter().map(|(_, wire)| wire.sound.len()).sum();
    let each = micros(&some, |(call, wire)| {
        let (service, _) = &services[&call.header.flow];
        drop(black_box(layers::performed(wire, call, service, &How::default()).expect("it comes in")));
    });
    let spent = each * some.len() as f64 / 1e6;
    println!(
        "{} calls by their packets, {length:.0} s with {sound} packets of sound: {:.0} times real time on one core",
        some.len(),
        length / spent
    );
}

/// Microseconds of CPU for each. The kernel counts a thread's time by ticks of some milliseconds: a second is enough.
fn micros<T>(files: &[T], mut once: impl FnMut(&T)) -> f64 {
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
