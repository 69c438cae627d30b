//! What one process leaves to the next, to the other side of a webhook, and to nobody.

use super::tests::{open_left, places, row_of, word};
use super::*;
use crate::engine::DialogRow;
use crate::record::seam::{Disposition, EndedBy};
use crate::server::inbox::folder;
use erase::{Erased, erase};
use outbox::Due;
use std::path::Path;

const NUMBER: &str = "+15551230001";

fn cdr(call: &str) -> Box<Cdr> {
    let at: Timestamp = "2026-12-01T10:15:00Z".parse().expect("a time");
    Box::new(Cdr {
        askonce: 1,
        call: call.to_owned(),
        case: call.to_owned(),
        flow: "desk".to_owned(),
        digest: String::new(),
        from: Some(NUMBER.to_owned()),
        to: "100".to_owned(),
        trunk: "local".to_owned(),
        start: at,
        answer: Some(at),
        end: at,
        answered_ms: 0,
        disposition: Disposition::Failed,
        by: EndedBy::System,
        blocks: Vec::new(),
        path: Vec::new(),
        path_dropped: 0,
        facts: Vec::new(),
        hops: Vec::new(),
        keys: 0,
        keys_dropped: 0,
        known_refused: 0,
        refusals: Vec::new(),
        asked_again: Vec::new(),
        recordings: Vec::new(),
        unrecorded: 0,
        media: Vec::new(),
    })
}

fn dialog(call: &str, leg: Leg) -> Box<DialogRow> {
    let standing = r#"{"call_id": "c", "local": "<sip:b@h>;tag=2", "remote": "<sip:a@h>;tag=1", "cseq": 0,
        "target": "sip:a@192.0.2.9", "peer": "udp:192.0.2.9:5060"}"#;
    let standing = serde_json::from_str(standing).expect("a dialog");
    Box::new(DialogRow { call: call.to_owned(), leg, destination: None, standing })
}

fn lines(places: &Places) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(places.records()).expect("the records");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn due(places: &Places) -> Vec<String> {
    let due = Due::open(&places.database).expect("a reader").look(9).expect("an answer").0;
    due.into_iter().map(|delivery| delivery.key).collect()
}

/// A call that rang at a destination with a webhook, and stands.
fn begin(folder: &Path, call: &str) {
    let (store, stored, ..) = open_left(folder);
    store.keep(Row::Dialog(dialog(call, Leg::Caller)));
    store.keep(Row::Live(cdr(call)));
    store.keep(row_of(call, true));
    assert!(word(&stored).kept);
    store.keep(Row::Dialog(dialog(call, Leg::Agent)));
    store.close();
}

#[test]
fn a_call_that_its_process_left_gets_its_record_and_its_dialogs_are_told_of_until_they_are_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    begin(folder.path(), "call-7");
    let (store, _, places, left) = open_left(folder.path());
    let dialogs: Vec<_> = left.dialogs.iter().map(|row| (row.call.as_str(), row.leg)).collect();
    assert_eq!((left.calls, dialogs), (1, vec![("call-7", Leg::Agent), ("call-7", Leg::Caller)]));
    assert_eq!(due(&places), ["call-7-0"], "its end is told after it");
    store.keep(Row::OrphanGone("call-7".to_owned(), Leg::Agent));
    store.keep(Row::Sent(Sent::Delivered("call-7-0".to_owned())));
    store.close();
    let [record] = &lines(&places)[..] else { panic!("{:?}", lines(&places)) };
    assert_eq!(
        (&record["disposition"], &record["by"], &record["interrupted"]),
        (&"failed".into(), &"system".into(), &true.into())
    );
    assert_eq!(due(&places), ["call-7-ended-support"]);
    // The next process as well knows of whom nobody has heard yet.
    let (store, _, _, left) = open_left(folder.path());
    assert_eq!((left.calls, left.dialogs.len()), (0, 1));
    store.close();
    assert_eq!(lines(&places).len(), 1);
}

#[test]
fn a_call_that_ended_leaves_its_record_once_and_its_context_as_it_was_in_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    begin(folder.path(), "call-7");
    // The one that stands goes on, as it does within one process.
    let (store, _, places, _) = open_left(folder.path());
    store.keep(Row::Cdr(cdr("call-8"), None));
    store.keep(Row::Sent(Sent::Postponed { key: "call-7-0".to_owned(), due: now() - 1 }));
    store.keep(Row::Sent(Sent::GivenUp("call-7-ended-support".to_owned())));
    let losses = store.losses();
    store.close();
    assert_eq!(losses.deliveries.load(Ordering::Relaxed), 1);
    let (due, next) = Due::open(&places.database).expect("a reader").look(9).expect("an answer");
    let [delivery] = &due[..] else { panic!("{} are due", due.len()) };
    assert_eq!((&*delivery.key, &*delivery.destination, delivery.attempts, next), ("call-7-0", "support", 1, None));
    let body: serde_json::Value = serde_json::from_str(&delivery.body).expect("JSON");
    assert_eq!((&body["event"], &body["context"]["caller"]["number"]), (&"handoff".into(), &NUMBER.into()));
}

#[test]
fn a_record_that_its_file_lacks_is_written_there_with_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, places, _) = open_left(folder.path());
    store.keep(Row::Cdr(cdr("call-1"), None));
    store.close();
    // As if it had been killed after the commit, and before the file.
    std::fs::write(places.records(), "").expect("emptied");
    let database = Connection::open(&places.database).expect("the database");
    database.execute("UPDATE mark SET value = 0", []).expect("an update");
    let (store, ..) = open_left(folder.path());
    // A folder in its place: it cannot be written.
    let aside = folder.path().join("aside");
    while std::fs::read(places.records()).expect("a file").is_empty() {}
    std::fs::rename(places.records(), &aside).expect("moved");
    std::fs::create_dir(places.records()).expect("a folder");
    store.keep(Row::Cdr(cdr("call-2"), None));
    store.close();
    std::fs::remove_dir(places.records()).expect("gone");
    let (store, ..) = open_left(folder.path());
    store.keep(Row::Cdr(cdr("call-3"), None));
    store.close();
    let calls: Vec<_> = lines(&places).iter().map(|line| line["call"].clone()).collect();
    assert_eq!(calls, ["call-2", "call-3"]);
    assert!(std::fs::read_to_string(aside).expect("the first").contains("call-1"));
}

#[test]
fn a_store_of_the_first_version_is_brought_up_to_date_and_one_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let places = places(folder.path());
    let database = Connection::open(&places.database).expect("a database");
    let old = "CREATE TABLE reference (
            reference TEXT PRIMARY KEY, call TEXT NOT NULL, destination TEXT NOT NULL, expires INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE cdr (call TEXT PRIMARY KEY, started TEXT NOT NULL, disposition TEXT NOT NULL, record TEXT NOT NULL) STRICT;
        INSERT INTO cdr VALUES ('call-1', '', 'agent', '{}');";
    database.execute_batch(old).expect("what was");
    let (store, _, places, left) = open_left(folder.path());
    assert_eq!(left.calls, 0);
    store.keep(Row::Cdr(cdr("call-2"), None));
    store.close();
    assert_eq!(lines(&places).len(), 1, "the first one is in the file already");
    database.pragma_update(None, "user_version", 99).expect("set");
    let Err(unopened) = Store::open(&places, Arc::default(), |_| {}) else { panic!("it opened") };
    assert!(unopened.to_string().contains("newer askonce"), "{unopened}");
}

#[test]
fn what_is_too_old_goes_a_little_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = Duration::from_secs(24 * 3600);
    let retention = Retention { cdr: Some(2 * day), context: Some(day), recordings: Some(day), fixtures: None };
    let places = Places { retention, ..places(folder.path()) };
    open_left(folder.path()).0.close();
    let database = Connection::open(&places.database).expect("the database");
    let hours = |hours: i64| u64::try_from(now() - hours * 3_600_000).expect("a time");
    database.execute_batch("BEGIN").expect("begun");
    for (count, hours) in [(600, hours(60)), (10, hours(36)), (1, hours(1))] {
        for number in 0..count {
            let call = ulid::Ulid::from_parts(hours, number).to_string();
            database.execute("INSERT INTO cdr VALUES (?1, '', 'agent', '{}')", [&call]).expect("a record");
            database.execute("INSERT INTO context VALUES (?1, ?1, '{}', '')", [&call]).expect("a context");
        }
    }
    database.execute_batch("COMMIT").expect("committed");
    for day in ["2026-01-01", "2999-01-01", "mine"] {
        std::fs::create_dir_all(places.sound.join(day)).expect("a folder");
        std::fs::write(places.sound.join(day).join("a.wav"), "").expect("a file");
    }
    let rows = |table| -> i64 {
        database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
    };
    let first = sweep::turn(&database, &places);
    assert_eq!((rows("cdr"), rows("context")), (111, 111));
    assert!(sweep::turn(&database, &places) > first, "the rest waits for an hour");
    assert_eq!((rows("cdr"), rows("context")), (11, 1));
    let days = std::fs::read_dir(&places.sound).expect("the days");
    let mut days: Vec<_> = days.map(|day| day.expect("a day").file_name().into_string().expect("text")).collect();
    days.sort();
    assert_eq!(days, ["2999-01-01", "mine"]);
}

/// What a chat posted for the caller, and what its last call left behind.
fn remember(places: &Places) {
    let database = rusqlite::Connection::open(&places.database).expect("the database");
    let insert = |sql| database.execute(sql, [NUMBER]).expect("a row");
    insert("INSERT INTO web (whose, name, value, at, expires) VALUES (?1, 'account', '1', 'now', 1)");
    insert(
        "INSERT INTO last_call (caller, name, value, source, confirmed, at, expires)
         VALUES (?1, 'account', '1', 'keypad', 0, 'now', 1)",
    );
}

#[test]
fn a_caller_is_erased_beside_a_running_service() {
    let folder = tempfile::tempdir().expect("a folder");
    begin(folder.path(), "call-7");
    let (store, stored, places, _) = open_left(folder.path());
    let mut recorded = cdr("call-8");
    recorded.recordings.push(crate::context::Recording { file: "2026-12-01/call-8.wav".to_owned(), ended: None });
    store.keep(Row::Cdr(recorded, None));
    store.keep(Row::Cdr(Box::new(Cdr { from: Some("+15551230002".to_owned()), ..*cdr("call-9") }), None));
    store.keep(Row::Live(cdr("call-10")));
    store.keep(row_of("call-11", false));
    remember(&places);
    word(&stored);
    let sound = places.sound.join("2026-12-01/call-8.wav");
    std::fs::create_dir_all(sound.parent().expect("a folder")).expect("made");
    std::fs::write(&sound, "").expect("a file");
    let text = [(folder::CALL, "{}".as_bytes())];
    folder::put(&places.inbox, "call-7", &text).expect("a fixture");
    folder::put(&places.inbox, "call-9", &text).expect("a fixture");
    std::fs::create_dir(places.journal()).expect("a folder");
    std::fs::write(places.journal().join("call-7.jsonl"), "{}").expect("a call");
    while lines(&places).len() < 3 {}
    let length = std::fs::metadata(places.records()).expect("the file").len();
    let erased = erase(&places, NUMBER).expect("erased");
    // Of call-7 what it was told of at its beginning and its end; call-11 has a context and no record yet.
    let expected = Erased {
        contexts: 2,
        references: 2,
        deliveries: 2,
        remembered: 2,
        records: 2,
        lines: 2,
        recordings: 1,
        fixtures: 2,
        under_way: 1,
        in_log: erased.in_log,
    };
    assert_eq!(erased, expected);
    assert!(!sound.exists());
    assert!(!places.inbox.join("call-7").exists() && places.inbox.join("call-9").exists());
    assert_eq!(std::fs::metadata(places.records()).expect("the file").len(), length);
    let from: Vec<_> = lines(&places).iter().map(|line| line["from"].clone()).collect();
    assert_eq!(from, [serde_json::Value::Null, serde_json::Value::Null, "+15551230002".into()]);
    let again = erase(&places, NUMBER).expect("erased");
    assert_eq!(again, Erased { under_way: 1, in_log: again.in_log, ..Erased::default() });
    assert!(erase(&places, "\" OR 1").is_err());
    store.close();
    let bytes = std::fs::read(&places.database).expect("the database");
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("call-10") && has("+15551230002"));
    // Only the call that stands has it.
    assert_eq!(bytes.windows(NUMBER.len()).filter(|window| *window == NUMBER.as_bytes()).count(), 1);
}
