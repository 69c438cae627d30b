use super::*;
use crate::config::{Keep, Retention, Synchronous};
use crate::record::fixture::Step;
use crate::record::seam::{Disposition, Out};
use crate::record::{Fixture, Line};
use crate::server::files::{self, Disk};
use crate::yaml::{Span, Word};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const CALL: &str = "01JDAQ0000000000000000000A";

fn name(number: u32) -> String {
    format!("01JDAQ{number:020}")
}

fn places(folder: &Path) -> Places {
    let (database, sound, inbox) = (folder.join("askonce.db"), folder.join("sound"), folder.join("inbox"));
    Places { database, synchronous: Synchronous::Normal, inbox, sound, retention: Retention::default() }
}

/// A call that went well, under that name.
fn finished(call: &str) -> Box<Finished> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("fixtures/clean/call.jsonl")).expect("a recording");
    let mut fixture = Fixture::read(&text).expect("a readable recording");
    call.clone_into(&mut fixture.header.call);
    let service = files::load(&Disk, &root.join("flows/account-desk.yaml")).0.expect("the flow loads");
    Box::new(Finished { fixture, service, broke: false, asked_again: false, sound: false })
}

fn ending(disposition: Disposition) -> Box<Finished> {
    let mut finished = finished(CALL);
    let Some(Step::Out(Out::End { disposition: ended, .. })) =
        finished.fixture.lines.last_mut().map(|line| &mut line.step)
    else {
        panic!("the end")
    };
    *ended = disposition;
    finished
}

fn keeping(keep: Keep) -> Fixtures {
    let usual = Fixtures::default();
    Fixtures { keeping: Keeping { keep, ..usual.keeping }, ..usual }
}

fn word(text: &str) -> Word {
    Word { text: text.to_owned(), span: Span::default() }
}

fn counted(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Gives the thread a call and lets it end.
fn took(folder: &TempDir, fixtures: &Fixtures, finished: Box<Finished>) -> Arc<Seen> {
    let inbox = Inbox::start(&places(folder.path()), fixtures).expect("it starts");
    let seen = inbox.seen.clone();
    inbox.take(finished);
    inbox.close();
    seen
}

#[test]
fn a_call_is_kept_whole_for_this_user_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = took(&folder, &keeping(Keep::All), finished(CALL));
    let Counters { judged, journalled, kept, unwritten, .. } = &seen.counters;
    assert_eq!([judged, journalled, kept, unwritten].map(counted), [1, 1, 1, 0]);
    let fixture = folder.path().join("inbox").join(CALL);
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!([mode(&fixture), mode(&fixture.join("call.jsonl"))], [0o700, 0o600]);
    let text = std::fs::read_to_string(fixture.join("call.jsonl")).expect("a fixture");
    let header = Fixture::read(&text).expect("readable").header;
    assert!(header.clips.contains_key("en/welcome"), "how it sounded");
    assert!(header.call == CALL && header.redacted.is_some() && !text.contains("79927398713"));
    let journalled = folder.path().join("askonce.journal").join(format!("{CALL}.jsonl"));
    assert_eq!((mode(&journalled), std::fs::read_to_string(&journalled).expect("the call")), (0o600, text));
}

#[test]
fn the_policy_decides_and_a_broken_promise_decides_before_it() {
    let silent = || {
        let mut finished = finished(CALL);
        finished.fixture.lines.pop();
        finished
    };
    let broke = || Box::new(Finished { broke: true, ..*finished(CALL) });
    let again = || Box::new(Finished { asked_again: true, ..*finished(CALL) });
    let well = || ending(Disposition::Agent);
    let left = || ending(Disposition::AbandonedQueue);
    type Made<'m> = &'m dyn Fn() -> Box<Finished>;
    let cases: [(Keep, Made<'_>, Option<&str>); 13] = [
        (Keep::All, &well, Some("all are")),
        (Keep::None, &well, None),
        (Keep::None, &left, None),
        (Keep::None, &silent, Some("it broke a promise")),
        (Keep::EndedBadly, &well, None),
        (Keep::EndedBadly, &|| ending(Disposition::Closed), None),
        (Keep::EndedBadly, &left, Some("the caller left")),
        (Keep::EndedBadly, &|| ending(Disposition::AbandonedFlow), Some("the caller left")),
        (Keep::EndedBadly, &|| ending(Disposition::Failed), Some("it failed")),
        (Keep::EndedBadly, &broke, Some("it broke, or outgrew its journal")),
        (Keep::EndedBadly, &again, Some("the caller was asked again")),
        (Keep::OneIn(1), &well, Some("it was drawn")),
        (Keep::OneIn(1_000_000), &well, None),
    ];
    for (number, (keep, made, expected)) in cases.into_iter().enumerate() {
        let finished = made();
        let violations = judge(&finished.fixture.header, &finished.fixture.lines, &finished.service.program);
        assert_eq!(policy::why(&keeping(keep).keeping, &finished, &violations), expected, "case {number}");
    }
}

#[test]
fn numbers_and_flows_narrow_what_is_kept() {
    let called = "+18005550100";
    for (numbers, flows, kept) in [
        (vec![called], vec![], true),
        (vec!["+18005550199", called], vec!["account-desk"], true),
        (vec!["+18005550199"], vec![], false),
        (vec![], vec!["bank-card"], false),
        (vec![called], vec!["bank-card"], false),
    ] {
        let words = |all: &[&str]| all.iter().map(|text| word(text)).collect();
        let keeping = Keeping { keep: Keep::All, numbers: words(&numbers), flows: words(&flows) };
        assert_eq!(policy::why(&keeping, &finished(CALL), &[]).is_some(), kept, "{numbers:?} {flows:?}");
    }
}

#[test]
fn a_broken_promise_is_counted_by_its_code_and_the_call_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let fixtures = Fixtures { journal: 0, ..keeping(Keep::None) };
    let mut twice = finished(CALL);
    twice.fixture.lines.push(twice.fixture.lines.last().expect("the end").clone());
    let inbox = Inbox::start(&places(folder.path()), &fixtures).expect("it starts");
    let seen = inbox.seen.clone();
    inbox.take(twice);
    inbox.take(finished(&name(7)));
    inbox.close();
    let violated: u64 = seen.violated.iter().map(counted).sum();
    let at = INVARIANTS.iter().position(|invariant| invariant.code == "after-the-end").expect("the code");
    assert_eq!((violated, counted(&seen.violated[at])), (1, 1));
    let Counters { judged, journalled, kept, .. } = &seen.counters;
    assert_eq!([judged, journalled, kept].map(counted), [2, 0, 1]);
    assert_eq!(folder::names(&folder.path().join("inbox")).expect("a folder"), [CALL]);
}

#[test]
fn of_a_call_that_broke_there_is_what_came_before() {
    let is_input = |line: &Line| matches!(line.step, Step::In(_));
    let handed = |line: &Line| matches!(&line.step, Step::Out(Out::Step { verb, .. }) if verb == "agent");
    let cut = |broken: bool| {
        let mut finished = finished(CALL);
        // Up to the input after which a person is called.
        let at = finished.fixture.lines.iter().position(handed).expect("the hand-off");
        finished.fixture.lines.truncate(at);
        finished.fixture.header.complete = false;
        if broken {
            // Its agent step names a queue that is not there, and breaks whenever it is run.
            Arc::make_mut(&mut finished.service.program.flow).queues.clear();
        }
        Box::new(Finished { broke: true, ..*finished })
    };
    for broken in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let finished = cut(broken);
        let inputs = |lines: &[Line]| lines.iter().filter(|line| is_input(line)).count();
        let recorded = inputs(&finished.fixture.lines);
        let end = finished.fixture.lines.last().expect("a line").t;
        let seen = took(&folder, &keeping(Keep::EndedBadly), finished);
        assert_eq!([&seen.counters.unredacted, &seen.counters.kept].map(counted), [0, 1]);
        let path = folder.path().join("inbox").join(CALL).join(folder::CALL);
        let kept = Fixture::read(&std::fs::read_to_string(path).expect("a fixture")).expect("readable");
        assert!(!kept.header.complete && kept.lines.last().is_some_and(|line| line.t <= end));
        assert_eq!(inputs(&kept.lines), recorded - usize::from(broken));
    }
    // Nobody can redact a call of a flow that is not there any more.
    let folder = tempfile::tempdir().expect("a folder");
    let mut edited = finished(CALL);
    edited.fixture.header.digest = "0123456789abcdef".to_owned();
    let seen = took(&folder, &keeping(Keep::All), edited);
    let Counters { unredacted, journalled, kept, .. } = &seen.counters;
    assert_eq!([unredacted, journalled, kept].map(counted), [1, 0, 0]);
}

#[test]
fn a_thread_that_is_behind_delays_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let inbox = Inbox::start(&places(folder.path()), &keeping(Keep::None)).expect("it starts");
    let (keeping, seen) = (inbox.keeping.clone(), inbox.seen.clone());
    let held = keeping.lock().expect("the policy");
    // One that it looks at, as many as may wait, and three more.
    inbox.take(finished(&name(0)));
    while counted(&seen.counters.judged) == 0 {
        std::thread::yield_now();
    }
    let call = finished(&name(1));
    for number in 1..=QUEUE + 3 {
        let mut fixture = call.fixture.clone();
        fixture.header.call = name(number as u32);
        inbox.take(Box::new(Finished {
            fixture,
            service: call.service.clone(),
            broke: false,
            asked_again: false,
            sound: false,
        }));
    }
    assert_eq!(counted(&seen.counters.refused), 3);
    drop(held);
    inbox.close();
    assert_eq!(counted(&seen.counters.judged), QUEUE as u64 + 1);
}

#[test]
fn a_disk_that_takes_nothing_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let places = places(folder.path());
    let inbox = Inbox::start(&places, &keeping(Keep::All)).expect("it starts");
    let seen = inbox.seen.clone();
    for gone in [&places.inbox, &places.journal()] {
        std::fs::remove_dir(gone).expect("removed");
        std::fs::write(gone, "a file in its place").expect("written");
    }
    inbox.take(finished(CALL));
    inbox.close();
    let Counters { judged, journalled, kept, unwritten, .. } = &seen.counters;
    assert_eq!([judged, journalled, kept, unwritten].map(counted), [1, 0, 0, 2]);
    let told = Inbox::start(&places, &keeping(Keep::All)).err().expect("no folder").to_string();
    assert!(told.contains("askonce.journal") && told.contains("remedy"), "{told}");
}

#[test]
fn the_journal_has_the_newest_and_takes_on_what_another_process_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("askonce.journal");
    let calls = || journal::calls(&place).expect("a folder");
    let mut journal = Journal::open(&place, 3).expect("a journal");
    for number in 0..5 {
        journal.put(&name(number), "{}").expect("room");
    }
    assert_eq!(calls(), [name(2), name(3), name(4)]);
    std::fs::write(place.join(format!("{}.new", name(5))), "{").expect("left half done");
    std::fs::write(place.join("notes.jsonl"), "somebody's own").expect("written");
    let mut journal = Journal::open(&place, 2).expect("a journal");
    assert_eq!(calls(), [name(3), name(4)]);
    assert_eq!(journal.forget_before(&name(4)).expect("forgotten"), 1);
    assert_eq!(calls(), [name(4)]);
    let long = " ".repeat(journal::BYTES as usize - 1);
    journal.put(&name(6), &long).expect("room");
    assert_eq!(calls(), [name(6)], "as many bytes as there may be");
    assert_eq!(journal::read(&place, "../askonce.journal/notes").expect("an answer"), None);
    let names = folder::names(&place).expect("a folder");
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn the_inbox_has_a_bound_and_forgets_what_is_old_but_nothing_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let files: &[(&str, &[u8])] = &[(folder::CALL, b"{}"), ("caller.wav", b"RIFF")];
    folder::put(folder.path(), "named-by-people", files).expect("a fixture");
    std::fs::create_dir(folder.path().join(format!(".unfinished-{CALL}"))).expect("left half done");
    let mut inbox = Folder::open(folder.path()).expect("a folder");
    inbox.bound(3);
    for number in 0..2 {
        inbox.put(&name(number), files).expect("room");
    }
    assert!(matches!(inbox.put(&name(2), files), Err(NotPut::Full)));
    assert_eq!(inbox.forget_before(&name(1)).expect("forgotten"), 1);
    inbox.put(&name(2), files).expect("room again");
    let mut names = folder::names(folder.path()).expect("a folder");
    names.sort();
    assert_eq!(names, [name(1), name(2), "named-by-people".to_owned()]);
    assert!(matches!(inbox.put(&name(1), files), Err(NotPut::Full)));
}
