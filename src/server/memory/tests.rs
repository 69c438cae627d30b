use super::*;
use crate::config::{Retention, Synchronous};
use crate::context::Source;
use crate::engine::ContextRow;
use crate::server::store::{Places, Row, Store};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

const REFERENCE: &str = "0123456789abcdef0123456789abcdef";

struct Place {
    folder: tempfile::TempDir,
    memory: Memory,
    found: UnboundedReceiver<Found>,
}

impl Place {
    /// With a context in the store, of a fact with a value and of one without.
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("a.db");
        let (sound, retention) = (folder.path().join("sound"), Retention::default());
        let places =
            Places { database, synchronous: Synchronous::Normal, inbox: folder.path().join("inbox"), sound, retention };
        let (store, _) = Store::open(&places, Arc::new(Notify::new()), |_| {}).expect("a store");
        let fact = |state: &str| format!("{{\"class\":\"pii\",\"try\":1,\"at\":\"2026-12-01T10:15:00Z\",{state}}}");
        let account = fact("\"state\":\"filled\",\"value\":\"79927398713\",\"from\":\"keypad\",\"confirmed\":true");
        let reason = fact("\"state\":\"declined\",\"why\":\"tries\"");
        let document = format!(
            "{{\"askonce\":1,\"case\":\"case-1\",\"call\":\"call-2\",\"caller\":{{}},\"called\":\"100\",\"flow\":{{\
             \"name\":\"f\",\"digest\":\"d\"}},\"language\":\"en\",\"facts\":{{\"account\":{account},\"reason\":{reason}}},\
             \"journey\":[],\"journey_dropped\":0,\"hops\":[]}}"
        );
        let row = ContextRow {
            call: 7,
            store: 0,
            name: "call-2".to_owned(),
            case: "case-1".to_owned(),
            reference: Secret::new(REFERENCE),
            destination: "support".to_owned(),
            document: serde_json::from_str(&document).expect("JSON"),
            webhook: false,
        };
        assert!(store.keep(Row::Context(Box::new(row))));
        store.close();
        let (memory, found) = Memory::start(&places).expect("a memory");
        Place { folder, memory, found }
    }

    fn recall(&mut self, reference: Option<&str>, caller: Option<&str>) -> Recalled {
        let (reference, caller) = (reference.map(Secret::new), caller.map(Secret::new));
        assert!(self.memory.recall(Recall { call: 3, reference, caller }));
        let found = self.found.blocking_recv().expect("an answer");
        assert_eq!(found.call, 3);
        found.recalled
    }

    fn post(&self, of: Whose, expires: Duration) -> Result<(), Unkept> {
        let facts = vec![("account".to_owned(), Secret::new("12345674"))];
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.memory.post(Post { of, facts, expires }))
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_reference_leads_to_its_case_and_what_was_filled_there() {
    let mut place = Place::new();
    let recalled = place.recall(Some(REFERENCE), None);
    assert_eq!(recalled.case.as_deref(), Some("case-1"));
    let [account] = recalled.earlier.as_slice() else { panic!("{recalled:?}") };
    assert_eq!((account.name.as_str(), account.value.open()), ("account", "79927398713"));
    assert_eq!((&account.from, account.confirmed), (&Source::Keypad, true));
    assert_eq!(account.at, "2026-12-01T10:15:00Z".parse::<Timestamp>().expect("a time"));
    assert_eq!(place.recall(Some(&"f".repeat(32)), Some("+15551230001")), Recalled::default());
    Connection::open(place.folder.path().join("a.db"))
        .and_then(|database| database.execute("UPDATE reference SET expires = 1", []))
        .expect("an update");
    assert_eq!(place.recall(Some(REFERENCE), None), Recalled::default(), "it has expired");
}

#[test]
fn what_another_channel_posts_is_found_by_caller_or_reference_until_it_expires() {
    let mut place = Place::new();
    let number = "+15551230001";
    assert_eq!(place.post(Whose::Caller(Secret::new(number)), HOUR), Ok(()));
    let web = place.recall(None, Some(number)).web;
    assert_eq!((web[0].value.open(), &web[0].from, web[0].confirmed), ("12345674", &Source::Web, false));
    assert!(place.recall(None, Some("+15551230002")).web.is_empty());
    let fresh = "e".repeat(32);
    assert_eq!(place.post(Whose::Reference(Secret::new(fresh.as_str())), HOUR), Ok(()));
    assert_eq!(place.recall(Some(&fresh), None).web.len(), 1);
    assert_eq!(place.post(Whose::Caller(Secret::new(number)), Duration::ZERO), Ok(()));
    assert!(place.recall(None, Some(number)).web.is_empty());
}

#[test]
fn a_caller_who_was_cut_off_finds_what_it_said_and_one_who_was_served_does_not() {
    let mut place = Place::new();
    let number = Secret::new("+15551230001");
    let at = Timestamp::UNIX_EPOCH;
    let account =
        Earlier { name: "account".to_owned(), value: Secret::new("1"), from: Source::Keypad, confirmed: true, at };
    // What is asked in the same moment is answered first: a post is kept behind it.
    let kept = |place: &Place| assert_eq!(place.post(Whose::Caller(Secret::new("+1")), HOUR), Ok(()));
    assert!(place.memory.leave(number.clone(), vec![account.clone()]));
    kept(&place);
    assert_eq!(place.recall(None, Some(number.open())).last_call, [account]);
    assert!(place.memory.leave(number.clone(), Vec::new()));
    kept(&place);
    assert!(place.recall(None, Some(number.open())).last_call.is_empty());
}

#[test]
fn there_is_an_end_to_what_may_be_posted() {
    let place = Place::new();
    let database = Connection::open(place.folder.path().join("a.db")).expect("the database");
    database
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO web SELECT i, 'a', 'b', 'c', 9e15 FROM n",
        )
        .expect("many rows");
    assert_eq!(place.post(Whose::Caller(Secret::new("+1")), HOUR), Err(Unkept::Full));
    database.execute("UPDATE web SET expires = 1 WHERE whose = '7'", []).expect("one that expired");
    assert_eq!(place.post(Whose::Caller(Secret::new("+1")), HOUR), Ok(()));
}
