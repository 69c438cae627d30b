use super::*;
use std::fs;
use std::sync::mpsc::sync_channel;
use tempfile::TempDir;

const CONFIG: &str = "askonce: 1
listen: { sip: [\"udp:127.0.0.1:5060\"], rtp: { ports: 20000-20999 }, http: 127.0.0.1:8080 }
flows: [desk.yaml]
store: askonce.db
limits: { calls: 100, per_source: 50/s }
secrets: { password: { file: password } }
trunks:
  carrier:
    from: [198.51.100.0/24]
    trust: [uui]
    proxy: sip:192.0.2.1
    register: { user: \"100\", realm: carrier.example, secret: password, every: 10m }
    ping: 30s
numbers:
  \"+18005550100\": desk
  \"*\": desk
destinations:
  support: { to: [\"sip:support@192.0.2.10\"], ring: 20s, trusted: true }
switches: { storm: false }
";

const FLOW: &str = "askonce: 1
flow: desk
facts:
  account:
    type: digits
    length: 8-12
    class: pii
    known: [uui.account]
queues:
  support: { to: support }
blocks:
  start:
    - if: switch.storm
      then: sorry
    - agent: support
      needs: [account]
      else: sorry
  sorry:
    - hangup
";

const PLACE: &str = "askonce.yaml";
const DESK: &str = "desk.yaml";

/// File, what stands there, what is written instead, and where and what the one mistake is.
type Case = (&'static str, &'static str, &'static str, &'static str);

const BROKEN: &[Case] = &[
    (PLACE, "askonce: 1\n", "", "1:1: missing-key"),
    (PLACE, "askonce: 1", "askonce: 2", "1:10: wrong-type"),
    (PLACE, "listen: {", "listen: [", "2:9: yaml"),
    (PLACE, "store:", "stor:", "4:1: unknown-key"),
    (PLACE, "udp:127.0.0.1:5060", "udp:localhost:5060", "2:17: wrong-type"),
    (PLACE, "udp:127.0.0.1:5060", "wss:127.0.0.1:5060", "2:17: not-served-yet"),
    (PLACE, "udp:127.0.0.1:5060\"", "udp:127.0.0.1:5060\", \"tls:127.0.0.1:5061\"", "2:39: no-certificate"),
    (PLACE, "udp:127.0.0.1:5060\"", "udp:127.0.0.1:5060\", \"udp:127.0.0.2:5060\"", "2:39: second-address"),
    (PLACE, "udp:127.0.0.1:5060", "udp:127.0.0.1:5070", "2:1: needs-restart"),
    (PLACE, "20000-20999", "20999-20000", "2:54: wrong-type"),
    (PLACE, "20000-20999", "20001-20003", "2:45: out-of-range"),
    (PLACE, "20000-20999", "21000-21999", "2:1: needs-restart"),
    (PLACE, "127.0.0.1:8080", "0.0.0.0:8080", "2:75: not-served-yet"),
    (PLACE, "flows: [desk.yaml]", "flows: desk.yaml", "3:8: wrong-type"),
    (PLACE, "flows: [desk.yaml]", "flows: [desc.yaml]", "desc.yaml: unreadable"),
    (PLACE, "store: askonce.db", "store: \"postgres://db\"", "4:8: not-served-yet"),
    (PLACE, "store: askonce.db", "store: other.db", "4:1: needs-restart"),
    (PLACE, "store: askonce.db", "store: [askonce.db]", "4:8: wrong-type"),
    (PLACE, "store: askonce.db", "store: askonce.db\nstore: b.db", "5:1: duplicate-key"),
    (PLACE, "store: askonce.db", "store: &a askonce.db", "4:8: anchor"),
    (PLACE, "calls: 100", "calls: 0", "5:18: wrong-type"),
    (PLACE, "calls: 100", "calls: 200", "5:1: needs-restart"),
    (PLACE, "calls: 100", "cals: 100", "5:11: unknown-key"),
    (PLACE, "50/s", "50", "5:35: wrong-type"),
    (PLACE, "{ file: password }", "hunter2", "6:12: secret-in-clear"),
    (PLACE, "{ file: password }", "{ file: password, env: PASSWORD }", "6:22: one-of"),
    (PLACE, "{ file: password }", "{ file: passwort }", "secret `password`:"),
    (PLACE, "{ file: password }", "{ file: empty }", "secret `password`:"),
    (PLACE, "198.51.100.0/24", "198.51.100.0/33", "9:12: wrong-type"),
    (PLACE, "    from: [198.51.100.0/24]\n", "", "9:5: missing-key"),
    (PLACE, "trust: [uui]", "trust: [uiu]", "10:13: unknown-name"),
    (PLACE, "trust: [uui]", "trsut: [uui]", "10:5: unknown-key"),
    (PLACE, "sip:192.0.2.1\n", "192.0.2.1\n", "11:12: wrong-type"),
    (PLACE, "sip:192.0.2.1\n", "sip:192.0.2.1;transport=tcp\n", "11:12: no-socket"),
    (PLACE, "secret: password,", "secret: passwort,", "12:62: unknown-name"),
    (PLACE, "every: 10m", "every: 10s", "12:79: out-of-range"),
    (PLACE, "realm: carrier.example, ", "", "12:15: missing-key"),
    (PLACE, "ping: 30s", "ping: soon", "13:11: wrong-type"),
    (PLACE, "\"+18005550100\": desk", "\"+18005550100\": desc", "15:19: unknown-name"),
    (PLACE, "\"+18005550100\": desk", "\"+1 800\": desk", "15:3: bad-name"),
    (PLACE, "sip:support@192.0.2.10", "sips:support@192.0.2.10", "18:19: no-socket"),
    (PLACE, "ring: 20s", "ring: 20", "18:52: wrong-type"),
    (PLACE, "ring: 20s", "ring: 20m", "18:52: out-of-range"),
    (PLACE, "trusted: true", "trusted: true, uui: [acount]", "18:78: unknown-name"),
    (PLACE, "trusted: true", "trusted: yes", "18:66: wrong-type"),
    (PLACE, "  support:", "  suport:", "desk.yaml:10:18: unknown-name"),
    (PLACE, "storm: false", "storm: off", "19:20: wrong-type"),
    (PLACE, "storm: false", "\"a storm\": false", "19:13: bad-name"),
    (PLACE, "storm: false", "strom: false", "desk.yaml:13:11: unknown-name"),
    // What reads well and fails a proof.
    (DESK, "else: sorry", "else: start", "15:7: endless-loop"),
    (DESK, "switch.storm", "switch.strom", "13:11: unknown-name"),
    (PLACE, "switches: {", "record: { audio: true }\nswitches: {", "19:1: needs-restart"),
    (PLACE, "switches: {", "advertise: 192.0.2.7\nswitches: {", "19:1: needs-restart"),
    (PLACE, "switches: {", "resolver: [192.0.2.53]\nswitches: {", "19:1: needs-restart"),
    (PLACE, "switches: {", "media: { realtime: true }\nswitches: {", "19:1: needs-restart"),
    (DESK, "flow: desk", "flow: 7desk", "2:7: bad-name"),
    (DESK, "type: digits", "type: digts", "5:11: unknown-name"),
    (DESK, "length: 8-12", "length: 12-8", "6:13: wrong-type"),
    (DESK, "class: pii", "class: pi", "7:12: unknown-name"),
    (DESK, "to: support", "to: suport", "10:18: unknown-name"),
    (DESK, "- agent: support", "- agnet: support", "15:7: unknown-verb"),
    (DESK, "else: sorry", "else: sory", "17:13: unknown-name"),
    (DESK, "needs: [account]", "needs: [acount]", "16:15: unknown-name"),
    (DESK, "    - hangup", "\t- hangup", "19:1: yaml"),
    (DESK, "    - hangup", "    - say: nothing", "19:12: unknown-name"),
];

fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("prompts")).expect("a folder");
    let files = [(PLACE, CONFIG), (DESK, FLOW), ("password", "hunter2\n"), ("empty", ""), ("prompts/en.yaml", "{}\n")];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

fn reloader(folder: &TempDir) -> (Reloader, mpsc::Receiver<Order>) {
    let origin = Origin::File(folder.path().join(PLACE));
    let reading = origin.read();
    let findings = reading.findings.render();
    let watch = origin.watch(&reading);
    let place = reading.place.unwrap_or_else(|| panic!("{findings}"));
    let (orders, ordered) = mpsc::channel(8);
    let switches = Switches::open(&folder.path().join("a.db"), &place.config, orders.clone()).expect("a database");
    let (running, reloads, wishes) = (Arc::new(place.config), Reloads::begin(), sync_channel(1).1);
    (Reloader { watch, running, records: false, wishes, orders, reloads, switches }, ordered)
}

#[test]
fn sixty_broken_edits_are_each_refused_where_they_are_broken_and_nothing_is_ordered() {
    let folder = place();
    let (mut reloader, mut ordered) = reloader(&folder);
    let mut wrong = Vec::new();
    for (file, from, to, expected) in BROKEN {
        let path = folder.path().join(file);
        let sound = fs::read_to_string(&path).expect("a file");
        let broken = sound.replacen(from, to, 1);
        assert_ne!(broken, sound, "{from:?} is in {file}");
        fs::write(&path, broken).expect("written");
        let expected = match expected.as_bytes()[0] {
            b'0'..=b'9' => format!("{file}:{expected}"),
            _ => (*expected).to_owned(),
        };
        match reloader.reload() {
            Ok(()) => wrong.push(format!("{to:?} serves")),
            Err(Refused { first, all })
                if !first.contains(&expected) || all.iter().filter(|told| told.severity == "error").count() > 1 =>
            {
                wrong.push(format!("{to:?}: expected {expected}, found {first} of {all:?}"));
            }
            Err(_) => {}
        }
        fs::write(&path, sound).expect("written");
    }
    assert!(BROKEN.len() >= 60 && wrong.is_empty(), "{} of {}:\n{}", wrong.len(), BROKEN.len(), wrong.join("\n"));
    assert!(ordered.try_recv().is_err(), "none of them came to the control plane");

    fs::write(folder.path().join(PLACE), CONFIG.replace("storm: false", "storm: true")).expect("written");
    let control = std::thread::spawn(move || match ordered.blocking_recv() {
        Some(Order::Reload(place, taken)) => {
            taken.send(true).expect("an asker");
            place
        }
        _ => panic!("another order"),
    });
    assert!(reloader.reload().is_ok());
    let place = control.join().expect("a place");
    assert_eq!((place.switches["storm"], place.services.len(), place.credentials.len()), (true, 1, 1));
}

#[test]
fn a_change_of_whatever_was_read_is_seen_and_nothing_else() {
    let folder = place();
    let seen = Origin::File(folder.path().join(PLACE)).read().seen;
    assert_eq!(seen.look(), seen);
    for name in ["log", "askonce.db-wal"] {
        fs::write(folder.path().join(name), "x").expect("written");
    }
    assert_eq!(seen.look(), seen, "files that nobody reads");
    for name in [PLACE, DESK, "password", "prompts/en.yaml"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).expect("a file");
        fs::write(&path, text.clone() + "#").expect("written");
        assert_ne!(seen.look(), seen, "{name}");
        // As editors do it: another file takes its place.
        fs::write(folder.path().join("new"), &text).expect("written");
        fs::rename(folder.path().join("new"), &path).expect("moved");
        assert_ne!(seen.look(), seen, "{name}");
    }
    let seen = Origin::File(folder.path().join(PLACE)).read().seen;
    fs::create_dir(folder.path().join("prompts/en")).expect("a folder");
    fs::write(folder.path().join("prompts/en/a.wav"), "x").expect("written");
    assert_ne!(seen.look(), seen, "sound that came");
}
