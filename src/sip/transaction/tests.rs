use super::timer::{GIVE_UP, T1, T4};
use super::*;
use crate::random::Random;
use crate::sip::Uri;
use crate::sip::hop::{Hop, Transport};
use crate::sip::invite::Invite;
use crate::sip::message::Request;
use crate::time::Duration;

const START: Instant = Instant::from_micros(1_000_000);

fn invite() -> Box<Request> {
    let local = Hop::udp("192.0.2.1:5060".parse().unwrap());
    let uri = Uri::read("sip:a@192.0.2.2").unwrap();
    let invite = Invite { local, target: uri.clone(), from: uri, ..Invite::default_for_tests() };
    Box::new(invite.build(&mut Random::from_seed(1)).unwrap())
}

/// When the table sends again, in ms from the start, and when and whether the transaction times out.
fn life(table: &mut Table) -> (Vec<u64>, Option<u64>) {
    let mut sent = Vec::new();
    while let Some(at) = table.next_deadline() {
        let ms = at.since(START).as_millis() as u64;
        while let Some(fired) = table.due(at) {
            match fired {
                Fired::Trying(_) | Fired::Resend(..) => sent.push(ms),
                Fired::TimedOut(..) => return (sent, Some(ms)),
            }
        }
    }
    assert_eq!((table.len(), table.by_key.len()), (0, 0));
    (sent, None)
}

fn table_with(machine: Machine) -> (Table, TransactionId) {
    let mut table = Table::default();
    let to = Hop::udp("192.0.2.9:5060".parse().unwrap());
    let id = table.insert("key".into(), to, b"x".to_vec(), Purpose::Nobody, machine);
    (table, id)
}

#[test]
fn unanswered_requests_are_sent_again_and_time_out_after_64_t1() {
    let (mut table, _) = table_with(Machine::InviteClient(InviteClient::new(START, Transport::Udp, invite())));
    assert_eq!(life(&mut table), (vec![500, 1500, 3500, 7500, 15500, 31500], Some(32000)));
    let (mut table, _) = table_with(Machine::Client(Client::new(START, Transport::Udp)));
    let sent = vec![500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
    assert_eq!(life(&mut table), (sent, Some(32000)));
}

#[test]
fn a_provisional_answer_slows_a_request_down_and_silences_an_invite() {
    let (mut table, id) = table_with(Machine::Client(Client::new(START, Transport::Udp)));
    table.change(id, |t| match &mut t.machine {
        Machine::Client(client) => assert_eq!(client.on_response(START, 100), Heard::Provisional),
        other => panic!("{other:?}"),
    });
    assert_eq!(life(&mut table).0, [4000, 8000, 12000, 16000, 20000, 24000, 28000]);

    let mut machine = InviteClient::new(START, Transport::Udp, invite());
    assert_eq!((machine.may_cancel(), machine.on_response(START, 180)), (false, Heard::Provisional));
    assert_eq!((machine.may_cancel(), machine.deadline()), (true, None));
    machine.abandon(START);
    let (mut table, _) = table_with(Machine::InviteClient(machine));
    assert_eq!(life(&mut table), (vec![], Some(32000)));
}

#[test]
fn an_invite_s_answers_are_heard_as_their_states_say() {
    let mut refused = InviteClient::new(START, Transport::Udp, invite());
    let heard = [180, 486, 486, 180, 200].map(|status| refused.on_response(START, status));
    assert_eq!(heard, [Heard::Provisional, Heard::Final, Heard::Again, Heard::Nothing, Heard::Nothing]);
    let mut accepted = InviteClient::new(START, Transport::Udp, invite());
    let heard = [200, 200, 180, 486].map(|status| accepted.on_response(START, status));
    assert_eq!(heard, [Heard::Final, Heard::Final, Heard::Nothing, Heard::Nothing]);
    for machine in [refused, accepted] {
        assert_eq!(machine.deadline(), Some(START + GIVE_UP));
    }
    let mut client = Client::new(START, Transport::Udp);
    assert_eq!([200, 200].map(|status| client.on_response(START, status)), [Heard::Final, Heard::Nothing]);
    assert_eq!(client.deadline(), START + T4);
}

#[test]
fn a_refusal_is_sent_until_its_ack_and_a_2xx_is_not() {
    let mut machine = InviteServer::new(START, Transport::Udp);
    machine.respond(START, 180);
    assert!(machine.answers_again() && machine.deadline().is_none());
    machine.respond(START, 486);
    let (mut table, id) = table_with(Machine::InviteServer(machine));
    assert_eq!(table.next_deadline(), Some(START + T1));
    assert!(matches!(table.due(START + T1), Some(Fired::Resend(..))));
    table.change(id, |t| match &mut t.machine {
        Machine::InviteServer(machine) => assert!(machine.on_ack(START + T1)),
        other => panic!("{other:?}"),
    });
    assert_eq!(life(&mut table), (vec![], None), "timer I");

    let mut machine = InviteServer::new(START, Transport::Udp);
    machine.respond(START, 486);
    let (mut table, _) = table_with(Machine::InviteServer(machine));
    let sent = vec![500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
    assert_eq!(life(&mut table), (sent, None), "timers G and H");

    let mut machine = InviteServer::new(START, Transport::Udp);
    machine.respond(START, 200);
    assert!(!machine.answers_again());
    assert_eq!(machine.deadline(), Some(START + GIVE_UP));
}

#[test]
fn answers_are_noted_once_and_bounded() {
    let mut machine = InviteClient::new(START, Transport::Udp, invite());
    assert_eq!([machine.note_answer("a"), machine.note_answer("a")], [Some(true), Some(false)]);
    for tag in 1..MAX_FORKS {
        assert_eq!(machine.note_answer(&tag.to_string()), Some(true));
    }
    assert_eq!(machine.note_answer("one more"), None);
}

#[test]
fn once_a_2xx_has_its_ack_the_invite_is_remembered_for_t4_only() {
    for (transport, span) in [(Transport::Udp, T4), (Transport::Tcp, Duration::ZERO)] {
        let mut machine = InviteServer::new(START, transport);
        machine.respond(START, 180);
        machine.on_ack_of_2xx(START);
        assert_eq!(machine.deadline(), None, "there was no 2xx");
        machine.respond(START, 200);
        let acked = START + T1;
        machine.on_ack_of_2xx(acked);
        assert_eq!(machine.deadline(), Some(acked + span));
        machine.on_ack_of_2xx(acked + T1);
        assert_eq!(machine.deadline(), Some(acked + span), "a second one changes nothing");
    }
}
