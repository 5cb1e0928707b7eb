//! The pure rules, through the public types.
use proptest::prelude::*;
use wh_base::Secret;
use wh_contract::Role;
use wh_identity::IdentityConfig;
use wh_identity::model::{Email, Password, PersonName, UserAgent, owner_remains, role_within};

fn password(text: &str) -> Result<(), &'static str> {
    let known = ["ada.lovelace", "Ada Lovelace", "Analytical Engines"];
    match Password::parse(&Secret::new(text.to_owned()), 12, &known, "/password") {
        Ok(_) => Ok(()),
        Err(error) => Err(error.code().code),
    }
}

#[test]
fn a_password_is_long_and_not_among_the_first_that_are_tried() {
    for good in [
        "seven violet lamps hum",
        "xK9#mQ2vLp8w",
        "turquoise-walrus-ladder",
        "пятьдесят зелёных котов",
        "a b c d e f g h i j k",
        &"a longish tale of 30, ".repeat(10),
    ] {
        assert_eq!(password(good), Ok(()), "{good}");
    }
    for short in ["", "elevenchars", "ä".repeat(11).as_str(), &"x1".repeat(129)] {
        assert_eq!(password(short), Err("identity.password_length"), "{short}");
    }
    for common in [
        "password1234",
        "Passw0rd!Passw0rd!",
        "P@$$w0rd2026",
        "123456789012",
        "qwertyuiop12",
        "aaaaaaaaaaaa",
        "iloveyou2024!",
        "Summer2024!!!",
        "monkeydragon99",
        "correcthorsebatterystaple",
        "1q2w3e4r5t6y",
        "ada.lovelace1",
        "Analytical!2026",
        "zaq12wsxcde3",
        "administrator1",
        "abababababab",
        "wheelhouse2026",
    ] {
        assert_eq!(password(common), Err("identity.password_common"), "{common}");
    }
}

#[test]
fn a_password_is_never_printed() {
    let text = format!("{:?}", Secret::new("seven violet lamps hum".to_owned()));
    assert!(!text.contains("violet"));
}

#[test]
fn an_address_is_one_address() {
    assert_eq!(
        Email::parse("  Ada.L+x@Example.COM ").map(|email| email.as_str().to_owned()).unwrap(),
        "ada.l+x@example.com"
    );
    for wrong in [
        "",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c.de",
        ".a@b.de",
        "a..b@c.de",
        "a@-b.de",
        "a@b..de",
        "ä@b.de",
        "a@b.de\n x",
        "a\0@b.de",
    ] {
        assert!(Email::parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
}

#[test]
fn names_can_be_shown() {
    assert_eq!(PersonName::parse("  Zoë 張 ").unwrap().as_str(), "Zoë 張");
    for wrong in ["", " ", "a\tb", "a\u{202e}b", &"x".repeat(101)] {
        assert!(PersonName::parse(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(UserAgent::new(&"x\u{1}y".repeat(200)).map(|agent| agent.as_str().len()), Some(256));
    assert_eq!(UserAgent::new(" \u{7} "), None);
}

#[test]
fn roles_reach_as_far_as_themselves() {
    for own in Role::ALL {
        for other in Role::ALL {
            assert_eq!(role_within(own, other).is_ok(), other <= own);
        }
    }
    assert!(owner_remains(1, Role::Owner, Some(Role::Admin)).is_err());
    assert!(owner_remains(1, Role::Owner, None).is_err());
    assert!(owner_remains(1, Role::Owner, Some(Role::Owner)).is_ok());
    assert!(owner_remains(2, Role::Owner, None).is_ok());
    assert!(owner_remains(1, Role::Admin, None).is_ok());
}

#[test]
fn the_floors_cannot_be_crossed() {
    let with = |memory_kib, passes| IdentityConfig {
        password_memory_kib: memory_kib,
        password_passes: passes,
        ..IdentityConfig::default()
    };
    for (memory_kib, passes) in [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5), (7_168, 9)] {
        assert!(with(memory_kib, passes).checked().is_ok());
        assert!(with(memory_kib - 1, passes).checked().is_err());
    }
    assert!(with(1 << 20, 0).checked().is_err());
    assert!(IdentityConfig { password_length_min: 7, ..IdentityConfig::default() }.checked().is_err());
}

#[test]
fn the_section_and_its_default_say_the_same() {
    let sections = [wh_identity::SECTION];
    let settings = wh_base::config::Settings::load(&sections, wh_base::config::Layers::default()).unwrap();
    let read: IdentityConfig = settings.section("identity").unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", IdentityConfig::default()));
}

proptest! {
    #[test]
    fn no_text_breaks_a_rule_s_reader(text in "\\PC{0,300}") {
        let _ = password(&text);
        if let Ok(email) = Email::parse(&text) {
            prop_assert_eq!(Email::parse(email.as_str()).ok(), Some(email));
        }
    }
}
