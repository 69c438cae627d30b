//! `askonce explain --html`.

use super::Place;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

const RECORDING: &str = "fixtures/contact-center-000";

fn page(place: &Place) -> String {
    let (done, printed) = place.run(&["explain", RECORDING, "--html", "call.html"]);
    assert!(done, "{printed}");
    place.read("call.html")
}

/// Half a second of a tone.
fn sound(place: &Place) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let file = place.path(&format!("{RECORDING}/caller.wav"));
    let mut wav = hound::WavWriter::create(file, spec).expect("a file");
    (0..4000).for_each(|at| wav.write_sample(if at % 8 < 4 { 9000i16 } else { -9000 }).expect("written"));
    wav.finalize().expect("written");
}

#[test]
fn a_page_needs_nothing_else_and_shows_no_value() {
    let place = Place::new("contact-center", &["contact-center"], 1);
    let silent = page(&place);
    sound(&place);
    let page = page(&place);
    assert!(page.contains("class=\"sound\"") && !silent.contains("class=\"sound\""));
    assert!(page.contains("The flow as it is now does what was recorded."));
    for value in ["79927398713", "4321", "15551230001"] {
        assert!(!page.contains(value), "{value}");
    }
    // No network: nothing is fetched, and addresses are those of names of XML only.
    let elsewhere = page
        .match_indices("://")
        .filter(|(at, _)| !page[..*at].ends_with("http") || !page[*at..].starts_with("://www.w3.org/"));
    assert_eq!(elsewhere.count(), 0);
    for fetched in ["src=", "<link", "@import", "url(", "<iframe"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
    // Its policy lets its one script run, and nothing that is smuggled in.
    let script = page.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).expect("a script").0;
    let digest = BASE64.encode(&Sha256::digest(script));
    assert!(page.contains(&format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'")));
    assert_eq!(page.matches("<script").count(), 1);
    // The way that was taken, and a block that was not come to.
    assert!(page.contains(".flow g[data-block=\"billing\"]") && !page.contains(".flow g[data-block=\"outage\"]"));
    assert!(page.contains("[data-way=\"start:8:to.billing\"]") && !page.contains("[data-way=\"start:8:to.sales\"]"));
}

#[test]
fn a_difference_is_on_the_page_with_its_line() {
    let place = Place::new("contact-center", &["contact-center"], 1);
    place.edit("flows/contact-center.yaml", "needs: [account, reason]", "needs: [reason]");
    let page = page(&place);
    assert!(
        page.contains("hand-off: what the person gets") && page.contains("&gt;   73 |     - agent: billing"),
        "{page}"
    );
    assert!(page.contains("<b>recorded</b> the INVITE has account in User-to-User"), "{page}");
    assert!(page.contains("class=\"moment differing\""));
}

#[test]
fn what_a_recording_says_is_text_and_no_markup() {
    let place = Place::new("contact-center", &["contact-center"], 1);
    let smuggled = "</script><script>alert(1)</script><img src=x>";
    place.edit(&format!("{RECORDING}/call.jsonl"), "\"call\":\"call-0\"", &format!("\"call\":\"{smuggled}\""));
    let page = page(&place);
    assert!(page.contains("&lt;img src=x&gt;") && !page.contains("<img") && page.matches("<script").count() == 1);
}

#[test]
fn a_sound_that_cannot_be_read_is_named_and_a_flow_that_is_gone_leaves_less() {
    let place = Place::new("contact-center", &["contact-center"], 1);
    std::fs::write(place.path(&format!("{RECORDING}/caller.wav")), "noise").expect("written");
    let (done, printed) = place.run(&["explain", RECORDING, "--html", "call.html"]);
    assert!(!done && printed.contains("caller.wav"), "{printed}");
    sound(&place);
    let (done, printed) = place.run(&["explain", RECORDING, "--html", "call.html", "--flows", "fixtures"]);
    assert!(done && place.read("call.html").contains("Told without the flow"), "{printed}");
}
