use super::*;
use crate::secret::Secret;
use std::sync::mpsc::{Receiver, channel};

const REFERENCE: &str = "0123456789abcdef0123456789abcdef";

fn open(folder: &Path) -> (Store, Receiver<Stored>, Places) {
    let (store, stored, places, _) = open_left(folder);
    (store, stored, places)
}

pub(super) fn places(folder: &Path) -> Places {
    let (database, sound) = (folder.join("a.db"), folder.join("sound"));
    Places {
        database,
        synchronous: Synchronous::Full,
        inbox: folder.join("inbox"),
        sound,
        retention: Retention::default(),
    }
}

pub(super) fn open_left(folder: &Path) -> (Store, Receiver<Stored>, Places, Left) {
    let places = places(folder);
    let (words, stored) = channel();
    let (store, left) =
        Store::open(&places, Arc::new(Notify::new()), move |word| drop(words.send(word))).expect("a store");
    (store, stored, places, left)
}

fn row(store: u32) -> Row {
    let Row::Context(row) = row_of("call-7", false) else { unreachable!() };
    Row::Context(Box::new(ContextRow { store, document: serde_json::json!({ "store": store }), ..*row }))
}

pub(super) fn row_of(call: &str, webhook: bool) -> Row {
    Row::Context(Box::new(ContextRow {
        call: 7,
        store: 0,
        name: call.to_owned(),
        case: call.to_owned(),
        reference: Secret::new(if call == "call-7" { REFERENCE } else { call }),
        destination: "support".to_owned(),
        document: serde_json::json!({ "caller": { "number": "+15551230001" } }),
        webhook,
    }))
}

pub(super) fn word(stored: &Receiver<Stored>) -> Stored {
    stored.recv_timeout(Duration::from_secs(10)).expect("the store's word")
}

#[test]
fn a_context_is_there_once_the_store_says_so_and_is_replaced_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, stored, places) = open(folder.path());
    for number in [0, 1] {
        assert!(store.keep(row(number)));
        assert_eq!(word(&stored), Stored { call: 7, store: number, kept: true });
        let reader = Reader::open(&places.database).expect("a reader");
        let document = reader.context(REFERENCE).expect("an answer").expect("the context");
        assert_eq!(document, format!("{{\"store\":{number}}}"));
        assert_eq!(reader.context("another").expect("an answer"), None);
    }
    store.close();
}

#[test]
fn a_reference_outlives_its_call_and_the_process_and_then_expires() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, stored, places) = open(folder.path());
    store.keep(row(0));
    word(&stored);
    let expires = || -> i64 {
        let database = Connection::open(&places.database).expect("the database");
        database.query_row("SELECT expires FROM reference", [], |row| row.get(0)).expect("a reference")
    };
    let minute = 60_000;
    assert!(expires() > now() + 4 * 60 * minute, "as long as the longest call");
    // The process ends without a word of the call's end; the next one takes it for over.
    store.close();
    let (store, _, _) = open(folder.path());
    assert!((9 * minute..=10 * minute).contains(&(expires() - now())));
    store.close();
    let database = Connection::open(&places.database).expect("the database");
    database.execute("UPDATE reference SET expires = ?1", [now() - 1]).expect("an update");
    assert_eq!(Reader::open(&places.database).expect("a reader").context(REFERENCE).expect("an answer"), None);
}

#[test]
fn a_store_that_fails_says_so_and_counts_what_was_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, stored, places) = open(folder.path());
    Connection::open(&places.database).expect("the database").execute_batch("DROP TABLE context").expect("gone");
    store.keep(row(0));
    assert_eq!(word(&stored), Stored { call: 7, store: 0, kept: false });
    let losses = store.losses();
    store.close();
    assert_eq!(losses.contexts.load(Ordering::Relaxed), 1);
}

#[test]
fn a_place_that_cannot_be_opened_is_named_with_a_remedy() {
    let places = places(Path::new("/nowhere/at/all"));
    let Err(unopened) = Store::open(&places, Arc::new(Notify::new()), |_| {}) else { panic!("it opened") };
    let said = unopened.to_string();
    assert!(said.contains("/nowhere/at/all/a.db") && said.contains("remedy"), "{said}");
}
