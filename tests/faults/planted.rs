//! The faults, one a line: what it is, in which file, what stands there, what stands there instead, and what is told.

use super::place::{CONFIG, EN, ES, FLOW, MODULE, Place};

pub struct Fault {
    pub what: &'static str,
    pub file: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    pub expected: &'static str,
}

macro_rules! faults {
    ($($what:literal in $file:ident: $from:literal => $to:literal is $expected:literal;)+) => {
        pub const FAULTS: &[Fault] =
            &[$(Fault { what: $what, file: $file, from: $from, to: $to, expected: $expected }),+];
    };
}

faults! {
    // A typo in each kind of name.
    "a verb" in FLOW:
        "- say: call_later" => "- sya: call_later"
        is "error[unknown-verb] desk.yaml:80";
    "a key of the flow" in FLOW:
        "languages:" => "langauges:"
        is "error[unknown-key] desk.yaml:3";
    "a key of a fact" in FLOW:
        "    known:" => "    knwon:"
        is "error[unknown-key] desk.yaml:18";
    "the key that has to be there, of a fact" in FLOW:
        "    type: number_of" => "    tpye: number_of"
        is "error[unknown-key] desk.yaml:17";
    "a key of a lookup" in FLOW:
        "    auth:" => "    auht:"
        is "error[unknown-key] desk.yaml:29";
    "a key of a queue" in FLOW:
        "hours: office, at_once" => "huors: office, at_once"
        is "error[unknown-key] desk.yaml:35";
    "a key of a waiting" in FLOW:
        "instead:" => "insted:"
        is "error[unknown-key] desk.yaml:38";
    "a key of an instead" in FLOW:
        "after: 30s, key" => "after: 30s, kye"
        is "error[unknown-key] desk.yaml:38";
    "a key of hours" in FLOW:
        "mon-fri:" => "mon-fir:"
        is "error[unknown-key] desk.yaml:10";
    "a key of the escape" in FLOW:
        "menu: 0" => "mneu: 0"
        is "error[unknown-key] desk.yaml:6";
    "a key of always" in FLOW:
        "hangup: note" => "hangpu: note"
        is "error[unknown-key] desk.yaml:7";
    "a key of a step" in FLOW:
        "      barge: false" => "      brage: false"
        is "error[unknown-key] desk.yaml:77";
    "a named exit" in FLOW:
        "      waited: sorry" => "      waitde: sorry"
        is "error[unknown-key] desk.yaml:73";
    "a key of a given value" in FLOW:
        "default: false } }" => "defualt: false } }"
        is "error[unknown-key] desk.yaml:31";
    "a block" in FLOW:
        "      full: sorry" => "      full: sory"
        is "error[unknown-name] desk.yaml:72";
    "a fact" in FLOW:
        "- collect: account" => "- collect: acount"
        is "error[unknown-name] desk.yaml:48";
    "a fact that is needed" in FLOW:
        "      needs: [account]\n      whisper" => "      needs: [acount]\n      whisper"
        is "error[unknown-name] desk.yaml:69";
    "a lookup" in FLOW:
        "- lookup: crm" => "- lookup: cmr"
        is "error[unknown-name] desk.yaml:46";
    "a value that a lookup gives" in FLOW:
        "- if: crm.active and" => "- if: crm.actve and"
        is "error[unknown-name] desk.yaml:55";
    "a queue" in FLOW:
        "- agent: support" => "- agent: suport"
        is "error[unknown-name] desk.yaml:68";
    "hours of a queue" in FLOW:
        "hours: office, at_once" => "hours: offcie, at_once"
        is "error[unknown-name] desk.yaml:35";
    "hours of a condition" in FLOW:
        "closed(office)" => "closed(offcie)"
        is "error[unknown-name] desk.yaml:44";
    "a calendar" in FLOW:
        "closed: [us]" => "closed: [su]"
        is "error[unknown-name] desk.yaml:10";
    "a waiting" in FLOW:
        "waiting: hold }" => "waiting: hodl }"
        is "error[unknown-name] desk.yaml:35";
    "a prompt that is said" in FLOW:
        "- say: call_later" => "- say: call_latr"
        is "error[unknown-name] desk.yaml:80";
    "a prompt of a parameter" in FLOW:
        "[welcome, hello]" => "[welcome, hallo]"
        is "error[unknown-name] desk.yaml:5";
    "a prompt of a fact" in FLOW:
        "ask: [main_menu]" => "ask: [main_meun]"
        is "error[unknown-name] desk.yaml:21";
    "a prompt of a worded try" in FLOW:
        "silent: account_silent" => "silent: account_slient"
        is "error[unknown-name] desk.yaml:19";
    "a parameter" in FLOW:
        "- say: with.greeting" => "- say: with.greting"
        is "error[unknown-name] desk.yaml:43";
    "a switch" in FLOW:
        "switch.storm" => "switch.strom"
        is "error[unknown-name] desk.yaml:44";
    "a destination of a queue" in FLOW:
        "{ to: support, hours" => "{ to: suport, hours"
        is "error[unknown-name] desk.yaml:35";
    "a destination of a transfer" in FLOW:
        "- transfer: billing_desk" => "- transfer: billing_dsek"
        is "error[unknown-name] desk.yaml:57";
    "an endpoint" in FLOW:
        "\"crm:/note\"" => "\"cmr:/note\""
        is "error[unknown-name] desk.yaml:32";
    "a secret" in FLOW:
        "auth: crm_token" => "auth: crm_tokne"
        is "error[unknown-name] desk.yaml:29";
    "a type" in FLOW:
        "{ type: bool, lives" => "{ type: bolo, lives"
        is "error[unknown-name] desk.yaml:23";
    "a type of the flow's own" in FLOW:
        "    type: number_of" => "    type: numberof"
        is "error[unknown-name] desk.yaml:17";
    "a class" in FLOW:
        "class: pii" => "class: pi"
        is "error[unknown-name] desk.yaml:12";
    "a check" in FLOW:
        "check: luhn" => "check: luhm"
        is "error[unknown-name] desk.yaml:12";
    "a source" in FLOW:
        "uui.account, header" => "uiu.account, header"
        is "error[unknown-name] desk.yaml:18";
    "a span of life" in FLOW:
        "lives: call" => "lives: cal"
        is "error[unknown-name] desk.yaml:23";
    "a value of a route" in FLOW:
        "billing: billing, outage" => "biling: billing, outage"
        is "error[unknown-name] desk.yaml:53";
    "a language" in FLOW:
        "[en, es]\nuse" => "[en, se]\nuse"
        is "error[unreadable] prompts/se.yaml";
    "a language of its fact" in FLOW:
        "2: es }" => "2: se }"
        is "error[unknown-name] desk.yaml:15";
    "a module's file" in FLOW:
        "[verify.yaml]" => "[verfiy.yaml]"
        is "error[unreadable] verfiy.yaml";
    "a block of a module" in FLOW:
        "verify.check\n" => "verify.chekc\n"
        is "error[unknown-name] desk.yaml:62";
    "a block within a module" in MODULE:
        "- goto: done" => "- goto: doen"
        is "error[unknown-name] verify.yaml:14";
    "a fact in the path of a lookup" in FLOW:
        "{caller.number}" => "{caller.nubmer}"
        is "error[unknown-name] desk.yaml:27";
    "a fact that a lookup fills" in MODULE:
        "fills: [verified]" => "fills: [verifed]"
        is "error[unknown-name] verify.yaml:7";
    "a fact in a prompt" in EN:
        "Account {account?}." => "Account {acount?}."
        is "error[unknown-name] desk.yaml:70";
    "a flow of a number" in CONFIG:
        "\"*\": desk" => "\"*\": dekc"
        is "error[unknown-name] askonce.yaml:10";
    "a parameter of a number" in CONFIG:
        "{ brand: zenith }" => "{ bland: zenith }"
        is "error[unknown-name] askonce.yaml:9";
    "a value of a parameter" in CONFIG:
        "{ brand: zenith }" => "{ brand: zenit }"
        is "error[unknown-name] askonce.yaml:9";
    "a trunk" in CONFIG:
        "trunk: carrier" => "trunk: carier"
        is "error[unknown-name] askonce.yaml:13";
    "a fact of a destination" in CONFIG:
        "uui: [account]" => "uui: [acount]"
        is "error[unknown-name] askonce.yaml:12";
    "a key of a destination" in CONFIG:
        "ring: 20s" => "rign: 20s"
        is "error[unknown-key] askonce.yaml:12";
    "a key of a trunk" in CONFIG:
        "trust: [" => "trsut: ["
        is "error[unknown-key] askonce.yaml:7";
    "a key of the configuration" in CONFIG:
        "switches:" => "swiches:"
        is "error[unknown-key] askonce.yaml:14";
    "what a trunk is trusted for" in CONFIG:
        "[uui, headers]" => "[uiu, headers]"
        is "error[unknown-name] askonce.yaml:7";
    "a flow's file" in CONFIG:
        "[desk.yaml]" => "[dekc.yaml]"
        is "error[unreadable] dekc.yaml";
    // A section, or what stands in it, that is misspelt.
    "the section `facts`" in FLOW:
        "\nfacts:" => "\nfcats:"
        is "error[unknown-key] desk.yaml:13";
    "the section `lookups`" in FLOW:
        "\nlookups:" => "\nlookpus:"
        is "error[unknown-key] desk.yaml:25";
    "the section `queues`" in FLOW:
        "\nqueues:" => "\nqueus:"
        is "error[unknown-key] desk.yaml:34";
    "the section `waiting`" in FLOW:
        "\nwaiting:" => "\nwaitng:"
        is "error[unknown-key] desk.yaml:37";
    "the section `blocks`" in FLOW:
        "\nblocks:" => "\nblock:"
        is "error[unknown-key] desk.yaml:40";
    "the section `hours`" in FLOW:
        "\nhours:" => "\nhuors:"
        is "error[unknown-key] desk.yaml:9";
    "the section `types`" in FLOW:
        "\ntypes:" => "\ntpyes:"
        is "error[unknown-key] desk.yaml:11";
    "the section `calendars`" in FLOW:
        "\ncalendars:" => "\ncalenders:"
        is "error[unknown-key] desk.yaml:8";
    "the section `use`" in FLOW:
        "\nuse:" => "\nues:"
        is "error[unknown-key] desk.yaml:4";
    "the section `escape`" in FLOW:
        "\nescape:" => "\nescpae:"
        is "error[unknown-key] desk.yaml:6";
    "the section `always`" in FLOW:
        "\nalways:" => "\nalwyas:"
        is "error[unknown-key] desk.yaml:7";
    "the section `facts` of a module" in MODULE:
        "\nfacts:" => "\nfact:"
        is "error[unknown-key] verify.yaml:3";
    "the key `with`" in FLOW:
        "\nwith:" => "\nwiht:"
        is "error[unknown-key] desk.yaml:5";
    "the key `ask`" in FLOW:
        "ask: [main_menu]" => "aks: [main_menu]"
        is "error[unknown-key] desk.yaml:21";
    "the key `keys`" in FLOW:
        "keys: { 1: billing" => "kyes: { 1: billing"
        is "error[unknown-key] desk.yaml:21";
    "the key `gives`" in FLOW:
        "    gives:" => "    gvies:"
        is "error[unknown-key] desk.yaml:31";
    "the key `fills`" in FLOW:
        "    fills:" => "    fils:"
        is "error[unknown-key] desk.yaml:30";
    "the key `at_once`" in FLOW:
        "at_once:" => "atonce:"
        is "error[unknown-key] desk.yaml:35";
    "the key `to` of a queue" in FLOW:
        "{ to: support, hours" => "{ too: support, hours"
        is "error[unknown-key] desk.yaml:35";
    "an else" in FLOW:
        "      closed: after_hours\n      full: sorry\n      waited: sorry\n      else: sorry" => "      closed: after_hours\n      full: sorry\n      waited: sorry\n      esle: sorry"
        is "error[unknown-key] desk.yaml:74";
    "a then" in FLOW:
        "      then: person" => "      thne: person"
        is "error[unknown-key] desk.yaml:56";
    "the escape key as a choice of a module" in MODULE:
        "  verified: {" => "  more: { type: choice, keys: { 0: a, 1: b }, ask: [pin_ask] }\n  verified: {"
        is "error[escape-key] verify.yaml:5";
    "a source of a module that does not fill it" in MODULE:
        "ask: [pin_ask] }" => "ask: [pin_ask], known: [check_pin] }"
        is "error[not-in-fills] verify.yaml:4";
    // Values that are none of their type.
    "a text where a list is" in FLOW:
        "ask: [main_menu]" => "ask: main_menu"
        is "error[wrong-type] desk.yaml:21";
    "a list where a block is" in FLOW:
        "      full: sorry" => "      full: [sorry]"
        is "error[wrong-type] desk.yaml:72";
    "steps that are no list" in FLOW:
        "  sorry:\n    - say: call_later\n    - hangup" => "  sorry:\n    say: call_later"
        is "error[wrong-type] desk.yaml:80";
    "facts that are no map" in MODULE:
        "  pin: {" => "  - pin: {"
        is "error[yaml] verify.yaml:5";
    "a bad duration" in FLOW:
        "timeout: 800ms" => "timeout: 800"
        is "error[wrong-type] desk.yaml:28";
    "a unit that is none" in FLOW:
        "timeout: 1s" => "timeout: 1sec"
        is "error[wrong-type] desk.yaml:32";
    "a bad range of time" in FLOW:
        "08:00-20:00" => "8-20"
        is "error[wrong-type] desk.yaml:10";
    "a time that no clock has" in FLOW:
        "08:00-20:00" => "08:00-24:30"
        is "error[wrong-type] desk.yaml:10";
    "a bad zone" in FLOW:
        "America/New_York" => "America/NewYork"
        is "error[unknown-name] desk.yaml:10";
    "a bad date" in FLOW:
        "2026-11-26" => "2026-11-31"
        is "error[unknown-name] desk.yaml:8";
    "a bad yearly date" in FLOW:
        "12-25" => "13-25"
        is "error[unknown-name] desk.yaml:8";
    "a length the wrong way round" in FLOW:
        "length: 8-12" => "length: 12-8"
        is "error[wrong-type] desk.yaml:12";
    "a number with a zero before it" in FLOW:
        "at_once: 5" => "at_once: 0755"
        is "error[wrong-type] desk.yaml:35";
    "yes for true" in FLOW:
        "barge: false" => "barge: no"
        is "error[wrong-type] desk.yaml:77";
    "on for true" in CONFIG:
        "storm: false" => "storm: on"
        is "error[wrong-type] askonce.yaml:14";
    "a key of the keypad that is none" in FLOW:
        "menu: 0" => "menu: 10"
        is "error[bad-key] desk.yaml:6";
    "a bare star" in FLOW:
        "collect: star" => "collect: *"
        is "error[anchor] desk.yaml:6";
    "a bare pound" in FLOW:
        "collect: star, to: person }" => "collect: #, to: person }"
        is "error[yaml] desk.yaml:7";
    "a pattern that is none" in FLOW:
        "check: luhn" => "check: { regex: \"[\" }"
        is "error[bad-pattern] desk.yaml:12";
    "a pattern that is too big" in FLOW:
        "check: luhn" => "check: { regex: \"(((((a{100}){100}){100}){100}){100})\" }"
        is "error[bad-pattern] desk.yaml:12";
    "a value that its fact does not take" in FLOW:
        "      to: true" => "      to: perhaps"
        is "error[bad-value] desk.yaml:84";
    "a default that its fact does not take" in FLOW:
        "default: en }" => "default: fr }"
        is "error[bad-default] desk.yaml:15";
    "a condition that is none" in FLOW:
        "- if: crm.active and with" => "- if: crm.active && with"
        is "error[condition] desk.yaml:55";
    "a text that is compared with a number" in FLOW:
        "with.brand == 'acme'" => "with.brand < 3"
        is "error[condition] desk.yaml:55";
    "a condition on what somebody keyed in" in FLOW:
        "- if: crm.active and" => "- if: account == '1' and"
        is "error[condition] desk.yaml:55";
    "a port that is none" in CONFIG:
        "127.0.0.1:5060" => "127.0.0.1:506000"
        is "error[wrong-type] askonce.yaml:2";
    "an address that is none" in CONFIG:
        "sip:support@192.0.2.10" => "support@192.0.2.10"
        is "error[wrong-type] askonce.yaml:12";
    // YAML that means something else than it looks.
    "a tab" in FLOW:
        "    - hangup\n  sorry:" => "\t- hangup\n  sorry:"
        is "error[yaml] desk.yaml:78";
    "an anchor" in FLOW:
        "  sorry:\n" => "  sorry: &sorry\n"
        is "error[anchor] desk.yaml:79";
    "an alias" in FLOW:
        "      full: sorry" => "      full: *sorry"
        is "error[anchor] desk.yaml:72";
    "a merge key" in FLOW:
        "    confirm: account_readback" => "    confirm: account_readback\n    <<: { class: pii }"
        is "error[merge-key] desk.yaml:21";
    "a key that is true" in FLOW:
        "always: { error: person," => "on: 1\nalways: { error: person,"
        is "error[misread-key] desk.yaml:7";
    "a key that is yes" in FLOW:
        "keys: { 1: billing, 2: outage }" => "keys: { yes: billing, 2: outage }"
        is "error[misread-key] desk.yaml:21";
    "a key that is no" in FLOW:
        "  note:\n" => "  no:\n    - hangup\n  note:\n"
        is "error[misread-key] desk.yaml:82";
    "a key twice" in FLOW:
        "      needs: [account]\n      whisper" => "      needs: [account]\n      needs: [account]\n      whisper"
        is "error[duplicate-key] desk.yaml:70";
    "a block twice" in FLOW:
        "  note:\n" => "  sorry:\n    - hangup\n  note:\n"
        is "error[duplicate-key] desk.yaml:82";
    "a prompt twice" in EN:
        "closed: We" => "hello: We are\nclosed: We"
        is "error[duplicate-key] prompts/en.yaml:16";
    "a second document" in FLOW:
        "blocks:\n" => "---\nblocks:\n"
        is "error[yaml] desk.yaml:40";
    "a quote that does not end" in FLOW:
        "\"billing has its own menu\"" => "\"billing has its own menu"
        is "error[yaml] desk.yaml:58";
    "a bracket that does not end" in FLOW:
        "      needs: [account]\n      whisper" => "      needs: [account\n      whisper"
        is "error[yaml] desk.yaml:70";
    "a colon in a text" in EN:
        "We are closed." => "Hours: we are closed."
        is "error[yaml] prompts/en.yaml:16";
    "a tag" in FLOW:
        "      to: true" => "      to: !secret true"
        is "error[yaml] desk.yaml:84";
    // Steps that lead nowhere, or without end.
    "two verbs" in FLOW:
        "    - say: closed\n      barge: false\n" => "    - say: closed\n      hangup: now\n"
        is "error[two-verbs] desk.yaml:77";
    "a step without a verb" in FLOW:
        "    - say: closed\n      barge: false\n" => "    - barge: false\n"
        is "error[unknown-verb] desk.yaml:76";
    "a missing exit" in FLOW:
        "always: { error: person, hangup: note }" => "always: { hangup: note }"
        is "error[no-exit] desk.yaml:52";
    "a missing ask" in FLOW:
        ", ask: [visit_ask]" => ""
        is "error[no-ask] desk.yaml:63";
    "a route without one of its values" in FLOW:
        "to: { billing: billing, outage: outage }" => "to: { billing: billing }"
        is "error[not-exhaustive] desk.yaml:52";
    "a block that falls off" in FLOW:
        "    - say: call_later\n    - hangup" => "    - say: call_later"
        is "error[falls-off] desk.yaml:80";
    "a block without steps" in FLOW:
        "  sorry:\n    - say: call_later\n    - hangup" => "  sorry: []"
        is "error[falls-off] desk.yaml:79";
    "an unreachable block" in FLOW:
        "  note:\n" => "  lost:\n    - hangup\n  note:\n"
        is "error[unreachable-block] desk.yaml:82";
    "an unreachable step" in FLOW:
        "    - say: call_later\n    - hangup" => "    - hangup\n    - say: call_later"
        is "error[unreachable-step] desk.yaml:81";
    "a stray return" in FLOW:
        "    - say: call_later\n    - hangup" => "    - say: call_later\n    - return"
        is "error[stray-return] desk.yaml:81";
    "an endless loop" in FLOW:
        "    - say: call_later\n    - hangup" => "    - say: call_later\n    - goto: sorry"
        is "error[endless-loop] desk.yaml:81";
    "a run that comes back" in MODULE:
        "    - return" => "    - run: done\n    - return"
        is "error[deep-run] verify.yaml:17";
    "no start" in FLOW:
        "  start:\n" => "  begin:\n"
        is "error[no-start] desk.yaml:1";
    "a transfer without a reason" in FLOW:
        "      because: \"billing has its own menu\"\n" => ""
        is "error[no-reason] desk.yaml:57";
    "something said to a caller who is gone" in FLOW:
        "    - set: noted\n" => "    - say: closed\n    - set: noted\n"
        is "error[caller-gone] desk.yaml:83";
    "a call that is rejected after its answer" in FLOW:
        "    - say: call_later\n    - hangup" => "    - say: call_later\n    - reject: 486"
        is "error[answered] desk.yaml:81";
    "the escape key as a choice" in FLOW:
        "2: outage }" => "0: outage }"
        is "error[escape-key] desk.yaml:21";
    "the escape key as an answer" in FLOW:
        "confirm: account_readback" => "confirm: { say: account_readback, right: 0, again: 2 }"
        is "error[escape-key] desk.yaml:20";
    "a value that the lookup may not have given" in FLOW:
        "active: { type: bool, default: false }" => "active: bool"
        is "error[never-given] desk.yaml:55";
    "a source that does not fill it" in FLOW:
        "account: customer.account, story" => "noted: customer.account, story"
        is "error[not-in-fills] desk.yaml:16";
    "a fact that nothing uses" in FLOW:
        "  noted: {" => "  spare: { type: bool }\n  noted: {"
        is "warning[unused] desk.yaml:23";
    "a lookup that nothing uses" in FLOW:
        "  note: { post" => "  spare: { get: \"crm:/x\", timeout: 1s }\n  note: { post"
        is "warning[unused] desk.yaml:32";
    "a full line that is not ours" in FLOW:
        "hours: office, at_once: 5, size: 20, longest: 10m, waiting: hold }" => "hours: office, size: 20 }"
        is "error[no-effect] desk.yaml:35";
    // What is private, said or sent.
    "a secret that an agent needs" in FLOW:
        "      needs: [account]\n      whisper" => "      needs: [account, verify.pin]\n      whisper"
        is "error[class] desk.yaml:69";
    "a secret in an address" in MODULE:
        "\"crm:/verify\"" => "\"crm:/verify/{pin}\""
        is "error[class] verify.yaml:7";
    "a secret that is spoken" in EN:
        "Please call later." => "Your PIN is {pin}."
        is "error[secret-spoken] desk.yaml:80";
    "a card that is spoken" in FLOW:
        "class: pii" => "class: pci"
        is "error[secret-spoken] desk.yaml:20";
    "what is the caller's own, in a say" in EN:
        "We will come on {visit}." => "We will come to {account}."
        is "error[value-spoken] desk.yaml:65";
    "a value in a question" in EN:
        "Enter your PIN." => "Enter the PIN of {account}."
        is "error[value-spoken] verify.yaml:4";
    "a confirm without its value" in EN:
        "I have {account}. If" => "If"
        is "error[not-read] desk.yaml:20";
    "a verified caller without a lookup" in MODULE:
        "verified: { type: bool }" => "verified: { type: bool, known: [uui.verified] }"
        is "error[trust] verify.yaml:5";
    "a secret that outlives its call" in MODULE:
        "class: secret," => "class: secret, lives: case,"
        is "error[class] verify.yaml:4";
    // What holds on no path, or not on every one.
    "a budget that is broken" in FLOW:
        "languages:" => "budget: { questions: 1 }\nlanguages:"
        is "error[over-budget] desk.yaml:3";
    "a budget of time that is broken" in FLOW:
        "languages:" => "budget: { seconds: 2 }\nlanguages:"
        is "error[over-budget] desk.yaml:3";
    "a secret that is kept to a person" in MODULE:
        "    - forget: pin\n" => ""
        is "error[secret-kept] desk.yaml:68";
    "a prompt that reads what is not there" in FLOW:
        "    - collect: visit\n      else: person\n" => ""
        is "error[not-filled] desk.yaml:63";
    "a fact that nobody asked for" in FLOW:
        "      needs: [account]\n      whisper" => "      needs: [account, reason]\n      whisper"
        is "error[unasked] desk.yaml:69";
    "a lookup that sends what is not there" in FLOW:
        "\"crm:/note\", timeout" => "\"crm:/note\", send: [account], timeout"
        is "error[sends-unfilled] desk.yaml:85";
    "a question that comes twice" in FLOW:
        "    - collect: reason\n" => "    - forget: account\n    - collect: account\n      else: person\n    - collect: reason\n"
        is "error[asked-twice] desk.yaml:51";
    "a round that nobody asked for" in FLOW:
        "    - say: outage_known\n    - hangup" => "    - say: outage_known\n    - forget: visit\n      at_most: 3\n      else: sorry\n    - goto: outage"
        is "error[no-choice] desk.yaml:66";
    "silence" in FLOW:
        "    - lookup: crm\n      else: continue\n" => "    - lookup: crm\n      else: continue\n    - lookup: crm\n      else: continue\n    - lookup: crm\n      else: continue\n    - lookup: crm\n      else: continue\n    - lookup: crm\n      else: continue\n    - lookup: crm\n      else: continue\n    - lookup: crm\n      else: continue\n    - lookup: crm\n      else: continue\n"
        is "error[long-silence] desk.yaml:46";
    // Prompts.
    "a prompt that is missing in one language" in ES:
        "call_later: Llame más tarde.\n" => ""
        is "error[not-in-language] desk.yaml:80";
    "other values in one language" in ES:
        "Cuenta {account?}." => "Cuenta."
        is "error[not-in-language] desk.yaml:70";
    "a placeholder that does not end" in EN:
        "{visit}" => "{visit"
        is "error[placeholder] prompts/en.yaml:10";
    "a placeholder that is none" in EN:
        "{visit}" => "{visit!}"
        is "error[placeholder] prompts/en.yaml:10";
    "a prompt without a text" in EN:
        "closed: We are closed." => "closed:"
        is "error[wrong-type] prompts/en.yaml:16";
    "a prompt without sound" in EN:
        "call_later: Please" => "call_latest: Please call.\ncall_later: Please"
        is "error[no-clip] prompts/en.yaml:17";
    "a place in the line where nobody waits" in EN:
        "Please call later." => "You are number {queue.position}."
        is "error[value-spoken] desk.yaml:80";
    // What the configuration cannot do.
    "User-to-User that is too long" in CONFIG:
        "uui: [account]" => "uui: [account, story]"
        is "error[context-too-long] askonce.yaml:12";
    "a wrong version" in FLOW:
        "askonce: 1" => "askonce: 2"
        is "error[wrong-type] desk.yaml:1";
    "no version" in FLOW:
        "askonce: 1\n" => ""
        is "error[missing-key] desk.yaml:1";
    "no version of a module" in MODULE:
        "askonce: 1\n" => ""
        is "error[missing-key] verify.yaml:1";
    "a port that another transport needs" in CONFIG:
        "sip:support@192.0.2.10" => "sip:support@192.0.2.10;transport=tcp"
        is "error[no-socket] askonce.yaml:12";
    "a secret in clear" in CONFIG:
        "{ env: CRM_TOKEN }" => "hunter2"
        is "error[secret-in-clear] askonce.yaml:4";
    "an endpoint in clear" in CONFIG:
        "https://crm.internal" => "http://crm.internal"
        is "warning[in-clear] askonce.yaml:5";
    "two carriers of one header" in CONFIG:
        "uui: [account] }" => "uui: [account], carriers: [uui-isdn, uui-raw] }"
        is "error[conflict] askonce.yaml:12";
    "a header that is not sent" in CONFIG:
        "uui: [account] }" => "headers: { X-A: account } }"
        is "error[no-effect] askonce.yaml:12";
    "a word that is not served yet" in CONFIG:
        "flows: [desk.yaml]\n" => "flows: [desk.yaml]\nstore: \"postgres://db\"\n"
        is "error[not-served-yet] askonce.yaml:4";
}

/// A file, its bytes, and what is told.
type Whole = (&'static str, &'static str, Vec<u8>, &'static str);

/// Faults of a file as a whole.
pub fn bytes(sound: &Place) -> Vec<Whole> {
    let flow = sound.text(FLOW);
    let deep = format!("{flow}x: {}{}\n", "[".repeat(40), "]".repeat(40));
    let wide = format!("{flow}x: [{}]\n", "1,".repeat(150_000));
    let big = format!("{flow}{}", "# A comment.\n".repeat(100_000));
    let blown = format!("{flow}a: &a [1]\nb: [{}]\n", "*a,".repeat(1_000));
    let steps = flow.replacen("    - say: call_later\n", &"    - say: call_later\n".repeat(1_001), 1);
    let facts: String = (0..201).map(|at| format!("  spare{at}: {{ type: bool }}\n")).collect();
    let facts = flow.replacen("facts:\n", &format!("facts:\n{facts}"), 1);
    let latin = [flow.as_bytes(), b"# caf\xe9\n"].concat();
    let nul = flow.replacen("call_later", "call\0later", 1);
    let crlf = flow.replacen("- say: call_later", "- sya: call_later", 1).replace('\n', "\r\n");
    vec![
        ("too deep", FLOW, deep.into(), "error[too-deep] desk.yaml:88"),
        ("too wide", FLOW, wide.into(), "error[too-big] desk.yaml:88"),
        ("too big", FLOW, big.into(), "error[too-big] desk.yaml"),
        ("aliases of aliases", FLOW, blown.into(), "error[anchor] desk.yaml:88"),
        ("too many steps", FLOW, steps.into(), "error[too-many] desk.yaml:80"),
        ("too many facts", FLOW, facts.into(), "error[too-many] desk.yaml:14"),
        ("a text that is not UTF-8", FLOW, latin, "error[unreadable] desk.yaml"),
        ("a catalogue that is not UTF-8", EN, b"a: \xff\n".to_vec(), "error[unreadable] prompts/en.yaml"),
        ("a NUL", FLOW, nul.into(), "error[yaml] desk.yaml:80"),
        ("a fault behind CRLF", FLOW, crlf.into(), "error[unknown-verb] desk.yaml:80"),
        ("an empty flow", FLOW, Vec::new(), "error[wrong-type] desk.yaml:1"),
        ("an empty configuration", CONFIG, Vec::new(), "error[wrong-type] askonce.yaml:1"),
        ("an empty module", MODULE, Vec::new(), "error[wrong-type] verify.yaml:1"),
        ("an empty catalogue", EN, Vec::new(), "error[wrong-type] prompts/en.yaml:1"),
        ("comments alone", FLOW, b"# Nothing yet.\n".to_vec(), "error[wrong-type] desk.yaml:1"),
        ("a list at the top", FLOW, b"- askonce: 1\n".to_vec(), "error[wrong-type] desk.yaml:1"),
        ("a word at the top", FLOW, b"desk\n".to_vec(), "error[wrong-type] desk.yaml:1"),
        ("a picture", FLOW, b"\x89PNG\r\n\x1a\n".to_vec(), "error[unreadable] desk.yaml"),
        ("a question without a way to a person", FLOW, alone(LEFT), "error[no-way-out] desk.yaml:7"),
        ("a choice without a way to a person", FLOW, alone(CHOICE), "error[no-escape] desk.yaml:4"),
        ("a catalogue in place of a flow", FLOW, sound.text(EN).into(), "error[missing-key] desk.yaml:1"),
    ]
}

/// Flows of their own, which show what the sound one cannot by one edit.
const LEFT: &str = "
  account: { type: digits, length: 4, ask: [account_ask] }
blocks:
  start:
    - collect: account
      else: continue
    - hangup
";
const CHOICE: &str = "
  reason: { type: choice, keys: { 1: billing, 2: outage }, ask: [main_menu] }
queues: { support: { to: support } }
blocks:
  start:
    - collect: reason
      else: continue
    - agent: support
      needs: [reason]
      else: sorry
  sorry:
    - hangup
";

fn alone(rest: &str) -> Vec<u8> {
    format!("askonce: 1\nflow: desk\nfacts:{rest}").into_bytes()
}

/// What it is, and the flow with it.
type Edit = (&'static str, fn(&str) -> String);

pub const SOUND: &[Edit] = &[
    ("CRLF", |text| text.replace('\n', "\r\n")),
    ("a byte order mark", |text| format!("\u{feff}{text}")),
    ("no end of the last line", |text| text.trim_end().to_owned()),
    ("quotes", |text| text.replacen("collect: star", "collect: \"*\"", 1)),
    ("a number in quotes", |text| text.replacen("menu: 0", "menu: \"0\"", 1)),
    ("a document's beginning", |text| format!("---\n{text}")),
    ("comments and space", |text| text.replace('\n', "   # So.\n\n")),
];
