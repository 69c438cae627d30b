//! TLS, with certificates made for the test.

use super::super::tls::Files;
use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::Path;
use tempfile::TempDir;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate for a name, and its key; returns the certificate.
fn certificate(authority: &Authority, name: &str, files: &Files) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    std::fs::write(&files.cert, certificate.pem()).unwrap();
    certificate.der().to_vec()
}

fn files(folder: &Path, authority: &Authority, name: &str) -> Files {
    let files = Files {
        cert: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
        ca: Some(folder.join("ca.pem")),
    };
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    certificate(authority, name, &files);
    files
}

fn place() -> (TempDir, Authority) {
    (tempfile::tempdir().unwrap(), authority())
}

fn over_tls(files: &Files, bounds: Bounds) -> Side {
    side(Transport::Tls, Some(files.clone()), bounds)
}

#[tokio::test]
async fn messages_go_both_ways_over_tls_to_the_name_that_dns_gave() {
    let (folder, ca) = place();
    let mut a = over_tls(&files(folder.path(), &ca, "a.example"), Bounds::default());
    let mut b = over_tls(&files(folder.path(), &ca, "b.example"), Bounds::default());
    let to_b = Hop::new(Transport::Tls, b.address);
    // Its certificate does not name its address, and no other host.
    for to in [to_b, a.streams.of_host(to_b, "c.example")] {
        a.send(to, OPTIONS);
        a.failed(to).await;
    }
    a.counted(|counters| &counters.failed_handshakes, 2).await;
    let named = a.streams.of_host(to_b, "b.example");
    a.send(named, OPTIONS);
    let (from_a, text) = b.message().await;
    assert_eq!((text.as_str(), from_a.transport), (OPTIONS, Transport::Tls));
    b.send(from_a, ANSWER);
    assert_eq!(a.message().await.1, ANSWER);
    // Under another name, or none, the connection that stands is not taken: the name is that hop's, not the address's.
    for to in [a.streams.of_host(to_b, "c.example"), to_b] {
        a.send(to, OPTIONS);
        a.failed(to).await;
    }
    a.counted(|counters| &counters.failed_handshakes, 4).await;
}

/// A certificate for all of these names.
fn of_names(folder: &Path, authority: &Authority, names: &[&str]) -> Files {
    let files = files(folder, authority, names[0]);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, authority).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    std::fs::write(&files.cert, certificate.pem()).unwrap();
    files
}

#[tokio::test]
async fn two_hosts_at_one_address_have_a_connection_each() {
    let (folder, ca) = place();
    let a = over_tls(&files(folder.path(), &ca, "a.example"), Bounds::default());
    let mut sbc = over_tls(&of_names(folder.path(), &ca, &["one.example", "two.example"]), Bounds::default());
    let to = |host| a.streams.of_host(Hop::new(Transport::Tls, sbc.address), host);
    let ways = [to("one.example"), to("two.example")];
    let mut came = Vec::new();
    for way in [ways[0], ways[1], ways[0], ways[1]] {
        a.send(way, OPTIONS);
        came.push(sbc.message().await.0);
    }
    assert_eq!((came[0], came[1]), (came[2], came[3]));
    a.counted(|counters| &counters.opened, 2).await;
}

#[tokio::test]
async fn what_was_sent_over_a_connection_that_is_gone_goes_to_the_same_host_again() {
    let (folder, ca) = place();
    let mut a = over_tls(&files(folder.path(), &ca, "a.example"), Bounds { idle: short(), ..Bounds::default() });
    let mut b = over_tls(&files(folder.path(), &ca, "b.example"), Bounds::default());
    a.send(a.streams.of_host(Hop::new(Transport::Tls, b.address), "b.example"), OPTIONS);
    let (from_a, _) = b.message().await;
    b.send(from_a, ANSWER);
    let (over, _) = a.message().await;
    a.counted(|counters| &counters.closed_idle, 1).await;
    a.send(over, OPTIONS);
    assert_ne!(b.message().await.0, from_a);
    a.counted(|counters| &counters.opened, 2).await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let ((here, ca), (there, other)) = (place(), place());
    let mut a = over_tls(&files(here.path(), &ca, "a.example"), Bounds::default());
    let b = over_tls(&files(there.path(), &other, "127.0.0.1"), Bounds::default());
    let to_b = Hop::new(Transport::Tls, b.address);
    a.send(to_b, OPTIONS);
    a.failed(to_b).await;
    let mut c = over_tls(&files(there.path(), &other, "127.0.0.1"), Bounds::default());
    c.send(to_b, OPTIONS);
    let mut b = b;
    assert_eq!(b.message().await.1, OPTIONS);
    assert!(c.events.try_recv().is_err());
}

#[tokio::test]
async fn a_handshake_has_a_time_and_a_bound() {
    let (folder, ca) = place();
    let files = files(folder.path(), &ca, "127.0.0.1");
    let side = over_tls(&files, Bounds { handshakes: 1, handshake: Duration::from_secs(1), ..Bounds::default() });
    let mut silent = side.connect().await;
    side.counted(|counters| &counters.accepted, 1).await;
    ends(&mut side.connect().await).await;
    side.counted(|counters| &counters.refused_handshakes, 1).await;
    ends(&mut silent).await;
    side.counted(|counters| &counters.failed_handshakes, 1).await;
}

#[test]
fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
    let (folder, ca) = place();
    let files = files(folder.path(), &ca, "a.example");
    let mut tls = Tls::open(files.clone()).unwrap();
    let fresh = certificate(&ca, "b.example", &files);
    assert_ne!(tls.served(), fresh);
    tls.reload();
    assert_eq!(tls.served(), fresh);
    for broken in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &authority().pem()] {
        std::fs::write(&files.cert, broken).unwrap();
        tls.reload();
        assert_eq!(tls.served(), fresh, "{broken:?}");
    }
    std::fs::remove_file(&files.cert).unwrap();
    tls.reload();
    assert_eq!(tls.served(), fresh);
    let again = certificate(&ca, "c.example", &files);
    tls.reload();
    assert_eq!(tls.served(), again);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (folder, ca) = place();
    let good = files(folder.path(), &ca, "a.example");
    let other = files(folder.path(), &ca, "b.example");
    let missing = folder.path().join("missing.pem");
    for (files, named) in [
        (Files { cert: missing.clone(), ..good.clone() }, "missing.pem"),
        (Files { key: missing.clone(), ..good.clone() }, "missing.pem"),
        (Files { ca: Some(missing), ..good.clone() }, "missing.pem"),
        (Files { key: other.key, ..good.clone() }, "a.example.pem"),
        (Files { ca: Some(good.key.clone()), ..good }, "a.example.key"),
    ] {
        let Err(error) = Tls::open(files) else { panic!("{named} was taken") };
        assert!(error.to_string().contains(named), "{error}");
    }
}
