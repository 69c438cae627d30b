use super::*;

#[test]
fn peers_forms_and_which_they_are() {
    let account = hex(b"account=12345674");
    for (value, form) in [
        (format!("{account};encoding=hex"), Form::Raw),
        (format!("04{account};encoding=hex"), Form::Isdn),
        (format!("00{account};encoding=hex"), Form::Isdn),
        (format!("{account};pd=04;ENCODING=HEX"), Form::Pd),
        (format!("{account};encoding=hex;purpose=isdn-uui;content=isdn-uui;pd=00"), Form::Pd),
        (format!("{account};purpose=isdn-uui"), Form::Raw),
        (account.to_uppercase(), Form::Raw),
        (format!("\"{account}\";encoding=hex"), Form::Raw),
        (format!("\"04{account}\" ; encoding = \"hex\""), Form::Isdn),
        ("\"account=12345674\"".to_owned(), Form::Text),
        ("\"note=a;account=12345674\";encoding=text".to_owned(), Form::Text),
        ("\"account=\\12345674\"".to_owned(), Form::Text),
        ("account%3D12345674".to_owned().replace("%3D", "=") + ";encoding=ascii", Form::Text),
    ] {
        let read = read(&value, None).expect(&value);
        let account = read.pairs.iter().find(|(name, _)| name == "account").expect("the account");
        assert_eq!((account.1.open(), read.form), ("12345674", form), "{value}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (value, why) in [
        ("abc;encoding=hex", Unreadable::Payload),
        ("zz;encoding=hex", Unreadable::Payload),
        ("", Unreadable::Payload),
        ("\"account=1", Unreadable::Payload),
        ("0431323334", Unreadable::Bare),
        ("56a390f3d2b7310023a2;encoding=base64", Unreadable::Encoding),
        (&hex(b"account=%0d%0a"), Unreadable::Payload),
        (&hex(b"account=1\n2"), Unreadable::Payload),
        (&hex(b"account=\xff"), Unreadable::Payload),
        // Tags and lengths of Avaya are no text.
        ("00FA0800270001A5D0;encoding=hex", Unreadable::Payload),
    ] {
        assert_eq!(read(value, None), Err(why), "{value}");
    }
}

#[test]
fn a_bare_value_is_the_fact_that_the_trunk_names() {
    for value in ["04313233", "313233;encoding=hex", "313233;pd=04", "\"123 \"", "123;encoding=ascii"] {
        let read = read(value, Some("account")).expect(value);
        assert_eq!(read.pairs[0].0, "account");
        assert_eq!(read.pairs[0].1.open().trim_end(), "123", "{value}");
    }
    // Pairs are pairs all the same.
    let pairs = read(&hex(b"ref=9f;a=1"), Some("account")).expect("pairs").pairs;
    assert_eq!(pairs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ref", "a"]);
    assert_eq!(read(&hex(b"12\r\n"), Some("account")), Err(Unreadable::Payload));
}

#[test]
fn no_more_pairs_are_read_than_there_may_be() {
    let many = (0..100).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join(";");
    assert_eq!(read(&hex(many.as_bytes()), None).expect("readable").pairs.len(), PAIRS);
}
